"""The loss mask of every family that TRL ships a pair of templates for, beside TRL's own marks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.trainer.mask_table import DOCUMENT, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Probe

pytestmark = pytest.mark.slow

ONLY_OURS = {("diffusion_gemma", "tools"): ["<|tool_response>"]}
"""Tokens that TRL leaves out, each with its reason in docs/loss-mask.md."""
REFUSED_FAMILIES = {"deepseek_r1_distill", "deepseekv3"}


@pytest.fixture(scope="module")
def facts(probe: Probe, tiny_model: Path, shipped_templates: Path) -> Any:
    return probe("family_masks", tiny_model, shipped_templates)


def texts(facts: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for family, found in facts.items():
        for name, one in found["conversations"].items():
            if not isinstance(one, str):
                yield from ((family, name, text) for text in one)


def test_every_pair_is_there(facts: Any) -> None:
    assert len(facts) >= 29
    assert sum(1 for _ in texts(facts)) >= 460


def test_never_a_token_that_trl_does_not_train(facts: Any) -> None:
    ours = {(f, name): text["more"] for f, name, text in texts(facts) if text.get("more")}
    assert ours == ONLY_OURS
    assert not [name for name in texts(facts) if name[2].get("no_reference")]


def test_the_whole_answer_and_its_end(facts: Any) -> None:
    """But for the white space that a tokenizer or a template drops, and how a thought is marked."""
    for family, name, text in texts(facts):
        assert "gap" not in text, (family, name)
        trained, answers = _condensed("".join(text["trained"])), map(_condensed, text["answers"])
        assert all(answer in trained for answer in answers), (family, name)
        assert len(text["trained"]) == len(text["answers"]), (family, name)
        assert all(one.endswith(tuple(facts[family]["ends"])) for one in text["trained"])


def _condensed(text: str) -> str:
    return re.sub(r"\s+|</?think>", "", text)


def test_what_we_leave_out_is_given_or_behind_the_end(facts: Any) -> None:
    for family, name, text in texts(facts):
        assert not {*text.get("behind", ())} - {"Ċ", "Ġ", "Ġ["}, (family, name)
        given = "".join(text.get("before", ()))
        assert re.fullmatch(r"(<\|start\|>assistant|Ċ|</?think>)*", given), (family, name, given)


def test_text_with_control_tokens_is_refused(facts: Any) -> None:
    for family, found in facts.items():
        for name in ("marker in the question", "marker in the answer"):
            assert "is a control token" in found["conversations"][name], family


def test_each_marker_of_each_family_is_refused_whoever_says_it(facts: Any) -> None:
    assert sum(len(found["markers"]) for found in facts.values()) >= 140
    assert {family: found["accepted"] for family, found in facts.items() if found["accepted"]} == {}


def test_families_that_cannot_be_masked_are_refused_with_the_reason(facts: Any) -> None:
    refused = {
        family
        for family, found in facts.items()
        if isinstance(found["conversations"]["one turn"], str)
    }
    assert refused == REFUSED_FAMILIES
    for family in refused:
        assert "asks for an answer with" in facts[family]["conversations"]["one turn"]


def test_inference_asks_as_a_plain_answer_is_trained(facts: Any) -> None:
    """Also where the template would begin a thought by itself, as Nemotron's does."""
    asked = {family: found["asked_as_trained"] for family, found in facts.items()}
    assert {family for family, same in asked.items() if same is None} == REFUSED_FAMILIES
    assert [family for family, same in asked.items() if same is False] == []


def test_the_table_of_the_document_is_up_to_date(facts: Any) -> None:
    assert table(facts) in DOCUMENT.read_text()
