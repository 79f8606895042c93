"""The list of saved configurations: read, rename, duplicate, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.domain.errors import AppError

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import ConfigPort
    from models.domain.dataset import SavedConfig
    from models.qt.app_models import AppModels


class ConfigListController(QObject):
    """Keeps the model of saved configurations as the database has it, for the form's target.

    After every change, and after everything that failed, the list is read again: what failed has
    most likely met what another window or a command did.
    """

    def __init__(
        self, desk: Desk, models: AppModels, store: ConfigPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._configs = models.configs
        self._store = store
        models.form.reset.connect(self._show_target)
        models.form.value_changed.connect(self._on_value_changed)
        self._show_target()

    @Slot()
    def refresh(self) -> None:
        """Read the list again."""
        self._desk.tasks.start(self.read())

    @Slot(object, str)
    def rename(self, saved: SavedConfig, name: str) -> None:
        """Give a configuration another name."""
        self._desk.tasks.start(self._rename(saved, name))

    @Slot(object, str)
    def duplicate(self, saved: SavedConfig, name: str) -> None:
        """Save a copy under another name."""
        self._desk.tasks.start(self._duplicate(saved, name))

    @Slot(object)
    def delete(self, saved: SavedConfig) -> None:
        """Remove a configuration; what is in the form stays there."""
        self._desk.tasks.start(self._delete(saved))

    async def read(self) -> None:
        """Fill the list and the recent ones."""
        try:
            found = await self._desk.lanes.database.run(self._store.list)
            recent = await self._desk.lanes.database.run(self._store.recent)
        except AppError as error:
            self._desk.notices.show_error("The saved configurations cannot be read", error)
            return
        self._configs.set_items(found)
        self._configs.set_recent(recent)
        self._follow_rename()

    async def _rename(self, saved: SavedConfig, name: str) -> None:
        try:
            renamed = await self._desk.lanes.database.run(self._store.rename, saved, name)
        except AppError as error:
            self._desk.notices.show_error(f"{saved.name} was not renamed", error)
        else:
            self._desk.notices.said.emit(f"Renamed to {renamed.name}")
        await self.read()

    async def _duplicate(self, saved: SavedConfig, name: str) -> None:
        try:
            copied = await self._desk.lanes.database.run(self._store.duplicate, saved.id, name)
        except AppError as error:
            self._desk.notices.show_error(f"{saved.name} was not duplicated", error)
        else:
            self._desk.notices.said.emit(f"{saved.name} was duplicated as {copied.name}")
        await self.read()

    async def _delete(self, saved: SavedConfig) -> None:
        try:
            await self._desk.lanes.database.run(self._store.delete, saved)
        except AppError as error:
            self._desk.notices.show_error(f"{saved.name} was not deleted", error)
        else:
            self._forget(saved)
            self._desk.notices.said.emit(f"{saved.name} is deleted")
        await self.read()

    def _forget(self, saved: SavedConfig) -> None:
        current, stored = self._configs.current, self._configs.stored
        if current is not None and stored is not None and current.id == saved.id:
            self._configs.set_current(None)
            self._models.form.mark_saved("", stored)

    def _follow_rename(self) -> None:
        """Call the form's setup as it is called now, here or elsewhere."""
        current, stored = self._configs.current, self._configs.stored
        if current is None or stored is None:
            return
        listed = self._configs.find(current.id)
        if listed is not None and listed.name != current.name:
            # With the time of what was read here: a later one is somebody else's change.
            renamed = type(listed)(listed.id, listed.name, listed.target, current.updated_at)
            self._configs.set_current(renamed, stored)
            self._models.form.mark_saved(listed.name, stored)

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path == "training.target":
            self._show_target()

    @Slot()
    def _show_target(self) -> None:
        # The target as it would run now: offline that is this computer, whatever was chosen.
        self._configs.set_target(str(self._models.form.value("training.target")))
