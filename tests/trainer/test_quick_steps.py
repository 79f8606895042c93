"""What makes steps faster computes what the libraries compute: each row's loss, every gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Probe

pytestmark = pytest.mark.slow

ROUNDING = 2e-6


@pytest.fixture(scope="module")
def quick(probe: Probe, tiny_model: Path) -> Any:
    return probe("quick", tiny_model)


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen3", "gemma2"])
@pytest.mark.parametrize("batch", ["joined", "unshared", "packed"])
def test_each_row_of_a_joined_batch_has_the_loss_it_has_alone(
    quick: Any, kind: str, batch: str
) -> None:
    """With windows (mistral, gemma2), norms of heads (qwen3), capped logits (gemma2)."""
    report = quick["kinds"][kind]
    assert report["attends"]
    assert report[batch]["rows"] == pytest.approx(report["apart"], rel=ROUNDING)
    assert report[batch]["sum"] == pytest.approx(report["sum"], rel=ROUNDING)
    assert report[batch]["gradient_error"] < ROUNDING


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_a_batch_computed_again_for_its_gradients_has_the_same_rows(quick: Any, kind: str) -> None:
    assert quick["kinds"][kind]["checkpointed_error"] < ROUNDING


def test_neither_padding_nor_a_common_beginning_is_computed(quick: Any) -> None:
    tokens = {name: quick["kinds"]["llama"][name]["tokens"] for name in ("joined", "unshared")}
    assert tokens["joined"] < tokens["unshared"] < quick["computed_before"]["packed"]
    assert quick["computed_before"]["packed"] < quick["computed_before"]["padded"]


def test_an_adapted_layer_computes_what_peft_computes(quick: Any) -> None:
    report = quick["adapters"]
    assert report["layers"] == 14
    assert report["loss_error"] < ROUNDING
    assert report["gradient_error"] < ROUNDING
    assert report["off_error"] == 0
    assert report["restored"]


def test_a_layer_that_leaves_a_new_adapter_out_is_found_by_the_trial(quick: Any) -> None:
    assert not quick["forgetful"]


def test_what_is_not_plain_lora_stays_with_peft(quick: Any) -> None:
    assert set(quick["not_plain"].values()) == {0}


def test_the_head_in_slices_has_the_loss_and_the_gradients_of_the_whole(quick: Any) -> None:
    report = quick["head"]
    assert report["sliced"] == pytest.approx(report["plain"], rel=ROUNDING)
    assert max(report["errors"]) < ROUNDING


@pytest.mark.parametrize(
    ("model", "joined"),
    [("llama", True), ("capped", True), ("deaf", False), ("masked", False)],
)
def test_a_model_that_would_compute_something_else_keeps_its_own_way(
    quick: Any, model: str, joined: bool
) -> None:
    trial = quick["trials"][model]
    assert trial["joined"] is joined
    assert trial["sum"] == pytest.approx(trial["expected"], rel=ROUNDING)
