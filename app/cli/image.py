"""``temper image``: Docker images that trainings run in, and the logins for their registries."""

from __future__ import annotations

import getpass
import sys
import time
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import EXIT_FAILED, Json, plain, print_json, print_table, reported, say
from app.cli.setup import StepPrinter
from app.cli.state import services
from models.domain.config import DEFAULT_IMAGE
from models.domain.docker import VARIANT_CPU, VARIANT_CUDA
from models.domain.errors import AppError
from models.domain.secrets import MEMORY
from services.progress import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.docker import ImageInfo, ImageProgress
    from models.domain.image_facts import ImageCheck

app = typer.Typer(
    help="Docker images: list, check, pull, build, remove, log in.", no_args_is_help=True
)
_DAY = 86_400
_GIGABYTE = 1_000_000_000
_ON_INPUT = (
    "A password is read from standard input, never from arguments: there it stays in the shell's "
    "history and in the list of processes. If it was a real one, change it."
)


class Variant(StrEnum):
    """The variants of our own image."""

    CUDA = VARIANT_CUDA
    CPU = VARIANT_CPU


Tag = Annotated[str, typer.Argument(metavar="IMAGE", help="Its name, as registry/user/image:tag.")]
Registry = Annotated[str, typer.Argument(metavar="REGISTRY", help="Its host, as docker.io.")]


@app.command("list")
def list_images(json_: Json = False) -> None:
    """List the images that were built here or that configurations use."""
    with reported(json_):
        images = services().images.list()
        if json_:
            print_json(images)
            return
        header = ("IMAGE", "SIZE", "AGE", "BUILT HERE", "USED BY")
        print_table(header, (_row(one) for one in images))


@app.command()
def pull(tag: Tag = DEFAULT_IMAGE, json_: Json = False) -> None:
    """Fetch an image. Ctrl+C stops it; the next pull goes on from there."""
    with reported(json_), _interruptible() as (printer, cancel):
        found = services().images.pull(tag, printer, cancel)
        _show(found, f"{found.tag} is here ({_size(found)}).", as_json=json_)


@app.command()
def build(
    variant: Annotated[
        Variant | None,
        typer.Option(help="For which processor; cuda where the engine can pass a GPU."),
    ] = None,
    tag: Annotated[str, typer.Option(help="Its name; by default temper-trainer:VERSION.")] = "",
    base_image: Annotated[str, typer.Option(help="On what it is built.")] = "",
    json_: Json = False,
) -> None:
    """Build Temper's own image. Ctrl+C stops it; finished steps are kept."""
    with reported(json_), _interruptible() as (printer, cancel):
        chosen = variant.value if variant is not None else _fitting_variant()
        found = services().images.build(tag, chosen, printer, cancel, base_image=base_image)
        _show(found, f"{found.tag} is built ({_size(found)}).", as_json=json_)


@app.command()
def check(
    tag: Tag = DEFAULT_IMAGE,
    anew: Annotated[bool, typer.Option("--anew", help="Ask it again.")] = False,
    json_: Json = False,
) -> None:
    """Ask an image what it holds, and whether trainings can run in it; exit code 1 where not."""
    with reported(json_):
        found = services().preflight.check(tag, anew=anew)
        if json_:
            print_json({"can_train": found.can_train, **plain(found)})
        else:
            _show_check(found)
        if not found.can_train:
            raise typer.Exit(EXIT_FAILED)


@app.command()
def remove(
    tag: Tag,
    force: Annotated[bool, typer.Option("--force", help="Even while containers use it.")] = False,
    json_: Json = False,
) -> None:
    """Remove an image, and what an interrupted pull of it left."""
    with reported(json_):
        services().images.remove(tag, force=force)
        if json_:
            print_json({"image": tag, "removed": True})
        else:
            print(f"{tag} is removed.")


@app.command(context_settings={"allow_extra_args": True})
def login(
    context: typer.Context,
    registry: Registry,
    user: Annotated[str, typer.Option(help="Your name there.")],
    json_: Json = False,
) -> None:
    """Log in to a registry; the password comes from standard input, and goes to the keychain."""
    if context.args:  # typer's own refusal would repeat it
        raise typer.BadParameter(_ON_INPUT)
    with reported(json_):
        state = services().images.login(registry, user, _read_password(registry))
        if state.where == MEMORY:  # which ends with this command
            problem = services().secrets.keychain_problem()
            raise AppError(
                "no_keychain", f"The login works, but it cannot be kept. {problem}",
                f"Temper also uses the docker command's own: docker login {state.registry}",
            )  # fmt: skip
        if json_:
            print_json(state)
        else:
            print(f"Logged in to {state.registry} as {state.user}; kept in {state.where}.")


@app.command()
def logout(registry: Registry, json_: Json = False) -> None:
    """Forget a login that Temper keeps."""
    with reported(json_):
        services().images.logout(registry)
        if json_:
            print_json({"registry": registry, "removed": True})
        else:
            print(f"The login for {registry} is removed.")


@app.command()
def logins(json_: Json = False) -> None:
    """List the logins that are used, Temper's and the docker command's, without passwords."""
    with reported(json_):
        found = services().images.logins()
        if json_:
            print_json(found)
        else:
            print_table(
                ("REGISTRY", "USER", "KEPT IN"), ((o.registry, o.user, o.where) for o in found)
            )


class _ImagePrinter:
    """A pull as one line in place, a build line by line."""

    def __init__(self) -> None:
        self._steps = StepPrinter()

    def __call__(self, progress: ImageProgress) -> None:
        if progress.line:
            say(progress.line)
            return
        count = len(progress.layers)
        complete = sum(layer.is_complete for layer in progress.layers)
        layers = f" (layers: {complete} of {count})" if count else ""
        self._steps(Progress(progress.fraction, f"{progress.message}{layers}"))

    def close(self) -> None:
        self._steps.close()


@contextmanager
def _interruptible() -> Iterator[tuple[_ImagePrinter, CancelToken]]:
    """Ctrl+C ends the work in order: the engine is told to stop."""
    printer, cancel = _ImagePrinter(), CancelToken()
    try:
        yield printer, cancel
    except KeyboardInterrupt:
        cancel.cancel()
        raise AppError(
            "cancelled", "Interrupted.", "What is complete is kept; the next time goes on there."
        ) from None
    finally:
        printer.close()


def _fitting_variant() -> str:
    return VARIANT_CUDA if services().docker.info().gpu.can_pass else VARIANT_CPU


def _read_password(registry: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"Password or access token for {registry}: ")
    return sys.stdin.read()


def _row(image: ImageInfo) -> tuple[str, str, str, str, str]:
    age = f"{(time.time() - image.created_at) / _DAY:.0f} days" if image.created_at else "-"
    name = f"{image.partial_of} (interrupted)" if image.partial_of else image.tag
    mark = "yes" if image.is_ours else "no"
    return name, _size(image), age, mark, ", ".join(image.used_by) or "-"


def _size(image: ImageInfo) -> str:
    return f"{image.size / _GIGABYTE:.2f} GB"


def _show_check(found: ImageCheck) -> None:
    facts = found.facts
    if facts.python:
        rows = [("Python", facts.python), *sorted(facts.packages.items())]
        rows += [("CUDA of torch", facts.cuda or "none"), ("own user", facts.own_user or "root")]
        print_table(("IN IT", "VERSION"), rows)
    if facts.details:
        say(facts.details)
    if found.can_train and not facts.trouble:
        print(f"{found.image} can train.")
    for clause in (*found.lacks, *found.notes):
        print(f"{'It cannot train: ' if found.lacks else 'Note: '}{clause}.")


def _show(image: ImageInfo, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json(image)
    else:
        print(words)
