"""What the frozen program does first: take its own surroundings out of everybody else's way."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_TOUCHED = (
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "QT_PLUGIN_PATH", "QML2_IMPORT_PATH",
    "OPENSSL_MODULES",
)  # fmt: skip
"""The variables to which PyInstaller's boot loader and start-up code add folders of the bundle."""


def prepare() -> None:
    """To be called before anything else is imported; does nothing in a checkout."""
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        give_back_environment(os.environ, Path(bundle))
        open_missing_streams()


def give_back_environment(environ: MutableMapping[str, str], bundle: Path) -> None:
    """Take the bundle's folders out of the environment variables, which every child inherits.

    A trainer, a browser or a file manager that loads our copies of its libraries may crash. This
    process needs none of it: its loader has read its search path, and Qt finds its plugins itself.
    """
    # https://pyinstaller.org/en/stable/runtime-information.html#ld-library-path-libpath-considerations
    environ.pop("LD_LIBRARY_PATH_ORIG", None)
    for name in _TOUCHED:
        entries = environ.get(name, "").split(os.pathsep)
        others = [entry for entry in entries if not Path(entry).is_relative_to(bundle)]
        if not any(others):
            environ.pop(name, None)
        elif others != entries:
            environ[name] = os.pathsep.join(others)


def open_missing_streams() -> None:
    """Without a console a program has no streams on Windows, and whoever writes to one dies."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)
