"""For which computers a bundle's packages are."""

from __future__ import annotations

import platform
import sys

_SAME = {"amd64": "x86_64", "arm64": "aarch64"}
_SPOKEN = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}


def platform_word() -> str:
    """This computer's system and processor, as ``linux-x86_64``."""
    machine = platform.machine().lower()
    return f"{sys.platform}-{_SAME.get(machine, machine)}"


def same_processor(one: str, other: str) -> bool:
    """Whether two names of processors mean the same; a name that is not known may be any."""
    first, second = (_SAME.get(name.lower(), name.lower()) for name in (one, other))
    return not first or not second or first == second


def spoken(word: str) -> str:
    """A platform word for people: ``Linux (x86_64)``."""
    system, _, machine = word.partition("-")
    return f"{_SPOKEN.get(system, system)} ({machine})"
