"""About how many tokens a training goes through."""

from __future__ import annotations

from typing import Any

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.training_tokens import training_tokens


def config(**values: Any) -> TrainingConfig:
    plain = {
        "hp.batch_size": 2, "hp.grad_accum": 4, "hp.max_seq_length": 512, "hp.packing": False,
        "hp.epochs": 1.0, "hp.max_steps": None,
    }  # fmt: skip
    return with_values(
        TrainingConfig(), plain | {f"hp.{name}": one for name, one in values.items()}
    )


@pytest.mark.parametrize(
    ("changes", "rows", "size", "tokens"),
    [
        ({}, 800, 800 * 400, 100 * 8 * 100),  # 400 bytes a row are 100 tokens
        ({"epochs": 2.5}, 800, 800 * 400, 250 * 8 * 100),
        ({"max_steps": 10}, 800, 800 * 400, 10 * 8 * 100),
        ({"max_steps": 1000}, 800, 800 * 400, 100 * 8 * 100),  # the rows end first
        ({}, 800, 800 * 40_000, 100 * 8 * 512),  # rows are cut
        ({"packing": True}, 800, 800 * 400, 20 * 8 * 512),  # 156.25 full sequences
        ({"method": "DPO"}, 800, 800 * 400, 2 * 100 * 8 * 100),
        ({"method": "DPO", "packing": True}, 800, 800 * 400, 2 * 100 * 8 * 100),
        ({"max_steps": 30}, 0, 0, 30 * 8 * 512),  # not here: at most so many
        ({}, 3, 90, 1 * 8 * 7),
    ],
)
def test_tokens_follow_rows_steps_and_packing(
    changes: dict[str, Any], rows: int, size: int, tokens: int
) -> None:
    assert training_tokens(config(**changes), rows, size) == tokens


def test_what_cannot_be_told_is_not() -> None:
    assert training_tokens(config(), 0, 0) is None


def test_more_gpus_take_more_rows_a_step_and_fewer_steps() -> None:
    two = with_values(config(), {"runpod.gpu_count": 2})
    assert training_tokens(two, 800, 800 * 400) == 50 * 16 * 100
