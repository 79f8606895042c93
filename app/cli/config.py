"""``temper config``: saved configurations."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated

import typer
import yaml

from app.cli.output import Json, print_json, print_table, reported
from app.cli.state import services
from app.cli.times import when
from models.domain.config_io import to_dict
from services.configs import read_config_file, write_config_file

app = typer.Typer(help="Saved configurations: list, show, import, export.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The configuration's name.")]


@app.command("list")
def list_configs(json_: Json = False) -> None:
    """List saved configurations, newest first."""
    with reported(json_):
        saved = services().configs.list()
        if json_:
            print_json(saved)
        else:
            rows = ((one.id, one.name, one.target, when(one.updated_at)) for one in saved)
            print_table(("ID", "NAME", "TARGET", "SAVED"), rows)


@app.command()
def show(name: Name, json_: Json = False) -> None:
    """Show a configuration, every setting of it."""
    with reported(json_):
        document = to_dict(services().configs.get(name))
        if json_:
            print_json(document)
        else:
            print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), end="")


@app.command("import")
def import_config(
    file: Annotated[Path, typer.Argument(help="A YAML or JSON file.")],
    name: Annotated[str, typer.Option(help="Its name; the file's if left out.")] = "",
    replace: Annotated[bool, typer.Option(help="Replace one of the same name.")] = False,
    json_: Json = False,
) -> None:
    """Save a configuration from a file."""
    with reported(json_):
        config = read_config_file(file)
        wanted = name or file.stem
        if services().configs.find(wanted) is not None and not replace:
            raise typer.BadParameter(f"{wanted!r} exists already; add --replace or --name.")
        saved = services().configs.save(wanted, config)
        if json_:
            print_json(saved)
        else:
            print(f"Saved as {saved.name}.")


@app.command("export")
def export_config(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Where to write it (YAML).")],
    json_: Json = False,
) -> None:
    """Write a configuration to a file. It never holds a secret."""
    with reported(json_):
        write_config_file(file, services().configs.get(name))
        if json_:
            print_json({"file": str(file)})
        else:
            print(f"Written to {file}.")
