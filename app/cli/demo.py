"""``temper demo``: the main job on this machine, from nothing to base and tuned answers."""

from __future__ import annotations

import math
import textwrap
import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from app.cli.data_gate import check_data_first
from app.cli.endings import outcome_text
from app.cli.follow import watch
from app.cli.output import EXIT_FAILED, Json, print_json, program, reported, say
from app.cli.setup import StepPrinter, ensure_runtime
from app.cli.state import services
from models.domain.inference import INFERENCE_PRESETS
from models.domain.run import Run, RunState
from services.demo import PROMISED_DROP, loss_drop
from services.progress import CancelToken
from services.run_outputs import OnExisting

if TYPE_CHECKING:
    from app.bootstrap import Services
    from models.domain.config import TrainingConfig
    from models.domain.inference import SamplePrompt

_COLUMN = 46
_ANSWER_TOKENS = 100
"""Enough for every answer of the sample; the base model alone would go on and on."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One held-out prompt with the dataset's answer and both models' answers."""

    prompt: str
    expected: str
    base: str
    tuned: str


def demo(json_: Json = False) -> None:
    """Fine-tune a small real model on the bundled sample and compare before and after."""
    with reported(json_):
        began = time.monotonic()
        config = _prepare(services())
        check_data_first(config, as_json=json_)
        prepared = time.monotonic()
        say("Fine-tuning SmolLM2-135M-Instruct on this computer …")
        run = services().runs.start(config, name="Demo", on_existing=OnExisting.OVERWRITE.value)
        run = watch(services().runs, run)
        trained = time.monotonic()
        if run.state is not RunState.FINISHED:
            say(outcome_text(run))
            raise typer.Exit(EXIT_FAILED)
        comparisons = _compare(services(), run)
        times = {"setup": prepared - began, "training": trained - prepared,
                 "answers": time.monotonic() - trained}  # fmt: skip
        drop = loss_drop(run)
        if json_:
            document = {"run": run, "loss_drop": drop, "answers": comparisons, "seconds": times}
            print_json(document)
        else:
            _print_report(run, drop, comparisons, times)
        if drop < PROMISED_DROP:
            raise typer.Exit(EXIT_FAILED)


def _prepare(found: Services) -> TrainingConfig:
    ensure_runtime(found)
    printer = StepPrinter()
    try:
        _, config = found.demo.prepare(printer, CancelToken())
    finally:
        printer.close()
    return config


def _compare(found: Services, run: Run) -> list[Comparison]:
    prompts = found.runs.samples(run.id, 3, held_out=True)
    say("Asking the base and the tuned model three questions neither was trained on …")
    with closing(found.inference) as engine:
        engine.load(found.runs.tuned_model(run))
        return [
            Comparison(
                one.prompt, one.expected, *(_ask(found, one, use) for use in ("base", "adapter"))
            )
            for one in prompts
        ]


def _ask(found: Services, sample: SamplePrompt, use: str) -> str:
    answer = found.inference.generate(
        sample.prompt,
        use=use,
        settings=replace(INFERENCE_PRESETS["Deterministic"], max_new_tokens=_ANSWER_TOKENS),
        on_token=lambda _text: None,
    )
    return answer.text.strip()


def _print_report(
    run: Run, drop: float, comparisons: list[Comparison], times: dict[str, float]
) -> None:
    for one in comparisons:
        print(f"\n{one.prompt}\n  (the documentation: {one.expected})")
        print(_side_by_side(one.base, one.tuned))
    losses = [f"{loss or math.nan:.3f}" for loss in (run.eval_loss_before, run.eval_loss_after)]
    print(f"\nHeld-out loss {losses[0]} before, {losses[1]} after: {drop:.0%} lower.")
    print("  ".join(f"{name} {seconds:.0f} s" for name, seconds in times.items()))
    print(f"Adapter: {services().runs.adapter_path(run)}")
    print(f"Go on with: {program()} chat {run.id}   or the window: make run")


def _side_by_side(left: str, right: str) -> str:
    columns = [["BASE", *_wrapped(left)], ["TUNED", *_wrapped(right)]]
    height = max(len(column) for column in columns)
    padded = [column + [""] * (height - len(column)) for column in columns]
    return "\n".join(f"  {a:{_COLUMN}}  │ {b}".rstrip() for a, b in zip(*padded, strict=True))


def _wrapped(text: str) -> list[str]:
    return [line for part in text.splitlines() for line in textwrap.wrap(part, _COLUMN) or [""]]
