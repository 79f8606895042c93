"""A module of this program that runs as a process of its own, also in the frozen program."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.environment.child_process import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class OwnModule:
    """Which module it is, and the ``option`` with which the frozen program, which has no ``-m``,
    becomes it (app/__main__.py)."""

    name: str
    option: str

    def command(self, *words: str) -> tuple[str, ...]:
        """What starts it with these arguments."""
        if _is_frozen():
            return (sys.executable, self.option, *words)
        # -P: a json.py in the folder that we were started in is none of our modules.
        return (sys.executable, "-P", "-m", self.name, *words)

    def environment(self, added: Mapping[str, str]) -> dict[str, str]:
        """Its variables: the user's without tokens, and those that are added."""
        own = clean_environment(os.environ) | dict(added)
        return own if _is_frozen() else own | {"PYTHONPATH": str(_ROOT)}


def _is_frozen() -> bool:
    return bool(getattr(sys, "frozen", False))
