"""``temper chat``: answers from a run's adapter, or from its base model."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import Json, print_json, reported, say
from app.cli.setup import ensure_runtime
from app.cli.state import services
from models.domain.inference import INFERENCE_PRESETS, Answer, SamplingSettings

if TYPE_CHECKING:
    from services.inference_engine import InferenceEngine


class Preset(StrEnum):
    """The presets of Quick Local Inference, as they are typed."""

    DETERMINISTIC = "deterministic"
    BALANCED = "balanced"
    CREATIVE = "creative"


def chat(
    run: Annotated[str, typer.Argument(help="The run's id, or 'last'.")],
    prompt: Annotated[str, typer.Option(help="One question; without it, a conversation.")] = "",
    base: Annotated[bool, typer.Option("--base", help="Ask the base model alone.")] = False,
    preset: Annotated[Preset, typer.Option(help="How to sample.")] = Preset.DETERMINISTIC,
    json_: Json = False,
) -> None:
    """Ask a run's adapter a question, or talk with it."""
    with reported(json_):
        found = services().runs.find(run)
        adapter = services().runs.adapter_path(found)
        ensure_runtime(services())
        settings = INFERENCE_PRESETS[preset.value.capitalize()]
        use = "base" if base else "adapter"
        with closing(services().inference) as engine:
            say(f"Loading {found.base_model} …")
            engine.load(found.base_model, str(adapter))
            if not prompt:
                _converse(engine, use, settings)
                return
            answer = engine.generate(
                prompt, use=use, settings=settings, on_token=_ignore if json_ else _print_token
            )
            _print_answer(answer, found.id, use, as_json=json_)


def _converse(engine: InferenceEngine, use: str, settings: SamplingSettings) -> None:
    """Talk until an empty line or the end of the input; each turn sees those before it."""
    say("An empty line or Ctrl+C ends the conversation.")
    history: list[dict[str, str]] = []
    while True:
        try:
            question = input("You: ").strip()
        except (EOFError, KeyboardInterrupt):
            return
        if not question:
            return
        answer = engine.generate(
            question, use=use, settings=settings, on_token=_print_token, history=history
        )
        print()
        history += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer.text},
        ]


def _print_answer(answer: Answer, run_id: str, use: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"run": run_id, "use": use, "answer": answer})
    else:
        print()
        say(f"{answer.tokens} tokens in {answer.seconds:.1f} s")


def _print_token(text: str) -> None:
    print(text, end="", flush=True)


def _ignore(_text: str) -> None:
    return
