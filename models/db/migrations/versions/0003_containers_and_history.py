"""Runs in containers, and what the history tells of a run: losses, cost, notes, tags, queue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; runs that are there keep what they have, with the new ones empty."""
    with op.batch_alter_table("runs") as table:
        for name in ("container_id", "container_name", "container_endpoint"):
            table.add_column(sa.Column(name, sa.String(), nullable=True))
        for name in ("train_loss", "best_eval_loss", "cost_usd", "queued_at"):
            table.add_column(sa.Column(name, sa.Double(), nullable=True))
        for name in ("image", "image_digest", "notes"):
            table.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("tags", sa.Text(), nullable=False, server_default="[]"))
        table.create_index(op.f("ix_runs_queued_at"), ["queued_at"])
