"""``temper settings``: the settings of the program, those of the window's Settings page."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.output import Json, print_json, print_table, reported, say
from app.cli.state import services
from models.domain.app_settings import app_settings_index, parse_setting

app = typer.Typer(help="The program's settings: list, set.", no_args_is_help=True)


@app.command("list")
def list_settings(json_: Json = False) -> None:
    """List every setting with its value."""
    with reported(json_):
        settings = services().settings.values()
        if json_:
            print_json(settings)
            return
        rows = (
            (name, _text(getattr(settings, name)), info.rule.help)
            for name, info in app_settings_index().items()
        )
        print_table(("NAME", "VALUE", "WHAT"), rows)
        if services().offline.is_forced:
            say("Offline for now, whatever is set: by --offline or TEMPER_OFFLINE.")


@app.command("set")
def set_setting(
    name: Annotated[str, typer.Argument(help="The setting's name, as in the list.")],
    value: Annotated[str, typer.Argument(help="Its new value; on or off for a switch.")],
    json_: Json = False,
) -> None:
    """Change a setting. A window that is open takes it at its next start."""
    with reported(json_):
        parsed = parse_setting(name, value)
        if name == "offline":
            services().offline.set(bool(parsed))
        else:
            services().settings.set(name, parsed)
        settings = services().settings.values()
        if json_:
            print_json(settings)
        else:
            print(f"{name}: {_text(getattr(settings, name))}")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) or "-"
