"""Rows of every format become messages, and each problem is named with its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import DatasetSpec
from trainer_image.conversations import RowError, conversation, rejected, tools_of
from trainer_image.row_formats import DatasetFormat
from trainer_image.rows import (
    MOST_PROBLEMS,
    DatasetError,
    check_file,
    detect_format,
    held_out_rows,
    read_rows,
)
from trainer_image.samples import MOST_SAMPLES, write_samples

if TYPE_CHECKING:
    from pathlib import Path

USER, ANSWER = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}
SYSTEM = {"role": "system", "content": "S"}


@pytest.mark.parametrize(
    ("format_", "row", "messages"),
    [
        ("messages", {"messages": [SYSTEM, USER, ANSWER]}, [SYSTEM, USER, ANSWER]),
        ("messages", {"messages": [USER, ANSWER], "system": "S"}, [SYSTEM, USER, ANSWER]),
        (
            "sharegpt",
            {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
            [USER, ANSWER],
        ),
        ("alpaca", {"instruction": "Q", "input": "", "output": "A"}, [USER, ANSWER]),
        (
            "alpaca",
            {"instruction": "Do", "input": "this", "output": "A"},
            [{"role": "user", "content": "Do\n\nthis"}, ANSWER],
        ),
        ("prompt_completion", {"prompt": "Q", "completion": "A"}, [USER, ANSWER]),
        ("question_answer", {"question": "Q", "answer": "A", "split": "x"}, [USER, ANSWER]),
        ("input_output", {"input_text": "Q", "output_text": "A"}, [USER, ANSWER]),
        ("text", {"text": "A"}, [ANSWER]),
        (
            "prompt_completion",
            {"prompt": [SYSTEM, USER], "completion": [ANSWER]},
            [SYSTEM, USER, ANSWER],
        ),
        ("preference", {"prompt": "Q", "chosen": "A", "rejected": "B"}, [USER, ANSWER]),
        ("preference", {"chosen": [USER, ANSWER], "rejected": [USER, ANSWER]}, [USER, ANSWER]),
    ],
)
def test_formats(format_: str, row: dict[str, Any], messages: list[dict[str, str]]) -> None:
    assert conversation(row, DatasetFormat(format_)) == messages
    assert detect_format(row) is DatasetFormat(format_)


LOOK = {"name": "look", "arguments": {"at": "sky"}}
CALL = {"type": "function", "function": LOOK}
CALLED = [USER, {"role": "assistant", "content": "", "tool_calls": [CALL]},
          {"role": "tool", "content": "blue"}, ANSWER]  # fmt: skip


def test_tool_calls_are_kept_as_templates_take_them() -> None:
    """Arguments as an object, whatever they came as, and without a column's empty fields."""
    quoted = {"function": {"name": "look", "arguments": '{"at": "sky"}', "x": None}, "type": None}
    messages = [
        {**USER, "tool_calls": None},
        {"role": "assistant", "content": None, "tool_calls": [quoted]},
        {"role": "function", "content": "blue"},
        ANSWER,
    ]
    assert conversation({"messages": messages}, DatasetFormat.MESSAGES) == CALLED
    turns = [
        {"from": "human", "value": "Q"},
        {"from": "function_call", "value": json.dumps(LOOK)},
        {"from": "observation", "value": "blue"},
        {"from": "gpt", "value": "A"},
    ]
    assert conversation({"conversations": turns}, DatasetFormat.SHAREGPT) == CALLED


def test_tools_may_be_json() -> None:
    tools = [{"type": "function", "function": {"name": "look", "strict": None}}]
    plain = [{"type": "function", "function": {"name": "look"}}]
    assert tools_of({"tools": tools}) == tools_of({"tools": json.dumps(tools)}) == plain
    assert tools_of({}) is tools_of({"tools": ""}) is tools_of({"tools": []}) is None
    with pytest.raises(RowError, match="not valid JSON"):
        tools_of({"tools": "{"})
    with pytest.raises(RowError, match="not a list"):
        tools_of({"tools": {"name": "look"}})


def test_a_content_in_parts_is_one_text() -> None:
    parts = [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]
    (message,) = conversation(
        {"messages": [{"role": "assistant", "content": parts}]}, DatasetFormat.MESSAGES
    )
    assert message["content"] == "AB"


def test_the_other_side_of_a_pair() -> None:
    pair = {"prompt": "Q", "chosen": "A", "rejected": "B"}
    assert rejected(pair) == [USER, {"role": "assistant", "content": "B"}]


@pytest.mark.parametrize(
    ("format_", "row", "complaint"),
    [
        ("question_answer", {"question": "Q"}, "no value for 'answer'"),
        ("question_answer", {"question": "Q", "answer": " \n"}, "empty answer"),
        ("question_answer", {"question": "Q", "answer": 3}, "'answer' is not text"),
        ("messages", {"messages": []}, "not a list of messages"),
        ("messages", {"messages": [USER]}, "no answer of the assistant"),
        ("messages", {"messages": [{"role": "robot", "content": "x"}]}, "needs a 'role'"),
        ("messages", {"messages": [{"role": "assistant", "content": None}]}, "not text"),
        ("messages", {"messages": [USER, ANSWER | {"tool_calls": [1]}]}, "list of calls"),
        (
            "messages",
            {"messages": [{"role": "assistant", "tool_calls": [{"name": ""}]}]},
            "without the name",
        ),
        (
            "messages",
            {"messages": [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{"}]}]},
            "not valid JSON",
        ),
        (
            "messages",
            {"messages": [{"role": "assistant", "content": [{"type": "image"}]}]},
            "with images",
        ),
        ("preference", {"chosen": "A"}, "no value for 'rejected'"),
        ("sharegpt", {"conversations": [{"from": "cat", "value": "x"}]}, "needs 'from'"),
        ("text", {"text": ""}, "empty answer"),
    ],
)
def test_unusable_rows(format_: str, row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RowError, match=complaint):
        conversation(row, DatasetFormat(format_))


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_all_problems_with_their_lines(tmp_path: Path) -> None:
    good = {"question": "Q", "answer": "A"}
    rows = [good, {"question": "Q"}, good, {"question": "Q", "answer": ""}]
    problems = check_file(write(tmp_path / "d.jsonl", rows), DatasetFormat.QUESTION_ANSWER)
    assert problems == [
        "d.jsonl line 2: no value for 'answer'.",
        "d.jsonl line 4: an empty answer.",
    ]


def test_problems_are_bounded(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{}] * 1000)
    assert len(check_file(path, DatasetFormat.TEXT)) == MOST_PROBLEMS


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{oops", "not valid JSON"),
        (b'{"text": "\xff"}', "not UTF-8"),
        (b"[1]", "not a JSON object"),
    ],
)
def test_unreadable_line(tmp_path: Path, line: bytes, complaint: str) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(b'{"text": "x"}\n\n' + line + b"\n")
    (problem,) = check_file(path, DatasetFormat.TEXT)
    assert problem.startswith("d.jsonl line 3: ")
    assert complaint in problem


def test_blank_lines_have_no_number(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"text": "a"}\n\n{"text": "b"}\n')
    rows = [(row.number, row.place) for row in read_rows(path)]
    assert rows == [(0, "d.jsonl line 1"), (1, "d.jsonl line 3")]


def test_unknown_columns() -> None:
    with pytest.raises(DatasetError, match="a, b"):
        detect_format({"b": 1, "a": 2})


def spec(**fields: Any) -> DatasetSpec:
    return DatasetSpec(path="/data/d.jsonl", format=DatasetFormat.TEXT, **fields)


@pytest.mark.parametrize(("percent", "count"), [(0, 0), (2, 2), (0.1, 1), (50, 50)])
def test_share_held_out(percent: float, count: int) -> None:
    rows = [{"text": str(n)} for n in range(100)]
    chosen = held_out_rows(rows, spec(eval_percent=percent), seed=1)
    assert len(chosen) == count
    assert chosen == held_out_rows(rows, spec(eval_percent=percent), seed=1)


def test_named_split_is_held_out() -> None:
    rows = [{"split": "train"}, {"split": "test"}, {}, {"split": "other"}]
    assert held_out_rows(rows, spec(eval_split="test"), 1) == {1}
    with pytest.raises(DatasetError, match="No row has the split 'no'"):
        held_out_rows(rows, spec(eval_split="no"), 1)
    with pytest.raises(DatasetError, match="Every row"):
        held_out_rows([{"split": "a"}], spec(eval_split="a"), 1)


def test_samples_show_both_kinds(tmp_path: Path) -> None:
    rows = [{"question": f"Q{n}", "answer": f"A{n}", "system": "S"} for n in range(200)]
    path = tmp_path / "samples.jsonl"
    write_samples(path, rows, set(range(150, 200)), DatasetFormat.QUESTION_ANSWER)
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(samples) == MOST_SAMPLES
    assert sum(sample["held_out"] for sample in samples) == MOST_SAMPLES // 2
    assert samples[0] == {
        "prompt": "Q150",
        "messages": [SYSTEM, {"role": "user", "content": "Q150"}],
        "expected": "A150",
        "held_out": True,
        "row": 150,
        "system": "S",
    }


def test_a_sample_is_a_question_of_a_person(tmp_path: Path) -> None:
    """Not what a tool said, nor a call."""
    path = tmp_path / "samples.jsonl"
    rows = [{"messages": [USER, ANSWER, *CALLED]}, {"messages": [ANSWER]}]
    write_samples(path, rows, set(), DatasetFormat.MESSAGES)
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["prompt"], one["expected"]) for one in samples] == [("Q", "A"), ("", "A")]
