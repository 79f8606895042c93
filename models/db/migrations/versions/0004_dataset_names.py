"""What the history tells of a run: its dataset's name as it was, and of earlier runs the losses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; runs that are there take its value, and their losses, from what is stored."""
    op.add_column("runs", sa.Column("dataset_name", sa.String(), server_default="", nullable=False))
    op.execute(
        "UPDATE runs SET dataset_name = coalesce((SELECT name FROM dataset_sessions AS d "
        "WHERE d.sha256 = runs.dataset_sha256 ORDER BY d.id LIMIT 1), '') "
        "WHERE dataset_sha256 <> ''"
    )
    op.execute(
        "UPDATE runs SET train_loss = (SELECT loss FROM metrics AS m WHERE m.run_id = runs.id "
        "AND m.type = 'progress' AND m.loss IS NOT NULL ORDER BY m.seq DESC LIMIT 1) "
        "WHERE train_loss IS NULL"
    )
    op.execute(
        "UPDATE runs SET best_eval_loss = (SELECT min(eval_loss) FROM metrics AS m "
        "WHERE m.run_id = runs.id AND m.type = 'eval' AND m.step > 0) "
        "WHERE best_eval_loss IS NULL"
    )
