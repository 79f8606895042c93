"""The bookkeeping of an import: what of the file was used, and what became of the rest."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, cast

from models.domain.config import SKILL_EXPERT, TrainingConfig
from models.domain.config_io import settings_index, with_values
from models.domain.errors import ConfigError, Problem
from models.domain.foreign_config import Fate, ForeignNote, ImportedConfig, Program
from models.domain.settings_spec import shown
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.foreign_configs.reading import Given

NO_COUNTERPART = "It has no counterpart here and is left out."
_EMPTY: tuple[object, ...] = (None, "", [], {})
_SECRET = re.compile(
    r"((hub|hf|wandb|auth|access|api)_token|api_?key|secret|password|access_?key(_?id)?"
    r"|webhook_url)$",
    re.IGNORECASE,
)
_SET_ASIDE = "It is never part of a configuration. Tokens are set under Settings."
_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_KINDS: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
}


class Translation:
    """Takes settings out of a file one by one; what nobody has taken is told at the end.

    A setting that is empty in the file counts as not being there, as in the other programs.
    """

    def __init__(
        self,
        program: Program,
        given: Mapping[str, Given],
        where: str,
        sections: frozenset[str] = frozenset(),
    ) -> None:
        """Of ``sections`` the parts are settings, named ``section.part``; ``where`` names the
        file in errors."""
        self._program = program
        self._where = where
        self._given = _opened(given, sections)
        self._seen: set[str] = set()
        self._used: set[str] = set()
        self._notes: list[ForeignNote] = []
        self._problems: list[Problem] = []
        # Every imported value is to be seen, and a beginner's form hides most of them.
        self.values: dict[str, object] = {"training.skill_level": SKILL_EXPERT}
        self._set_secrets_aside()

    def get(self, name: str) -> object:
        """A setting's value, or None; from now on it counts as looked at and as used."""
        found = self._given.get(name)
        if found is None or (name in self._seen and name not in self._used):
            return None
        self._seen.add(name)
        if found.value in _EMPTY:
            return None
        self._used.add(name)
        return found.value

    def text(self, name: str) -> str:
        """A setting as text; empty where it is not there."""
        return cast("str", self._typed(name, str) or "")

    def number(self, name: str) -> float | None:
        """A setting as a number; one that is none is a problem of the file."""
        return cast("float | None", self._typed(name, float))

    def whole(self, name: str) -> int | None:
        """A setting as a whole number."""
        return cast("int | None", self._typed(name, int))

    def switch(self, name: str) -> bool | None:
        """A setting as a switch."""
        return cast("bool | None", self._typed(name, bool))

    def copy(self, name: str, path: str) -> None:
        """Take a setting over as it is, if it is there and within our bounds."""
        value = self._typed(name, settings_index()[path].kind)
        if value is not None:
            self.set(path, value, name)

    def set(self, path: str, value: object, name: str) -> None:
        """Set ours because of ``name``; what our rules do not allow is told and left."""
        info = settings_index()[path]
        problem = info.rule.problem(path, value, info.kind)
        if problem is None:
            self.values[path] = value
            return
        stays = self.values.get(path, info.default)
        self.note(name, Fate.LOST, f"{problem.remedy} {info.rule.label} stays at {stays}.".strip())

    def note(self, name: str, fate: Fate, text: str) -> None:
        """Tell what became of a setting, whether it is in the file or not."""
        found = self._given.get(name)
        self._seen.add(name)
        if fate is not Fate.CHANGED:
            self._used.discard(name)
        value = "" if found is None or fate is Fate.WITHHELD else as_text(found.value)
        line = found.line if found is not None else 0
        self._notes.append(ForeignNote(name, value, fate, text, line))

    def rest(self, unneeded: Mapping[str, str], hints: Mapping[str, str]) -> None:
        """Tell about everything nobody has looked at.

        ``unneeded`` says why a setting changes nothing of what is learnt, ``hints`` what to know of
        one that does, each by the beginning of its name.
        """
        for name, found in self._given.items():
            # Switched off there, and not here either.
            if name in self._seen or found.value in _EMPTY or found.value in (False, 0):
                continue
            short = name.rpartition(".")[2]
            if reason := _by_beginning(short, unneeded):
                self.note(name, Fate.UNNEEDED, reason)
            else:
                self.note(name, Fate.LOST, _by_beginning(short, hints) or NO_COUNTERPART)

    def result(self) -> ImportedConfig:
        """The configuration with its notes; ConfigError with all that is wrong in the file."""
        if self._problems:
            raise ConfigError(sorted(self._problems, key=_line), self._where)
        config = with_values(TrainingConfig(), self.values)
        return ImportedConfig(config, self._program, len(self._used), tuple(self._notes))

    def _set_secrets_aside(self) -> None:
        for name, found in self._given.items():
            value = found.value
            if (
                isinstance(value, str)
                and value
                and (_SECRET.search(name) or redact(value) != value)
            ):
                self.note(name, Fate.WITHHELD, _SET_ASIDE)

    def _typed(self, name: str, kind: type) -> object:
        value = self.get(name)
        if value is None:
            return None
        try:
            return _converted(value, kind)
        except (TypeError, ValueError, OverflowError):
            message, line = f"must be {_KINDS[kind]}.", self._given[name].line
            self._problems.append(Problem(name, redact(shown(value)), message, "", line))
            return None


def as_text(value: object) -> str:
    """A value as it stands in a note; of what is nested only that it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ""
    if isinstance(value, list):
        plain = all(isinstance(item, (str, int, float)) for item in value)
        text = ", ".join(map(str, value)) if plain else ""
    else:
        text = str(value)
    text = redact(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 60


def _opened(given: Mapping[str, Given], sections: frozenset[str]) -> dict[str, Given]:
    found: dict[str, Given] = {}
    for name, one in given.items():
        if name in sections and one.parts:
            found |= {f"{name}.{part}": inner for part, inner in one.parts.items()}
        else:
            found[name] = one
    return found


def _converted(value: object, kind: type) -> object:
    if isinstance(value, (list, dict)):
        raise TypeError
    if kind is str:
        return as_word(value)
    if kind is bool:
        return _as_switch(value)
    if isinstance(value, bool):
        raise TypeError
    number = float(str(value))
    if kind is float:
        return number
    if not math.isfinite(number) or number != int(number):
        raise ValueError
    return int(number)


def as_word(value: object) -> str:
    """A scalar as the word it was in the file, as far as YAML has left it."""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _as_switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() not in _SWITCH:
        raise ValueError
    return _SWITCH[str(value).lower()]


def _by_beginning(name: str, reasons: Mapping[str, str]) -> str:
    return next((text for start, text in reasons.items() if name.startswith(start)), "")


def _line(problem: Problem) -> int:
    return problem.line
