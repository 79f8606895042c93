"""What may cure a run that failed on a rented pod, where that is nothing of this computer's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_RUNPOD
from models.domain.pod_quote import dollars
from models.domain.remedies import Change, Remedy, RemedyAction, resume, with_change
from models.domain.remote_plan import has_volume

if TYPE_CHECKING:
    from models.domain.config import RunpodSection
    from models.domain.run import Run

_MOST_HOURS, _MOST_COST, _LARGEST_DISK = 720.0, 100_000.0, 4000
"""The settings' own (:class:`models.domain.config.RunpodSection`)."""
_OF_THE_SETUP = frozenset({
    "bad_image", "image_denied", "image_missing", "not_writable", "pod_not_ready", "no_capacity",
    "no_self_delete", "no_volumes_there", "not_portable", "refused", "volume_ambiguous",
    "volume_busy", "volume_size",
})  # fmt: skip
"""Kinds that only another setup helps: image, GPU, place or volume."""
_SETUP = Remedy("Change the setup", RemedyAction.SETUP, note="The run's setup goes into the form")
_SETTINGS = Remedy("Open Settings", RemedyAction.SETTINGS, note="Tokens and keys are kept there")


def pod_remedies(run: Run, kind: str, checkpoint: int | None) -> tuple[Remedy, ...]:
    """Buttons for a run that failed on a pod, the best first; none where those of every other run
    help it as well. One that only resumes keeps the run's setup, whatever the form has by now.
    """
    if run.runtime != RUNTIME_RUNPOD:
        return ()
    again = resume(checkpoint)
    if kind == "limit":
        change = _more_allowed(run.config.runpod)
    elif kind == "pod_disk_full":
        change = _larger_disk(run.config.runpod)
    elif kind == "not_set":
        return (_SETTINGS, again)
    elif kind in _OF_THE_SETUP:
        return (_SETUP, again)
    elif kind == "driver":
        return (again,)
    else:
        return ()
    return (again,) if change is None else (_noted(with_change(change, checkpoint), change), again)


def _more_allowed(section: RunpodSection) -> Change | None:
    """Twice of both limits: which of the two was reached first depends on the price."""
    hours = min(_MOST_HOURS, section.max_hours * 2)
    cost = min(_MOST_COST, section.max_cost * 2)
    if (hours, cost) == (section.max_hours, section.max_cost):
        return None
    values: dict[str, object] = {"runpod.max_hours": hours, "runpod.max_cost": cost}
    return Change(f"Allow {hours:g} hours and {dollars(cost)}", values, "", same=True)


def _larger_disk(section: RunpodSection) -> Change | None:
    on_volume = has_volume(section)
    size = section.volume_size if on_volume else section.container_disk
    larger = min(_LARGEST_DISK, size * 2)
    if larger == size:
        return None
    name, words = ("volume_size", "network volume") if on_volume else (
        "container_disk", "container disk"
    )  # fmt: skip
    values: dict[str, object] = {f"runpod.{name}": larger}
    advice = "A network volume stays as large, and costs by the month" if on_volume else ""
    return Change(f"Use a {words} of {larger} GB", values, advice, same=True)


def _noted(remedy: Remedy, change: Change) -> Remedy:
    """With what the change means besides the training."""
    return replace(remedy, note=f"{remedy.note}. {change.advice}") if change.advice else remedy
