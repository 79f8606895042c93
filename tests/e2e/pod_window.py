"""The window with a setup for a rented pod, and what it says of the pod meanwhile."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.bootstrap import build_services
from app.paths import AppPaths
from models.domain.config import TARGET_RUNPOD
from services.offline import OfflinePolicy
from tests.e2e.real_window import RealWindow, until
from tests.integration.runpod_world import GPU

if TYPE_CHECKING:
    from pathlib import Path


class PodWindow(RealWindow):
    """One start of the program on a home folder."""

    def __init__(self, home: Path) -> None:
        super().__init__(partial(build_services, AppPaths(home), OfflinePolicy()))

    def words(self, name: str) -> str:
        return str(self.child(name).text())

    async def set_up(self, **settings: object) -> None:
        """A setup for a pod with the sample rows, and the GPU out of Runpod's list."""
        self.wiring.datasets.add_sample()
        form = self.models.form
        await until(lambda: bool(form.value("dataset.session")))
        form.edit("training.target", TARGET_RUNPOD)
        form.edit("training.skill_level", "Expert")
        form.edit("runpod.volume_size", 10)
        for name, value in settings.items():
            form.edit(name.replace("__", "."), value)
        gpus = self.child("runpod.gpu")
        await until(lambda: gpus.findText(GPU) >= 0)
        gpus.activated.emit(gpus.findText(GPU))
        await until(lambda: "RTX A5000" in self.words("runpod.quote.lines"))

    async def ensure(self) -> None:
        """Volume and template, before anything is rented."""
        self.child("runpod.ensure").click()
        await until(lambda: "template" in self.words("runpod.ensure.lines").lower())
        await until(lambda: self.child("runpod.ensure").isEnabled())

    async def start(self) -> None:
        """Press Start, and wait until there is a run."""
        self.child("runpod.start").click()
        await until(lambda: self.models.run.run_id != "", 180)  # the rows may be looked at first

    def log_lines(self, source: str) -> list[str]:
        """What the log view shows of one source."""
        log, sources = self.models.run.log, self.child("run.log.source")
        log.flush_all()
        sources.activated.emit(sources.findText(source))
        return [str(log.index(row, 0).data()) for row in range(log.rowCount())]


class Seen:
    """What the page said of the pod and its run, each time it said something else."""

    def __init__(self, program: PodWindow) -> None:
        self._program = program
        self.headlines: set[str] = set()
        self.doing: set[str] = set()
        self.costs: set[str] = set()
        for model in (program.models.run.pod, program.models.run.status):
            model.changed.connect(self.look)

    def look(self) -> None:
        self.headlines.add(self._program.words("run.status"))
        self.doing.add(self._program.words("runpod.doing"))
        self.costs.add(self._program.words("runpod.cost"))
