"""``temper chat``: answers from a run's adapter, from its base model, or from both."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.asking import Asker
from app.cli.output import Json, print_json, print_table, reported, say
from app.cli.setup import ensure_ready
from app.cli.state import services
from models.domain.chat_export import export_text
from models.domain.errors import AppError
from models.domain.inference import (
    BASE,
    CUSTOM,
    INFERENCE_PRESETS,
    TUNED,
    InferenceRequest,
    Message,
)
from services.progress import Cancelled

if TYPE_CHECKING:
    from models.domain.run import Run

_SAMPLE_LETTERS = 60


class Preset(StrEnum):
    """The presets of Quick Local Inference, as they are typed."""

    DETERMINISTIC = "deterministic"
    BALANCED = "balanced"
    CREATIVE = "creative"


def chat(
    run: Annotated[str, typer.Argument(help="The run's id, or 'last'.")],
    prompt: Annotated[str, typer.Option(help="One question; without it, a conversation.")] = "",
    base: Annotated[bool, typer.Option("--base", help="Ask the base model alone.")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Ask both models.")] = False,
    preset: Annotated[Preset, typer.Option(help="How to sample.")] = Preset.DETERMINISTIC,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="Instead of the preset's; 0 is greedy.")
    ] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, max=8192, help="Instead of the preset's.")
    ] = None,
    samples: Annotated[
        bool, typer.Option("--samples", help="List five prompts of the run's dataset instead.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="Save prompts and answers to this text file.")
    ] = None,
    json_: Json = False,
) -> None:
    """Ask a run's adapter a question, or talk with it."""
    with reported(json_):
        _refuse_contradictions(
            base=base, compare=compare, has_question=bool(prompt) or samples, as_json=json_
        )
        found = services().runs.find(run)
        if samples:
            _print_samples(found, as_json=json_)
            return
        tuned = services().runs.tuned_model(found)
        ensure_ready(services(), found.config)
        request = _request(found, prompt, preset, temperature, max_new_tokens)
        with closing(services().inference) as engine:
            say(f"Loading {found.base_model} …")
            engine.load(tuned)
            uses = (TUNED, BASE) if compare else (BASE if base else TUNED,)
            asker = Asker(engine, uses, is_quiet=json_)
            try:
                _talk(asker, replace(request, compare=compare), found, as_json=json_)
            finally:
                if export is not None and asker.exchanges:
                    _export(found, asker, export)


def _refuse_contradictions(*, base: bool, compare: bool, has_question: bool, as_json: bool) -> None:
    if base and compare:
        raise AppError("bad_config", "--base and --compare contradict each other.", "Choose one.")
    if as_json and not has_question:
        raise AppError(
            "bad_config", "--json answers one question, and there is none.", "Add --prompt."
        )


def _request(
    run: Run,
    prompt: str,
    preset: Preset,
    temperature: float | None,
    max_new_tokens: int | None,
) -> InferenceRequest:
    name = preset.value.capitalize()
    known = settings = INFERENCE_PRESETS[name]
    if temperature is not None:
        settings = replace(settings, temperature=temperature)
    if max_new_tokens is not None:
        settings = replace(settings, max_new_tokens=max_new_tokens)
    words = services().runs.system_prompt(run.id)
    system = (Message("system", words),) if words else ()
    return InferenceRequest(prompt, settings, name if settings == known else CUSTOM, context=system)


def _talk(asker: Asker, request: InferenceRequest, run: Run, *, as_json: bool) -> None:
    if request.context:
        say(f"With the dataset's system prompt: {request.context[0].content}")
    if not request.prompt:
        converse(asker, request)
        return
    answers = asker.ask(request, lambda _use: request.context)
    if as_json:
        use, answer = next(iter(answers.items()))
        print_json(
            {
                "run": run.id,
                "adapter": run.adapter_path,
                "base_model": run.base_model,
                "preset": request.preset,
                "settings": request.settings,
                "use": use,
                "answer": answer,
                "answers": answers,
            }
        )


def converse(asker: Asker, request: InferenceRequest) -> None:
    """Talk until an empty line or the end of the input; each turn sees those before it."""
    say("An empty line ends the conversation. Ctrl+C ends an answer, or the conversation.")
    past = {use: list(request.context) for use in asker.uses}
    while True:
        try:
            question = input("You: ").strip()
        except (EOFError, KeyboardInterrupt):
            return
        if not question:
            return
        try:
            answers = asker.ask(replace(request, prompt=question), past.__getitem__)
        except AppError as error:
            say(str(error))
            continue
        except Cancelled:
            continue
        for use, answer in answers.items():
            past[use] += [Message("user", question), Message("assistant", answer.text)]


def _print_samples(run: Run, *, as_json: bool) -> None:
    found = services().runs.samples(run.id)
    if as_json:
        print_json(found)
        return
    rows = ((_mark(held_out=one.held_out), _line(one.prompt), _line(one.expected)) for one in found)
    print_table(("KIND", "PROMPT", "EXPECTED"), rows)


def _mark(*, held_out: bool) -> str:
    return "held out" if held_out else "trained on"


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SAMPLE_LETTERS else f"{line[: _SAMPLE_LETTERS - 1]}…"


def _export(run: Run, asker: Asker, path: Path) -> None:
    try:
        path.write_text(export_text(run, asker.exchanges), encoding="utf-8")
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}."
        raise AppError("io", message, "Choose another place.") from error
    say(f"Saved as {path}")
