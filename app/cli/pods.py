"""``temper pods``: what is rented at Runpod by this installation, what it costs, and its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import EXIT_FAILED, Json, print_json, print_table, program, reported, say
from app.cli.state import services
from app.cli.train import apply_settings, read_config
from models.domain.errors import AppError
from models.domain.pod_quote import dollars, hours
from models.domain.remote_money import clock_words

if TYPE_CHECKING:
    from models.domain.pod_rows import PodRow
    from services.remote.quotes import RemoteQuote

app = typer.Typer(
    help="Rented pods: list them, end them, ask what a training would cost.", no_args_is_help=True
)
_SHOWN = 5


@app.command("list")
def list_pods(json_: Json = False) -> None:
    """List the pods that this installation has rented, with their cost so far.

    Where Runpod cannot be asked: those that are known here, with exit code 1.
    """
    with reported(json_):
        try:
            for pod in services().remote.pods.enforce():
                say(f"The pod {pod} was past its limit and is ended.")
            rows = services().remote.pods.rows()
        except AppError:
            known = services().remote.pods.known()
            if known and not json_:
                _print_rows(known)
                say("These pods are known here. One can be ended all the same, Offline or not.")
            raise
        if json_:
            print_json(rows)
        elif rows:
            _print_rows(rows)
        else:
            print("No pod of this installation is rented.")


@app.command()
def quote(
    config: Annotated[str, typer.Argument(help="A saved configuration's name, or a file.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="a.b=c", help="Change a setting for this; repeatable."),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask for prices and stock anew.")
    ] = False,
    json_: Json = False,
) -> None:
    """Say what a training would rent and cost; nothing is rented. Exit code 1: nothing suits."""
    with reported(json_):
        chosen = apply_settings(read_config(config), set_ or [])
        found = services().remote.quotes.ask(chosen, refresh=refresh)
        if json_:
            print_json(found)
        else:
            _print_quote(found)
        if found.quote is None:
            raise typer.Exit(EXIT_FAILED)


@app.command()
def stop(
    pod: Annotated[str, typer.Argument(metavar="ID", help="The pod's id, as in the list.")],
    json_: Json = False,
) -> None:
    """End a pod now; also in Offline mode. What its network volume holds is kept."""
    with reported(json_):
        end = services().remote.pods.end(pod)
        if json_:
            print_json(end)
        elif end.gone:
            print(f"The pod {end.pod.words(time.time())} is gone.")
        else:
            say(f"The pod {end.pod.name} is not gone yet. {end.trouble}")
            say(f"It may still cost money: try again with: {program()} pods stop {pod}")
        if not end.gone:
            raise typer.Exit(EXIT_FAILED)


@app.command()
def sweep(json_: Json = False) -> None:
    """End the pods of this installation that no run needs; nobody else's."""
    with reported(json_):
        swept = services().remote.pods.sweep()
        if json_:
            print_json(swept)
        else:
            print("\n".join(swept.words(time.time())) or "No pod is there that no run needs.")
        if not all(end.gone for end in swept.ended):
            raise typer.Exit(EXIT_FAILED)


def _print_rows(rows: tuple[PodRow, ...]) -> None:
    now = time.time()
    header = ("ID", "RUN", "STATE", "GPU", "AGE", "COST", "PER HOUR", "ENDS")
    print_table(header, (_cells(row, now) for row in rows))


def _cells(row: PodRow, now: float) -> tuple[str, ...]:
    age = row.age(now)
    count = f"{row.gpu_count} x " if row.gpu_count > 1 else ""
    state = row.state if row.is_needed else f"{row.state}, no run needs it"
    return (
        row.id,
        row.run_id or "-",
        state,
        f"{count}{row.gpu.removeprefix('NVIDIA ')}" or "-",
        "-" if age is None else hours(age),
        dollars(row.cost),
        dollars(row.per_hour),
        "-" if row.ends_at is None else clock_words(row.ends_at, now),
    )


def _print_quote(found: RemoteQuote) -> None:
    print("\n".join(found.words()))
    others = found.candidates[1:_SHOWN]
    if others:
        print("Then, in this order:")
        for one in others:
            print(f"  {one.words()}, ${one.offer.price:.2f} an hour")
    more = len(found.candidates) - 1 - len(others)
    if more > 0:
        print(f"  and {more} more")
