"""``temper train``: a run by saved configuration or by file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.endings import outcome_text
from app.cli.follow import watch
from app.cli.output import EXIT_FAILED, Json, print_json, reported, say
from app.cli.setup import ensure_runtime
from app.cli.state import services
from models.domain.config_io import parse_value, unknown_setting, with_values
from models.domain.errors import ConfigError, Problem
from models.domain.run import Run, RunState
from services.config_files import read_config_file
from services.run_outputs import OnExisting

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig

_FILE_SUFFIXES = {".yaml", ".yml", ".json"}


def train(
    config: Annotated[str, typer.Argument(help="A saved configuration's name, or a file.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="a.b=c", help="Change a setting for this run; repeatable."),
    ] = None,
    name: Annotated[str, typer.Option(help="The run's name.")] = "",
    on_existing: Annotated[
        OnExisting, typer.Option(help="When the output directory holds something.")
    ] = OnExisting.REFUSE,
    detach: Annotated[bool, typer.Option(help="Return at once; the run goes on.")] = False,
    json_: Json = False,
) -> None:
    """Train, and watch the progress."""
    with reported(json_):
        chosen = apply_settings(read_config(config), set_ or [])
        ensure_runtime(services())
        run = services().runs.start(
            chosen, name=name or Path(config).stem, on_existing=on_existing.value
        )
        say(f"Run {run.id} started. Log: {services().runs.log_path(run.id)}")
        finish(run if detach else watch(services().runs, run), as_json=json_)


def finish(run: Run, *, as_json: bool) -> None:
    """Print how a run stands and leave with 0, or with 1 where it did not finish."""
    if as_json:
        print_json(run)
    else:
        print(outcome_text(run))
    if run.state.is_over and run.state is not RunState.FINISHED:
        raise typer.Exit(EXIT_FAILED)


def read_config(text: str) -> TrainingConfig:
    """The configuration in the file of this name, else the saved one."""
    path = Path(text)
    if path.suffix.lower() in _FILE_SUFFIXES or path.is_file():
        return read_config_file(path)
    return services().configs.get(text)


def apply_settings(config: TrainingConfig, settings: list[str]) -> TrainingConfig:
    """Apply ``path=value`` texts. ConfigError names every one that is wrong."""
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for setting in settings:
        path, has_value, text = setting.partition("=")
        if not has_value:
            problems.append(unknown_setting(setting))
            continue
        try:
            values[path] = parse_value(path, text)
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return with_values(config, values)
