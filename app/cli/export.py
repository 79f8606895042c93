"""``temper export``: what a run made, in a folder of the user's."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import Annotated

import typer

from app.cli.following import followed
from app.cli.output import Json, print_json, reported
from app.cli.run_table import RunName  # noqa: TC001 - typer reads the annotations
from app.cli.state import services
from models.domain.model_export import ExportKind
from models.qt.wording import size


def export(
    run: RunName,
    folder: Annotated[Path, typer.Argument(help="A new or an empty folder.")],
    to: Annotated[
        ExportKind,
        typer.Option(help="The adapter as it is, or merged with its base model into one model."),
    ] = ExportKind.ADAPTER,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export that lies there.")
    ] = False,
    json_: Json = False,
) -> None:
    """Write what a run made to a folder, with tokenizer and README. Without the network.

    It is there whole or not at all, also after Ctrl+C.
    """
    with reported(json_):
        found = services().runs.find(run)
        made = followed(
            lambda report, cancel: services().exports.export(
                found, to, folder, report, cancel, overwrite=overwrite
            ),
            "The export was cancelled.",
            "Nothing was written.",
        )
        if json_:
            print_json(made)
            return
        what = "The adapter" if made.kind is ExportKind.ADAPTER else "The model"
        print(f"{what} of run {made.run_id} is in {made.path} ({size(made.size)}).")
