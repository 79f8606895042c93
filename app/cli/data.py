"""``temper data``: the dataset library."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from app.cli.data_import import check_data, import_data
from app.cli.data_mask import mask
from app.cli.output import Json, print_json, print_table, reported
from app.cli.state import services
from app.cli.times import when

app = typer.Typer(help="Datasets: import, check, mask, list, show.", no_args_is_help=True)


app.command("import")(import_data)
app.command("check")(check_data)
app.command("mask")(mask)


@app.command("list")
def list_sessions(json_: Json = False) -> None:
    """List the library, newest first."""
    with reported(json_):
        sessions = services().datasets.list()
        if json_:
            print_json(sessions)
        else:
            print_table(
                ("ID", "NAME", "ROWS", "FORMAT", "IMPORTED"),
                ((s.id, s.name, s.rows, s.format, when(s.created_at)) for s in sessions),
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
        splits = ", ".join(f"{name} {count}" for name, count in found.splits)
        print(f"{found.name}: {found.rows} rows, {found.format}, {found.size:,} bytes {splits}")
        for row in shown:
            print(json.dumps(row, ensure_ascii=False))
