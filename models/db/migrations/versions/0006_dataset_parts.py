"""What a dataset was merged of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; datasets that are there already were imported, not merged."""
    op.add_column(
        "dataset_sessions", sa.Column("parts", sa.Text(), server_default="[]", nullable=False)
    )
