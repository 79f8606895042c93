"""``temper data clean``: the rows that keep a training from starting are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.data_library import print_session
from app.cli.following import followed
from app.cli.output import Json, reported, say
from app.cli.setup import ensure_ready
from app.cli.state import services
from app.cli.train import apply_settings, read_config
from models.domain.data_gate import DataRefusedError, droppable
from models.domain.errors import AppError

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.dataset import DatasetSession
    from services.progress import CancelToken, Reporter


def clean(
    config: Annotated[str, typer.Argument(help="A saved configuration's name, or a file.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="a.b=c", help="Change a setting for this; repeatable."),
    ] = None,
    json_: Json = False,
) -> None:
    """Make a new dataset without the rows for which a training with this setup is refused."""
    with reported(json_):
        chosen = apply_settings(read_config(config), set_ or [])
        ensure_ready(services(), chosen)

        def work(report: Reporter, cancel: CancelToken) -> DatasetSession:
            return _cleaned(chosen, report, cancel)

        made = followed(work, "It was cancelled.", "Nothing was changed.")
        print_session(made, as_json=json_)
        say(f'Train on it with: --set dataset.session="{made.reference}"')


def _cleaned(config: TrainingConfig, report: Reporter, cancel: CancelToken) -> DatasetSession:
    learning = services().learning
    try:
        found = learning.gate(config, report=report, cancel=cancel)
    except DataRefusedError as error:
        codes = droppable(error.report)
        if error.session is None:
            hint = "Import it first: temper data import hf:user/name"
            raise AppError("bad_use", "A dataset of Hugging Face stays as it is.", hint) from None
        if not codes:
            message = "Leaving rows out is no remedy for what was found, or leaves none."
            raise AppError("bad_use", message, "temper train names it.") from None
        try:
            return learning.drop(config, error.session, codes, report=report, cancel=cancel)
        finally:
            learning.close()
    if found is None:
        raise AppError("bad_use", "The rows could not be looked at.", "temper train says why.")
    raise AppError("bad_use", "No row keeps this training from starting.", "Nothing was made.")
