"""``temper train --probe``: does a setup fit, before it is trained?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.following import followed
from app.cli.output import EXIT_FAILED, print_json
from app.cli.state import services

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.measured_fit import MeasuredFit
    from services.progress import CancelToken, Reporter

Probe = Annotated[
    bool,
    typer.Option(
        "--probe", help="Only measure: one step of the longest rows, its memory and its time."
    ),
]


def measure(config: TrainingConfig, *, as_json: bool) -> None:
    """Print what one step takes; leave with 1 where it does not fit."""

    def work(report: Reporter, cancel: CancelToken) -> MeasuredFit:
        return services().probe.measure(config, report=report, cancel=cancel)

    found = followed(work, "The measurement was cancelled.")
    if as_json:
        print_json(found)
    else:
        print("\n".join(found.sentences()))
    if not found.fits:
        raise typer.Exit(EXIT_FAILED)
