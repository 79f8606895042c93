"""The inference worker: one process, JSON lines, base and adapter side by side."""

from __future__ import annotations

import json
import os
import shutil
import socket
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

    def __init__(
        self, lab: Lab, env: dict[str, str], changes: dict[str, str] | None = None
    ) -> None:
        command = [lab.python, "-m", "trainer_image.infer"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env | {"TEMPER_DATA_ROOT": str(lab.root), "HF_HUB_OFFLINE": "1"} | (changes or {}),
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


def test_tuned_is_the_model_that_was_trained(
    client: Client, adapter: str, probe: Probe, tiny_model: Path, finished_run: tuple[Lab, Finished]
) -> None:
    folder = finished_run[0].root / "outputs" / "run" / "adapter"
    merged = probe("merged_answer", tiny_model, folder, ASKED[0]["content"], 12)
    assert client.answer(use="adapter")["text"] == merged["text"]


def test_greedy_repeats_to_the_token_also_after_loading_anew(
    client: Client, adapter: str, finished_run: tuple[Lab, Finished], probe_env: dict[str, str]
) -> None:
    deterministic = {"max_new_tokens": 64, "repetition_penalty": 1.1, "do_sample": False}
    first = client.answer(**deterministic)
    again = client.answer(**deterministic)
    client.load(None)
    client.load(adapter)
    reloaded = client.answer(**deterministic)
    other = Client(finished_run[0], probe_env)
    other.receive()
    other.load(adapter)
    elsewhere = other.answer(**deterministic)
    other.close()
    for answer in (again, reloaded, elsewhere):
        assert (answer["text"], answer["tokens"]) == (first["text"], first["tokens"])


def test_the_models_own_sampling_settings_do_not_act_unseen(
    client: Client, adapter: str, finished_run: tuple[Lab, Finished], tiny_model: Path
) -> None:
    """Instruct models come with such settings; one field's tool sampled while it said "greedy"."""
    lively = finished_run[0].root / "models" / "lively"
    shutil.copytree(tiny_model, lively)
    settings = json.loads((lively / "generation_config.json").read_text())
    settings |= {
        "do_sample": True, "temperature": 1.9, "top_k": 3, "top_p": 0.5, "min_p": 0.2,
        "repetition_penalty": 1.7, "no_repeat_ngram_size": 2, "max_length": 20,
    }  # fmt: skip
    (lively / "generation_config.json").write_text(json.dumps(settings))
    drawn = {"do_sample": True, "temperature": 1.0, "top_p": 0.95, "seed": 5}
    plain = [client.answer(max_new_tokens=30), client.answer(max_new_tokens=30, **drawn)]
    client.ask("load", base_model="/data/models/lively", adapter=adapter)
    found = [client.answer(max_new_tokens=30), client.answer(max_new_tokens=30, **drawn)]
    assert [one["text"] for one in found] == [one["text"] for one in plain]


def test_the_prompt_is_rendered_once_and_as_in_the_training(probe: Probe, tiny_model: Path) -> None:
    tokens = probe("asked_tokens", tiny_model)
    assert tokens["tokenizer_adds"] == 1
    assert tokens["beginnings"] == 1
    assert tokens["asked"] == tokens["trained_until_answer"]


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


def test_weights_of_the_same_size_and_time_are_seen_to_be_others(
    client: Client, adapter: str, finished_run: tuple[Lab, Finished]
) -> None:
    outputs = finished_run[0].root / "outputs"
    folder, name = outputs / "same", "/data/outputs/same"
    shutil.copytree(outputs / "run" / "adapter", folder)
    weights = folder / "adapter_model.safetensors"
    before = weights.stat()
    client.load(name)
    first = client.answer(max_new_tokens=60)["text"]
    early = outputs / "run" / "checkpoints" / "checkpoint-15" / weights.name
    weights.write_bytes(early.read_bytes())
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = weights.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    client.load(name)
    assert client.answer(max_new_tokens=60)["text"] != first


def test_a_run_trained_anew_into_the_same_folder_answers_with_the_new_weights(
    client: Client, finished_run: tuple[Lab, Finished]
) -> None:
    lab, name = finished_run[0], "/data/outputs/again/adapter"
    answers = []
    for epochs in (1.0, 4.0):
        folder = lab.job("again", hp={"packing": False, "epochs": epochs}, on_existing="overwrite")
        assert lab.train(folder).code == 0
        assert client.load(name)["type"] == "loaded"
        answers.append(client.answer(max_new_tokens=60)["text"])
    assert answers[0] != answers[1]


def test_a_base_model_replaced_in_the_same_folder(
    client: Client, finished_run: tuple[Lab, Finished], tiny_model: Path
) -> None:
    folder = finished_run[0].root / "models" / "changing"
    shutil.copytree(tiny_model, folder)

    def answer() -> str:
        client.ask("load", base_model="/data/models/changing", adapter=None)
        return str(client.answer(use="base", max_new_tokens=30)["text"])

    first = answer()
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-20_000:] = bytes(20_000)
    weights.write_bytes(data)
    assert answer() != first


def test_an_adapter_that_does_not_fit_leaves_the_base_untouched(
    client: Client, adapter: str, finished_run: tuple[Lab, Finished]
) -> None:
    tuned, base = client.answer()["text"], client.answer(use="base")["text"]
    outputs = finished_run[0].root / "outputs"
    shutil.copytree(outputs / "run" / "adapter", outputs / "wrong")
    config = outputs / "wrong" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"r": 3}))
    (reply,) = client.ask("load", base_model=BASE, adapter="/data/outputs/wrong")
    assert reply["type"] == "error"
    assert "Traceback" not in reply["message"]
    client.load(None)
    assert client.answer(use="base")["text"] == base
    client.load(adapter)
    assert client.answer()["text"] == tuned


def test_a_prompt_longer_than_the_model_can_hold_is_a_sentence(
    client: Client, adapter: str
) -> None:
    endless = [{"role": "user", "content": "tuple " * 3000}]
    (reply,) = client.ask("generate", messages=endless)
    assert reply["type"] == "error"
    assert "too long" in reply["message"]
    assert client.answer()["finish"] == "length"


def test_an_answer_ends_where_the_context_does(client: Client, adapter: str) -> None:
    nearly_full = [{"role": "user", "content": "tuple " * 2000}]
    *_, done = client.ask("generate", messages=nearly_full, max_new_tokens=8000)
    assert done["type"] == "done"
    assert done["tokens"] < 60


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ({"op": "load", "base_model": "/data/models/none"}, "not_found"),
        ({"op": "load", "base_model": BASE, "adapter": "/data/outputs/none"}, "not_found"),
        ({"op": "load"}, "bad_config"),
        ({"op": "load", "base_model": BASE, "quantization": "2-bit"}, "bad_config"),
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


def test_what_is_asked_without_a_model_or_an_adapter_is_a_sentence(
    finished_run: tuple[Lab, Finished], probe_env: dict[str, str]
) -> None:
    client = Client(finished_run[0], probe_env)
    client.receive()
    (reply,) = client.ask("generate", messages=ASKED)
    assert reply["message"] == "No model is loaded."
    assert client.load(None)["type"] == "loaded"
    (reply,) = client.ask("generate", messages=ASKED)
    assert reply["message"] == "No adapter is loaded."
    assert client.close() == 0


def test_a_hub_model_that_is_not_here_is_a_sentence_offline(
    client: Client, finished_run: tuple[Lab, Finished]
) -> None:
    (reply,) = client.ask("load", base_model="nobody/nothing", adapter=None)
    assert (reply["type"], reply["kind"]) == ("error", "network")
    assert "not on this computer" in reply["message"]


def test_a_hub_model_of_the_cache_is_loaded_without_asking_the_network(
    finished_run: tuple[Lab, Finished], probe_env: dict[str, str], tiny_model: Path
) -> None:
    """It is the one that the training read, whatever its repository holds by now."""
    repository = finished_run[0].root / "cache" / "huggingface" / "hub" / "models--org--tiny"
    commit = "0" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(tiny_model, repository / "snapshots" / commit)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        online = {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_HUB_ETAG_TIMEOUT": "1"}
        client = Client(finished_run[0], probe_env, online)
        client.receive()
        (reply,) = client.ask("load", base_model="org/tiny", adapter="/data/outputs/run/adapter")
        assert reply["type"] == "loaded", reply
        assert client.answer()["finish"] == "length"
        assert client.close() == 0
        with pytest.raises(BlockingIOError):
            silent.accept()
