"""Before a run starts from a terminal: its data is looked at with its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.following import followed
from app.cli.output import EXIT_FAILED, plain, print_json, say
from app.cli.state import services
from models.domain.data_gate import DataRefusedError, droppable, majors, remedies_for, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.config import TrainingConfig
    from models.domain.data_report import DataReport
    from services.progress import CancelToken, Reporter

StartAnyway = Annotated[
    bool,
    typer.Option(
        "--start-anyway", help="Start with data of which a part teaches nothing, or no end."
    ),
]


def check_data_first(
    config: TrainingConfig, *, anyway: bool = False, sha256: str = "", as_json: bool = False
) -> DataReport | None:
    """Go on where the data can be learnt; else print all that was found, and leave with 1.

    ``anyway`` passes over what the trainer can train with. ``sha256`` are the rows where the
    setup's name for them is not to be looked up. AppError where model and data do not fit at all.
    """
    try:
        return _asked(config, sha256)
    except DataRefusedError as error:
        if anyway and error.may_start:
            say(f"Starting anyway. {error.message}")
            return error.report
        _tell(error, config, as_json=as_json)
        raise typer.Exit(EXIT_FAILED) from None


def _asked(config: TrainingConfig, sha256: str) -> DataReport | None:
    def work(report: Reporter, cancel: CancelToken) -> DataReport | None:
        return services().learning.gate(config, sha256=sha256, report=report, cancel=cancel)

    return followed(work, "The check of the data was cancelled.")


def _tell(error: DataRefusedError, config: TrainingConfig, *, as_json: bool) -> None:
    hint = error.hint
    if error.may_start:
        hint = f"{hint} --start-anyway trains with it all the same.".strip()
    findings, remedies = error.report.findings, tuple(_remedies(error, config))
    if as_json:
        words = {"kind": error.kind, "message": error.message, "hint": hint}
        facts = {"may_start": error.may_start, "remedies": remedies, "findings": plain(findings)}
        print_json({"error": {**words, **facts}})
    say(f"{error.name} cannot be learnt as it is, so the training did not start:")
    for one in findings:
        place = f"{where(one)}: " if one.rows else ""
        say(f"  {one.severity}  {one.code}  {place}{one.message}")
    say("\n".join([hint, *(f"  {remedy}" for remedy in remedies)]))


def _remedies(error: DataRefusedError, config: TrainingConfig) -> Iterator[str]:
    """What of the remedies can be typed, each once."""
    if error.session is not None and droppable(error.report):
        yield "Leave these rows out: temper data clean, with the same setup"
    changes = {
        remedy.label: remedy.values
        for one in majors(error.report)
        for remedy in remedies_for(one, config, error.report)
        if remedy.values
    }
    for label, values in changes.items():
        yield f"{label}: {' '.join(f'--set {path}={_typed(new)}' for path, new in values.items())}"


def _typed(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
