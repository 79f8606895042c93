"""``temper storage``: what takes room, cleaning up, pins, and what a training will take."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import Json, print_json, print_table, reported, say
from app.cli.run_table import RunName  # noqa: TC001 - typer reads the annotations
from app.cli.state import services
from app.cli.train import read_config
from models.domain.errors import AppError
from models.domain.storage import (
    FURTHER_KINDS,
    MOST_KEPT,
    CleanKind,
    RetentionRules,
    StoredKind,
)
from models.qt.storage_words import FURTHER_TITLES, KIND_TITLES, forecast_sentence
from models.qt.wording import counted, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models.domain.storage import Cleaned, CleanPlan, StorageReport, Verdict
    from models.domain.storage_forecast import StorageForecast

app = typer.Typer(help="The disk: what takes room, and what of it can go.")
_SHOWN = 5
"""Of each kind; --all shows every one."""


@app.callback(invoke_without_command=True)
def storage(context: typer.Context, json_: Json = False) -> None:
    """Without a command: what takes room."""
    if context.invoked_subcommand is None:
        show(json_=json_)


@app.command()
def show(
    all_: Annotated[bool, typer.Option("--all", help="Every one, not the largest alone.")] = False,
    json_: Json = False,
) -> None:
    """Show what takes room, by run, checkpoint, dataset, model, image, environment and cache."""
    with reported(json_):
        report = services().storage.report()
        if json_:
            print_json(_document(report))
            return
        _print_report(report, most=None if all_ else _SHOWN)


@app.command()
def clean(
    keep_last: Annotated[
        int | None,
        typer.Option(min=0, max=MOST_KEPT, help="So many newest checkpoints of each run."),
    ] = None,
    keep_best: Annotated[
        bool | None, typer.Option("--keep-best/--no-keep-best", help="The best one of each run.")
    ] = None,
    rows: Annotated[
        bool | None, typer.Option("--rows/--no-rows", help="Also rows of deleted datasets.")
    ] = None,
    caches: Annotated[
        bool | None,
        typer.Option(
            "--caches/--no-caches",
            help="Also reports on datasets, their tokens, and bundles that were cut.",
        ),
    ] = None,
    versions: Annotated[
        bool | None,
        typer.Option(
            "--versions/--no-versions", help="Also code and environments of other versions."
        ),
    ] = None,
    revisions: Annotated[
        bool | None,
        typer.Option("--revisions/--no-revisions", help="Also old revisions of base models."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json_: Json = False,
) -> None:
    """Remove checkpoints that nothing needs, what ended programs left half-made, and what else is
    asked for.

    What a run that trains or waits, a resume, a saved configuration (the one that was used last
    among them), another run or a pin needs stays. Without options the rules of the Storage page
    hold.
    """
    with reported(json_):
        chosen = {
            CleanKind.ROWS: rows, CleanKind.CACHES: caches, CleanKind.VERSIONS: versions,
            CleanKind.REVISIONS: revisions,
        }  # fmt: skip
        rules = _rules(keep_last, keep_best, chosen)
        plan = services().storage.plan(rules)
        if not json_:
            _print_plan(plan)
        if dry_run or not plan.going:
            if json_:
                print_json(_clean_document(rules, plan))
            return
        if not yes:
            _ask(plan)
        done = services().storage.clean(plan, rules)
        if json_:
            print_json({**_clean_document(rules, plan), "cleaned": done})
        else:
            _say_done(done)


@app.command()
def pin(
    run: RunName,
    checkpoint: Annotated[
        str, typer.Argument(help="checkpoint-40, or 40; without one all of the run.")
    ] = "",
    json_: Json = False,
) -> None:
    """Keep a run's checkpoints, or one of them, whatever the rules say."""
    _pin(run, checkpoint, pinned=True, as_json=json_)


@app.command()
def unpin(
    run: RunName,
    checkpoint: Annotated[str, typer.Argument(help="As for pin.")] = "",
    json_: Json = False,
) -> None:
    """Leave it to the rules again."""
    _pin(run, checkpoint, pinned=False, as_json=json_)


@app.command()
def forecast(
    config: Annotated[str, typer.Argument(help="A saved configuration's name, or a file.")],
    json_: Json = False,
) -> None:
    """Say what training a configuration will take at most: its checkpoints and what it makes."""
    with reported(json_):
        found = services().storage.forecast(read_config(config))
        if json_:
            print_json(_forecast_document(found))
        else:
            print(forecast_sentence(found))


def _rules(
    keep_last: int | None, keep_best: bool | None, chosen: Mapping[CleanKind, bool | None]
) -> RetentionRules:
    """The stored ones, save for what is said."""
    stored = services().storage.pins.rules()
    return RetentionRules(
        stored.keep_last if keep_last is None else keep_last,
        stored.keep_best if keep_best is None else keep_best,
        frozenset(
            kind for kind, said in chosen.items() if (kind in stored.also if said is None else said)
        ),
    )


def _pin(run: str, checkpoint: str, *, pinned: bool, as_json: bool) -> None:
    with reported(as_json):
        found = services().runs.find(run)
        services().storage.pin(found.id, checkpoint, pinned=pinned)
        names = sorted(services().storage.pins.all().get(found.id, ()))
        if as_json:
            print_json({"run": found.id, "pinned": names})
            return
        what = f"Checkpoint {checkpoint} of run {found.id}" if checkpoint else f"Run {found.id}"
        print(f"{what} is {'kept by every clean-up' if pinned else 'left to the rules'} now.")


def _print_report(report: StorageReport, most: int | None) -> None:
    for kind in StoredKind:
        items = report.of(kind)
        if not items:
            continue
        print(f"{KIND_TITLES[kind]}: {size(sum(item.bytes for item in items))}")
        for item in items[:most]:
            whose = f" of run {item.run_id}" if item.run_id else ""
            shared = f", and {size(item.shared)} shared" if item.shared else ""
            print(f"  {size(item.bytes):>8}  {item.name}{whose}{shared}")
        if most is not None and len(items) > most:
            rest = sum(item.bytes for item in items[most:])
            print(f"  {size(rest):>8}  {counted(len(items) - most, 'other')}")
    print(f"In all {size(report.total)}; {size(report.free)} are free.")
    for problem in report.problems:
        say(problem)


def _print_plan(plan: CleanPlan) -> None:
    if not plan.going:
        print("There is nothing to clean up.")
        _hint(plan)
        return
    print_table(("RUN", "WHAT", "SIZE", "WHY"), _rows(plan.going))
    print(f"{counted(len(plan.going), 'item')} would go, which frees {size(plan.bytes)}.")
    _hint(plan)


def _hint(plan: CleanPlan) -> None:
    """What more there is to ask for."""
    asked = {one.piece.kind for one in plan.going}
    for kind in FURTHER_KINDS:
        if kind not in asked and (freed := plan.bytes_of(kind)):
            say(f"With --{kind.value} also: {FURTHER_TITLES[kind]} ({size(freed)}).")


def _rows(verdicts: Iterable[Verdict]) -> Iterable[tuple[str, str, str, str]]:
    for one in verdicts:
        taken = size(sum(name.bytes for name in one.piece.files))
        yield one.piece.run_id, one.piece.name or Path(one.piece.path).name, taken, one.why


def _ask(plan: CleanPlan) -> None:
    what = f"{counted(len(plan.going), 'item')} ({size(plan.bytes)})"
    if not sys.stdin.isatty():
        raise AppError("bad_use", f"This removes {what}.", "Add --yes to do it unasked.")
    typer.confirm(f"Remove {what}?", abort=True, err=True)


def _say_done(done: Cleaned) -> None:
    print(f"{counted(len(done.paths), 'item')} removed; {size(done.bytes)} freed.")
    for path, why in done.kept:
        say(f"{path} stays. {why}")


def _clean_document(rules: RetentionRules, plan: CleanPlan) -> dict[str, object]:
    def told(verdicts: Iterable[Verdict]) -> list[dict[str, object]]:
        return [
            {"path": one.piece.path, "run": one.piece.run_id, "step": one.piece.step,
             "kind": one.piece.kind.value, "name": one.piece.name,
             "bytes": sum(name.bytes for name in one.piece.files), "why": one.why}
            for one in verdicts
        ]  # fmt: skip

    further = {kind.value: plan.bytes_of(kind) for kind in FURTHER_KINDS}
    return {
        "rules": {
            "keep_last": rules.keep_last, "keep_best": rules.keep_best,
            "also": [kind.value for kind in FURTHER_KINDS if kind in rules.also],
        },
        "bytes": plan.bytes, "further": further, "going": told(plan.going),
        "staying": told(plan.staying),
    }  # fmt: skip


def _document(report: StorageReport) -> dict[str, object]:
    by_kind = {kind.value: sum(one.bytes for one in report.of(kind)) for kind in StoredKind}
    return {
        "total": report.total, "free": report.free, "kinds": by_kind, "items": report.items,
        "problems": report.problems,
    }  # fmt: skip


def _forecast_document(found: StorageForecast) -> dict[str, object]:
    return {
        "checkpoint_bytes": found.size.checkpoint, "result_bytes": found.size.result,
        "checkpoints": found.count, "most_bytes": found.most, "least_bytes": found.least,
        "free": found.free, "measured_on": found.size.measured_on,
        "cannot_save": found.cannot_save, "may_fill_up": found.may_fill_up,
    }  # fmt: skip
