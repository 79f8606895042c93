"""``temper config``: saved configurations."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.earlier import tell_earlier
from app.cli.foreign import program_of, tell_exported, tell_imported
from app.cli.output import Json, plain, print_json, print_table, reported
from app.cli.state import services
from app.cli.times import when
from app.cli.train import apply_settings
from models.domain.config import TARGET_LOCAL, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import to_dict
from models.domain.errors import AppError
from services.config_files import config_text, read_config_file, write_config_file

if TYPE_CHECKING:
    from models.domain.dataset import SavedConfig
    from models.domain.offline_ready import OfflineStatus

app = typer.Typer(
    help="Saved configurations: list, show, save, rename, delete, duplicate, import, export.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="The configuration's name.")]
NewName = Annotated[str, typer.Argument(help="A name that is free.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace one of the same name.")]
_TARGETS = {"local": TARGET_LOCAL, "runpod": TARGET_RUNPOD}


@app.command("list")
def list_configs(
    target: Annotated[str, typer.Option(help="Only those for local or runpod.")] = "",
    json_: Json = False,
) -> None:
    """List saved configurations, newest first.

    OFFLINE says "ready to train offline" of those that temper offline prepare has made so, until
    something that they need goes away; then what is missing.
    """
    with reported(json_):
        saved = services().configs.list(_target(target))
        offline = {one.config: one for one in services().bundles.readiness.once_ready()}
        if json_:
            print_json([_listed(one, offline.get(one.name)) for one in saved])
            return
        rows = (
            (one.id, one.name, one.target, when(one.updated_at), _words(offline.get(one.name)))
            for one in saved
        )
        print_table(("ID", "NAME", "TARGET", "SAVED", "OFFLINE"), rows)


@app.command()
def show(name: Name, json_: Json = False) -> None:
    """Show a configuration, every setting of it."""
    with reported(json_):
        config = services().configs.get(name)
        text = config_text(config)
        if json_:
            print_json(to_dict(config))
        else:
            print(text, end="")


@app.command()
def save(
    name: Name,
    file: Annotated[
        Path | None, typer.Argument(help="A YAML or JSON file; without one, the defaults.")
    ] = None,
    based_on: Annotated[
        str, typer.Option("--from", help="Start from this saved configuration instead.")
    ] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="a.b=c", help="Change a setting; repeatable."),
    ] = None,
    replace: Replace = False,
    json_: Json = False,
) -> None:
    """Save a configuration under a name."""
    with reported(json_):
        if file is not None and based_on:
            raise AppError("bad_use", "A file and --from exclude each other.", "Leave one out.")
        seen = services().configs.find(name)  # before the base is read: it may be the same one
        config = apply_settings(_base(file, based_on), set_ or [])
        _report(_store(name, config, seen, replace=replace), "Saved as", as_json=json_)


@app.command()
def rename(name: Name, new_name: NewName, json_: Json = False) -> None:
    """Give a configuration another name."""
    with reported(json_):
        renamed = services().configs.rename(services().configs.entry(name), new_name)
        _report(renamed, "Renamed to", as_json=json_)


@app.command()
def delete(name: Name, json_: Json = False) -> None:
    """Delete a configuration. Runs that used it keep their copy."""
    with reported(json_):
        found = services().configs.entry(name)
        services().configs.delete(found)
        _report(found, "Deleted", as_json=json_)


@app.command()
def duplicate(name: Name, new_name: NewName, json_: Json = False) -> None:
    """Save a copy of a configuration under another name."""
    with reported(json_):
        found = services().configs.entry(name)
        copied = services().configs.duplicate(found.id, new_name)
        _report(copied, "Saved as", as_json=json_)


@app.command("import")
def import_config(
    file: Annotated[
        Path, typer.Argument(help="A YAML or JSON file, or the earlier program's database.")
    ],
    name: Annotated[str, typer.Option(help="Its name; the file's if left out.")] = "",
    replace: Replace = False,
    from_: Annotated[
        str,
        typer.Option(
            "--from", help="llama-factory, axolotl or unsloth; found in the file if left out."
        ),
    ] = "",
    json_: Json = False,
) -> None:
    """Save a configuration from a file, also one of LLaMA-Factory, Axolotl or Unsloth Studio.

    Whatever is wrong in it is told at once, with its line; so is what has no counterpart here.
    """
    with reported(json_):
        if services().earlier_program.is_database(file):
            tell_earlier(services().earlier_program.import_configs(file), as_json=json_)
            return
        wanted = name or file.stem
        seen = services().configs.find(wanted)
        imported = services().configs.read_any_file(file, program_of(from_))
        stored = _store(wanted, imported.config, seen, replace=replace)
        tell_imported(stored, imported, as_json=json_)


@app.command("export")
def export_config(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Where to write it (YAML).")],
    to: Annotated[
        str, typer.Option(help="For another program: llama-factory, axolotl or unsloth.")
    ] = "",
    json_: Json = False,
) -> None:
    """Write a configuration to a file. It never holds a secret."""
    with reported(json_):
        if program := program_of(to):
            config = services().configs.get(name)
            exported = services().configs.write_foreign_file(file, config, program)
            tell_exported(file, exported, as_json=json_)
            return
        write_config_file(file, services().configs.get(name))
        if json_:
            print_json({"file": str(file)})
        else:
            print(f"Written to {file}.")


def _listed(saved: SavedConfig, status: OfflineStatus | None) -> dict[str, object]:
    ready = status is not None and status.is_ready
    return {**plain(saved), "offline_ready": ready, "offline": _words(status)}


def _words(status: OfflineStatus | None) -> str:
    """Empty for one that was never made ready."""
    return status.words if status is not None else ""


def _target(word: str) -> str | None:
    if word and word.lower() not in _TARGETS:
        raise AppError("bad_use", f"{word!r} is no training target.", "Use local or runpod.")
    return _TARGETS[word.lower()] if word else None


def _base(file: Path | None, based_on: str) -> TrainingConfig:
    if file is not None:
        return read_config_file(file)
    return services().configs.get(based_on) if based_on else TrainingConfig()


def _store(
    name: str, config: TrainingConfig, seen: SavedConfig | None, *, replace: bool
) -> SavedConfig:
    """Store under a new name, or in place of ``seen``, which was there before ``config`` was read:
    what somebody else has saved since is never overwritten.
    """
    if seen is None:
        return services().configs.save(name, config)
    if not replace:
        raise AppError(
            "name_taken",
            f'There is already a configuration named "{seen.name}".',
            "Add --replace, or choose another name.",
        )
    return services().configs.save_over(seen, config)


def _report(saved: SavedConfig, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(saved)
    else:
        print(f"{what} {saved.name}.")
