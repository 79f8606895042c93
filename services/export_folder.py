"""The folder that an export goes to: filled beside its final name, and then all there at once."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.export_notes import new_folder, old_folder
from services.host_info import free_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DESCRIPTIONS = ("adapter_config.json", "config.json")
"""One of them lies in every exported folder."""
_SPARE = 50_000_000
"""Bytes that stay free beside an export, for whatever else writes on that disk."""
_ELSEWHERE = "Choose another folder."


class ExportFolder:
    """Where an export is to lie; ``source`` is what is exported, which it must not touch."""

    def __init__(self, path: Path, source: Path) -> None:
        self.path = path.expanduser().absolute()
        self._source = source
        self._new, self._old = new_folder(self.path), old_folder(self.path)

    def problem(self, *, overwrite: bool) -> AppError | None:
        """Why nothing can be exported to here, if so. Changes nothing."""
        path, source = self.path.resolve(), self._source.resolve()
        if path == source or source in path.parents:
            message = f"{self.path} belongs to the run itself."
            return AppError("bad_use", message, _ELSEWHERE)
        if not self.path.exists():
            if self.path.parent.is_dir():
                return None
            message = f"There is no folder {self.path.parent} in which it could lie."
            return AppError("bad_use", message, "Make it first, or choose another place.")
        if not self.path.is_dir():
            return AppError("bad_use", f"{self.path} is a file.", _ELSEWHERE)
        return self._problem_of_content(overwrite=overwrite)

    def room_problem(self, need: int) -> AppError | None:
        """Why ``need`` bytes have no room here, if so."""
        free = free_disk(self.path)
        if free >= need + _SPARE:
            return None
        message = (
            f"The disk of {self.path} has {free / 1e6:,.0f} MB free, and the export needs about "
            f"{(need + _SPARE) / 1e6:,.0f} MB."
        )
        return AppError("disk_full", message, "Free some space there, or choose another folder.")

    @contextmanager
    def filling(self) -> Iterator[Path]:
        """An empty folder to write to, which gets its name when the block ends well, and is gone
        when it does not. AppError("io") where the disk does not let us."""
        try:
            shutil.rmtree(self._new, ignore_errors=True)  # of one that no note tells of
            self._new.mkdir()
            yield self._new
            self._publish()
        except OSError as error:
            place = f" ({error.filename})" if error.filename else ""
            message = f"The export to {self.path} failed: {error.strerror or error}{place}."
            raise AppError("io", message, "Nothing was written. Try another folder.") from error
        finally:
            shutil.rmtree(self._new, ignore_errors=True)

    def _problem_of_content(self, *, overwrite: bool) -> AppError | None:
        entries = list(self.path.iterdir())
        if not entries:
            return None
        if not overwrite:
            hint = "Choose another folder, or replace what is there with --overwrite."
            return AppError("bad_use", f"{self.path} is not empty.", hint)
        is_export = any((self.path / name).is_file() for name in _DESCRIPTIONS)
        if is_export and all(entry.is_file() for entry in entries):
            return None
        message = f"{self.path} holds other things than a model, and they would be lost."
        return AppError("bad_use", message, _ELSEWHERE)

    def _publish(self) -> None:
        if self.path.exists():
            shutil.rmtree(self._old, ignore_errors=True)
            self.path.rename(self._old)
        try:
            self._new.rename(self.path)
        except OSError:
            with suppress(OSError):
                self._old.rename(self.path)
            raise
        shutil.rmtree(self._old, ignore_errors=True)
