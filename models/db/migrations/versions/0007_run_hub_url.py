"""Where a run was uploaded to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no earlier version could upload."""
    op.add_column("runs", sa.Column("hub_url", sa.String(), server_default="", nullable=False))
