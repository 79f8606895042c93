"""DPO, ORPO and KTO: the losses are TRL's, and each of them teaches what it says."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Finished, Lab, Probe

pytestmark = pytest.mark.slow


_THINGS = ("a tuple", "a list", "a set", "a module", "a lock", "a file", "a class", "a loop")


@pytest.fixture(scope="module")
def losses(probe: Probe, tiny_model: Path) -> Any:
    return probe("preferences", tiny_model)


@pytest.mark.setting("method", "beta")
@pytest.mark.parametrize("method", ["DPO", "ORPO", "KTO"])
def test_the_loss_is_that_of_trl(losses: Any, method: str) -> None:
    report = losses[method]
    assert report["ours"] == pytest.approx(report["trl"], abs=1e-5)


@pytest.mark.parametrize("method", ["DPO", "ORPO", "KTO"])
def test_how_a_step_is_cut_into_batches_changes_nothing(losses: Any, method: str) -> None:
    """TRL estimates what KTO measures against for each batch; here it is the step's."""
    report = losses[method]
    assert report["cut"] == pytest.approx(report["ours"], abs=1e-5)
    assert report["gradient_error"] < 1e-5 * report["gradient"]


def test_orpo_learns_only_answers_unless_it_is_told_otherwise(losses: Any) -> None:
    assert abs(losses["only_answers"] - losses["ORPO"]["ours"]) > 1e-3


def test_the_reference_may_be_asked_beforehand(losses: Any) -> None:
    assert losses["beforehand"] == pytest.approx(losses["beside"], abs=1e-6)
    assert losses["grads_as_before"]


def _rows(method: str) -> list[dict[str, Any]]:
    """The good answers say yes and the bad ones no; every sixth row is held out."""
    rows: list[dict[str, Any]] = []
    for n in range(48):
        thing = _THINGS[n % 8]
        row = {
            "prompt": f"What is {thing}?" if n % 3 else f"Explain {thing}.",
            "split": "train" if n % 6 else "held_out",
        }
        yes, no = f"Yes, {thing} is number {n}.", f"No, {thing} is nothing of {n}."
        if method == "KTO":
            rows.append(row | {"completion": yes if n % 4 < 2 else no, "label": n % 4 < 2})
        else:
            rows.append(row | {"chosen": yes, "rejected": no})
    return rows


def _job(lab: Lab, name: str, method: str, **hp: Any) -> Path:
    content = "".join(json.dumps(row) + "\n" for row in _rows(method)).encode()
    format_ = "unpaired_preference" if method == "KTO" else "preference"
    settings = {
        "method": method, "epochs": 3.0, "batch_size": 4, "learning_rate": 3e-3, "save_steps": 4,
    }  # fmt: skip
    dataset = lab.dataset(content) | {"format": format_}
    return lab.job(name, settings | hp, dataset=dataset)


Trained = Callable[[str], "tuple[Lab, Finished]"]


@pytest.fixture(scope="module")
def trained(make_lab: Callable[[str], Lab]) -> Trained:
    """One run of each method, once it is asked for."""

    @cache
    def run(method: str) -> tuple[Lab, Finished]:
        lab = make_lab(method)
        done = lab.train(_job(lab, "run", method))
        assert done.code == ExitCode.FINISHED, done.log
        return lab, done

    return run


@pytest.mark.parametrize("method", ["DPO", "ORPO", "KTO"])
def test_good_answers_become_likelier_than_bad_ones_on_rows_never_seen(
    trained: Trained, method: str
) -> None:
    _, run = trained(method)
    before, *_, after = run.of_type("eval")
    assert after.get("eval_loss") < before.get("eval_loss")
    assert after.get("reward_margin") > before.get("reward_margin") + 0.05
    assert after.get("reward_accuracy") > 0.9
    assert run.of_type("progress")[-1].get("reward_margin") is not None


def test_the_first_loss_is_that_of_a_model_without_a_preference(
    trained: Trained,
) -> None:
    """The adapter is nothing yet, so the model is its own reference: ln 2, and one half."""
    for method, expected in (("DPO", 0.6931472), ("KTO", 0.5)):
        first = trained(method)[1].of_type("eval")[0]
        assert first.get("eval_loss") == pytest.approx(expected, abs=1e-5)


def test_a_killed_run_goes_on_to_the_same_adapter(
    trained: Trained,
) -> None:
    lab, whole = trained("KTO")
    folder = _job(lab, "killed", "KTO")
    assert lab.train_until(folder, '"checkpoint"', signal.SIGKILL).code == -signal.SIGKILL
    resumed = lab.train(folder)
    assert resumed.code == ExitCode.FINISHED, resumed.log
    assert resumed.adapter == whole.adapter
    assert [event.seq for event in resumed.events] == list(range(len(resumed.events)))


def test_pairs_are_never_packed_and_the_log_says_so(
    trained: Trained,
) -> None:
    _, run = trained("DPO")
    assert "4 pairs, which are never packed" in run.log


def test_all_weights_can_learn_by_dpo(make_lab: Callable[[str], Lab]) -> None:
    """There the untrained model is gone after the first step, so it was asked before."""
    lab = make_lab("full")
    folder = _job(lab, "run", "DPO", tuning="full", learning_rate=5e-4, epochs=1.0)
    done = lab.train(folder)
    assert done.code == ExitCode.FINISHED, done.log
    before, *_, after = done.of_type("eval")
    assert before.get("eval_loss") == pytest.approx(0.6931472, abs=1e-5)
    assert after.get("reward_margin") > 0.05


def test_an_adapter_below_the_new_one_belongs_to_the_reference(trained: Trained) -> None:
    lab, parent = trained("ORPO")
    content = "".join(json.dumps(row) + "\n" for row in _rows("DPO")).encode()
    folder = lab.job(
        "top",
        {"method": "DPO", "batch_size": 4, "learning_rate": 3e-3},
        dataset=lab.dataset(content) | {"format": "preference"},
        on_top_of="/data/outputs/run/adapter",
        on_top_of_sha256=hashlib.sha256(parent.adapter).hexdigest(),
    )
    done = lab.train(folder)
    assert done.code == ExitCode.FINISHED, done.log
    before, *_, after = done.of_type("eval")
    assert before.get("eval_loss") == pytest.approx(0.6931472, abs=1e-5)
    assert after.get("reward_margin") > 0.05
