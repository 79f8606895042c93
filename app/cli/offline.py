"""``temper offline``: training where there is no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.following import followed
from app.cli.output import EXIT_FAILED, Json, print_json, print_table, reported
from app.cli.state import services
from app.cli.times import when
from models.domain.errors import AppError
from models.qt.wording import size

if TYPE_CHECKING:
    from models.domain.offline_ready import ExportedBundle, ImportedBundle, OfflineStatus
    from services.progress import CancelToken, Reporter

app = typer.Typer(
    help="Training without a network: prepare for it, or carry everything over in a bundle.",
    no_args_is_help=True,
)
WithoutEnvironment = Annotated[
    bool, typer.Option("--without-environment", help="Leave training environment and images out.")
]


@app.command()
def prepare(
    config: Annotated[list[str] | None, typer.Argument(help="Saved configurations.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All saved configurations.")] = False,
    json_: Json = False,
) -> None:
    """Fetch what configurations need, and try them with the network off.

    Local ones only: the training environment or the image, the model, and a dataset of Hugging
    Face, which is imported into the library. Every one is tried; the exit code is 1 where one is
    not ready.
    """
    with reported(json_):
        if bool(config) == all_:
            raise AppError("bad_use", "Name configurations, or use --all.", "Not both.")
        names = config or [saved.name for saved in services().configs.list()]
        results = [_prepared(name) for name in names]
        if json_:
            print_json(results)
        else:
            for one in results:
                print(f"{one.config}: {one.error or one.status}")
        if any(one.error for one in results):
            raise typer.Exit(EXIT_FAILED)


@app.command()
def status(json_: Json = False) -> None:
    """Say which configurations can train without a network, from what is here now."""
    with reported(json_):
        found = services().bundles.readiness.all()
        if json_:
            print_json(found)
            return
        rows = ((one.config, one.words, when(one.checked_at or None)) for one in found)
        print_table(("CONFIGURATION", "OFFLINE", "TRIED"), rows)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """How one configuration went."""

    config: str
    status: str = ""
    error: str = ""


def _prepared(name: str) -> _Prepared:
    def work(report: Reporter, cancel: CancelToken) -> OfflineStatus:
        return services().bundles.readiness.prepare(name, report, cancel)

    try:
        found = followed(work, "Preparing was cancelled.", "What was fetched is kept.")
    except AppError as error:
        if error.kind == "cancelled":
            raise
        return _Prepared(name, error=str(error))
    return _Prepared(found.config, found.words, found.not_ready)


@app.command("export")
def export_bundle(
    file: Annotated[Path, typer.Argument(help="The bundle to write, one file.")],
    config: Annotated[
        list[str] | None, typer.Argument(help="Saved configurations; all of them if left out.")
    ] = None,
    without_environment: WithoutEnvironment = False,
    json_: Json = False,
) -> None:
    """Write what configurations need into one file, for a computer that never sees a network.

    Cut short, it goes on where it stopped when it is called again.
    """

    def work(report: Reporter, cancel: CancelToken) -> ExportedBundle:
        return services().bundles.exporter.export(
            file.absolute(),
            config or [],
            report,
            cancel,
            with_environment=not without_environment,
        )

    with reported(json_):
        made = followed(work, "The export was cancelled.", "Call it again to go on.")
        if json_:
            print_json(made)
            return
        print(f"Written to {made.path}: {size(made.size)} with {', '.join(made.configs)}.")
        if made.advice:
            print(made.advice)
        print("On the other computer: temper offline import FILE")


@app.command("import")
def import_bundle(
    file: Annotated[Path, typer.Argument(help="A bundle.")],
    without_environment: WithoutEnvironment = False,
    json_: Json = False,
) -> None:
    """Take in a bundle: models, datasets, the training environment and configurations.

    Cut short, it goes on where it stopped when it is called again. A bundle holds programs: take
    them only from people you trust.
    """

    def work(report: Reporter, cancel: CancelToken) -> ImportedBundle:
        return services().bundles.importer.bring_in(
            file.absolute(), report, cancel, with_environment=not without_environment
        )

    with reported(json_):
        brought = followed(work, "The import was cancelled.", "Call it again to go on.")
        if json_:
            print_json(brought)
            return
        for what, names in (
            ("Models", brought.models),
            ("Datasets", brought.datasets),
            ("Configurations", brought.configs),
        ):
            print(f"{what}: {', '.join(names) or 'none'}")
        if brought.images:
            print(f"Images: {', '.join(brought.images)}")
        if brought.has_environment:
            print("The training environment is ready.")
        elif not brought.images:
            print("There is no training environment here yet.")
