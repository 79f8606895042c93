"""Settings and secrets: reads them, changes them, tries tokens out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.config import RUNTIME_RUNPOD
from models.domain.errors import AppError, ConfigError
from models.domain.secrets import ENVIRONMENT, MEMORY, RUNPOD_KEY
from services.redaction import redact

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import SettingsServices
    from models.domain.app_settings import AppSettings
    from models.domain.secrets import SecretState
    from models.qt.app_models import AppModels

_OFFLINE = "offline"


_UNHEARD = (
    "A run is on a rented pod: without the key the pod cannot be ended from here, and costs until "
    "it ends by itself, at its limit at the latest. Set the key again to look after it."
)


class SettingsController(QObject):
    """Between the Settings page, its model, and the services that keep settings and secrets.

    Signals:
        offline_changed: whether the program is offline now.
        values_changed: the AppSettings (payload) that hold now; also when they were first read.
        secrets_changed: another secret is set or gone; the model knows which.
    """

    offline_changed = Signal(bool)
    values_changed = Signal(object)
    secrets_changed = Signal()

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        services: SettingsServices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._model = models.settings
        self._settings = services.settings
        self._offline = services.offline
        self._secrets = services.secrets
        self._checks = services.secret_checks

    async def read_settings(self, theme: str = "") -> None:
        """Read what is stored. Quick: the window's first configuration waits for it.

        ``theme`` is what the first frame was shown in; where none is stored it counts as chosen.
        """
        try:
            values = await self._desk.lanes.database.run(self._read, theme)
            await self._take(values)
        except AppError as error:
            self._desk.notices.show_error("The settings cannot be read", error)

    async def read_secrets(self) -> None:
        """Find out what is set and where. A keychain may keep this waiting."""
        lane = self._desk.lanes.secrets
        self._model.set_keychain_problem(await lane.run(self._secrets.keychain_problem))
        self._model.set_states(await lane.run(self._secrets.states))
        self.secrets_changed.emit()

    @Slot()
    def refresh_secrets(self) -> None:
        """Look at the keychain again."""
        self._desk.tasks.start(self.read_secrets())

    @Slot(str, object)
    def set_value(self, name: str, value: object) -> None:
        """Store the value that the user chose for a setting."""
        if name == _OFFLINE:
            self.set_offline(bool(value))
        elif getattr(self._model.values, name) != value or self._model.problem(name):
            self._desk.tasks.start(self._set_value(name, value))

    @Slot(bool)
    def set_offline(self, offline: bool) -> None:
        """Go offline, or back to the network."""
        self._desk.tasks.start(self._set_offline(offline))

    @Slot(str, str)
    def save_secret(self, name: str, value: str) -> None:
        """Keep a secret."""
        self._desk.tasks.start(self._save_secret(name, value))

    @Slot(str)
    def remove_secret(self, name: str) -> None:
        """Forget a secret."""
        self._desk.tasks.start(self._remove_secret(name))

    @Slot(str)
    def test_secret(self, name: str) -> None:
        """Try a secret out."""
        if not self._model.secret(name).busy:
            self._desk.tasks.start(self._test_secret(name))

    def _read(self, theme: str) -> AppSettings:
        """In the database's lane."""
        values = self._settings.values()
        if theme and theme != values.theme and not self._settings.is_stored("theme"):
            return self._settings.set("theme", theme)
        return values

    async def _set_value(self, name: str, value: object) -> None:
        try:
            values = await self._desk.lanes.database.run(self._settings.set, name, value)
            self._model.clear_problem(name)
            await self._take(values)
        except ConfigError as error:
            self._model.set_problem(error.problems[0])
        except AppError as error:
            self._desk.notices.show_error("The setting was not changed", error)
            self._model.changed.emit()  # the page shows what still holds

    async def _set_offline(self, offline: bool) -> None:
        lane = self._desk.lanes.database
        try:
            await lane.run(self._offline.set, offline)
            await self._take(await lane.run(self._settings.values))
        except AppError as error:
            self._desk.notices.show_error("Offline mode was not changed", error)
            self._model.changed.emit()

    async def _take(self, values: AppSettings) -> None:
        offline = await self._desk.lanes.database.run(self._offline.is_offline)
        was_offline = self._model.is_offline
        self._model.set_values(values, offline=offline, forced=self._offline.is_forced)
        self.values_changed.emit(values)
        if offline != was_offline:
            self.offline_changed.emit(offline)

    async def _save_secret(self, name: str, value: str) -> None:
        self._model.set_busy(name, "Saving…")
        try:
            state = await self._desk.lanes.secrets.run(self._secrets.set, name, value)
        except AppError as error:
            self._model.set_outcome(name, redact(str(error)), "bad")
            return
        self._model.set_states([state])
        if state.where == MEMORY:
            words = f"{state.problem} It is kept until Temper is closed.".strip()
            self._model.set_outcome(name, words, "warning")
        else:
            self._model.set_outcome(name)
        self.secrets_changed.emit()

    async def _remove_secret(self, name: str) -> None:
        self._model.set_busy(name, "Removing…")
        try:
            state = await self._desk.lanes.secrets.run(self._secrets.remove, name)
        except AppError as error:
            self._model.set_outcome(name, redact(str(error)), "bad")
            return
        self._model.set_states([state])
        self._model.set_outcome(name, self._after_removal(state), "warning")
        self.secrets_changed.emit()

    async def _test_secret(self, name: str) -> None:
        self._model.set_busy(name, "Trying it out…")
        data_center = str(self._models.form.value("runpod.data_center"))
        try:
            words = await self._desk.lanes.secrets.run(self._checks.test, name, data_center)
        except AppError as error:
            tone = "warning" if error.kind in {"offline", "not_set"} else "bad"
            self._model.set_outcome(name, redact(str(error)), tone)
        else:
            self._model.set_outcome(name, words, "good")

    def _after_removal(self, state: SecretState) -> str:
        if state.where == ENVIRONMENT:
            variable = self._secrets.variable(state.name)
            return f"The variable {variable} still holds one. Unset it where it is set."
        is_rented = any(
            run.state.is_live and run.runtime == RUNTIME_RUNPOD for run in self._models.runs.items
        )
        if state.name == RUNPOD_KEY and is_rented:
            return f"{_UNHEARD} {state.problem}".strip()
        return state.problem
