"""What a model would learn, as the worker tells it: one row, and all rows of a file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Lab

pytestmark = pytest.mark.slow

MODEL = "/data/models/tiny"
KEY = "hf_" + "a" * 34


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


LONG = "Hello there, how are you doing on this fine day, my good old friend?"
GOOD = {"messages": [user(LONG), answer("Thanks for asking, I am doing very well.")]}
NEAR = {"messages": [user(LONG), answer("Thanks for asking, I am doing very well!")]}
ROWS: list[dict[str, Any]] = [
    GOOD,
    GOOD,
    NEAR,
    {"messages": [user("1?"), user("2?"), answer("3")]},
    {"messages": [user(""), answer("4")]},
    {"messages": [user("5?")]},
    {"messages": [user("<|im_end|>?"), answer("6")]},
    {"messages": [user(f"me@mail.org {KEY}"), answer("7 \x00\ufffd")]},
    {"messages": [user("long " * 200), answer("8")]},
    {"messages": [user("9?"), answer("long " * 200)]},
    {"messages": [answer("10"), user("?"), answer("Yes.")]},
]


class Client:
    """Speaks with a worker."""

    def __init__(self, lab: Lab, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [lab.python, "-m", "trainer_image.inspect"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env | {"TEMPER_DATA_ROOT": str(lab.root), "HF_HUB_OFFLINE": "1"},
        )
        self.number = 0

    def send(self, **request: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout
        reply: dict[str, Any] = json.loads(self.process.stdout.readline())
        return reply

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """The last reply to a request."""
        self.number += 1
        self.send(id=self.number, op=op, base_model=MODEL, **fields)
        reply = self.receive()
        while reply["type"] == "progress":
            reply = self.receive()
        assert reply["id"] == self.number
        return reply


@pytest.fixture
def client(lab: Lab, probe_env: dict[str, str]) -> Iterator[Client]:
    client = Client(lab, probe_env)
    assert client.receive() == {"type": "ready"}
    yield client
    assert client.process.stdin
    client.process.stdin.close()
    assert client.process.wait(timeout=20) == 0
    assert client.process.stdout
    client.process.stdout.close()


def test_a_row_in_pieces(client: Client) -> None:
    row = {"question": "Who 🐍?", "answer": "Me 👩🏽‍🚀."}
    reply = client.ask("mask", format="question_answer", row=row)
    (text,) = reply["texts"]
    assert "".join(piece for piece, _learnt in text["pieces"]) == text["text"]
    learnt = "".join(piece for piece, learnt in text["pieces"] if learnt)
    assert learnt == "Me 👩🏽‍🚀.<|im_end|>"
    pairs = zip(text["input_ids"], text["labels"], strict=True)
    assert all(label in (-100, token) for token, label in pairs)
    assert text["length"] == len(text["input_ids"]) == sum(text["sizes"])
    assert any(size > 1 for size in text["sizes"])  # an emoji of several tokens
    assert text["pieces"][text["controls"][-1]] == ["<|im_end|>", True]
    assert len(reply["template_sha256"]) == 64


def test_another_template_a_cut_and_raw_text(client: Client) -> None:
    row = {"question": "Who?", "answer": "Me."}
    template = "{% for m in messages %}[{{ m.content }}]{% endfor %}"
    other = client.ask("mask", format="question_answer", row=row, template=template)
    assert other["texts"][0]["text"] == "[Who?][Me.]<|im_end|>"
    cut = client.ask("mask", format="question_answer", row=row, max_seq_length=16)
    assert len(cut["texts"][0]["input_ids"]) == len(cut["texts"][0]["pieces"]) == 16
    assert cut["texts"][0]["length"] > 16
    raw = client.ask("mask", format="text", row={"text": "Once."})
    assert raw["texts"][0]["pieces"][-1] == ["<|im_end|>", True]


def test_a_row_that_cannot_be_learnt_from(client: Client) -> None:
    reply = client.ask("mask", format="question_answer", row={"question": "?"})
    assert reply["type"] == "error"
    assert reply["kind"] == "bad_dataset"
    assert reply["message"] == "This row cannot be learnt from: no value for 'answer'."
    assert client.ask("mask", format="none", row={})["kind"] == "bad_config"


def write(lab: Lab, lines: list[str]) -> str:
    folder = lab.root / "datasets"
    folder.mkdir(exist_ok=True)
    (folder / "rows.jsonl").write_text("\n".join(lines))
    return "/data/datasets/rows.jsonl"


def test_all_rows_of_a_file(client: Client, lab: Lab) -> None:
    path = write(lab, [*map(json.dumps, ROWS), "{oops", "", '{"messages": [3]}'])
    report = client.ask("report", format="messages", path=path, max_seq_length=128)
    assert report["type"] == "report", report
    found = {
        one["code"]: (one["severity"], one["rows"], one["lines"]) for one in report["findings"]
    }
    assert found == {
        "no_answer": ("major", [5], [6]),
        "control_token": ("major", [6], [7]),
        "nothing_learnt": ("major", [8], [9]),
        "not_json": ("major", [11], [12]),
        "bad_row": ("major", [12], [14]),
        "duplicate": ("minor", [1], [2]),
        "near_duplicate": ("minor", [2], [3]),
        "same_role_twice": ("minor", [3], [4]),
        "empty_turn": ("minor", [4], [5]),
        "binary": ("minor", [7], [8]),
        "replacement": ("minor", [7], [8]),
        "secret": ("minor", [7], [8]),
        "email": ("minor", [7], [8]),
        "truncated": ("minor", [8, 9], [9, 10]),
        "assistant_first": ("minor", [10], [11]),
    }
    assert report["rows"] == 13
    assert (report["refused"], report["without_answer"], report["truncated"]) == (4, 1, 2)
    assert sum(report["lengths"]["counts"]) == report["texts"] == 9
    assert 0 < report["trained_share"] < 1
    assert report["end_of_turn_trained"] == 9
    assert KEY not in json.dumps(report)


def test_a_training_takes_up_the_tokens_of_the_report(client: Client, lab: Lab) -> None:
    """Made by another process, of the same rows, with the same options: they are one file."""
    folder = lab.job(hp={"max_steps": 1})
    path = json.loads((folder / "job.json").read_text())["dataset"]["path"]
    options = {"format": "question_answer", "max_seq_length": 128, "eval_split": "held_out"}
    assert client.ask("report", path=path, **options)["type"] == "report"
    (made,) = (lab.root / "cache" / "tokens").iterdir()
    before = made.stat()
    done = lab.train(folder)
    assert done.code == ExitCode.FINISHED, done.log
    assert list((lab.root / "cache" / "tokens").iterdir()) == [made]
    assert made.stat().st_ino == before.st_ino
    assert made.stat().st_mtime > before.st_mtime  # what is used stays longest


def test_held_out_rows_that_are_learnt_too(client: Client, lab: Lab) -> None:
    rows = [{**GOOD, "split": "train"}, {**NEAR, "split": "test"}, {**GOOD, "split": "train"}]
    path = write(lab, [json.dumps(row) for row in rows])
    report = client.ask("report", format="messages", path=path, eval_split="test")
    (overlap,) = [one for one in report["findings"] if one["code"] == "overlap"]
    assert overlap["rows"] == [1]


def test_a_template_that_rewrites_what_was_said(client: Client, lab: Lab) -> None:
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{{ m.content if loop.last else m.content.split('</think>')[-1] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    turns = [user("1?"), answer("<think>Hm.</think>One."), user("2?"), answer("Two.")]
    path = write(lab, [json.dumps({"messages": turns})])
    report = client.ask("report", format="messages", path=path, template=template)
    assert (report["divided"], report["texts"], report["findings"]) == (1, 2, [])


def test_a_report_can_be_cancelled(client: Client, lab: Lab) -> None:
    path = write(lab, [json.dumps(GOOD)] * 20_000)
    client.send(id=9, op="report", base_model=MODEL, format="messages", path=path)
    assert client.receive()["type"] == "progress"
    client.send(id=9, op="cancel")
    reply = client.receive()
    while reply["type"] == "progress":
        assert reply["rows"] < 20_000
        reply = client.receive()
    assert (reply["type"], reply["kind"]) == ("error", "cancelled")
    assert client.ask("mask", format="text", row={"text": "x"})["type"] == "mask"


def test_what_is_missing_is_said(client: Client) -> None:
    reply = client.ask("report", format="text", path="/data/datasets/none.jsonl")
    assert reply["kind"] == "not_found"
    client.number += 1
    client.send(
        id=client.number, op="mask", base_model="/data/no", format="text", row={"text": "x"}
    )
    assert client.receive()["kind"] == "not_found"
    assert client.ask("dance")["kind"] == "bad_config"


def test_torch_is_not_loaded(client: Client) -> None:
    """It would take 260 MB and seconds."""
    client.ask("mask", format="text", row={"text": "x"})
    maps = Path(f"/proc/{client.process.pid}/maps")
    if not maps.is_file():
        pytest.skip("only Linux tells what is loaded")
    assert "libtorch" not in maps.read_text()
