"""The disk as the Storage page shows it: looking, pinning, and cleaning what was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.domain.errors import AppError
from services.redaction import redact

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import StoragePort
    from models.domain.storage import CleanPlan, RetentionRules, StoredItem
    from models.qt.form_model import FormModel
    from models.qt.storage_model import StorageModel


class StorageController(QObject):
    """Everything in a lane of its own, one after the other: counting takes seconds. What the form
    holds is needed as a saved setup is."""

    def __init__(
        self,
        desk: Desk,
        model: StorageModel,
        form: FormModel,
        storage: StoragePort,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._model = model
        self._form = form
        self._storage = storage
        self._is_stale = True
        self._wanted: RetentionRules | None = None
        model.set_ready()

    @Slot()
    def look_if_stale(self) -> None:
        """Look, unless what is known still holds."""
        if self._is_stale:
            self.look()

    @Slot()
    def look(self) -> None:
        """Count everything; asked for while it counts, it counts once more after that."""
        self._is_stale = True
        if not self._is_busy():
            self._desk.tasks.start(self._look())

    @Slot()
    def expire(self) -> None:
        """Something on the disk is another now."""
        self._is_stale = True

    @Slot(object)
    def set_rules(self, rules: RetentionRules) -> None:
        """Keep the rules, and show what would go by them."""
        is_first, self._wanted = self._wanted is None, rules
        if is_first:
            self._desk.tasks.start(self._set_rules())

    @Slot(object)
    def clean(self, shown: CleanPlan) -> None:
        """Remove what was shown as going, and of that only what may still go."""
        if not self._is_busy() and shown.going:
            self._desk.tasks.start(self._clean(shown, self._model.rules))

    @Slot(object)
    def toggle_pin(self, item: StoredItem) -> None:
        """Have every clean-up keep a checkpoint or a run, or leave it to the rules again."""
        if item.run_id and not self._is_busy():
            self._desk.tasks.start(self._toggle_pin(item))

    def _is_busy(self) -> bool:
        return self._model.is_looking or self._model.is_cleaning

    async def _look(self) -> None:
        self._model.begin()
        problem = ""
        lane = self._desk.lanes.storage
        try:
            while self._is_stale:
                self._is_stale = False
                self._model.show(await lane.run(self._storage.report))
                rules = await lane.run(self._storage.rules)
                self._model.show_plan(await self._plan(rules), rules)
        except AppError as error:
            self._is_stale, problem = True, _words(error)
        finally:
            self._model.end(problem)

    async def _plan(self, rules: RetentionRules) -> CleanPlan:
        return await self._desk.lanes.storage.run(self._storage.plan, rules, self._form.user_config)

    async def _set_rules(self) -> None:
        """The last of several that come fast is the one that counts."""
        problem = ""
        try:
            while (rules := self._wanted) is not None:
                await self._desk.lanes.storage.run(self._storage.set_rules, rules)
                plan = await self._plan(rules)
                if self._wanted is rules:  # else the boxes would go back to what was before
                    self._model.show_plan(plan, rules)
                    self._wanted = None
        except AppError as error:
            problem = _words(error)
        finally:
            self._wanted = None
            if problem:
                self._model.end(problem)

    async def _clean(self, shown: CleanPlan, rules: RetentionRules) -> None:
        self._model.begin(cleaning=True)
        problem = ""
        try:
            done = await self._desk.lanes.storage.run(
                self._storage.clean, shown, rules, self._form.user_config
            )
            self._model.show_done(done)
        except AppError as error:
            problem = _words(error)
        finally:
            self._model.end(problem)
        if not problem:
            self.look()

    async def _toggle_pin(self, item: StoredItem) -> None:
        problem = ""
        checkpoint = item.name if item.name.startswith("checkpoint-") else ""
        try:
            await self._desk.lanes.storage.run(
                self._storage.pin, item.run_id, checkpoint, pinned=not item.is_pinned
            )
        except AppError as error:
            problem = _words(error)
        if problem:
            self._model.end(problem)
        else:
            self.look()


def _words(error: AppError) -> str:
    return redact(f"{error.message} {error.hint}".strip())
