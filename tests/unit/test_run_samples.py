"""Sample prompts: five at random of the run's own dataset, others at each refresh."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from models.domain.inference import Message, SamplePrompt, common_system_prompt
from services.run_samples import choose_samples, read_samples

if TYPE_CHECKING:
    from pathlib import Path


def prompts(held_out: int, trained: int) -> list[SamplePrompt]:
    numbers = range(held_out + trained)
    return [SamplePrompt(f"Question {n}?", f"Answer {n}.", n < held_out) for n in numbers]


def test_samples_come_with_what_stands_before_them(tmp_path: Path) -> None:
    system = {"role": "system", "content": "Be brief."}
    question = {"role": "user", "content": "Why\u2028not?"}
    row = {"prompt": "Why\u2028not?", "expected": "So.", "held_out": True, "row": 3}
    path = tmp_path / "samples.jsonl"
    lines = [
        json.dumps(row | {"messages": [system, question]}, ensure_ascii=False),
        "",
        '{"prompt": "torn',
        json.dumps({"prompt": "no more than this"}),
        json.dumps(row | {"prompt": "  ", "messages": []}),
        json.dumps(row | {"prompt": "Plain?"}),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    context = (Message("system", "Be brief."),)
    assert read_samples(path) == [
        SamplePrompt("Why\u2028not?", "So.", held_out=True, context=context),
        SamplePrompt("Plain?", "So.", held_out=True),
    ]
    assert read_samples(tmp_path / "none.jsonl") == []


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 6))
def test_as_many_as_there_are_each_once_and_of_both_kinds(
    held_out: int, trained: int, count: int
) -> None:
    found = prompts(held_out, trained)
    chosen = choose_samples(found, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(found))
    if count > 1 and held_out and trained:
        assert {one.held_out for one in chosen} == {True, False}


@given(st.integers(3, 10), st.integers(8, 20))
def test_a_refresh_gives_others_while_there_are_others(held_out: int, trained: int) -> None:
    found = prompts(held_out, trained)
    first = choose_samples(found, 5)
    shown = {one.prompt for one in first}
    again = [one for one in choose_samples(found, 5, shown) if one.prompt in shown]
    unseen_kinds = {one.held_out for one in found if one.prompt not in shown}
    assert len(again) <= (0 if unseen_kinds == {True, False} else 1)


def test_chance_decides() -> None:
    found = prompts(20, 20)
    assert len({tuple(choose_samples(found, 5)) for _ in range(5)}) > 1


def test_a_system_prompt_is_the_datasets_only_if_all_rows_have_it() -> None:
    with_it = SamplePrompt("a", "b", False, (Message("system", "Be brief."),))
    without = SamplePrompt("c", "d", False, (Message("user", "Hi."), Message("assistant", "Yo.")))
    assert common_system_prompt([with_it, with_it]) == "Be brief."
    assert common_system_prompt([with_it, without]) == ""
    assert common_system_prompt([]) == ""
