"""What is learnt of a row: its answers with their ends, and nothing else."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Probe

pytestmark = pytest.mark.slow

PROMPT = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
)
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "1?"},
    {"role": "assistant", "content": "One."},
    {"role": "user", "content": "2?"},
    {"role": "assistant", "content": "Two.\n"},
]
QA = {"question": "What?", "answer": "That. 🐍"}
FORGETFUL = "{% for m in messages %}{{ m.content if loop.last else '' }}{% endfor %}"
REFUSING = "{{ raise_exception('no system') }}"

CASES: dict[str, dict[str, Any]] = {
    "question": {"format": "question_answer", "row": QA},
    "turns": {"format": "messages", "row": {"messages": TURNS}},
    "everything": {"format": "question_answer", "row": QA, "assistant_only": False},
    "text": {"format": "text", "row": {"text": "Once upon a time."}},
    "shortened": {"format": "question_answer", "row": QA, "max_length": 33},
    "cut off": {"format": "question_answer", "row": QA, "max_length": 20},
    "forgetful": {"format": "messages", "row": {"messages": TURNS}, "template": FORGETFUL},
    "refusing": {"format": "messages", "row": {"messages": TURNS}, "template": REFUSING},
}


@pytest.fixture(scope="module")
def masks(trainer_python: str, tiny_model: Path, probes: Path, probe_env: dict[str, str]) -> Any:
    done = subprocess.run(
        [trainer_python, str(probes / "mask.py"), str(tiny_model)],
        input=json.dumps(list(CASES.values())),
        capture_output=True,
        text=True,
        env=probe_env,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, json.loads(done.stdout.splitlines()[-1]), strict=True))


def test_answer_and_its_end(masks: Any) -> None:
    assert masks["question"]["text"] == PROMPT + "That. 🐍<|im_end|>\n"
    assert masks["question"]["trained"] == ["That. 🐍<|im_end|>"]


def test_every_turn_of_the_assistant(masks: Any) -> None:
    assert masks["turns"]["trained"] == ["One.<|im_end|>", "Two.\n<|im_end|>"]


def test_everything_if_asked_for(masks: Any) -> None:
    everything = masks["everything"]
    assert everything["trained"] == [everything["text"]]
    assert everything["trained_tokens"] == everything["tokens"] - 1


def test_text_is_learnt_to_its_end(masks: Any) -> None:
    assert masks["text"]["trained"] == ["Once upon a time.<|im_end|>"]


def test_shortened(masks: Any) -> None:
    assert masks["shortened"]["tokens"] == 33
    assert "That".startswith(masks["shortened"]["trained"][0][:4])
    assert masks["cut off"]["trained_tokens"] == 0


def test_templates_that_cannot_be_masked(masks: Any) -> None:
    assert "changes earlier text at message 3" in masks["forgetful"]["error"]
    assert "no system" in masks["refusing"]["error"]


def test_one_beginning_token(probe: Probe, tiny_model: Path) -> None:
    counts = probe("bos", tiny_model)
    assert counts == {"tokenizer_adds": 1, "chat": 1, "text": 1, "marked_text": 1}


def test_never_more_than_the_reference(probe: Probe, tiny_model: Path) -> None:
    """Beside the marks in TRL's training templates: no token that they leave out is learnt.

    What they mark and we do not: the line break behind an end token, and what the generation prompt
    already gives (think openers, role headers). What cannot be told is refused, never guessed.
    """
    masks = probe("reference_masks", tiny_model)
    verdicts = [mask["verdict"] for mask in masks.values()]
    assert verdicts.count("more") == 0
    assert verdicts.count("same") + verdicts.count("subset") >= 70
    given = {token for mask in masks.values() for token in mask.get("tokens", ())}
    assert given <= {"Ċ", "ĊĊ", "<", "</", "think", ">", "<|start|>", "ass", "istant"}
