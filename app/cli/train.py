"""``temper train``: a run by saved configuration or by file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.data_gate import StartAnyway, check_data_first
from app.cli.endings import outcome_text
from app.cli.follow import watch
from app.cli.measure import Probe, measure
from app.cli.output import EXIT_FAILED, Json, print_json, program, reported, say
from app.cli.rented import until_it_trains
from app.cli.setup import ensure_ready
from app.cli.state import services
from models.domain.config import RUNTIME_RUNPOD
from models.domain.config_io import parse_value, unknown_setting, with_values
from models.domain.errors import ConfigError, Problem
from models.domain.run import Run, RunState
from services.config_files import read_config_file
from services.offline_dataset import on_library
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
    queue: Annotated[
        bool, typer.Option("--queue", help="Let it wait until nothing else trains here.")
    ] = False,
    start_anyway: StartAnyway = False,
    probe: Probe = False,
    json_: Json = False,
) -> None:
    """Train, and watch the progress."""
    with reported(json_):
        chosen = _offline_copy(apply_settings(read_config(config), set_ or []))
        ensure_ready(services(), chosen)
        if probe:
            measure(chosen, as_json=json_)
            return
        check_data_first(chosen, anyway=start_anyway, as_json=json_)
        called = name or Path(config).stem
        if queue:
            run = services().queue.enqueue(chosen, name=called, on_existing=on_existing.value)
            wait_in_queue(run, as_json=json_)
            return
        _tell_of_others()
        run = services().runs.start(chosen, name=called, on_existing=on_existing.value)
        say(f"Run {run.id} started. Log: {services().runs.log_path(run.id)}")
        finish(_left(run) if detach else watch(services().runs, run), as_json=json_)


def _offline_copy(config: TrainingConfig) -> TrainingConfig:
    """In Offline mode a dataset of Hugging Face is replaced by the library's copy, if there is one
    that ``temper offline prepare`` made."""
    if not services().offline.is_offline():
        return config
    found = on_library(config, services().datasets)
    if found is not config:
        say(f"Offline: trains on {found.dataset.session}, imported from {config.dataset.hf_repo}.")
    return found


def finish(run: Run, *, as_json: bool) -> None:
    """Print how a run stands and leave with 0, or with 1 where it did not finish."""
    if as_json:
        print_json(run)
    else:
        print(outcome_text(run))
    if run.state.is_over and run.state is not RunState.FINISHED:
        raise typer.Exit(EXIT_FAILED)


def _left(run: Run) -> Run:
    """A run as it goes on by itself: a pod has to be rented and given its work first."""
    return until_it_trains(run) if run.runtime == RUNTIME_RUNPOD else run


def wait_in_queue(run: Run, *, as_json: bool) -> None:
    """Let a run wait its turn; start whichever is the next where nothing trains."""
    turn = services().queue.start_next()
    for failed in turn.failed:
        say(outcome_text(failed))
    run = services().runs.get(run.id)
    if turn.held:
        say(f"The queue waits: {turn.held}")
    elif turn.started is not None and turn.started.id == run.id:
        say(f"Nothing else trains, so run {run.id} has started.")
    elif run.state is RunState.QUEUED:
        place = [one.id for one in services().queue.list()].index(run.id) + 1
        say(f"Run {run.id} is number {place} in the queue.")
        say(f"The window starts it when its turn comes, or: {program()} runs queue start --wait")
    finish(run, as_json=as_json)


def _tell_of_others() -> None:
    """Two trainings at once share memory and cores, which is rarely what was meant."""
    for other in services().runs.reattach():
        if other.state.is_live:
            say(f"Run {other.id} trains already; --queue would wait for it.")


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
