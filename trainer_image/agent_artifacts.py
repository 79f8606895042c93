"""What the run has made, with hashes, for whoever brings it home."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from trainer_image.agent_files import sha256_of, write_json
from trainer_image.agent_run import ENDED, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainer_image.agent_run import Run
    from trainer_image.agent_settings import Settings

_OF_THE_RUN = ("result.json", "state.json", "record.json", "samples.jsonl", "split.json")
_WHEN_ENDED = ("events.jsonl", "train.log")
"""They grow while the run lives."""
_WAIT = 20.0
"""Seconds for which one request waits for the hashes."""


class Artifacts:
    """The files of the run's folder and of its output directory. Thread-safe."""

    def __init__(self, settings: Settings, run: Run) -> None:
        self._settings = settings
        self._run = run
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Any]] = {}
        self._hashing: threading.Thread | None = None
        self._trouble = ""

    def manifest(self) -> list[dict[str, Any]] | None:
        """Path under the data root, size and SHA-256 of each file; None while hashing goes on."""
        with self._lock:
            if not self._stale():
                return self._listing()
        hashing = self.begin()
        hashing.join(_WAIT)
        with self._lock:
            if self._trouble:
                trouble, self._trouble = self._trouble, ""
                raise RunError(507, trouble)
            return None if hashing.is_alive() or self._stale() else self._listing()

    def begin(self) -> threading.Thread:
        """Hash what is new, beside the requests; at the run's end before anybody asks."""
        with self._lock:
            if self._hashing is None or not self._hashing.is_alive():
                self._hashing = threading.Thread(target=self._hash, daemon=True)
                self._hashing.start()
            return self._hashing

    def find(self, path: str) -> tuple[Path, int]:
        """The place and the size of a file of the manifest; nothing else can be had."""
        with self._lock:
            known = self._known.get(path)
        if known is None:
            raise RunError(404, "There is no such file in the manifest.")
        place = self._settings.data_root / path
        if _signature(place) != known["signature"]:
            raise RunError(409, "The file has changed since; ask for the manifest again.")
        return place, known["size"]

    def _listing(self) -> list[dict[str, Any]]:
        names = sorted(self._relative(path) for path in self._files())
        return [
            {"path": name, "size": self._known[name]["size"], "sha256": self._known[name]["sha256"]}
            for name in names
        ]

    def _stale(self) -> list[Path]:
        return [path for path in self._files() if not self._is_known(path)]

    def _is_known(self, path: Path) -> bool:
        known = self._known.get(self._relative(path))
        return known is not None and known["signature"] == _signature(path)

    def _hash(self) -> None:
        try:
            for path in self._stale():
                signature = _signature(path)
                with contextlib.suppress(FileNotFoundError):  # an old checkpoint makes room
                    entry = {
                        "signature": signature,
                        "size": signature[0],
                        "sha256": sha256_of(path),
                    }
                    with self._lock:
                        self._known[self._relative(path)] = entry
        except OSError as error:
            with self._lock:
                self._trouble = f"The run's files cannot be read: {error.strerror}."
            return
        self._write_down()

    def _write_down(self) -> None:
        """For whoever reads the volume when the pod is gone; it is not needed here."""
        with self._lock, contextlib.suppress(OSError, KeyError):
            listing = {"files": self._listing()}
            write_json(self._settings.run_folder / "manifest.json", listing)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._settings.data_root).as_posix()

    def _files(self) -> Iterator[Path]:
        ended = self._run.phase in ENDED
        for name in _OF_THE_RUN + (_WHEN_ENDED if ended else ()):
            path = self._settings.run_folder / name
            if path.is_file():
                yield path
        output = self._run.output_directory
        if output is not None:
            yield from _regular_files(output)


def _regular_files(folder: Path) -> Iterator[Path]:
    """Links are left out: they may lead anywhere; so is what is half-written."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.endswith(".tmp")]
        for name in names:
            path = type(folder)(place, name)
            if path.is_file() and not path.is_symlink() and not name.endswith((".tmp", ".part")):
                yield path


def _signature(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (-1, -1, -1)
    return (found.st_size, found.st_mtime_ns, found.st_ino)
