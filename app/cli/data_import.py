"""``temper data import`` and ``temper data check``: files, folders and the Hub's datasets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.data_mask import (
    LENGTH,
    Docker,
    LastAnswer,
    MaxLength,
    Model,
    Template,
    learning_from,
    looking,
    model_stats,
    print_report,
    report_on,
    with_model,
)
from app.cli.earlier import tell_earlier
from app.cli.following import followed
from app.cli.output import EXIT_FAILED, Json, print_json, reported, say
from app.cli.state import services
from models.domain.column_mapping import parse_mapping
from models.domain.dataset_import import (
    HubSource,
    ImportOptions,
    ImportRefusedError,
    places,
    problems_of,
)
from models.domain.errors import AppError

if TYPE_CHECKING:
    from models.domain.data_report import Learning
    from models.domain.dataset import DatasetSession
    from models.domain.dataset_import import ImportVerdict
    from models.domain.earlier_program import EarlierImport
    from services.progress import CancelToken, Reporter

_CANCELLED = ("The import was cancelled.", "Nothing was imported.")
_HUB = re.compile(r"hf:(?P<repo>[^:@]+)(?::(?P<config>[^@]*))?(?:@(?P<split>.+))?")
_TEXT_SPLITS = ("sections", "paragraphs", "documents")

Source = Annotated[
    str,
    typer.Argument(
        help="A file, a folder, hf:user/name[:config][@split], or an earlier program's database."
    ),
]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", help="role=column, once for each: --map question=Frage."),
]
Drop = Annotated[bool, typer.Option("--drop-bad-rows", help="Leave faulty rows out.")]
Text = Annotated[
    str, typer.Option("--text", help=f"A row of plain text is one of: {', '.join(_TEXT_SPLITS)}.")
]


def import_data(
    source: Source,
    name: Annotated[str, typer.Option(help="Its name in the library.")] = "",
    map_: Map = None,
    drop: Drop = False,
    text: Text = _TEXT_SPLITS[0],
    json_: Json = False,
) -> None:
    """Import into the library: all rows, or none and everything that is wrong with them."""
    with reported(json_):
        options = _options(map_, drop, text)
        if not source.startswith("hf:") and services().earlier_program.is_database(Path(source)):
            _import_earlier(Path(source), name, options, as_json=json_)
            return

        def work(report: Reporter, cancel: CancelToken) -> DatasetSession:
            return services().datasets.import_file(
                source_of(source), name=name, options=options, report=report, cancel=cancel
            )

        try:
            session = followed(work, *_CANCELLED)
        except ImportRefusedError as error:
            _tell_refused(error, as_json=json_)
            raise typer.Exit(EXIT_FAILED) from None
        if json_:
            print_json(session)
        else:
            print(f"{session.id}  {session.name}: {session.rows} rows, {session.format}")


def _import_earlier(path: Path, name: str, options: ImportOptions, *, as_json: bool) -> None:
    def work(report: Reporter, cancel: CancelToken) -> EarlierImport:
        return services().earlier_program.import_all(
            path, name=name, options=options, report=report, cancel=cancel
        )

    try:
        tell_earlier(followed(work, *_CANCELLED), as_json=as_json)
    except ImportRefusedError as error:
        _tell_refused(error, as_json=as_json)
        raise typer.Exit(EXIT_FAILED) from None


def check_data(
    source: Source,
    map_: Map = None,
    drop: Drop = False,
    text: Text = _TEXT_SPLITS[0],
    model: Model = "",
    template: Template = None,
    max_length: MaxLength = LENGTH,
    last_answer: LastAnswer = False,
    docker: Docker = False,
    json_: Json = False,
) -> None:
    """Say all that is wrong with a file, without importing it; 1 if it would be refused.

    With a model also what it would learn of the rows.
    """
    with reported(json_):
        options = _options(map_, drop, text)
        if model:
            learning = learning_from(model, template, max_length, last_answer, docker)
            _check_with_model(source_of(source), options, learning, as_json=json_)
            return

        def work(report: Reporter, cancel: CancelToken) -> ImportVerdict:
            return services().datasets.check_file(
                source_of(source), options, report=report, cancel=cancel
            )

        verdict = followed(work, *_CANCELLED)
        if json_:
            print_json(check_document(verdict))
        else:
            _print_verdict(verdict)
        if verdict.is_refused:
            raise typer.Exit(EXIT_FAILED)


def _check_with_model(
    source: Path | HubSource, options: ImportOptions, learning: Learning, *, as_json: bool
) -> None:
    """Rows that cannot be read are told before any model is asked."""
    found = None
    with looking() as (report, cancel):
        try:
            verdict, found = report_on(source, options, learning, report, cancel)
        except ImportRefusedError as error:
            verdict = error.verdict
    whole = verdict if found is None else with_model(verdict, found)
    if as_json:
        document = check_document(whole)
        document["stats"] |= {} if found is None else {"model": model_stats(found)}
        print_json(document)
    else:
        _print_verdict(whole)
        if found is not None:
            print_report(found)
    if whole.is_refused:
        raise typer.Exit(EXIT_FAILED)


def source_of(text: str) -> Path | HubSource:
    """What a person means by a file's name or ``hf:user/name:config@split``."""
    if not text.strip():  # an empty variable of a script: a path of it is the working folder
        raise AppError("bad_use", "No file is named.", "Give a file, a folder, or hf:user/name.")
    if not text.startswith("hf:"):
        return Path(text)
    found = _HUB.fullmatch(text)
    if found is None:
        raise AppError("bad_use", f"{text!r} is no dataset.", "Write hf:user/name:config@split.")
    return HubSource(found["repo"], found["config"] or "", found["split"] or "train")


def check_document(verdict: ImportVerdict) -> dict[str, Any]:
    """A check as ``--json`` prints it."""
    return {
        "format": verdict.format or None,
        "rows": verdict.rows,
        "problems": problems_of(verdict),
        "stats": {
            "usable_rows": verdict.kept,
            "columns": verdict.columns,
            "splits": dict(verdict.splits),
        },
    }


def _options(map_: list[str] | None, drop: bool, text: str) -> ImportOptions:
    if text not in _TEXT_SPLITS:
        raise AppError("bad_use", f"--text {text!r} is unknown.", f"Use {', '.join(_TEXT_SPLITS)}.")
    return ImportOptions(parse_mapping(map_ or ()), drop, text)


def _tell_refused(error: ImportRefusedError, *, as_json: bool) -> None:
    say(f"{error.message}\n{error.hint}")
    if as_json:
        words = {"kind": error.kind, "message": error.message, "hint": error.hint}
        print_json({"error": {**words, "problems": problems_of(error.verdict)}})


def _print_verdict(verdict: ImportVerdict) -> None:
    print(f"{verdict.rows:,} rows, {verdict.format or 'no certain format'}")
    for one in verdict.findings:
        where = f"{places(one)}: " if one.rows else ""
        print(f"  {one.severity}  {one.code}  {where}{one.message}")
