"""``temper runs``: what ran, what runs, and what to do with it."""

from __future__ import annotations

import io
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.endings import explained
from app.cli.follow import ProgressLine, follow, watch
from app.cli.output import Json, plain, print_json, print_table, reported, say
from app.cli.setup import ensure_runtime
from app.cli.state import services
from app.cli.times import when
from app.cli.train import finish
from services.redaction import redact
from services.run_files import copy_log

if TYPE_CHECKING:
    from pathlib import Path

    from models.domain.run import Run, RunEvent

app = typer.Typer(
    help="Runs: list, show, logs, stop, attach, resume, delete.", no_args_is_help=True
)
RunName = Annotated[str, typer.Argument(help="Its id, the beginning of it, or 'last'.")]
_LOG_POLL_SECONDS = 0.3


@app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20, json_: Json = False
) -> None:
    """List runs, newest first."""
    with reported(json_):
        services().runs.reattach()
        runs = services().runs.list(limit)
        if json_:
            print_json(runs)
        else:
            header = ("ID", "NAME", "STATE", "STEP", "HELD-OUT LOSS", "CREATED")
            print_table(header, (_row(run) for run in runs))


@app.command()
def show(run: RunName, json_: Json = False) -> None:
    """Show a run with its settings and metrics."""
    with reported(json_):
        update = services().runs.history(services().runs.find(run).id)
        if json_:
            events = [_document(event) for event in services().runs.events(update.run.id)]
            print_json({"run": update.run, "events": events, "autopsy": explained(update)})
            return
        for key, value in plain(update.run).items():
            if key not in {"config", "handle"}:
                print(f"{key:18} {value}")
        made = explained(update)
        if made is not None:
            print(f"\n{made.report()}", end="")


@app.command()
def logs(
    run: RunName,
    follow_: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    json_: Json = False,
) -> None:
    """Print everything a run's trainer printed."""
    with reported(json_):
        found = services().runs.find(run)
        path = services().runs.log_path(found.id)
        if json_:
            print_json({"run": found.id, "log": _whole_log(path)})
        elif path.exists():
            _print_log(found, wait=follow_)


@app.command()
def stop(run: RunName, json_: Json = False) -> None:
    """Stop a run: it saves a checkpoint, from which it can be resumed."""
    with reported(json_):
        stopping = services().runs.stop(services().runs.find(run).id)
        say("Stopping: a checkpoint is being saved.")
        ended = follow(services().runs, stopping, lambda _event: None)
        if json_:
            print_json(ended)
        else:
            print(f"Run {ended.id} is {ended.state}.")


@app.command()
def attach(run: RunName, json_: Json = False) -> None:
    """Show every event of a run from its first one, and go on until it ends."""
    with reported(json_):
        runs = services().runs
        found = runs.find(run)
        events = list(runs.events(found.id))
        past = runs.get(found.id)
        line = ProgressLine()
        show_event = events.append if json_ else _print_event
        if not json_:
            for event in events:
                _print_event(event)
        ended = follow(runs, past, show_event) if past.state.is_live else past
        line.close()
        if json_:
            print_json({"run": ended, "events": [_document(event) for event in events]})
        else:
            finish(ended, as_json=False)


@app.command()
def resume(
    run: RunName,
    detach: Annotated[bool, typer.Option(help="Return at once; the run goes on.")] = False,
    json_: Json = False,
) -> None:
    """Go on with an ended run, from its newest valid checkpoint, in the same folder."""
    with reported(json_):
        ensure_runtime(services())
        resumed = services().runs.resume(services().runs.find(run).id)
        finish(resumed if detach else watch(services().runs, resumed), as_json=json_)


@app.command()
def delete(run: RunName, json_: Json = False) -> None:
    """Forget an ended run and remove its folder; its output directory stays."""
    with reported(json_):
        found = services().runs.find(run)
        services().runs.delete(found.id)
        if json_:
            print_json({"deleted": found.id})
        else:
            print(f"Run {found.id} is deleted; {found.output_directory} stays.")


def _row(run: Run) -> tuple[object, ...]:
    losses = [loss for loss in (run.eval_loss_before, run.eval_loss_after) if loss is not None]
    shown = " → ".join(f"{loss:.3f}" for loss in losses) or "-"
    step = f"{run.step}/{run.total_steps}" if run.total_steps else "-"
    return run.id, run.name, run.state, step, shown, when(run.created_at)


def _document(event: RunEvent) -> dict[str, object]:
    return {"seq": event.seq, "time": event.time, "type": event.type, **event.fields}


def _print_event(event: RunEvent) -> None:
    fields = " ".join(f"{name}={_short(value)}" for name, value in event.fields.items())
    print(f"{event.seq:6}  {event.type:10}  {fields}", flush=True)


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _whole_log(path: Path) -> str:
    text = io.StringIO()
    if path.exists():
        copy_log(path, text)
    return text.getvalue()


def _print_log(run: Run, *, wait: bool) -> None:
    begun, live = "", True
    with services().runs.log_path(run.id).open(encoding="utf-8", errors="replace") as log:
        while live:
            live = wait and services().runs.poll(run.id).run.state.is_live
            for line in log:
                begun += line
                if begun.endswith("\n"):
                    sys.stdout.write(redact(begun))
                    begun = ""
            sys.stdout.flush()
            if live:
                time.sleep(_LOG_POLL_SECONDS)
    sys.stdout.write(redact(begun))
