"""``temper data``: naming, finding in, and deleting the datasets of the library."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.asking import interruptible
from app.cli.output import EXIT_FAILED, Json, print_json, reported, say
from app.cli.state import services
from models.domain.errors import AppError
from models.qt.wording import counted
from services.progress import Cancelled

if TYPE_CHECKING:
    from models.domain.dataset import DatasetSession

Dataset = Annotated[str, typer.Argument(help="Its number or name.")]


def rename(
    dataset: Dataset,
    name: Annotated[str, typer.Argument(help="A name that is free.")],
    json_: Json = False,
) -> None:
    """Give a dataset another name; saved configurations that name it follow."""
    with reported(json_):
        library = services().datasets
        print_session(library.rename(library.find(dataset).id, name), as_json=json_)


def duplicate(
    dataset: Dataset,
    name: Annotated[str, typer.Option(help="The copy's name.")] = "",
    json_: Json = False,
) -> None:
    """Add the same rows to the library under another name; they take no more space."""
    with reported(json_):
        library = services().datasets
        print_session(library.duplicate(library.find(dataset).id, name), as_json=json_)


def delete(
    dataset: Dataset,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json_: Json = False,
) -> None:
    """Remove a dataset from the library. The file that it was imported from stays."""
    with reported(json_):
        library = services().datasets
        found = library.find(dataset)
        if not yes:
            _ask_to_delete(found)
        library.delete(found.id)
        library.close()  # nobody can undo it once the command has ended
        if json_:
            print_json({"deleted": found.id})
        else:
            print(f'"{found.name}" is deleted.')


def find(
    dataset: Dataset,
    text: Annotated[str, typer.Argument(help="What the row holds, in any case of letters.")],
    start: Annotated[int, typer.Option("--from", min=0, help="The first row, from 0.")] = 0,
    json_: Json = False,
) -> None:
    """Print the next row that holds a text, with its number; 1 where there is none."""
    with reported(json_):
        library = services().datasets
        found = library.find(dataset)
        try:
            with interruptible() as cancel:
                number = library.find_row(found.id, text, start, cancel=cancel)
        except Cancelled:
            raise AppError("cancelled", "The search was cancelled.", "") from None
        row = None if number is None else library.rows(found.id, number, 1)[0]
        if json_:
            print_json({"row": number, "values": row})
        elif row is not None:
            print(f"{number}  {json.dumps(row, ensure_ascii=False)}")
        else:
            say(f'No row of "{found.name}" from {start:,} on holds "{text}".')
        if row is None:
            raise typer.Exit(EXIT_FAILED)


def print_session(session: DatasetSession, *, as_json: bool) -> None:
    """What became of a command: the dataset as it is now."""
    if as_json:
        print_json(session)
    else:
        print(f"{session.id}  {session.name}: {session.rows} rows, {session.format}")


def _ask_to_delete(session: DatasetSession) -> None:
    what = f'"{session.name}" with {counted(session.rows, "row")}'
    if not sys.stdin.isatty():
        raise AppError(
            "bad_use", f"Deleting removes {what} for good.", "Add --yes to do it unasked."
        )
    typer.confirm(f"Delete {what} for good?", abort=True, err=True)
