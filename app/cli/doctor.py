"""``temper doctor``: every prerequisite with its state and the next step."""

from __future__ import annotations

import typer

from app.cli.output import EXIT_FAILED, Json, print_json, reported
from app.cli.state import services
from services.host_info import CheckState

_SIGNS = {CheckState.OK: "ok  ", CheckState.WARN: "note", CheckState.FAIL: "FAIL"}


def doctor(json_: Json = False) -> None:
    """Check everything a training needs on this computer."""
    with reported(json_):
        checks = services().doctor()
        if json_:
            print_json({"checks": checks})
        for check in [] if json_ else checks:
            print(f"{_SIGNS[check.state]}  {check.name}: {check.message}")
            if check.next_step:
                print(f"      {check.next_step}")
        if any(check.state is CheckState.FAIL for check in checks):
            raise typer.Exit(EXIT_FAILED)
