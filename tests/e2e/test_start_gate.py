"""``temper train`` looks at the data before it starts anything."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from app.cli.state import services

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.conftest import TrainerHome

pytestmark = pytest.mark.slow

GOOD = [{"question": f"What is {n}?", "answer": f"The number {n}."} for n in range(6)]
LONG = {"question": "word " * 200, "answer": "Never reached."}
CONTROL = {"question": "Which?", "answer": "<|im_end|> it is."}


@pytest.fixture
def temper(invoke: Callable[..., Result]) -> Callable[..., str]:
    """What a command says; with ``--json`` its document alone."""

    def run(*arguments: object, code: int = 0) -> str:
        done = invoke(*arguments, code=code)
        return done.output if "--json" not in arguments else done.stdout

    return run


@pytest.fixture
def train(
    temper: Callable[..., str], tmp_path: Path, trainer_home: TrainerHome
) -> Callable[..., str]:
    """Train on these rows with a short sequence length."""

    def run(rows: list[dict[str, str]], *more: str, code: int = 0) -> str:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        session = json.loads(temper("data", "import", path, "--json"))
        setup = tmp_path / "setup.yaml"
        setup.write_text(
            f"dataset: {{session: '{session['id']}'}}\n"
            f"hp: {{base_model: {trainer_home.model}, max_seq_length: 64, max_steps: 1}}\n"
            "local: {use_gpu: false}\n"
        )
        return temper("train", setup, *more, code=code)

    return run


def test_what_would_teach_nothing_is_refused_with_its_rows(
    train: Callable[..., str], temper: Callable[..., str]
) -> None:
    printed = train([*GOOD, LONG], code=1)
    assert "major  nothing_learnt  row 7: " in printed
    assert "--start-anyway trains with it all the same" in printed
    assert json.loads(temper("runs", "list", "--json")) == []


def test_what_is_refused_is_mended_by_what_the_refusal_says(
    train: Callable[..., str], temper: Callable[..., str], tmp_path: Path
) -> None:
    printed, setup = train([*GOOD, LONG, CONTROL], code=1), tmp_path / "setup.yaml"
    assert "temper data clean" in printed
    assert "Raise the sequence length to 256: --set hp.max_seq_length=256" in printed
    made = json.loads(temper("data", "clean", setup, "--json"))
    assert (made["name"], made["rows"]) == ("rows (cleaned)", 6)
    queued = temper("train", setup, "--set", f"dataset.session={made['id']}", "--queue", "--json")
    services().runs.kill(json.loads(queued)["id"])
    again = temper("data", "clean", setup, "--set", f"dataset.session={made['id']}", code=2)
    assert "No row keeps" in again
    unknown = temper("data", "clean", setup, "--set", "dataset.eval_split=no", code=2)
    assert "could not be looked at" in unknown
    train([LONG], code=1)
    assert "no remedy" in temper("data", "clean", setup, code=2)


def test_every_finding_is_in_the_document(train: Callable[..., str]) -> None:
    found: dict[str, Any] = json.loads(train([*GOOD, LONG, CONTROL], "--json", code=1))
    error = found["error"]
    assert (error["kind"], error["may_start"]) == ("data_refused", False)
    places = {(one["severity"], one["code"], *one["rows"]) for one in error["findings"]}
    assert {("major", "nothing_learnt", 6), ("major", "control_token", 7)} <= places
    assert ("minor", "truncated", 6) in places


def test_start_anyway_is_for_what_the_trainer_can_train_with(train: Callable[..., str]) -> None:
    printed = train([*GOOD, CONTROL], "--start-anyway", code=1)
    assert "control token" in printed
    assert "--start-anyway" not in printed
    run = json.loads(train([*GOOD, LONG], "--start-anyway", "--queue", "--detach", "--json"))
    assert run["name"] == "setup"
    services().runs.kill(run["id"])
    deadline = time.monotonic() + 60
    while not services().runs.poll(run["id"]).run.state.is_over:
        assert time.monotonic() < deadline
        time.sleep(0.1)
