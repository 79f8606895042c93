"""The remedies that a trainer itself named in its ``failed`` event: it knows what it lacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.config_io import settings_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from models.domain.run import Run, RunEvent


@dataclass(frozen=True, slots=True)
class ToldRemedy:
    """Values to change; with ``resumes`` the changed setup goes on from the last checkpoint."""

    label: str
    values: dict[str, object]
    sentence: str
    resumes: bool


def told_remedies(run: Run, events: Sequence[RunEvent]) -> tuple[ToldRemedy, ...]:
    """Those of the failure that the run ended with; what this program cannot apply is left out."""
    failure = run.failure
    ends = [event for event in events if event.type == "failed"]
    if failure is None or not ends:
        return ()
    told = ends[-1]
    if (told.text("kind"), told.text("message")) != (failure.kind, failure.message):
        return ()  # of an earlier boot
    named = told.fields.get("remedies")
    return tuple(_readable(named)) if isinstance(named, list) else ()


def _readable(named: Iterable[object]) -> Iterator[ToldRemedy]:
    for one in named:
        if not isinstance(one, dict) or not isinstance(one.get("changes"), dict):
            continue
        changes, label = one["changes"], one.get("label")
        if isinstance(label, str) and label and all(_fits(*change) for change in changes.items()):
            sentence = str(one.get("sentence", ""))
            yield ToldRemedy(label, changes, sentence, one.get("resumes") is True)


def _fits(path: object, value: object) -> bool:
    """Whether it is a setting of ours and a value of its type."""
    setting = settings_index().get(path) if isinstance(path, str) else None
    if setting is None or isinstance(value, bool) is not (setting.kind is bool):
        return False
    return isinstance(value, (int, float) if setting.kind is float else setting.kind)
