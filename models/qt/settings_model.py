"""The program's settings and the state of its secrets, as the Settings page shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.domain.app_settings import AppSettings
from models.domain.secrets import SECRETS, SecretState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.domain.errors import Problem


@dataclass(frozen=True, slots=True)
class SecretView:
    """What is shown of one secret; never the secret.

    ``state`` is None until somebody has looked. ``busy`` says in a word what is going on,
    ``outcome`` how the last attempt came out, in the tone ``good``, ``warning`` or ``bad``.
    """

    state: SecretState | None = None
    busy: str = ""
    outcome: str = ""
    tone: str = ""


class SettingsModel(QObject):
    """Filled by the controller, shown by the page, the menus and the form.

    Signals:
        changed: a value, a problem or a secret is another now.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.values = AppSettings()
        self.is_offline = False
        self.is_forced = False
        self.is_ready = False
        self.keychain_problem = ""
        self.data_folder = ""
        self._secrets = {name: SecretView() for name in SECRETS}
        self._problems: dict[str, Problem] = {}

    def secret(self, name: str) -> SecretView:
        """What is known of a secret."""
        return self._secrets[name]

    def has_secret(self, name: str) -> bool:
        """Whether a secret is set, as far as is known."""
        state = self._secrets[name].state
        return state is not None and state.is_set

    def problem(self, name: str) -> Problem | None:
        """Why the last value given for a setting was not taken."""
        return self._problems.get(name)

    def set_values(self, values: AppSettings, *, offline: bool, forced: bool) -> None:
        """Take what is stored, and whether the program is offline by it or by force."""
        self.values, self.is_offline, self.is_forced = values, offline, forced
        self.is_ready = True
        self.changed.emit()

    def set_data_folder(self, folder: str) -> None:
        """Take the folder that is used where the setting is empty."""
        self.data_folder = folder
        self.changed.emit()

    def set_problem(self, problem: Problem) -> None:
        """Show why a value was not taken."""
        self._problems[problem.field] = problem
        self.changed.emit()

    def clear_problem(self, name: str) -> None:
        """The setting has a value that was taken."""
        if self._problems.pop(name, None) is not None:
            self.changed.emit()

    def set_keychain_problem(self, problem: str) -> None:
        """Take why there is no keychain; the empty string where there is one."""
        self.keychain_problem = problem
        self.changed.emit()

    def set_states(self, states: Iterable[SecretState]) -> None:
        """Take what is set and where."""
        for state in states:
            self._secrets[state.name] = replace(self._secrets[state.name], state=state)
        self.changed.emit()

    def set_busy(self, name: str, busy: str) -> None:
        """Say that something is going on with a secret; what was said of it before goes."""
        self._secrets[name] = SecretView(self._secrets[name].state, busy)
        self.changed.emit()

    def set_outcome(self, name: str, outcome: str = "", tone: str = "") -> None:
        """Say how it came out; nothing goes on any more."""
        self._secrets[name] = SecretView(self._secrets[name].state, "", outcome, tone)
        self.changed.emit()
