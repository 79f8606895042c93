"""The network volume and the template that a configuration names: found, or made, and said which.

A GPU, a region or a volume cannot be part of a template of REST v2; the configuration holds them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from models.domain.errors import AppError
from models.domain.pod import LARGEST_VOLUME, SMALLEST_VOLUME
from services.runpod.bodies import template_fields
from services.runpod.refusals import UNCLEAR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.domain.pod import DataCenter, NetworkVolume, PodTemplate

LOOK_AGAIN = (5.0, 10.0, 45.0)
"""Seconds between looks for what may have been made: 5, 15 and 60 seconds after the call."""
_FIELD_WORDS = {
    "image": "image", "disk": "container disk", "ports": "ports", "env": "variables",
    "args": "start command", "registry": "registry login",
}  # fmt: skip
_Made = TypeVar("_Made")


class Account(Protocol):
    """What of the client is used here."""

    def volumes(self) -> tuple[NetworkVolume, ...]:
        """The account's network volumes."""

    def create_volume(self, name: str, data_center: str, size: int) -> NetworkVolume:
        """Make a volume."""

    def grow_volume(self, volume_id: str, size: int) -> NetworkVolume:
        """Make a volume larger."""

    def templates(self) -> tuple[PodTemplate, ...]:
        """The account's own templates."""

    def create_template(self, wanted: PodTemplate) -> PodTemplate:
        """Make a template."""

    def update_template(self, template_id: str, changes: Mapping[str, Any]) -> PodTemplate:
        """Change some fields of a template."""

    def data_centers(self) -> tuple[DataCenter, ...]:
        """Runpod's places."""


@dataclass(frozen=True, slots=True)
class EnsuredVolume:
    """The volume, and what was done, in a line."""

    volume: NetworkVolume
    line: str


@dataclass(frozen=True, slots=True)
class EnsuredTemplate:
    """The template, and what was done, in a line."""

    template: PodTemplate
    line: str


class Infrastructure:
    """Blocking. What it makes, it makes once: after a doubtful answer it looks before it repeats.

    ``pause`` waits, and may raise to end the waiting.
    """

    def __init__(self, account: Account, pause: Callable[[float], None] = time.sleep) -> None:
        self._account = account
        self._pause = pause

    def ensure_volume(
        self, name: str, size: int, data_center: str = "", preferred: Sequence[str] = ()
    ) -> EnsuredVolume:
        """The volume of that name in that place, at least ``size`` GB large; never made smaller.

        Without a place the one volume of that name is taken wherever it is; where there is none it
        is made in the first of the ``preferred`` places that has network volumes. Raises AppError:
        ``volume_size``, ``volume_ambiguous``, ``no_volumes_there``, and what the client raises.
        """
        _check_size(size)
        place = data_center.strip().upper()
        found = self._volume(name, place)
        if found is None:
            place = self._place_for_volume(place, preferred)
            made = self._made(
                lambda: self._account.create_volume(name, place, size),
                lambda: self._volume(name, place),
            )
            return EnsuredVolume(made, f"Network volume {_volume_words(made)} created.")
        if found.size >= size:
            rest = f"; {size} GB are enough, it stays as it is." if found.size > size else "."
            return EnsuredVolume(found, f"Network volume {_volume_words(found)} found{rest}")
        grown = self._account.grow_volume(found.id, size)
        line = f"Network volume {_volume_words(grown)} found, enlarged from {found.size} GB."
        return EnsuredVolume(grown, line)

    def ensure_template(self, wanted: PodTemplate) -> EnsuredTemplate:
        """The template of that name, changed where it is not as wanted."""
        found = self._template(wanted.name)
        if found is None:
            made = self._made(
                lambda: self._account.create_template(wanted), lambda: self._template(wanted.name)
            )
            return EnsuredTemplate(made, f"Template {wanted.name} created.")
        now, then = template_fields(wanted), template_fields(found)
        changes = {name: value for name, value in now.items() if then[name] != value}
        if not changes:
            return EnsuredTemplate(found, f"Template {wanted.name} found.")
        changed = self._account.update_template(found.id, changes)
        words = ", ".join(_FIELD_WORDS[name] for name in changes)
        line = f"Template {wanted.name} found, updated: {words}."
        return EnsuredTemplate(replace(changed, id=found.id), line)

    def _volume(self, name: str, place: str) -> NetworkVolume | None:
        return volume_named(self._account.volumes(), name, place)

    def _template(self, name: str) -> PodTemplate | None:
        named = (one for one in self._account.templates() if one.name == name)
        return min(named, key=lambda one: one.id, default=None)

    def _place_for_volume(self, place: str, preferred: Sequence[str]) -> str:
        able = [one.id for one in self._account.data_centers() if one.has_volumes]
        if place in able:
            return place
        choices = ", ".join(able) or "none"
        if place:
            raise AppError(
                "no_volumes_there",
                f"The data centre {place} has no network volumes.",
                f"Those that have: {choices}.",
            )
        chosen = next((one.upper() for one in preferred if one.upper() in able), "")
        if not chosen:
            raise AppError(
                "no_volumes_there",
                "No data centre that has the GPU has network volumes.",
                f"Choose another GPU, or one of the data centres that have volumes: {choices}.",
            )
        return chosen

    def _made(self, make: Callable[[], _Made], look: Callable[[], _Made | None]) -> _Made:
        """What ``make`` made, also where it says that it does not know whether it did."""
        try:
            return make()
        except AppError as error:
            if error.kind != UNCLEAR:
                raise
        for wait in LOOK_AGAIN:
            self._pause(wait)
            found = look()
            if found is not None:
                return found
        return make()


def volume_named(
    volumes: Sequence[NetworkVolume], name: str, place: str = ""
) -> NetworkVolume | None:
    """The volume of a name, in a place or wherever it is; None where there is none.

    AppError("volume_ambiguous") where it is in several places and none is chosen.
    """
    there = [one for one in volumes if one.name == name and place in ("", one.data_center)]
    places = sorted({one.data_center for one in there})
    if len(places) > 1:
        raise AppError(
            "volume_ambiguous",
            f"There are network volumes named {name} in {' and '.join(places)}.",
            "Choose the data centre, or another name.",
        )
    # Names need not be unique in one place either: always take the same one, the largest.
    return max(there, key=lambda one: (one.size, one.id), default=None)


def _check_size(size: int) -> None:
    if not SMALLEST_VOLUME <= size <= LARGEST_VOLUME:
        raise AppError(
            "volume_size",
            f"A network volume has {SMALLEST_VOLUME} to {LARGEST_VOLUME} GB, not {size}.",
            "Change the volume size.",
        )


def _volume_words(volume: NetworkVolume) -> str:
    return f"{volume.name} ({volume.size} GB, {volume.data_center})"
