"""``temper runs queue``: the runs that wait until nothing else trains on this computer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.endings import outcome_text
from app.cli.follow import watch
from app.cli.output import EXIT_FAILED, Json, print_json, program, reported, say
from app.cli.run_table import RunName, print_queue
from app.cli.state import services
from models.domain.run import Run, RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.run_history import QueueTurn

app = typer.Typer(
    help="Runs that wait: list, up, down, first, last, remove, start.", invoke_without_command=True
)
_LOOK_SECONDS = 5.0


@app.callback()
def show(context: typer.Context, json_: Json = False) -> None:
    """Show the runs that wait, the next one first."""
    if context.invoked_subcommand is None:
        list_queue(json_)


@app.command("list")
def list_queue(json_: Json = False) -> None:
    """Show the runs that wait, the next one first."""
    with reported(json_):
        services().runs.reattach()
        _print(services().queue.list(), as_json=json_)


@app.command()
def up(run: RunName, json_: Json = False) -> None:
    """Let a run start before the one that is before it."""
    _move(run, "up", as_json=json_)


@app.command()
def down(run: RunName, json_: Json = False) -> None:
    """Let a run start after the one that is after it."""
    _move(run, "down", as_json=json_)


@app.command()
def first(run: RunName, json_: Json = False) -> None:
    """Let a run start before all others."""
    _move(run, "first", as_json=json_)


@app.command()
def last(run: RunName, json_: Json = False) -> None:
    """Let a run start after all others."""
    _move(run, "last", as_json=json_)


@app.command()
def remove(run: RunName, json_: Json = False) -> None:
    """Take a run out of the queue; it is stopped then."""
    with reported(json_):
        removed = services().queue.remove(services().runs.find(run).id)
        if json_:
            print_json(removed)
        else:
            print(f"Run {removed.id} waits no more.")


@app.command()
def start(
    wait: Annotated[bool, typer.Option(help="Stay until none waits any more.")] = False,
    json_: Json = False,
) -> None:
    """Start the next run, if nothing trains on this computer."""
    with reported(json_):
        turns = _work_off() if wait else [services().queue.start_next()]
        started = [services().runs.get(turn.started.id) for turn in turns if turn.started]
        failed = [run for turn in turns for run in turn.failed]
        held = turns[-1].held if turns else ""
        if json_:
            print_json({"started": started, "failed": failed, "held": held})
        else:
            _tell(started, held)
        bad = [run for run in started if run.state.is_over and run.state is not RunState.FINISHED]
        if failed or held or bad:
            raise typer.Exit(EXIT_FAILED)


def _work_off() -> list[QueueTurn]:
    turns: list[QueueTurn] = []
    while services().queue.list():
        turn = services().queue.start_next()
        turns.append(turn)
        _tell_failed(turn)
        if turn.held:
            break
        if turn.started is not None:
            say(f"Run {turn.started.id} started.")
            say(outcome_text(watch(services().runs, turn.started)))
        elif services().queue.list():  # something else trains, or another program starts one
            time.sleep(_LOOK_SECONDS)
    return turns


def _tell_failed(turn: QueueTurn) -> None:
    for run in turn.failed:
        say(outcome_text(run))


def _tell(started: Sequence[Run], held: str) -> None:
    if held:
        say(held)
    for run in started:
        print(f"Run {run.id} is {run.state}.")
    if not started and not held:
        waiting = services().queue.list()
        print("Something trains already: the next run waits for it." if waiting else "None waits.")
    elif started and not started[-1].state.is_over:
        say(f"Watch it with: {program()} runs attach {started[-1].id}")


def _move(name: str, where: str, *, as_json: bool) -> None:
    with reported(as_json):
        _print(services().queue.move(services().runs.find(name).id, where), as_json=as_json)


def _print(waiting: Sequence[Run], *, as_json: bool) -> None:
    if as_json:
        print_json(waiting)
    elif waiting:
        print_queue(waiting)
    else:
        print("No run waits.")
