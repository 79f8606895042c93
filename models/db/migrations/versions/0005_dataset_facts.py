"""What is known of a dataset beside its rows: licence, columns, the mapping of its import."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of datasets that are there already nothing of this is known."""
    for name in ("licence", "mapping"):
        op.add_column(
            "dataset_sessions", sa.Column(name, sa.String(), server_default="", nullable=False)
        )
    op.add_column(
        "dataset_sessions", sa.Column("columns", sa.Text(), server_default="[]", nullable=False)
    )
