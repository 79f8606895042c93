"""What the history tells of a run's dataset: its name as it was when the run was made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add column and index; runs that are there take their dataset's name from the library."""
    op.add_column("runs", sa.Column("dataset_name", sa.String(), server_default="", nullable=False))
    op.execute(
        "UPDATE runs SET dataset_name = coalesce((SELECT name FROM dataset_sessions AS d "
        "WHERE d.sha256 = runs.dataset_sha256 ORDER BY d.id LIMIT 1), '') "
        "WHERE dataset_sha256 <> ''"
    )
