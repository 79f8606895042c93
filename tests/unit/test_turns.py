"""A row as who says what."""

from __future__ import annotations

from typing import Any

import pytest

from models.domain.turns import Turn, turns_of

_ASKED, _SAID = Turn("User", "Why?"), Turn("Assistant", "So.", is_learnt=True)


@pytest.mark.parametrize(
    ("row", "format_"),
    [
        ({"question": "Why?", "answer": "So."}, "question_answer"),
        ({"prompt": "Why?", "completion": "So."}, "prompt_completion"),
        ({"input_text": "Why?", "output_text": "So."}, "input_output"),
        ({"instruction": "Why?", "input": "", "output": "So."}, "alpaca"),
        (
            {
                "conversations": [
                    {"from": "human", "value": "Why?"},
                    {"from": "gpt", "value": "So."},
                ]
            },
            "sharegpt",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "Why?"},
                    {"role": "assistant", "content": "So."},
                ]
            },
            "messages",
        ),
        (
            {
                "prompt": [{"role": "user", "content": "Why?"}],
                "completion": [{"role": "assistant", "content": "So."}],
            },
            "prompt_completion",
        ),
    ],
)
def test_every_format_reads_as_a_conversation(row: dict[str, Any], format_: str) -> None:
    assert turns_of(row, format_) == (_ASKED, _SAID)


def test_system_prompt_input_and_both_answers_are_shown() -> None:
    row = {"system": "Be kind.", "instruction": "Sum up.", "input": "A text.", "output": "So."}
    system, asked, said = turns_of(row, "alpaca")
    assert (system.speaker, asked.text, said) == ("System", "Sum up.\n\nA text.", _SAID)
    pair = {"prompt": "Why?", "chosen": "So.", "rejected": "No."}
    speakers = [turn.speaker for turn in turns_of(pair, "preference")]
    assert speakers == ["User", "Chosen answer", "Rejected answer"]


@pytest.mark.parametrize(("label", "mark"), [(True, "Good answer"), ("false", "Bad answer")])
def test_an_answer_says_whether_it_is_a_good_one(label: object, mark: str) -> None:
    row = {"prompt": "Why?", "completion": "So.", "label": label}
    assert turns_of(row, "unpaired_preference") == (_ASKED, Turn(mark, "So.", is_learnt=True))


def test_calls_of_tools_are_shown() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [{"name": "clock"}]}
    (turn,) = turns_of({"messages": [message]}, "messages")
    assert "clock" in turn.text
    assert turn.is_learnt


@pytest.mark.parametrize(
    ("row", "format_"),
    [
        ({}, "messages"),
        ({"messages": None}, "messages"),
        ({"question": None}, "question_answer"),
        ({"text": "  "}, "text"),
    ],
)
def test_what_is_not_there_is_not_shown(row: dict[str, Any], format_: str) -> None:
    assert turns_of(row, format_) == ()


def test_values_of_another_kind_are_shown_as_they_are() -> None:
    assert turns_of({"messages": "no list"}, "messages") == (Turn("", "no list"),)
    assert turns_of({"messages": [3]}, "messages") == (Turn("", "3"),)
    assert turns_of({"question": 4, "answer": ["a"]}, "question_answer")[0].text == "4"
