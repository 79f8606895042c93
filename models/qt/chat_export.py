"""The history of Quick Local Inference as a text file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from models.qt.inference_model import TUNED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.domain.run import Run
    from models.qt.inference_model import Exchange

_RULE = "-" * 72


def export_text(run: Run, exchanges: Iterable[Exchange]) -> str:
    """Run, adapter, base model, then each prompt with settings, time and answers."""
    head = [
        f"Run:        {run.name or run.id} ({run.id})",
        f"Adapter:    {run.adapter_path}",
        f"Base model: {run.base_model or run.config.hp.base_model}",
        "",
    ]
    return "\n".join([*head, *(part for item in exchanges for part in _exchange(item))])


def _exchange(exchange: Exchange) -> list[str]:
    settings = exchange.request.settings
    asked = datetime.fromtimestamp(exchange.asked_at, UTC).isoformat(timespec="seconds")
    lines = [
        _RULE,
        f"{asked} · {exchange.request.preset} · temperature {settings.temperature:g} · "
        f"top-p {settings.top_p:g} · at most {settings.max_new_tokens} tokens · "
        f"repetition penalty {settings.repetition_penalty:g}",
        "",
        "PROMPT",
        exchange.request.prompt,
    ]
    if exchange.request.expected:
        lines += ["", "EXPECTED", exchange.request.expected]
    for use in exchange.uses:
        lines += ["", _title(exchange, use), exchange.texts.get(use, "")]
    return [*lines, ""]


def _title(exchange: Exchange, use: str) -> str:
    name = "FINE-TUNED" if use == TUNED else "BASE MODEL"
    answer = exchange.answers.get(use)
    if answer is None:
        return name
    return f"{name} ({answer.tokens} tokens, {answer.seconds:.1f} s, {answer.finish})"
