"""The one place that knows whether the program may use the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.process_environment import ProcessEnvironment

if TYPE_CHECKING:
    from models.domain.app_settings import AppSettings
    from services.app_settings import SettingsStore

OFFLINE_VARIABLE = "TEMPER_OFFLINE"
LIBRARIES_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
}
"""What keeps the trainer's libraries, and ours, off the network."""
NO_TELEMETRY = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""Set always: nobody is told how the program is used."""
_OFF_WORDS = {"", "0", "false", "no", "off"}


class OfflinePolicy:
    """Services ask it at the moment they would reach out; widgets only show what it says.

    Thread-safe. Until :meth:`start` it knows only what the command line and the environment say,
    and touches nothing.
    """

    def __init__(
        self, *, forced: bool = False, environment: ProcessEnvironment | None = None
    ) -> None:
        self._by_option = forced
        self._environment = environment or ProcessEnvironment()
        self._settings: SettingsStore | None = None

    @property
    def is_forced(self) -> bool:
        """Whether ``--offline`` or ``TEMPER_OFFLINE=1`` forbids the network, whatever is chosen."""
        words = self._environment.get(OFFLINE_VARIABLE).lower()
        return self._by_option or words not in _OFF_WORDS

    def is_offline(self) -> bool:
        """Whether the network is forbidden, by force or by the user's switch. Reads the switch."""
        if self.is_forced or self._settings is None:
            return self.is_forced
        return self._settings.values().offline

    def set(self, offline: bool) -> None:
        """Keep the user's choice. AppError("offline_forced") where it could not have its way."""
        if self.is_forced and not offline:
            raise AppError(
                "offline_forced",
                "Temper was started offline, so it stays offline until it is closed.",
                f"Start it without --offline and without {OFFLINE_VARIABLE}.",
            )
        if self._settings is not None:
            self._settings.set("offline", offline)

    def refuse(self, what: str) -> None:
        """Raise AppError("offline") when offline; ``what`` completes "Offline mode is on, so …"."""
        if self.is_offline():
            raise AppError("offline", f"Offline mode is on, so {what}.", self.way_out())

    def way_out(self) -> str:
        """How to get back to the network, as a hint."""
        if self.is_forced:
            return f"Start Temper without --offline and without {OFFLINE_VARIABLE}."
        return "Turn Offline mode off in the Tools menu, or with temper settings set offline off."

    def start(self, settings: SettingsStore) -> None:
        """Follow the user's switch from now on, and let this process and its children know."""
        self._settings = settings
        settings.follow(self._apply)

    def end(self) -> None:
        """Take back what was set in the environment."""
        self._environment.hold({})

    def _apply(self, settings: AppSettings) -> None:
        offline = self.is_forced or settings.offline
        self._environment.hold(NO_TELEMETRY | (LIBRARIES_OFFLINE if offline else {}))
