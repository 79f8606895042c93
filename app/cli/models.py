"""``temper models``: the base models of this computer."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.following import followed
from app.cli.output import EXIT_FAILED, Json, print_json, print_table, reported
from app.cli.state import services
from app.cli.times import when
from models.domain.cached_model import ModelPlace, ModelState
from models.domain.errors import AppError
from models.qt.wording import counted, size

if TYPE_CHECKING:
    from models.domain.cached_model import CachedModel, ModelCheck

app = typer.Typer(
    help="Base models: list, download, verify, remove, add a folder.", no_args_is_help=True
)
_BILLION, _MILLION = 1_000_000_000, 1_000_000
_CANCELLED = ("It was cancelled.", "What was fetched is kept: the next download goes on there.")

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A repo as user/name, or a folder.")]


@app.command("list")
def list_models(
    here: Annotated[bool, typer.Option("--here", help="Only those on this computer.")] = False,
    json_: Json = False,
) -> None:
    """List the catalogue, what is in the caches, and local folders."""
    with reported(json_):
        found = [one for one in services().models.all() if one.is_here or not here]
        if json_:
            print_json(found)
            return
        header = ("MODEL", "PARAMETERS", "LICENCE", "ACCESS", "SIZE", "STATE", "WHERE")
        print_table(header, (_row(one) for one in found))


@app.command()
def show(model: Model, json_: Json = False) -> None:
    """Show all that is known of one model, and which files it lacks."""
    with reported(json_):
        found = services().models.find(model)
        if json_:
            print_json(found)
            return
        for name, value in _facts(found):
            print(f"{name + ':':12} {value}")


@app.command()
def download(
    model: Annotated[str, typer.Argument(metavar="REPO", help="A repo as user/name.")],
    json_: Json = False,
) -> None:
    """Fetch what is missing or damaged. Ctrl+C stops it; the next download goes on from there."""
    with reported(json_):
        library = services().models
        found = followed(
            lambda report, cancel: library.download(model, report, cancel), *_CANCELLED
        )
        if json_:
            print_json(found)
        else:
            print(f"{found.repo_id_or_path} is here, whole ({size(found.bytes_on_disk)}).")


@app.command()
def verify(model: Model, json_: Json = False) -> None:
    """Compare every byte with the hashes of Hugging Face; 1 where a file is damaged or missing."""
    with reported(json_):
        library = services().models
        found = library.find(model)
        check = followed(
            lambda report, cancel: library.verify(found, report, cancel),
            "It was cancelled.",
            "Nothing was changed.",
        )
        if json_:
            print_json(check)
        else:
            print(_check_words(check))
        if check.damaged or found.missing:
            raise typer.Exit(EXIT_FAILED)


@app.command()
def remove(
    model: Model,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json_: Json = False,
) -> None:
    """Take a model off this computer. A folder that was added stays; it is only not listed."""
    with reported(json_):
        library = services().models
        found = library.find(model)
        if not yes and not found.is_added:
            _ask(found)
        freed = library.remove(found)
        if json_:
            print_json({"removed": found.repo_id_or_path, "bytes": freed})
        elif found.is_added:
            print(f"{found.repo_id_or_path} is no longer listed; its files are as they were.")
        else:
            print(f"{found.repo_id_or_path} is removed ({size(freed)}).")


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="As save_pretrained leaves it.")],
    json_: Json = False,
) -> None:
    """List a folder of yours among the models. Nothing is copied."""
    with reported(json_):
        found = services().models.add(folder)
        if json_:
            print_json(found)
        else:
            print(f"{found.repo_id_or_path} is listed now ({size(found.bytes_on_disk)}).")


def _ask(model: CachedModel) -> None:
    what = f"{model.repo_id_or_path} ({size(model.bytes_on_disk)})"
    if not sys.stdin.isatty():
        raise AppError("bad_use", f"This removes {what}.", "Add --yes to do it unasked.")
    typer.confirm(f"Remove {what} from this computer?", abort=True, err=True)


def _row(model: CachedModel) -> tuple[str, ...]:
    return (
        model.repo_id_or_path,
        _parameters(model),
        model.licence or "-",
        "gated" if model.gated else "open" if model.is_repo else "-",
        _size(model),
        model.state.value if model.state is not ModelState.MISSING else "-",
        model.where.value or "-",
    )


def _facts(model: CachedModel) -> list[tuple[str, str]]:
    facts = [
        ("Model", model.repo_id_or_path),
        ("Parameters", _parameters(model)),
        ("Licence", model.licence or "not known"),
        ("State", model.state.value),
        ("Size", _size(model)),
    ]
    if model.is_repo:
        facts.insert(3, ("Access", "gated: needs a token" if model.gated else "open to everybody"))
    optional = (
        ("Place", model.place),
        ("Revision", model.revision),
        ("Missing", ", ".join(model.missing)),
        ("Damaged", ", ".join(model.damaged)),
        ("Checked", when(model.checked_at) if model.checked_at else ""),
    )
    return facts + [pair for pair in optional if pair[1]]


def _parameters(model: CachedModel) -> str:
    if not model.parameters:
        return "-"
    if model.parameters >= _BILLION:
        return f"{model.parameters / _BILLION:.1f} B"
    return f"{model.parameters / _MILLION:.0f} M"


def _size(model: CachedModel) -> str:
    if not model.is_here:
        return size(model.bytes_whole) if model.bytes_whole else "-"
    whole = model.bytes_whole
    if model.state is ModelState.PARTIAL and whole:
        return f"{size(model.bytes_on_disk)} of {size(whole)}"
    return size(model.bytes_on_disk)


def _check_words(check: ModelCheck) -> str:
    name, lacks = check.model.repo_id_or_path, check.model.missing
    words = []
    if check.damaged:
        words.append(f"{name} is damaged: {', '.join(check.damaged)}.")
        if check.model.where is not ModelPlace.FOLDER:
            words.append(f"Repair it with: temper models download {name}")
    if lacks:
        words.append(f"{name} is not whole: {', '.join(lacks)} is missing.")
    if check.unknown:
        files = counted(len(check.unknown), "file")
        words.append(f"Of {files} no hash is known here; they look whole.")
    return "\n".join(words) or f"{name} is whole: {counted(check.checked, 'file')} checked."
