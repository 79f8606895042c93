"""Base models: what there is, fetching, checking, removing, and choosing one for the training."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.long_task import LongTask, tell
from models.domain.errors import AppError
from models.domain.start_fixes import OPEN_SETTINGS, SET_TOKEN
from models.qt.model_words import check_words, removed_words
from models.qt.notice import Notice
from services.progress import Cancelled

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import ModelPort
    from models.domain.cached_model import CachedModel
    from models.qt.app_models import AppModels
    from services.progress import CancelToken

REPAIR = "repair_model"
"""What the button of the notice about damaged files asks for."""
_TOKEN_HELPS = frozenset({"gated", "no_model"})
"""Refusals of a download that a token may turn: a private repo is hidden."""


class ModelsController(QObject):
    """Keeps the model of base models filled. What takes long is its ``task``, one at a time.

    Signals:
        made: the CachedModel (payload) to look at now.
        remove_asked: the CachedModel (payload) that shall go, and why it cannot, or nothing.
    """

    made = Signal(object)
    remove_asked = Signal(object, str)

    def __init__(
        self, desk: Desk, models: AppModels, library: ModelPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._library = library
        self._damaged = ""
        self.task = LongTask(desk, self)
        self.task.ended.connect(self.refresh)
        models.hardware.changed.connect(self._on_hardware)

    @Slot()
    def refresh(self) -> None:
        """Look at the folders again."""
        self._desk.tasks.start(self._read())

    @Slot(str)
    def download(self, repo: str) -> None:
        """Fetch what is not here of a repo, or is damaged."""
        self.task.start(f"Downloading {repo}", partial(self._download, repo))

    @Slot(object)
    def verify(self, model: CachedModel) -> None:
        """Compare every byte of a model."""
        title = f"Checking {model.repo_id_or_path}"
        self.task.start(title, partial(self._verify, model))

    @Slot()
    def repair(self) -> None:
        """Fetch what the last check found damaged."""
        if self._damaged:
            self.download(self._damaged)

    @Slot(object)
    def ask_remove(self, model: CachedModel) -> None:
        """See whether it can be taken away, and ask."""
        self._start(self._ask_remove(model), f"{model.repo_id_or_path} cannot be removed")

    @Slot(object)
    def remove(self, model: CachedModel) -> None:
        """Take a model off this computer; somebody was asked."""
        self._start(self._remove(model), f"{model.repo_id_or_path} cannot be removed")

    @Slot(object)
    def add(self, folder: Path) -> None:
        """List a folder of the user's."""
        self._start(self._add(folder), "The folder cannot be added")

    @Slot(object)
    def use(self, model: CachedModel) -> None:
        """Choose a model for the training."""
        self._models.form.apply({"hp.base_model": model.repo_id_or_path})

    async def _read(self) -> None:
        found = await self._desk.lanes.probes.run(self._library.all)
        self._models.base_library.set_hardware(self._models.hardware.hardware)
        self._models.base_library.set_items(found)

    async def _download(self, repo: str, cancel: CancelToken) -> None:
        run, report = self._desk.lanes.models.run, self.task.report
        try:
            found = await run(self._library.download, repo, report, cancel)
        except Cancelled:
            await self._show_part(repo)
            self._desk.notices.said.emit("Cancelled: the next download goes on from there")
            return
        except AppError as error:
            await self._show_part(repo)
            if error.kind not in _TOKEN_HELPS:
                raise
            title = f"{repo} was not downloaded"
            self._desk.notices.show_error(title, error, OPEN_SETTINGS, SET_TOKEN.label)
            return
        self._damaged = ""
        self._desk.notices.withdrawn.emit(REPAIR)
        await self._read()
        self.made.emit(found)
        self._desk.notices.said.emit(f"{found.repo_id_or_path} is on this computer now")

    async def _show_part(self, repo: str) -> None:
        """What has come of a download that was cut short is where it is gone on with."""
        await self._read()
        for model in self._models.base_library.items:
            if model.repo_id_or_path == repo:
                self.made.emit(model)

    async def _verify(self, model: CachedModel, cancel: CancelToken) -> None:
        run, report = self._desk.lanes.models.run, self.task.report
        check = await run(self._library.verify, model, report, cancel)
        if not check.damaged and not model.missing:
            self._desk.notices.said.emit(check_words(check))
            return
        can_repair = model.is_repo
        self._damaged = model.repo_id_or_path if can_repair else ""
        label = "Repair" if check.damaged else "Download the rest"
        action = (REPAIR, label) if can_repair else ("", "")
        title = f"{model.repo_id_or_path} is not whole"
        self._desk.notices.noticed.emit(
            Notice(title, check_words(check), "warning", *action, topic=REPAIR)
        )

    async def _ask_remove(self, model: CachedModel) -> None:
        kept = await self._desk.lanes.probes.run(self._library.why_kept, model)
        self.remove_asked.emit(model, kept)

    async def _remove(self, model: CachedModel) -> None:
        freed = await self._desk.lanes.models.run(self._library.remove, model)
        await self._read()
        words = removed_words(model, freed)
        self._desk.notices.said.emit(f"{model.repo_id_or_path} is {words}")

    async def _add(self, folder: Path) -> None:
        found = await self._desk.lanes.models.run(self._library.add, folder)
        await self._read()
        self.made.emit(found)

    def _start(self, work: Coroutine[None, None, None], failure: str) -> None:
        self._desk.tasks.start(tell(self._desk, work, failure))

    @Slot()
    def _on_hardware(self) -> None:
        self._models.base_library.set_hardware(self._models.hardware.hardware)
