"""What a clean-up keeps and removes, and what a training will take: pure rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.model_shape import ModelShape
from models.domain.run import RunState
from models.domain.storage import (
    CleanKind,
    FileName,
    Found,
    Need,
    Piece,
    RetentionRules,
    RunHistory,
    Spare,
    freed_bytes,
    plan_clean,
)
from models.domain.storage_forecast import (
    CheckpointSize,
    StorageForecast,
    calculated_size,
    most_checkpoints,
    steps_of,
)
from models.qt.storage_words import forecast_sentence
from trainer_image.contract import Hyperparameters
from trainer_image.steps import plan_steps

SMOL = ModelShape(
    parameters=134_515_008, hidden=576, layers=30, heads=9, kv_heads=3, intermediate=1536,
    vocab=49_152, tied_embeddings=True,
)  # fmt: skip


def checkpoint(step: int, **changes: object) -> Piece:
    """A whole checkpoint of one file of a hundred bytes."""
    file = FileName((1, step), 100)
    piece = Piece(f"/d/checkpoints/checkpoint-{step}", "r", step, True, True, (file,))
    return replace(piece, **changes)  # type: ignore[arg-type]


def history(*pieces: Piece, **changes: object) -> RunHistory:
    found = RunHistory("r", "Mine", RunState.FINISHED, has_result=True, pieces=pieces)
    return replace(found, **changes)  # type: ignore[arg-type]


def going(found: RunHistory, *needs: Need, last: int = 1, best: bool = True) -> list[int]:
    plan = plan_clean(Found([found], needs), RetentionRules(last, best))
    return [one.piece.step for one in plan.going]


THREE = (checkpoint(1), checkpoint(2), checkpoint(3))


@pytest.mark.parametrize(
    ("last", "best", "gone"),
    [(0, False, [1, 2, 3]), (0, True, [2, 3]), (1, False, [1, 2]), (1, True, [2]), (3, False, [])],
)
def test_a_finished_run_keeps_what_the_rules_say(last: int, best: bool, gone: list[int]) -> None:
    assert going(history(*THREE, best_step=1), last=last, best=best) == gone


@pytest.mark.parametrize("state", [state for state in RunState if not state.is_over])
def test_nothing_of_a_run_that_is_not_over_goes(state: RunState) -> None:
    remnant = Piece("/d/adapter.tmp", "r")
    assert going(history(*THREE, remnant, state=state), last=0) == []


def test_of_a_lost_run_it_is_not_known_whether_it_trains() -> None:
    assert going(history(*THREE, state=RunState.LOST), last=0) == []


def test_a_run_without_a_result_keeps_what_it_goes_on_from() -> None:
    found = history(*THREE, has_result=False, best_step=1)
    assert going(found, last=0, best=False) == [2]


def test_damaged_ones_do_not_count_as_kept() -> None:
    spoilt = checkpoint(3, is_whole=False)
    assert going(history(checkpoint(1), checkpoint(2), spoilt)) == [1, 3]
    assert going(history(checkpoint(1), spoilt, has_result=False)) == [3]


def test_a_damaged_one_stays_where_nothing_better_is_left() -> None:
    spoilt = checkpoint(3, is_whole=False)
    unfinished = checkpoint(4, is_sealed=False, is_whole=False)
    assert going(history(spoilt, unfinished, has_result=False)) == [4]
    assert going(history(spoilt, unfinished)) == [3, 4]


@pytest.mark.parametrize(
    ("path", "stays"),
    [
        ("/d/checkpoints/checkpoint-1", True),
        ("/d/checkpoints/checkpoint-1/adapter", True),
        ("/d/checkpoints/checkpoint-10", False),
        ("/d/checkpoints", False),
        ("/d", False),
    ],
)
def test_a_need_keeps_what_it_names_and_nothing_around(path: str, stays: bool) -> None:
    assert (1 not in going(history(*THREE), Need(path, "Somebody"))) is stays


def test_a_file_is_freed_with_its_last_name_only() -> None:
    file = FileName((1, 1), 100, links=2)
    one, other = checkpoint(1, files=(file,)), checkpoint(2, files=(file,))
    assert freed_bytes([one]) == 0
    assert freed_bytes([one, other]) == 100


def test_what_is_no_runs_goes_only_where_it_is_chosen_and_nothing_needs_it() -> None:
    def spare(name: str, stays: str = "") -> Spare:
        file = FileName((2, len(name)), 100)
        piece = Piece(f"/d/{name}", kind=CleanKind.ROWS, files=(file,), name=name)
        return Spare(piece, "Nobody has it.", stays)

    named = Piece("/d/hub", kind=CleanKind.ROWS, parts=("/d/hub/a", "/d/hub/bc"), name="named")
    spares = [spare("free"), spare("taken", "It is young."), Spare(named, "Nobody has it.")]
    found = Found([history(*THREE)], [Need("/d/hub/bc/file", "Somebody")], spares)
    alone = plan_clean(found, RetentionRules())
    assert [one.piece.name for one in alone.going if one.piece.name] == []
    told = [(one.piece.name, one.why) for one in alone.staying if one.piece.name]
    assert told == [("free", "Nothing needs it, but its kind is not chosen.")]
    assert (alone.bytes, alone.bytes_of(CleanKind.ROWS)) == (200, 100)

    chosen = plan_clean(found, RetentionRules(also=frozenset({CleanKind.ROWS})))
    assert [one.piece.name for one in chosen.going if one.piece.name] == ["free"]
    assert [(one.piece.name, one.why) for one in chosen.staying if one.piece.name] == [
        ("taken", "It is young."),
        ("named", "Somebody needs it."),
    ]
    assert (chosen.bytes, chosen.bytes_of(CleanKind.ROWS)) == (300, 100)
    assert chosen.bytes_of(CleanKind.CACHES) == 0


@pytest.mark.parametrize("steps", [1, 9, 10, 11, 25, 99, 100, 101, 555, 1999, 5000, 20_000])
@pytest.mark.parametrize("every", [None, 1, 7, 50])
def test_checkpoints_are_as_many_as_the_trainer_writes(steps: int, every: int | None) -> None:
    """Its own plan, and its rule for what it keeps while it writes the next."""
    hp = Hyperparameters(epochs=1, batch_size=1, grad_accum=1, save_steps=every)
    plan = plan_steps(hp, steps, evaluating=True)
    saves = len({*range(plan.save_every, steps + 1, plan.save_every), steps})
    values: dict[str, object] = {"hp.save_steps": every, "hp.save_total_limit": 1000}
    config = with_values(TrainingConfig(), values)
    found = most_checkpoints(config.hp, steps, evaluates=True)
    assert min(saves, 1002) <= found <= saves + 1
    few = with_values(config, {"hp.save_total_limit": 2, "hp.load_best": False})
    assert most_checkpoints(few.hp, steps, evaluates=True) == min(found, 3)


def test_steps_are_the_trainers_own() -> None:
    for rows, batch, epochs in ((40, 4, 1.0), (41, 4, 2.5), (1, 8, 3.0)):
        hp = Hyperparameters(epochs=epochs, batch_size=batch, grad_accum=1)
        mine = with_values(TrainingConfig(), {"hp.epochs": epochs}).hp
        assert steps_of(mine, rows, batch) == plan_steps(hp, rows, evaluating=False).total


def test_the_calculated_checkpoint_is_as_large_as_a_real_one() -> None:
    """Of SmolLM2-135M with rank 1 on q_proj and v_proj the trainer wrote 3,974,000 bytes: adapter
    134,616, optimiser 285,723, tokenizer 3,523,593, and the small files."""
    values = {"hp.lora_r": 1, "hp.lora_targets": "q_proj,v_proj", "hp.optimizer": "adamw_torch"}
    found = calculated_size(with_values(TrainingConfig(), values), SMOL, on_gpu=False)
    assert 0.8 < found.checkpoint / 3_974_000 < 1.5


def test_a_full_fine_tune_saves_the_whole_model_and_its_states() -> None:
    config = with_values(TrainingConfig(), {"hp.tuning": "full", "hp.optimizer": "adamw_torch"})
    found = calculated_size(config, SMOL, on_gpu=False)
    assert found.checkpoint == pytest.approx(12 * SMOL.parameters, rel=0.01)
    assert found.result == pytest.approx(4 * SMOL.parameters, rel=0.01)


def test_a_forecast_says_whether_there_is_room() -> None:
    size = CheckpointSize(2_000_000_000, 1_000_000_000)
    found = StorageForecast(size, 3, 100_000_000_000, "the disk of /d")
    assert forecast_sentence(found) == (
        "It takes up to 7.0 GB: 3 checkpoints of 2.0 GB (calculated) and the result of 1.0 GB. "
        "The disk of /d has 100.0 GB free."
    )
    tight, full = replace(found, free=5_000_000_000), replace(found, free=2_900_000_000)
    assert (tight.may_fill_up, tight.cannot_save) == (True, False)
    assert "it may fill up" in forecast_sentence(tight)
    assert full.cannot_save
    assert "not even one checkpoint" in forecast_sentence(full)
    assert "free" not in forecast_sentence(replace(found, free=None))
