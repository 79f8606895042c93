"""``temper runs resume`` and ``again``: going on with a run, training it longer, building on it,
and repeating it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.data_gate import StartAnyway, check_data_first
from app.cli.follow import watch
from app.cli.output import Json, reported, say
from app.cli.run_table import RunName  # noqa: TC001 - typer reads the annotations
from app.cli.setup import ensure_ready
from app.cli.state import services
from app.cli.train import apply_settings, finish, wait_in_queue
from models.domain.config_io import get_value, settings_index
from models.domain.errors import AppError
from models.domain.remedies import setup_of
from models.domain.run import RunState

if TYPE_CHECKING:
    from models.domain.run import Run
    from models.domain.run_history import Repetition

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="a.b=c",
        help="Go on with this changed, as a new run: a smaller batch, a higher limit; repeatable.",
    ),
]
Queue = Annotated[bool, typer.Option(help="Let it wait until nothing else trains.")]
Detach = Annotated[bool, typer.Option(help="Return at once; the run goes on.")]


def resume(
    run: RunName,
    longer: Annotated[
        bool, typer.Option("--longer", help="Train further than planned, as a new run.")
    ] = False,
    epochs: Annotated[
        float | None, typer.Option(help="With --longer: epochs in all, from the very beginning.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="With --longer: steps in all, instead of epochs.")
    ] = None,
    on_top: Annotated[
        bool, typer.Option("--on-top", help="A new adapter on top of its adapter, as a new run.")
    ] = False,
    set_: Settings = None,
    queue: Queue = False,
    detach: Detach = False,
    start_anyway: StartAnyway = False,
    json_: Json = False,
) -> None:
    """Go on with an ended run, from its newest valid checkpoint, in the same folder.

    With --longer or --on-top a new run begins from it, in a folder of its own.
    """
    with reported(json_):
        _refuse_mixed(longer=longer, on_top=on_top, epochs=epochs, steps=steps, queue=queue)
        longer = longer or epochs is not None or steps is not None
        found = services().runs.find(run)
        if longer or on_top:
            values = _values(found, set_)
            history = services().history
            plan = (
                history.plan_on_top(found.id, values)
                if on_top
                else history.plan_longer(found.id, epochs=epochs, steps=steps, values=values)
            )
            same = plan.config.dataset == found.config.dataset
            sha256 = found.dataset_sha256 if same else ""
            _begin(plan, sha256, queue=queue, detach=detach, anyway=start_anyway, as_json=json_)
            return
        config = apply_settings(setup_of(found), set_ or [])
        ensure_ready(services(), config)
        if set_:
            resumed = services().runs.start(config, name=found.name, on_existing="resume")
        else:
            resumed = services().runs.resume(found.id)
        finish(resumed if detach else watch(services().runs, resumed), as_json=json_)


def again(
    run: RunName,
    exactly: Annotated[
        bool,
        typer.Option(
            "--exactly", help="Start only where nothing has changed that could alter the result."
        ),
    ] = False,
    queue: Queue = False,
    detach: Detach = False,
    start_anyway: StartAnyway = False,
    json_: Json = False,
) -> None:
    """Run a run again exactly: its setup word for word, on the very same rows.

    What is not as it was is said first; with --exactly nothing starts then.
    """
    with reported(json_):
        found = services().runs.find(run)
        ensure_ready(services(), found.config)
        plan = services().history.plan_again(found.id)
        for remark in plan.remarks:
            say(remark)
        if exactly and not plan.exact:
            raise AppError(
                "not_exact",
                f"Run {found.id} cannot be repeated to the bit here.",
                "Leave --exactly out to run it with these differences.",
                "\n".join(plan.remarks) or "What it was computed with was not recorded.",
            )
        check_data_first(
            found.config, anyway=start_anyway, sha256=found.dataset_sha256, as_json=json_
        )
        started = services().history.run_again(found.id, queued=queue)
        ended = _follow(started, queue=queue, detach=detach, as_json=json_)
        if ended is not None and ended.state is RunState.FINISHED and not json_:
            _compare(found, ended)


def _refuse_mixed(
    *, longer: bool, on_top: bool, epochs: float | None, steps: int | None, queue: bool
) -> None:
    if longer and on_top:
        raise AppError("bad_use", "--longer and --on-top exclude each other.", "Choose one.")
    ends = epochs is not None or steps is not None
    if on_top and ends:
        message = "--epochs and --steps say where a run ends that is trained longer."
        raise AppError("bad_use", message, "With --on-top, use --set hp.epochs=2.")
    if epochs is not None and steps is not None:
        raise AppError("bad_use", "--epochs and --steps both name the end.", "Use one of them.")
    if queue and not (longer or on_top or ends):
        raise AppError("bad_use", "A resumed run cannot wait.", "Leave --queue out.")


def _values(run: Run, assignments: list[str] | None) -> dict[str, object]:
    """What ``--set`` changes, by path."""
    changed = apply_settings(run.config, assignments or [])
    return {
        path: get_value(changed, path)
        for path in settings_index()
        if get_value(changed, path) != get_value(run.config, path)
    }


def _begin(
    plan: Repetition, sha256: str, *, queue: bool, detach: bool, anyway: bool, as_json: bool
) -> None:
    ensure_ready(services(), plan.config)
    for remark in plan.remarks:
        say(remark)
    check_data_first(plan.config, anyway=anyway, sha256=sha256, as_json=as_json)
    started = services().history.begin_onward(plan, queued=queue)
    _follow(started, queue=queue, detach=detach, as_json=as_json)


def _follow(started: Run, *, queue: bool, detach: bool, as_json: bool) -> Run | None:
    """Follow a run that has begun to its end; None where it waits or is left alone."""
    if queue:
        wait_in_queue(started, as_json=as_json)
        return None
    say(f"Run {started.id} started. Log: {services().runs.log_path(started.id)}")
    ended = started if detach else watch(services().runs, started)
    finish(ended, as_json=as_json)
    return None if detach else ended


def _compare(first: Run, ended: Run) -> None:
    if services().history.same_result(first.id, ended.id):
        say(f"The result is that of run {first.id}, byte for byte.")
    else:
        say(f"The result is not that of run {first.id} to the byte.")
