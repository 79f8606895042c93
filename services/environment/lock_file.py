"""Reads the pins of a requirements.lock: which packages belong on this computer."""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VERSIONS = frozenset({"python_full_version", "python_version", "implementation_version"})


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of the lock: ``name==version``, and the marker that says where it holds."""

    name: str
    version: str
    marker: str = ""

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def read_pins(text: str) -> list[Pin]:
    """Every pin of a lock file; a line that is no pin is a bug of ours and raises ValueError."""
    lines = (line.strip() for line in text.splitlines())
    return [_pin(line) for line in lines if line and not line.startswith("#")]


def pins_for(pins: Iterable[Pin], system: Mapping[str, str]) -> list[Pin]:
    """The pins whose marker holds on ``system``: marker names such as sys_platform, and values."""
    return [pin for pin in pins if not pin.marker or marker_holds(pin.marker, system)]


def is_cuda_library(name: str) -> bool:
    """Whether a package is there only because torch's CUDA build wants it: gigabytes of them."""
    return name == "triton" or name.startswith(("nvidia-", "cuda-"))


def fingerprint(pins: Iterable[Pin], *more: str) -> str:
    """A short word that changes with any pin, and with whatever else decides an environment."""
    lines = sorted(f"{pin} ; {pin.marker}" for pin in pins)
    return hashlib.sha256("\n".join([*lines, *more]).encode()).hexdigest()[:16]


def canonical(name: str) -> str:
    """A package's name as indexes compare it: Foo.Bar and foo_bar are foo-bar."""
    return re.sub(r"[-_.]+", "-", name).lower()


def public_version(version: str) -> str:
    """The version without its local suffix: 2.13.0+cpu is 2.13.0."""
    return version.partition("+")[0]


def marker_holds(marker: str, system: Mapping[str, str]) -> bool:
    """Whether an environment marker (PEP 508) holds; its grammar is an expression of Python's."""
    try:
        return _truth(ast.parse(marker, mode="eval").body, system)
    except (SyntaxError, KeyError) as error:
        raise ValueError(f"unknown marker: {marker}") from error


def _pin(line: str) -> Pin:
    requirement, _, marker = line.partition(";")
    name, equals, version = requirement.strip().partition("==")
    if not equals:
        raise ValueError(f"not a pin: {line}")
    return Pin(canonical(name.strip()), version.strip(), marker.strip())


def _truth(node: ast.expr, system: Mapping[str, str]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_truth(value, system) for value in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_truth(value, system) for value in values)
        case ast.Compare(left=ast.Name(id=name), ops=[how], comparators=[ast.Constant(str(value))]):
            return _compared(name, how, value, system)
        case _:
            raise ValueError(f"unknown marker: {ast.unparse(node)}")


def _compared(name: str, how: ast.cmpop, value: str, system: Mapping[str, str]) -> bool:
    ordered = name in _VERSIONS
    ours = _padded(system[name]) if ordered else [system[name]]
    theirs = _padded(value) if ordered else [value]
    match how:
        case ast.Eq():
            return ours == theirs
        case ast.NotEq():
            return ours != theirs
        case ast.Lt() if ordered:
            return ours < theirs
        case ast.LtE() if ordered:
            return ours <= theirs
        case ast.Gt() if ordered:
            return ours > theirs
        case ast.GtE() if ordered:
            return ours >= theirs
        case _:
            raise ValueError(f"unknown comparison in a marker: {name} {how} {value}")


def _padded(version: str) -> list[str]:
    """A version as text that sorts rightly: three parts, each of five digits."""
    parts = [re.match(r"\d*", part) for part in version.split(".")]
    digits = [(part[0] if part else "").rjust(5, "0") for part in parts[:3]]
    return digits + ["00000"] * (3 - len(digits))
