"""In what two jobs differ, by the names of their settings, and whether one may go on from the
other's checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer_image.contract import FailureKind
from trainer_image.failures import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trainer_image.checkpoints import Manifest
    from trainer_image.contract import Job

_SHAPE = frozenset({
    "hp.lora_r", "hp.lora_targets", "hp.lora_variant", "hp.tuning", "hp.method", "hp.optimizer",
    "on_top_of",
})  # fmt: skip
"""What a checkpoint's weights and the optimiser's memory are made for: with another value they do
not fit, or are loaded and mean something else."""

_HORIZON = frozenset({"hp.epochs", "hp.max_steps"})
_MOST_NAMED = 6


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The settings that differ, each with its value before and now; None stands for "had none".

    Nothing where ``before`` is empty: earlier versions did not say.
    """
    if not before:
        return {}
    one, other = dict(_flat(before)), dict(_flat(now))
    names = sorted({*one, *other})
    return {
        name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)
    }


def sentence(found: Mapping[str, tuple[Any, Any]]) -> str:
    """The differences in words: ``hp.epochs was 2.0 and is 3.0``."""
    parts = [f"{name} was {_say(a)} and is {_say(b)}" for name, (a, b) in found.items()]
    if len(parts) > _MOST_NAMED:
        parts = [*parts[:_MOST_NAMED], f"{len(parts) - _MOST_NAMED} more"]
    return "; ".join(parts)


def refuse_misfit(manifest: Manifest, job: Job) -> None:
    """RefusedError where this job cannot go on from that checkpoint at all."""
    found = differences(manifest.decisive, job.decisive())
    wrong = {name: values for name, values in found.items() if name in _SHAPE}
    if wrong:
        raise RefusedError(
            FailureKind.BAD_CONFIG,
            f"The checkpoint of step {manifest.step} does not fit these settings: "
            f"{sentence(wrong)}.",
            "Put them back, or start anew: New adapter on top learns with other ones.",
        )


def explained(manifest: Manifest, job: Job) -> str:
    """What going on from a checkpoint of other settings means, in words."""
    found = differences(manifest.decisive, job.decisive())
    if not found:
        return "Going on from a checkpoint that other settings made."
    text = f"Going on from a checkpoint that other settings made: {sentence(found)}."
    if found.keys() & _HORIZON:
        text += (
            " The schedule now ends later or earlier, so the learning rate of the next step is the "
            "one that the new schedule has there, not the last one of the run before."
        )
    return text


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "not set" if value in (None, "") else str(value)
