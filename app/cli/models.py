"""``temper models``: the base models of this computer."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.following import followed
from app.cli.output import EXIT_FAILED, Json, plain, print_json, print_table, reported
from app.cli.state import services
from models.domain.errors import AppError
from models.domain.model_fit import fit_of
from models.qt.model_words import (
    NOTHING,
    access_words,
    check_words,
    facts,
    fit_words,
    parameter_words,
    removed_words,
    size_words,
)
from models.qt.wording import size

if TYPE_CHECKING:
    from models.domain.cached_model import CachedModel, ModelCheck
    from models.domain.hardware import Hardware

app = typer.Typer(
    help="Base models: list, download, verify, remove, add a folder.", no_args_is_help=True
)
_CANCELLED = ("It was cancelled.", "What was fetched is kept: the next download goes on there.")

_HEADER = ("MODEL", "PARAMETERS", "LICENCE", "ACCESS", "SIZE", "STATE", "WHERE", "FITS")

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A repo as user/name, or a folder.")]


@app.command("list")
def list_models(
    here: Annotated[bool, typer.Option("--here", help="Only those on this computer.")] = False,
    json_: Json = False,
) -> None:
    """List the catalogue, what is in the caches, and local folders, and what fits this computer:
    the smallest usual training takes so much memory."""
    with reported(json_):
        found = [one for one in services().models.all() if one.is_here or not here]
        computer = services().gpus.probe()
        if json_:
            print_json([_document(one, computer) for one in found])
            return
        print_table(_HEADER, (_row(one, computer) for one in found))


@app.command()
def show(model: Model, json_: Json = False) -> None:
    """Show all that is known of one model, and which files it lacks."""
    with reported(json_):
        found, computer = services().models.find(model), services().gpus.probe()
        if json_:
            print_json(_document(found, computer))
            return
        for name, value in _facts(found, computer):
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
            print(f"{check_words(check)}\n{_repair_words(check)}".strip())
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
        else:
            print(f"{found.repo_id_or_path} is {removed_words(found, freed)}.")


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


def _document(model: CachedModel, computer: Hardware) -> dict[str, object]:
    """With whether this computer can train it, and the bytes of memory that this takes."""
    fit = fit_of(model.shape, computer)
    return {**plain(model), "fits": fit.fit.value, "training_bytes": fit.needed}


def _row(model: CachedModel, computer: Hardware) -> tuple[str, ...]:
    return (
        model.repo_id_or_path,
        parameter_words(model),
        model.licence or NOTHING,
        access_words(model).lower(),
        size_words(model),
        model.state.value if model.is_here else NOTHING,
        model.where.value or NOTHING,
        fit_words(fit_of(model.shape, computer)),
    )


def _facts(model: CachedModel, computer: Hardware) -> list[tuple[str, str]]:
    fit = (("Fits", fit_words(fit_of(model.shape, computer))),)
    own = (("Model", model.repo_id_or_path), ("State", model.state.value))
    lists = (("Missing", ", ".join(model.missing)), ("Damaged", ", ".join(model.damaged)))
    return [*own, *facts(model), *fit, *(pair for pair in lists if pair[1])]


def _repair_words(check: ModelCheck) -> str:
    if not check.damaged or not check.model.is_repo:
        return ""
    return f"Repair it with: temper models download {check.model.repo_id_or_path}"
