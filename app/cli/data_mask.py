"""``temper data mask``, and what ``temper data check --model`` adds: what a model would learn."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.asking import interruptible
from app.cli.output import Json, plain, print_json, reported
from app.cli.setup import StepPrinter, ensure_runtime
from app.cli.state import services
from models.domain.config import RUNTIME_DOCKER, LocalSection
from models.domain.data_report import Learning
from models.domain.errors import AppError
from models.domain.hyperparameters import HyperparameterSection
from services.chat_templates import read_template
from services.job_builder import job_model
from services.progress import Cancelled
from services.rows_aside import in_the_file, rows_aside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.data_report import DataReport, TokenView
    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from services.data_inspection import RowFile
    from services.dataset_store import DatasetStore
    from services.progress import CancelToken, Reporter

Model = Annotated[str, typer.Option(help="A model's folder or its name on Hugging Face.")]
Template = Annotated[
    Path | None, typer.Option(help="A chat template to use instead of the model's own.")
]
MaxLength = Annotated[
    int, typer.Option("--max-length", min=16, help="The most tokens of a row; the rest is cut.")
]
LastAnswer = Annotated[bool, typer.Option("--last-answer", help="Learn only the last answer.")]
Docker = Annotated[bool, typer.Option("--docker", help="Look in a container of the default image.")]
LENGTH = HyperparameterSection().max_seq_length


def mask(
    file: Annotated[str, typer.Argument(help="A file, or a dataset of the library.")],
    row: Annotated[int, typer.Option(min=0, help="The number of the row, from 0.")],
    model: Model,
    template: Template = None,
    max_length: MaxLength = LENGTH,
    last_answer: LastAnswer = False,
    docker: Docker = False,
    json_: Json = False,
) -> None:
    """Show which tokens of a row the model would learn."""
    with reported(json_):
        learning = learning_from(model, template, max_length, last_answer, docker)
        with looking() as (report, cancel), _one_row(file, row, report, cancel) as (values, name):
            texts = services().inspection.mask(values, name, learning, cancel)
        if json_:
            first = texts[0]
            document = {"text": first.text, "input_ids": first.input_ids, "labels": first.labels}
            print_json({**document, "texts": texts})
        else:
            for text in texts:
                print(marked_text(text))


def marked_text(text: TokenView) -> str:
    """The text with what is learnt between ⟦ and ⟧."""
    shown, is_open = "", False
    for piece, learnt in text.pieces:
        shown += ("⟦" if learnt and not is_open else "⟧" if is_open and not learnt else "") + piece
        is_open = learnt
    cut = f"\n(cut after {text.max_length} of {text.length} tokens)"
    return shown + ("⟧" if is_open else "") + (cut if text.length > text.max_length else "")


def report_on(
    source: Path | HubSource,
    options: ImportOptions,
    learning: Learning,
    report: Reporter,
    cancel: CancelToken,
) -> tuple[ImportVerdict, DataReport]:
    """What an import says of a file, and what the model would learn of it."""
    root = Path(learning.data_root)
    aside = rows_aside(services().datasets, source, root, options, report=report, cancel=cancel)
    with aside as (verdict, rows, _store):
        found = services().inspection.report(rows, learning, report=report, cancel=cancel)
        return verdict, in_the_file(found, rows)


def learning_from(
    model: str, template: Path | None, max_length: int, last_answer: bool, docker: bool
) -> Learning:
    """How the rows would be learnt; sets up the environment that looks at them, if need be."""
    text = None if template is None else read_template(template)
    if not docker:
        ensure_runtime(services())
    return Learning(
        base_model=job_model(model),
        data_root=str(data_root()),
        template=text,
        max_seq_length=max_length,
        train_on="last answer" if last_answer else "every answer",
        local=LocalSection(runtime=RUNTIME_DOCKER) if docker else LocalSection(),
    )


def data_root() -> Path:
    """The folder that stands for ``/data`` where a setup names none."""
    return Path(services().settings.values().data_root or services().paths.data)


@contextmanager
def looking() -> Iterator[tuple[Reporter, CancelToken]]:
    """Progress on the terminal, Ctrl+C, and the worker's end."""
    printer = StepPrinter()
    try:
        with interruptible() as cancel:
            yield printer, cancel
    except Cancelled:
        raise AppError("cancelled", "The check was cancelled.", "Nothing was changed.") from None
    finally:
        printer.close()
        services().inspection.close()


def model_stats(found: DataReport) -> dict[str, Any]:
    """The numbers of a report as ``--json`` prints them."""
    return {name: value for name, value in plain(found).items() if name != "findings"}


def with_model(verdict: ImportVerdict, found: DataReport) -> ImportVerdict:
    """A file's verdict with what the model finds, but for what both say."""
    known = {finding.code for finding in verdict.findings}
    new = [finding for finding in found.findings if finding.code not in known]
    return replace(verdict, findings=(*verdict.findings, *new))


def print_report(found: DataReport) -> None:
    """The numbers of a report for a person."""
    print(
        f"With {found.model}: {found.trained_tokens:,} of {found.tokens:,} tokens are learnt "
        f"({found.trained_share:.0%}), in {found.texts:,} texts; {found.truncated:,} rows are cut, "
        f"{found.refused:,} refused, of {found.without_answer:,} nothing is learnt."
    )


@contextmanager
def _one_row(
    name: str, number: int, report: Reporter, cancel: CancelToken
) -> Iterator[tuple[dict[str, Any], str]]:
    """A row of a file, or of a dataset of the library, and its format."""
    library = services().datasets
    if not Path(name).exists():
        session = library.find(name)
        yield _the_row(library.rows(session.id, number, 1), number), session.format
        return
    root = data_root()
    with rows_aside(library, Path(name), root, report=report, cancel=cancel) as aside:
        _verdict, rows, store = aside
        yield _the_row(_rows_of(store, rows, number), number), rows.format


def _rows_of(store: DatasetStore, rows: RowFile, number: int) -> list[dict[str, Any]]:
    return store.rows(rows.sha256, number, 1)


def _the_row(found: Any, number: int) -> dict[str, Any]:
    if not found:
        raise AppError("not_found", f"There is no row {number}.", "Rows are counted from 0.")
    row: dict[str, Any] = found[0]
    return row
