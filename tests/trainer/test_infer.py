"""The inference worker: one process, JSON lines, base and adapter side by side."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Finished, Lab, Probe

pytestmark = pytest.mark.slow

ASKED = [{"role": "user", "content": "What is a tuple?"}]
BASE = "/data/models/tiny"


class Client:
    """Speaks with a worker; every line it sends must be JSON."""

    def __init__(self, lab: Lab, env: dict[str, str]) -> None:
        command = [lab.python, "-m", "trainer_image.infer"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env | {"TEMPER_DATA_ROOT": str(lab.root), "HF_HUB_OFFLINE": "1"},
        )
        self.number = 0

    def send(self, request: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout
        reply: dict[str, Any] = json.loads(self.process.stdout.readline())
        return reply

    def ask(self, op: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a request; return all replies to it."""
        self.number += 1
        self.send({"id": self.number, "op": op} | fields)
        replies = [self.receive()]
        while replies[-1]["type"] == "token":
            replies.append(self.receive())
        assert {reply["id"] for reply in replies} == {self.number}
        return replies

    def answer(self, **fields: Any) -> dict[str, Any]:
        """The last reply to a short generation, which the streamed pieces must add up to."""
        *tokens, last = self.ask("generate", messages=ASKED, **({"max_new_tokens": 12} | fields))
        assert last["type"] == "done", last
        assert "".join(reply["text"] for reply in tokens) == last["text"]
        return last

    def load(self, adapter: str | None) -> dict[str, Any]:
        (reply,) = self.ask("load", base_model=BASE, adapter=adapter)
        return reply

    def close(self) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        code = self.process.wait(timeout=60)
        assert self.process.stdout.read() == ""
        self.process.stdout.close()
        return code


@pytest.fixture(scope="module")
def client(finished_run: tuple[Lab, Finished], probe_env: dict[str, str]) -> Iterator[Client]:
    client = Client(finished_run[0], probe_env)
    assert client.receive() == {"type": "ready"}
    yield client
    assert client.close() == 0


@pytest.fixture
def adapter(client: Client) -> str:
    name = "/data/outputs/run/adapter"
    assert client.load(name)["type"] == "loaded"
    return name


def test_base_is_the_untouched_model(
    client: Client, adapter: str, probe: Probe, tiny_model: Path
) -> None:
    plain = probe("plain_answer", tiny_model, ASKED[0]["content"], 12)
    base, tuned = client.answer(use="base"), client.answer(use="adapter")
    assert base["text"] == plain["text"]
    assert tuned["text"] != base["text"]
    assert client.answer(use="base")["text"] == base["text"]
    client.load(None)
    assert client.answer(use="base")["text"] == base["text"]


def test_meta(client: Client, adapter: str) -> None:
    loaded = client.load(adapter)
    assert (loaded["base_model"], loaded["adapter"]) == (BASE, adapter)
    assert loaded["device"] == "cpu"
    assert loaded["seconds"] < 2, "it was loaded already"
    done = client.answer()
    assert done["tokens"] == 12
    assert done["finish"] == "length"
    assert done["tokens_per_second"] == pytest.approx(done["tokens"] / done["seconds"])


def test_sampling_repeats_with_its_seed(client: Client, adapter: str) -> None:
    settings = {"do_sample": True, "temperature": 2.0, "top_p": 0.99}
    first = client.answer(seed=1, **settings)["text"]
    assert client.answer(seed=1, **settings)["text"] == first
    assert client.answer(seed=2, **settings)["text"] != first


def test_repetition_penalty_works_greedily(client: Client, adapter: str) -> None:
    plain = client.answer(max_new_tokens=40)["text"]
    assert client.answer(max_new_tokens=40, repetition_penalty=1.5)["text"] != plain


def test_cancel_while_generating(client: Client, adapter: str) -> None:
    request = {"id": "long", "op": "generate", "messages": ASKED, "max_new_tokens": 8000}
    client.send(request | {"repetition_penalty": 1.5, "use": "base"})
    assert client.receive()["type"] == "token"
    client.send({"op": "cancel", "id": "long"})
    while (reply := client.receive())["type"] == "token":
        pass
    assert reply["finish"] == "cancelled"
    assert 0 < reply["tokens"] < 8000
    assert client.answer()["finish"] == "length"


def test_adapter_replaced_in_the_same_folder(
    client: Client, adapter: str, finished_run: tuple[Lab, Finished]
) -> None:
    """An earlier program went on serving the old adapter: it knew adapters by their path alone."""
    outputs = finished_run[0].root / "outputs"
    moving, name = outputs / "moving", "/data/outputs/moving"
    shutil.copytree(outputs / "run" / "adapter", moving)
    client.load(name)
    final = client.answer()["text"]
    early = outputs / "run" / "checkpoints" / "checkpoint-15" / "adapter_model.safetensors"
    shutil.copy(early, moving / early.name)
    client.load(name)
    changed = client.answer(max_new_tokens=60)["text"]
    client.load(adapter)
    assert client.answer()["text"] == final
    assert client.answer(max_new_tokens=60)["text"] != changed


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ({"op": "load", "base_model": "/data/models/none"}, "not_found"),
        ({"op": "load", "base_model": BASE, "adapter": "/data/outputs/none"}, "not_found"),
        ({"op": "load"}, "bad_config"),
        ({"op": "dance"}, "bad_config"),
        ({"op": "generate", "messages": []}, "bad_config"),
        ({"op": "generate", "messages": ASKED, "max_new_tokens": 0}, "bad_config"),
        ({"op": "generate", "messages": ASKED, "surprise": 1}, "bad_config"),
    ],
)
def test_bad_requests(client: Client, request_: dict[str, Any], kind: str) -> None:
    (reply,) = client.ask(**request_)
    assert (reply["type"], reply["kind"]) == ("error", kind)
    assert "Traceback" not in reply["message"]


@pytest.mark.parametrize("line", ["nonsense", [1, 2]])
def test_lines_that_are_no_requests(client: Client, line: Any) -> None:
    client.send(line)
    assert client.receive()["type"] == "error"


def test_unload(client: Client, adapter: str) -> None:
    assert client.ask("unload") == [{"id": client.number, "type": "unloaded"}]
    (reply,) = client.ask("generate", messages=ASKED)
    assert reply["message"] == "No model is loaded."
    assert client.load(None)["type"] == "loaded"
    (reply,) = client.ask("generate", messages=ASKED)
    assert reply["message"] == "No adapter is loaded."
