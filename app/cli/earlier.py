"""What the commands say of an import from the earlier program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.output import print_json

if TYPE_CHECKING:
    from models.domain.earlier_program import EarlierImport


def tell_earlier(done: EarlierImport, *, as_json: bool) -> None:
    """The new datasets and configurations, and what has no counterpart here."""
    if as_json:
        print_json(done)
        return
    for session in done.datasets:
        print(f"{session.id}  {session.name}: {session.rows} rows, {session.format}")
    for saved in done.configs:
        print(f"Saved as {saved.name}.")
    for note in done.notes:
        print(f"  {note}")
