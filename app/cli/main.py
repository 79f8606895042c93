"""The command line: the same services as the window, without one."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import (
    config,
    data,
    image,
    models,
    offline,
    pods,
    queue,
    run_history,
    run_onward,
    runs,
    secret,
    settings,
    storage,
)
from app.cli.chat import chat
from app.cli.demo import demo
from app.cli.doctor import doctor
from app.cli.export import export
from app.cli.state import Session
from app.cli.train import train

app = typer.Typer(
    name="temper",
    help="Temper fine-tunes language models on your own data. Without a command: the window.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
app.add_typer(config.app, name="config")
app.add_typer(runs.app, name="runs")
app.add_typer(image.app, name="image")
app.add_typer(models.app, name="models")
app.add_typer(pods.app, name="pods")
app.add_typer(offline.app, name="offline")
runs.app.add_typer(queue.app, name="queue")
runs.app.command()(run_history.compare)
runs.app.command()(run_history.note)
runs.app.command(context_settings=run_history.TAG_WORDS)(run_history.tag)
runs.app.command()(run_history.rename)
runs.app.command()(run_onward.resume)
runs.app.command()(run_onward.again)
runs.app.command("export-metrics")(run_history.export_metrics)
app.add_typer(secret.app, name="secret")
app.add_typer(settings.app, name="settings")
app.add_typer(storage.app, name="storage")
app.command()(demo)
app.command()(train)
app.command()(chat)
app.command()(export)
app.command()(doctor)


@app.callback()
def before(
    is_offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
) -> None:
    """Choices that hold for every command."""
    Session.offline = is_offline
