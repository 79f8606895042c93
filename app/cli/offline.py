"""``temper offline``: training where there is no network."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.following import followed
from app.cli.output import Json, print_json, reported
from app.cli.state import services

if TYPE_CHECKING:
    from models.domain.offline_ready import ExportedBundle, ImportedBundle
    from services.progress import CancelToken, Reporter

app = typer.Typer(
    help="Training without a network: carry everything over in a bundle.", no_args_is_help=True
)
WithoutEnvironment = Annotated[
    bool, typer.Option("--without-environment", help="Leave the training environment out.")
]


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
        print(f"Written to {made.path}: {made.size / 1e6:,.0f} MB with {', '.join(made.configs)}.")
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
        if brought.has_environment:
            print("The training environment is ready.")
        else:
            print("There is no training environment here yet.")
