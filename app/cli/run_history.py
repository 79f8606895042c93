"""``temper runs``: comparing, naming, repeating and exporting runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import Json, print_json, print_table, reported
from app.cli.run_table import RunName, dash, loss
from app.cli.state import services
from models.domain.errors import AppError
from models.domain.run_history import BY_STEP, BY_TIME, best_loss, final_loss, seconds
from models.qt.wording import duration
from services.run_export import writer_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.run import Run

TAG_WORDS = {
    "allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": ["--help"],
}  # fmt: skip
"""For ``tag``: what begins with a minus sign is a tag to take away, no cluster of options."""
_CURVE_POINTS = 200
_FEWEST = 2


def compare(
    runs: Annotated[list[str], typer.Argument(help="Two runs or more, as for show.")],
    over: Annotated[
        str, typer.Option(help="With --json: curves over step or time.", metavar="step|time")
    ] = BY_STEP,
    json_: Json = False,
) -> None:
    """Compare runs: their losses side by side, and the settings that differ."""
    with reported(json_):
        if len(runs) < _FEWEST:
            raise AppError("bad_use", "One run cannot be compared.", "Name two or more.")
        if over not in {BY_STEP, BY_TIME}:
            raise AppError("bad_use", f'Curves cannot be drawn over "{over}".', "Use step or time.")
        found = [services().runs.find(name) for name in runs]
        ids = [run.id for run in found]
        history = services().history
        differences = history.differences(ids)
        if json_:
            curves = {
                metric: history.curves(ids, metric, points=_CURVE_POINTS, over=over)
                for metric in ("loss", "eval_loss")
            }
            print_json({"runs": found, "differences": differences, "curves": curves})
            return
        print_table(("", *ids), _compared(found))
        print()
        if differences:
            rows = ((one.label, *one.values) for one in differences)
            print_table(("SETTING", *ids), rows)
        else:
            print("Their settings are the same.")


def note(
    run: RunName,
    text: Annotated[str, typer.Argument(help="The notes; - reads them, an empty text clears.")],
    json_: Json = False,
) -> None:
    """Keep notes on a run, in place of the earlier ones."""
    with reported(json_):
        notes = sys.stdin.read().rstrip("\n") if text == "-" else text
        changed = services().history.set_notes(services().runs.find(run).id, notes)
        _say_changed(changed, f"Run {changed.id} has its notes.", as_json=json_)


def tag(context: typer.Context, run: RunName, json_: Json = False) -> None:
    """Give and take tags: temper runs tag last +good -tried. Without any it shows them."""
    with reported(json_):
        found = services().runs.find(run)
        changes = [text for text in context.args if text != "--json"]
        as_json = json_ or "--json" in context.args
        if changes:
            tags = _tags_after(found.tags, changes)
            found = services().history.set_tags(found.id, tags)
        _say_changed(found, ", ".join(found.tags) or "No tags.", as_json=as_json)


def rename(
    run: RunName,
    name: Annotated[str, typer.Argument(help="The new name.")],
    json_: Json = False,
) -> None:
    """Give a run another name."""
    with reported(json_):
        changed = services().history.rename(services().runs.find(run).id, name)
        _say_changed(changed, f'Run {changed.id} is "{changed.name}" now.', as_json=json_)


def export_metrics(
    run: RunName,
    file: Annotated[str, typer.Argument(help="A .csv or .jsonl file, or - for the terminal.")],
    format_: Annotated[
        str, typer.Option("--format", help="Of the terminal: csv or jsonl.", metavar="csv|jsonl")
    ] = "csv",
    json_: Json = False,
) -> None:
    """Write all metrics of a run to a file."""
    with reported(json_):
        found = services().runs.find(run)
        if file == "-":
            writer_for(f".{format_}")(services().runs.events(found.id), sys.stdout)
            return
        path = Path(file).expanduser()
        services().history.export_metrics(found.id, path)
        if json_:
            print_json({"run": found.id, "file": path})
        else:
            print(f"The metrics of run {found.id} are in {path}.")


def _compared(runs: Sequence[Run]) -> list[tuple[object, ...]]:
    return [
        ("NAME", *(run.name for run in runs)),
        ("STATE", *(run.state for run in runs)),
        ("STEPS", *(f"{run.step}/{run.total_steps}" for run in runs)),
        ("TOOK", *(dash(seconds(run), duration) for run in runs)),
        ("LOSS BEFORE", *(loss(run.eval_loss_before) for run in runs)),
        ("FINAL LOSS", *(loss(final_loss(run)) for run in runs)),
        ("BEST LOSS", *(loss(best_loss(run)) for run in runs)),
        ("TRAINING LOSS", *(loss(run.train_loss) for run in runs)),
    ]


def _tags_after(tags: Sequence[str], changes: Sequence[str]) -> list[str]:
    kept = list(tags)
    for change in changes:
        sign, text = change[:1], change[1:].strip()
        if sign not in {"+", "-"} or not text:
            raise AppError(
                "bad_use", f'"{change}" neither gives nor takes a tag.', "Write +good or -good."
            )
        kept = [known for known in kept if known.casefold() != text.casefold()]
        if sign == "+":
            kept.append(text)
    return kept


def _say_changed(run: Run, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(run)
    else:
        print(text)
