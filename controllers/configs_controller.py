"""Saved configurations and the form: load, save, begin anew, import, export, run as saved."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Signal, Slot

from controllers.config_files_controller import ConfigFilesController
from controllers.config_list_controller import ConfigListController
from models.domain.config import TrainingConfig
from models.domain.errors import AppError, ConfigError
from models.qt.config_questions import (
    OTHER_NAME,
    RELOAD,
    REPLACE,
    SAVE_AGAIN,
    DiscardQuestion,
    SaveConflict,
    Step,
)
from models.qt.configs_model import MODE_EDIT, MODE_RUN
from models.qt.datasets_model import reference_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import ConfigPort
    from models.domain.dataset import SavedConfig
    from models.qt.app_models import AppModels

_CONFLICTS = {"changed_elsewhere", "deleted_elsewhere", "name_taken"}
_TITLES = {
    Step.LOAD: "Load another setup?",
    Step.NEW: "Begin a new setup?",
    Step.IMPORT: "Load the imported setup?",
    Step.RUN: "Run a saved setup?",
    Step.USE: "Use another setup?",
}


class ConfigsController(QObject):
    """Between the form and the store of configurations. Nothing that the user entered is given up,
    and nothing that somebody else saved is overwritten, before it has been asked about.

    Signals:
        name_wanted: ask for a name to save under, with this suggestion.
        discard_asked: a DiscardQuestion (payload) to ask; :meth:`go_on` with it, or nothing.
        conflict_found: a SaveConflict (payload) to ask about; :meth:`settle` with it.
        loaded: a configuration is in the form.
        setup_confirmed: what was given to :meth:`use` may be put into the form.
        close_confirmed: what had to be saved is saved; the window may be closed.
    """

    name_wanted = Signal(str)
    discard_asked = Signal(object)
    conflict_found = Signal(object)
    loaded = Signal()
    setup_confirmed = Signal(object)
    close_confirmed = Signal()

    def __init__(
        self, desk: Desk, models: AppModels, store: ConfigPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._configs = models.configs
        self._form = models.form
        self._store = store
        self._edited = False
        self._then: Callable[[], None] | None = None  # once the setup is saved
        self._loads = 0
        self._saving = asyncio.Lock()
        self.list = ConfigListController(desk, models, store, self)
        self.files = ConfigFilesController(desk, models, store, self)
        self.files.was_read.connect(self._on_read)
        self._form.edited.connect(self._on_edited)
        self._form.loaded.connect(self._on_loaded)
        self._form.reset.connect(self._leave_run_mode)
        self._form.title_changed.connect(self._leave_run_mode)

    @property
    def has_changes(self) -> bool:
        """Whether something of the user's own would be lost with what is in the form."""
        return self._form.is_unsaved and (bool(self._form.name) or self._edited)

    @Slot()
    def save(self) -> None:
        """Save under the name the setup has, or ask for one."""
        current = self._configs.current
        if not self._form.name:
            self.name_wanted.emit("")
        elif current is not None and current.name == self._form.name:
            self._begin_save(current.name, current)
        else:
            self.save_as(self._form.name)

    @Slot(str)
    def save_as(self, name: str) -> None:
        """Save under this name, in place of what the list shows under it."""
        known, current = self._configs.by_name(name), self._configs.current
        if known is not None and current is not None and known.id == current.id:
            known = current  # as it was when it was loaded: the list may have been read since
        self._begin_save(name, known)

    @Slot(object)
    def load(self, saved: SavedConfig) -> None:
        """Put a saved configuration into the form."""
        self._ask_or_do(Step.LOAD, saved)

    @Slot()
    def new(self) -> None:
        """Begin a setup with the defaults and the newest dataset."""
        self._ask_or_do(Step.NEW)

    @Slot(object)
    def use(self, setup: object) -> None:
        """Make sure that somebody else's setup may take the form's place."""
        self._ask_or_do(Step.USE, setup)

    @Slot(object)
    def import_file(self, path: Path) -> None:
        """Read a file, save what it holds under the file's name, and load it."""
        self.files.read(path)

    @Slot(object)
    def export_file(self, path: Path) -> None:
        """Write the setup to a file."""
        self.files.write(path)

    @Slot(str)
    def set_mode(self, mode: str) -> None:
        """Edit the setup in the form, or run a saved one word for word."""
        if mode == MODE_EDIT:
            self._configs.set_mode(MODE_EDIT)
        elif self._configs.for_target.rowCount():
            self._ask_or_do(Step.RUN)

    @Slot(object)
    def go_on(self, question: DiscardQuestion) -> None:
        """The changes may be given up."""
        self._do(question.step, question.subject)

    @Slot(object, str)
    def settle(self, conflict: SaveConflict, answer: str) -> None:
        """Do what the user decided about a conflict."""
        name, seen = conflict.name, conflict.seen
        if answer == RELOAD and seen is not None:
            self._then = None
            self._desk.tasks.start(self._load_only(seen))
        elif answer == REPLACE:
            found = self._configs.by_name(name) if seen is None else seen
            self._begin_save(name, found, anyway=True)
        elif answer == SAVE_AGAIN:
            self._begin_save(name, None)
        elif answer == OTHER_NAME:
            self.name_wanted.emit(self._configs.free_name(name))

    @Slot()
    def save_and_close(self) -> None:
        """Save; once that is done the window may be closed."""
        self._then = self.close_confirmed.emit
        self.save()

    @Slot(object)
    def save_and_go_on(self, question: DiscardQuestion) -> None:
        """Save; once that is done, do what the question was about."""
        self._then = partial(self._do, question.step, question.subject)
        self.save()

    @Slot()
    def stay(self) -> None:
        """The user gave up saving, and with it what was to follow."""
        self._then = None

    @Slot()
    def follow_stored(self) -> None:
        """The program itself may have noted something in the configuration that is loaded: take it
        over where the user has changed nothing, so that saving meets no other version."""
        self._desk.tasks.start(self._follow_stored())

    async def read_list(self) -> None:
        """Fill the list of saved configurations."""
        await self.list.read()

    async def load_last_used(self) -> None:
        """Put the last used configuration into the form, unless the user began already."""
        try:
            found = await self._desk.lanes.database.run(self._store.last_used)
        except AppError as error:
            self._desk.notices.show_error("The last used configuration was not loaded", error)
            return
        if found is not None and not self._form.is_unsaved:
            self._take(*found)
            self.loaded.emit()

    def _ask_or_do(self, step: Step, subject: object = None) -> None:
        if not self.has_changes:
            self._do(step, subject)
            return
        name = self._form.name
        text = f"The changes to {name} are not saved." if name else "The setup is not saved."
        self.discard_asked.emit(DiscardQuestion(_TITLES[step], text, step, subject))

    def _do(self, step: Step, subject: object) -> None:
        if step is Step.LOAD:
            self._desk.tasks.start(self._load_only(cast("SavedConfig", subject)))
        elif step is Step.NEW:
            self._begin()
        elif step is Step.IMPORT:
            self._desk.tasks.start(self._add(*cast("tuple[str, TrainingConfig]", subject)))
        elif step is Step.RUN:
            self._desk.tasks.start(self._run_saved())
        else:
            self.setup_confirmed.emit(subject)

    def _begin(self) -> None:
        self._form.load(TrainingConfig())
        newest = self._models.datasets.item(0)
        if newest is not None:
            self._form.set_default("dataset.session", reference_of(newest))
        self.loaded.emit()

    def _begin_save(self, name: str, seen: SavedConfig | None, *, anyway: bool = False) -> None:
        # The setup as it is now: another may stand in the form before it is the database's turn.
        now = (self._form.user_config, self._loads)
        self._desk.tasks.start(self._save(name, seen, now, anyway=anyway))

    async def _save(
        self, name: str, seen: SavedConfig | None, now: tuple[TrainingConfig, int], *, anyway: bool
    ) -> None:
        config, loads = now
        async with self._saving:  # a key that is held saves several times
            try:
                saved = await self._write(
                    self._as_saved_here(seen, loads), name, config, anyway=anyway
                )
            except AppError as error:
                await self._tell_not_saved(error, name, seen)
                return
            if loads == self._loads:  # else another setup stands in the form by now
                self._configs.set_current(saved, config)
                self._form.mark_saved(saved.name, config)
                self._edited = self._form.is_unsaved
        self._desk.notices.said.emit(f"Saved as {saved.name}")
        await self.list.read()
        then, self._then = self._then, None
        if then is not None:
            then()

    async def _write(
        self, seen: SavedConfig | None, name: str, config: TrainingConfig, *, anyway: bool
    ) -> SavedConfig:
        database = self._desk.lanes.database
        if seen is None:
            return await database.run(self._store.save, name, config)
        return await database.run(self._store.save_over, seen, config, anyway=anyway)

    def _as_saved_here(self, seen: SavedConfig | None, loads: int) -> SavedConfig | None:
        """``seen``, or what this window itself made of it since it was seen."""
        current = self._configs.current
        is_ours = current is not None and seen is not None and current.id == seen.id
        return current if is_ours and loads == self._loads else seen

    async def _tell_not_saved(self, error: AppError, name: str, seen: SavedConfig | None) -> None:
        await self.list.read()
        if error.kind in _CONFLICTS:
            self.conflict_found.emit(SaveConflict(error, name, seen))
            return
        self._then = None
        self._desk.notices.show_error("The configuration was not saved", error)
        if isinstance(error, ConfigError):
            self._form.show_problems(error.problems)

    async def _load_only(self, saved: SavedConfig) -> None:
        await self._load(saved)

    async def _load(self, saved: SavedConfig) -> bool:
        try:
            found, config = await self._desk.lanes.database.run(self._store.load, saved.id)
        except AppError as error:
            self._desk.notices.show_error(f"{saved.name} was not loaded", error)
            await self.list.read()
            return False
        self._take(found, config)
        self._desk.notices.said.emit(f"Loaded {found.name}")
        self.loaded.emit()
        await self.list.read()
        return True

    async def _follow_stored(self) -> None:
        current, loads = self._configs.current, self._loads
        if current is not None and not self._form.is_unsaved:
            try:
                found, config = await self._desk.lanes.database.run(self._store.load, current.id)
            except AppError:
                return  # the list, which is read as well, tells
            is_same = loads == self._loads and not self._form.is_unsaved
            if is_same and found.updated_at != current.updated_at:
                self._take(found, config)

    async def _add(self, name: str, config: TrainingConfig) -> None:
        try:
            saved = await self._desk.lanes.database.run(self._store.add, name, config)
        except AppError as error:
            self._desk.notices.show_error(f"{name} was not imported", error)
            return
        self._take(saved, config)
        self._desk.notices.said.emit(f"Imported and saved as {saved.name}")
        self.loaded.emit()
        await self.list.read()

    async def _run_saved(self) -> None:
        """Load the setup once more, so that what runs is what is saved, and fold the form."""
        listed = {saved.id: saved for saved in self._configs.for_target.items}
        current = self._configs.current
        used = [*([current] if current is not None else []), *self._configs.recent]
        wanted = [listed[saved.id] for saved in used if saved.id in listed] or [*listed.values()]
        if not wanted or not await self._load(wanted[0]):
            return
        if self._is_word_for_word():
            self._configs.set_mode(MODE_RUN)
        else:
            self._desk.notices.said.emit(f"{wanted[0].name} cannot run word for word now")

    def _take(self, saved: SavedConfig, config: TrainingConfig) -> None:
        self._configs.set_current(saved, config)  # first: the form's signals ask for it
        self._form.load(config, saved.name)

    def _is_word_for_word(self) -> bool:
        current = self._configs.current
        return (
            current is not None
            and self._form.name == current.name
            and self._form.user_config == self._configs.stored
            and self._form.value("training.target") == current.target
        )

    @Slot(str, object)
    def _on_read(self, name: str, config: TrainingConfig) -> None:
        self._ask_or_do(Step.IMPORT, (name, config))

    @Slot(str)
    def _on_edited(self, _path: str) -> None:
        self._edited = True

    @Slot()
    def _on_loaded(self) -> None:
        self._edited = False
        self._loads += 1
        if not self._form.name:
            self._configs.set_current(None)

    @Slot()
    def _leave_run_mode(self) -> None:
        if self._configs.mode == MODE_RUN and not self._is_word_for_word():
            self._configs.set_mode(MODE_EDIT)
