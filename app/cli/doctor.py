"""``temper doctor``: every prerequisite with its state, its meaning and the next step."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import typer

from app.cli.output import EXIT_FAILED, Json, print_json, reported
from app.cli.setup import StepPrinter
from app.cli.state import Session, services
from app.paths import app_paths
from models.domain.doctor import CheckState, tally, worst_state
from models.domain.errors import AppError
from services.doctor.report import WIDTH, report_text
from services.offline import OfflinePolicy
from services.progress import Progress

if TYPE_CHECKING:
    from models.domain.doctor import Check
    from services.doctor.doctor import Doctor


def doctor(json_: Json = False) -> None:
    """Check everything a training needs on this computer; exit code 1 where something will fail."""
    with reported(json_):
        checks = _look(_doctor())
        if json_:
            print_json({"summary": tally(checks), "checks": checks})
        else:
            width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)
            print(report_text(checks, width=width), end="")
        if worst_state(checks) is CheckState.FAIL:
            raise typer.Exit(EXIT_FAILED)


def _doctor() -> Doctor:
    try:
        return services().doctor
    except AppError as error:
        from app.build_doctor import emergency_doctor  # seldom needed

        return emergency_doctor(app_paths(), OfflinePolicy(forced=Session.offline), error)


def _look(doctor: Doctor) -> tuple[Check, ...]:
    """With a line that says how far it is, for whoever sits before a terminal."""
    if not sys.stderr.isatty():
        return doctor.checks()
    printer = StepPrinter()

    def report(found: tuple[Check, ...]) -> None:
        known = sum(check.state is not CheckState.WAITING for check in found)
        waiting = next((one.name for one in found if one.state is CheckState.WAITING), "")
        printer(Progress(known / len(found), f"Looking… {waiting}"))

    try:
        return doctor.checks(report)
    finally:
        printer.close()
