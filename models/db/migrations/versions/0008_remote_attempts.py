"""Runs on rented pods: each pod, or the try to get one, is written down ahead of each step."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and to runs which of their pods they wait for."""
    op.add_column("runs", sa.Column("pod_attempt", sa.Integer(), nullable=True))
    op.create_table(
        "remote_attempts",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        *_columns(sa.String, "name phase pod_id gpu"),
        sa.Column("gpu_count", sa.Integer(), nullable=False),
        *_columns(sa.String, "cloud data_center volume_id image"),
        *_columns(sa.Double, "per_hour created_at"),
        *_columns(sa.Double, "rented_at ends_at", nullable=True),
        *_columns(sa.Integer, "events_offset log_offset"),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        *_columns(sa.Boolean, "stop_asked keep"),
        sa.Column("teardown", sa.String(), nullable=False),
        sa.Column("teardown_tries", sa.Integer(), nullable=False),
        *_columns(sa.Double, "gone_at quoted_cost most_cost cost", nullable=True),
        *_columns(sa.String, "trouble_kind trouble trouble_hint doing"),
        sa.Column("tried", sa.Text(), nullable=False),
        sa.Column("driver", sa.String(), nullable=False),
        sa.Column("driver_seen", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_remote_attempts")),
    )
    op.create_index(op.f("ix_remote_attempts_phase"), "remote_attempts", ["phase"])


def _columns(
    kind: type[sa.types.TypeEngine[Any]], names: str, *, nullable: bool = False
) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind(), nullable=nullable) for name in names.split()]
