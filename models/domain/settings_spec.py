"""How one setting of a configuration is described: the single source for form, rules and help."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass, field
from typing import Any

from models.domain.errors import Problem

LARGEST_INTEGER = 2**63 - 1
"""Beyond it arithmetic with floats fails, and no setting comes near it."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


def shown(value: object) -> str:
    """Any value as it stands in a message: never longer than a line, however large or deep."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # an integer of more digits than Python converts
        return "a very large number"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a setting accepts and how it is shown.

    ``minimum`` and ``maximum`` are inclusive; ``above`` is an exclusive lower bound.
    ``optional`` allows None; ``none_means`` says what None or an empty text mean ("no limit").
    ``expert`` settings are hidden from beginners, but keep their value.
    """

    label: str
    help: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    unit: str = ""
    optional: bool = False
    none_means: str = ""
    expert: bool = False

    def problem(self, path: str, value: object, kind: type) -> Problem | None:
        """Say what is wrong with ``value`` for a setting of type ``kind``; None if nothing is."""
        if value is None:
            return None if self.optional else Problem(path, "", "must not be empty.", self._range())
        if not _is_a(value, kind):
            return Problem(path, shown(value), f"must be {_WORDS[kind]}.", self._range())
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            return Problem(path, shown(value), "must be a smaller number.", self._range())
        if self.choices and value not in self.choices:
            allowed = ", ".join(self.choices)
            return Problem(path, shown(value), "is not one of the choices.", f"Use {allowed}.")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._out_of_range(path, value)
        return None

    def _out_of_range(self, path: str, value: float) -> Problem | None:
        inside = (
            math.isfinite(value)
            and (self.minimum is None or value >= self.minimum)
            and (self.above is None or value > self.above)
            and (self.maximum is None or value <= self.maximum)
        )
        return None if inside else Problem(path, f"{value:g}", "is out of range.", self._range())

    def _range(self) -> str:
        low = ""
        if self.minimum is not None:
            low = f"at least {self.minimum:g}"
        elif self.above is not None:
            low = f"more than {self.above:g}"
        high = f"at most {self.maximum:g}" if self.maximum is not None else ""
        bounds = " and ".join(part for part in (low, high) if part)
        return f"Use a value of {bounds}." if bounds else ""


_WORDS: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "on or off",
}


def _is_a(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def setting(default: object, label: str, **rule: Any) -> Any:
    """Declare a dataclass field together with its :class:`Rule` (keywords as there)."""
    return field(default=default, metadata={"rule": Rule(label=label, **rule)})
