"""Saved configurations: list, load, save, and the last used one at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.config import TARGET_LOCAL, TrainingConfig
from models.domain.errors import AppError
from models.qt.datasets_model import reference_of

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import ConfigPort
    from models.domain.dataset import SavedConfig
    from models.qt.app_models import AppModels


class ConfigsController(QObject):
    """Between the form and the store of configurations.

    Signals:
        name_wanted: the setup has no name yet; ask for one.
        loaded: a configuration is in the form.
    """

    name_wanted = Signal()
    loaded = Signal()

    def __init__(
        self, desk: Desk, models: AppModels, store: ConfigPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._store = store

    @Slot()
    def save(self) -> None:
        """Save under the name the setup has, or ask for one."""
        if self._models.form.name:
            self.save_as(self._models.form.name)
        else:
            self.name_wanted.emit()

    @Slot(str)
    def save_as(self, name: str) -> None:
        """Save under this name."""
        self._desk.tasks.start(self._save(name, self._models.form.config))

    @Slot(object)
    def load(self, saved: SavedConfig) -> None:
        """Put a saved configuration into the form."""
        self._desk.tasks.start(self._load(saved))

    @Slot()
    def new(self) -> None:
        """Begin a setup with the defaults and the newest dataset."""
        form = self._models.form
        form.load(TrainingConfig())
        newest = self._models.datasets.item(0)
        if newest is not None:
            form.set_default("dataset.session", reference_of(newest))
        self.loaded.emit()

    async def read_list(self) -> None:
        """Fill the list of saved configurations."""
        try:
            found = await self._desk.lanes.database.run(self._store.list, TARGET_LOCAL)
        except AppError as error:
            self._desk.notices.show_error("The saved configurations cannot be read", error)
            return
        self._models.configs.set_items(found)

    async def load_last_used(self) -> None:
        """Put the last used configuration into the form, unless the user began already."""
        try:
            found = await self._desk.lanes.database.run(self._store.last_used)
        except AppError as error:
            self._desk.notices.show_error("The last used configuration was not loaded", error)
            return
        if found is not None and not self._models.form.is_unsaved:
            saved, config = found
            self._models.form.load(config, saved.name)
            self.loaded.emit()

    async def _save(self, name: str, config: TrainingConfig) -> None:
        try:
            saved = await self._desk.lanes.database.run(self._store.save, name, config)
        except AppError as error:
            self._desk.notices.show_error("The configuration was not saved", error)
            return
        self._models.form.mark_saved(saved.name, config)
        self._desk.notices.said.emit(f"Saved as {saved.name}")
        await self.read_list()

    async def _load(self, saved: SavedConfig) -> None:
        try:
            config = await self._desk.lanes.database.run(self._store.load, saved.id)
        except AppError as error:
            self._desk.notices.show_error(f"{saved.name} was not loaded", error)
            return
        self._models.form.load(config, saved.name)
        self._desk.notices.said.emit(f"Loaded {saved.name}")
        self.loaded.emit()
