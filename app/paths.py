"""Where the program keeps its own things, and where its resources lie."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "TEMPER_HOME"


def code_root() -> Path:
    """The folder that holds ``trainer_image/`` and ``resources/``: checkout or frozen program."""
    frozen = getattr(sys, "_MEIPASS", None)
    return Path(frozen) if frozen else Path(__file__).resolve().parents[1]


def resource(name: str) -> Path:
    """A file of ``resources/`` (``base_models.toml``, ``samples/python-docs.jsonl``)."""
    return code_root() / "resources" / name


def guide_folder() -> Path:
    """The folder of the guide's pages; the frozen program has it in the same place."""
    return code_root() / "docs" / "guide"


@dataclass(frozen=True, slots=True)
class AppPaths:
    """All places under one home; nothing is written anywhere else."""

    home: Path

    @property
    def database(self) -> Path:
        """Configurations, dataset sessions, runs, metrics, application state."""
        return self.home / "temper.db"

    @property
    def datasets(self) -> Path:
        """The dataset library: immutable JSONL files named by their hash."""
        return self.home / "datasets"

    @property
    def data(self) -> Path:
        """The default host data dir, which the trainer sees as ``/data``."""
        return self.home / "data"

    @property
    def runtime(self) -> Path:
        """The managed Python environment of the trainer."""
        return self.home / "runtime"

    @property
    def trainer_code(self) -> Path:
        """Copies of the trainer's code, one per version, that runs were started with."""
        return self.home / "trainer-code"

    @property
    def logs(self) -> Path:
        """The program's own log and crash reports."""
        return self.home / "logs"


def app_paths() -> AppPaths:
    """The places of this installation.

    ``TEMPER_HOME``; else ``.temper`` in a checkout, which ``make`` uses, too; else the platform's
    folder for data.
    """
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return AppPaths(Path(home).expanduser().resolve())
    if (code_root() / "Makefile").exists():
        return AppPaths(code_root() / ".temper")
    from platformdirs import (
        user_data_path,
    )  # not needed, and not imported, when the variable is set

    return AppPaths(user_data_path("Temper", appauthor=False))
