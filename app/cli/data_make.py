"""``temper data``: new datasets out of others, and files out of datasets."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.data_library import Dataset, print_session
from app.cli.following import followed
from app.cli.output import Json, print_json, reported
from app.cli.state import services
from models.domain.dataset import MergePart
from models.domain.errors import AppError

if TYPE_CHECKING:
    from models.domain.dataset import DatasetSession
    from services.progress import CancelToken, Reporter

_WEIGHTED = re.compile(r"(?P<name>.+):(?P<weight>\d*\.?\d+)")
_CANCELLED = ("It was cancelled.", "Nothing was changed.")
_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

Name = Annotated[str, typer.Option(help="The new dataset's name.")]
Seed = Annotated[int, typer.Option(help="Another seed chooses other rows.")]


def merge(
    parts: Annotated[
        list[str],
        typer.Argument(
            metavar="DATASET[:WEIGHT]...",
            help="Numbers or names; weight 2 takes each row twice, 0.5 half of them.",
        ),
    ],
    name: Name = "",
    seed: Seed = 0,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="One after the other instead of mixed.")
    ] = False,
    json_: Json = False,
) -> None:
    """Make one dataset of several. Each row says in "dataset" where it came from."""
    with reported(json_):
        chosen = [_part(text) for text in parts]

        def work(report: Reporter, cancel: CancelToken) -> DatasetSession:
            return services().datasets.merge(
                chosen, name, seed=seed, shuffle=not in_order, report=report, cancel=cancel
            )

        print_session(followed(work, *_CANCELLED), as_json=json_)


def split(
    dataset: Dataset,
    percent: Annotated[float | None, typer.Option(help="How much is held out.")] = None,
    rows: Annotated[int | None, typer.Option(help="How many rows are held out.")] = None,
    two: Annotated[bool, typer.Option("--two", help="Make two datasets.")] = False,
    name: Name = "",
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Hold rows out: as the split held_out of a new dataset, or as a dataset of their own."""
    with reported(json_):
        session = services().datasets.find(dataset)

        def work(report: Reporter, cancel: CancelToken) -> tuple[DatasetSession, ...]:
            return services().datasets.split_off(
                session.id,
                percent=percent,
                rows=rows,
                as_split=not two,
                seed=seed,
                name=name,
                report=report,
                cancel=cancel,
            )

        made = followed(work, *_CANCELLED)
        if json_:
            print_json(made)
        for one in () if json_ else made:
            print_session(one, as_json=False)


def export(
    dataset: Dataset,
    file: Annotated[Path, typer.Argument(help="A .jsonl or .parquet file.")],
    format_: Annotated[
        str, typer.Option("--format", help="If the name does not say it.", metavar="jsonl|parquet")
    ] = "",
    json_: Json = False,
) -> None:
    """Write all rows of a dataset to a file."""
    with reported(json_):
        session, path = services().datasets.find(dataset), file.expanduser()
        chosen = _format(path, format_)

        def work(report: Reporter, cancel: CancelToken) -> None:
            services().datasets.export(session.id, path, chosen, report=report, cancel=cancel)

        followed(work, *_CANCELLED)
        if json_:
            print_json({"dataset": session.id, "file": path, "format": chosen})
        else:
            print(f'The rows of "{session.name}" are in {path}.')


def _part(text: str) -> MergePart:
    """A dataset with its weight; a name may end in a colon and a number itself."""
    found, library = _WEIGHTED.fullmatch(text), services().datasets
    try:
        return MergePart(library.find(text).id)
    except AppError:
        if found is None:
            raise
    return MergePart(library.find(found["name"]).id, float(found["weight"]))


def _format(path: Path, said: str) -> str:
    chosen = said or _FORMATS.get(path.suffix.lower(), "")
    if chosen not in _FORMATS.values():
        what = f"{said!r} is no format" if said else f"{path.name} does not end in a known format"
        raise AppError("bad_use", f"{what}.", "Use .jsonl or .parquet, or --format.")
    return chosen
