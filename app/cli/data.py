"""``temper data``: the dataset library."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import data_clean, data_library, data_make
from app.cli.data_import import check_data, import_data
from app.cli.data_mask import mask
from app.cli.output import Json, print_json, print_table, reported
from app.cli.state import services
from app.cli.times import when
from models.domain.dataset import matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.dataset import DatasetSession

app = typer.Typer(
    help="Datasets: import, check, show, merge, split, export, rename, delete.",
    no_args_is_help=True,
)


app.command("import")(import_data)
app.command("check")(check_data)
app.command("mask")(mask)
app.command()(data_clean.clean)
app.command()(data_library.rename)
app.command()(data_library.duplicate)
app.command()(data_library.delete)
app.command()(data_library.find)
app.command()(data_make.merge)
app.command()(data_make.split)
app.command()(data_make.export)


@app.command("list")
def list_sessions(
    search: Annotated[
        str, typer.Option(help="Only those with these words in name, source, format or licence.")
    ] = "",
    json_: Json = False,
) -> None:
    """List the library, newest first."""
    with reported(json_):
        sessions = [one for one in services().datasets.list() if matches(one, search)]
        if json_:
            print_json(sessions)
        else:
            print_table(
                ("ID", "NAME", "ROWS", "BYTES", "FORMAT", "IMPORTED", "LICENCE", "SOURCE"),
                (
                    (
                        s.id,
                        s.name,
                        s.rows,
                        s.size,
                        s.format,
                        when(s.created_at),
                        s.licence,
                        s.source,
                    )
                    for s in sessions
                ),
            )


@app.command()
def show(
    session: Annotated[str, typer.Argument(help="Its number or name.")],
    rows: Annotated[int, typer.Option(min=0, max=1000, help="How many rows to print.")] = 5,
    start: Annotated[int, typer.Option("--from", min=0, help="The first row, from 0.")] = 0,
    json_: Json = False,
) -> None:
    """Show what is known of a dataset, and some of its rows."""
    with reported(json_):
        found = services().datasets.find(session)
        shown = services().datasets.rows(found.id, start, rows)
        if json_:
            print_json({"session": found, "rows": shown})
            return
        for line in _facts(found):
            print(line)
        for row in shown:
            print(json.dumps(row, ensure_ascii=False))


def _facts(session: DatasetSession) -> Iterator[str]:
    """All that is known of a dataset, a line each."""
    yield f"{session.name}: {session.rows} rows, {session.format}, {session.size:,} bytes"
    yield f"  source: {session.source}, {when(session.created_at)}"
    yield f"  licence: {session.licence or 'not known'}"
    if session.columns:
        yield f"  columns: {', '.join(session.columns)}"
    if session.mapping:
        yield f"  read as: {session.mapping}"
    if session.splits:
        yield f"  splits: {', '.join(f'{name} {count:,}' for name, count in session.splits)}"
    for part in session.parts:
        licence = part.licence or "licence not known"
        yield f"  part: {part.name}, weight {part.weight:g}, {part.rows:,} rows, {licence}"
