"""A table for the peaks of memory that runs measured, which calibrate the estimate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "memory_peaks",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("base_model", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("measured_bytes", sa.Integer(), nullable=False),
        sa.Column("predicted_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_memory_peaks")),
    )
    op.create_index(
        op.f("ix_memory_peaks_base_model_device"), "memory_peaks", ["base_model", "device"]
    )
