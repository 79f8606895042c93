"""``temper runs``: what ran, what runs, and what to do with it."""

from __future__ import annotations

import io
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.endings import explained
from app.cli.follow import ProgressLine, follow
from app.cli.output import Json, print_json, print_table, reported, say
from app.cli.rented import with_cost
from app.cli.run_facts import print_facts, run_facts
from app.cli.run_table import RunName, print_runs
from app.cli.state import services
from app.cli.train import finish
from models.domain.config_compare import changed_settings
from models.domain.errors import AppError
from models.domain.run import RunState  # noqa: TC001 - typer reads the annotations
from models.qt.wording import size
from services.redaction import redact
from services.run_files import copy_log

if TYPE_CHECKING:
    from pathlib import Path

    from models.domain.run import Run, RunEvent
    from models.domain.run_history import RunSize

app = typer.Typer(
    help="Runs: list, show, logs, stop, attach, resume, compare, again, queue, delete and more.",
    no_args_is_help=True,
)
_LOG_POLL_SECONDS = 0.3


@app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    search: Annotated[
        str, typer.Option(help="With all of these words in name, model, dataset, notes or tags.")
    ] = "",
    state: Annotated[list[RunState] | None, typer.Option(help="In this state; repeatable.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="With this tag; repeatable.")] = None,
    json_: Json = False,
) -> None:
    """List runs, newest first."""
    with reported(json_):
        services().runs.reattach()
        tags = {text.casefold() for text in tag or ()}
        fitting = (
            run
            for run in services().history.search(search)
            if (not state or run.state in state) and tags <= {one.casefold() for one in run.tags}
        )
        runs = list(islice(fitting, limit))
        if json_:
            print_json(runs)
        else:
            print_runs(runs, time.time())


@app.command()
def show(run: RunName, json_: Json = False) -> None:
    """Show a run with its settings and metrics."""
    with reported(json_):
        update = with_cost(services().runs.history(services().runs.find(run).id))
        made, changed = explained(update), changed_settings(update.run.config)
        record = services().history.record_of(update.run.id)
        if json_:
            events = [_document(event) for event in services().runs.events(update.run.id)]
            document = {"run": update.run, "events": events, "autopsy": made, "changed": changed}
            print_json(document | {"record": record})
            return
        told = dict(run_facts(update.run, time.time()))
        print_facts(told.items())
        if changed:
            print("\nSettings that are not as they come:")
            rows = ((one.path, *one.values) for one in changed)
            print_table(("SETTING", "VALUE", "DEFAULT"), rows)
        further = {f"{name[:1].upper()}{name[1:]}": text for name, text in record.items()}
        if further := {name: text for name, text in further.items() if name not in told}:
            print("\nWhat it was computed with:")
            print_facts(further.items())
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
        if stopping.state.is_live:
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
def delete(
    run: RunName,
    outputs: Annotated[
        bool, typer.Option("--outputs", help="Remove its adapter and checkpoints, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json_: Json = False,
) -> None:
    """Forget an ended run and remove its folder; its output directory stays without --outputs."""
    with reported(json_):
        found = services().runs.find(run)
        measured = services().history.size(found.id)
        if outputs:
            services().history.refuse_outputs(found.id)
        if outputs and not yes:
            _ask_to_delete(found, measured)
        deleted = services().history.delete([found.id], with_outputs=outputs)
        if json_:
            freed = measured.total if outputs else measured.folder
            print_json({"deleted": found.id, "bytes": freed, "left": deleted.left})
            return
        gone = outputs and not measured.outputs_kept
        stays = "" if gone else f"; {found.output_directory} stays"
        print(f"Run {found.id} is deleted{stays}.")
        if outputs and measured.outputs_kept:
            say(measured.outputs_kept)
        for folder in deleted.left:
            say(f"{folder} cannot be removed yet; that is tried again later.")


def _ask_to_delete(run: Run, measured: RunSize) -> None:
    if measured.outputs_kept:
        what = f"its folder ({size(measured.folder)}). {measured.outputs_kept} It stays"
    else:
        what = f"its folder, adapter and checkpoints ({size(measured.total)})"
    if not sys.stdin.isatty():
        raise AppError(
            "bad_use", f"Deleting run {run.id} removes {what}.", "Add --yes to do it unasked."
        )
    typer.confirm(f'Delete run {run.id} ("{run.name}") with {what}?', abort=True, err=True)


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
