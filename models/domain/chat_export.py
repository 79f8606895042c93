"""The history of Quick Local Inference as a text file."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from models.domain.inference import TUNED, made_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.domain.inference import Exchange, SamplingSettings
    from models.domain.run import Run

_RULE = "-" * 72


def export_text(run: Run, exchanges: Iterable[Exchange]) -> str:
    """Run, adapter and base model, then each prompt with settings, time and answers."""
    head = [
        "Quick Local Inference",
        "",
        f"Run:        {run.name or run.id} ({run.id})",
        f"{made_word(run.config) + ':':<11} {run.adapter_path}",
        f"Base model: {run.base_model or run.config.hp.base_model}",
        "",
    ]
    return "\n".join([*head, *(part for item in exchanges for part in _exchange(item))])


def settings_text(settings: SamplingSettings) -> str:
    """All that decides how tokens are drawn, in words."""
    drawn = f"temperature {settings.temperature:g} · top-p {settings.top_p:g}"
    return (
        f"{drawn if settings.temperature else 'greedy'} · "
        f"at most {settings.max_new_tokens} tokens · "
        f"repetition penalty {settings.repetition_penalty:g}"
    )


def _exchange(exchange: Exchange) -> list[str]:
    request = exchange.request
    # Local time with its offset from UTC: the reader's clock, and still unambiguous.
    asked = datetime.fromtimestamp(exchange.asked_at).astimezone().isoformat(timespec="seconds")
    lines = [_RULE, f"{asked} · {request.preset} · {settings_text(request.settings)}"]
    for message in request.context:
        lines += ["", f"BEFORE ({message.role})", message.content]
    lines += ["", "PROMPT", request.prompt]
    if request.expected:
        lines += ["", "EXPECTED", request.expected]
    for use in exchange.uses:
        lines += ["", _title(exchange, use), exchange.texts.get(use, "")]
    if exchange.error:
        lines += ["", "ERROR", exchange.error]
    return [*lines, ""]


def _title(exchange: Exchange, use: str) -> str:
    name = "FINE-TUNED" if use == TUNED else "BASE MODEL"
    answer = exchange.answers.get(use)
    if answer is None:
        return f"{name} (not answered)" if exchange.is_over else name
    return f"{name} ({answer.tokens} tokens, {answer.seconds:.1f} s, {answer.finish})"
