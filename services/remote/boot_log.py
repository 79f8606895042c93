"""Reads a pod's system log beside everything else, while the pod comes up."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from models.domain.errors import AppError
from models.domain.pod_boot import BootPhase, PodBoot
from services.runpod.pod_log import SYSTEM, PodLog

if TYPE_CHECKING:
    from services.remote.pod_lines import PodLines
    from services.runpod.client import RunpodClient

logger = logging.getLogger(__name__)

_SILENT_SECONDS = 10.0
_AGAIN_SECONDS = 5.0
"""Real seconds between two connections."""


class BootLog:
    """A context manager; its thread ends soon after it is left. What cannot be read is missing:
    the log only explains, and nothing depends on it."""

    def __init__(self, client: RunpodClient, pod_id: str, lines: PodLines | None = None) -> None:
        self._lines = lines
        self._log = PodLog(client.transport, pod_id, SYSTEM, silent=_SILENT_SECONDS)
        self._over = threading.Event()
        self._boot = PodBoot()
        self._failing = PodBoot()
        self._thread = threading.Thread(target=self._read, name="pod-boot-log", daemon=True)

    @property
    def boot(self) -> PodBoot:
        """How far the pod is by what its machine has said so far."""
        return self._boot

    @property
    def failing(self) -> PodBoot:
        """What last went wrong, and how often in all: a machine that tries again says first that it
        begins anew."""
        return self._failing

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                for line in self._log.read(self._over.is_set):
                    self._see(line.text)
            except AppError as error:
                logger.info("the pod's log cannot be read: %s", error.message)
            except RuntimeError:  # the client was closed meanwhile
                return
            self._over.wait(_AGAIN_SECONDS)

    def _see(self, line: str) -> None:
        if self._lines is not None:
            self._lines.add(line)
        self._boot = boot = self._boot.after(line)
        if boot.phase is BootPhase.FAILING:
            same = boot.trouble == self._failing.trouble
            self._failing = replace(boot, failures=self._failing.failures + 1 if same else 1)
