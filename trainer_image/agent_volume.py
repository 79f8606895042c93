"""One pod writes to a volume at a time: who it is stands in a file, with a sign of life."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from trainer_image.agent_files import read_json, write_json
from trainer_image.agent_run import RunError

if TYPE_CHECKING:
    from pathlib import Path

    from trainer_image.agent_settings import Settings

BEAT_SECONDS = 10.0
_STALE_SECONDS = 60.0


class VolumeLock:
    """The volume's ``.temper-lock``. Its age is told by the volume's own clock, not by ours."""

    def __init__(self, settings: Settings) -> None:
        self._root = settings.data_root
        self._path = settings.data_root / ".temper-lock"
        self._ours = {"pod": settings.pod_id, "run": settings.run_id}

    def take(self, *, force: bool) -> None:
        """Make the volume ours. RunError where another pod lives on it; ``force`` is for whoever
        knows that the other one is gone. OSError where the volume cannot be written."""
        holder = read_json(self._path)
        if holder and holder != self._ours and not force and self._is_fresh():
            raise RunError(409, "Another pod is using this volume.", holder=holder.get("pod"))
        write_json(self._path, self._ours, durable=False)

    def keep(self) -> bool:
        """Show that we live; False where another pod has taken the volume, as it may by force."""
        holder = read_json(self._path)
        if holder and holder != self._ours:
            return False
        write_json(self._path, self._ours, durable=False)
        return True

    def leave(self) -> None:
        """The run has ended: others may come at once."""
        with contextlib.suppress(OSError):
            if read_json(self._path) == self._ours:
                self._path.unlink()

    def _is_fresh(self) -> bool:
        probe: Path = self._path.with_name(f".temper-lock-{self._ours['pod']}")
        try:
            probe.touch()
            age = probe.stat().st_mtime - self._path.stat().st_mtime
            probe.unlink()
        except FileNotFoundError:
            return False
        return age < _STALE_SECONDS
