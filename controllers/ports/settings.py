"""The Settings page: the program's settings, the network, tokens and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.app_settings import AppSettings
    from models.domain.secrets import SecretState


class SettingsPort(Protocol):
    """The program's settings."""

    def values(self) -> AppSettings:
        """All of them, as they are stored now."""

    def set(self, name: str, value: object) -> AppSettings:
        """Store one; ConfigError says what is wrong with it."""

    def is_stored(self, name: str) -> bool:
        """Whether the user ever chose this one."""


class OfflinePort(Protocol):
    """Whether the network may be used."""

    @property
    def is_forced(self) -> bool:
        """Whether it is forbidden whatever the user chooses now."""

    def is_offline(self) -> bool:
        """Whether it is forbidden, by force or by choice."""

    def set(self, offline: bool) -> None:
        """Keep the user's choice; AppError where it is forced."""


class SecretPort(Protocol):
    """Tokens and keys."""

    def keychain_problem(self) -> str:
        """Why secrets cannot be kept beyond this session; empty where they can."""

    def states(self) -> Sequence[SecretState]:
        """Which are set, and where they are kept."""

    def set(self, name: str, value: str) -> SecretState:
        """Keep one; the answer says where."""

    def remove(self, name: str) -> SecretState:
        """Forget one; the answer says whether another place still has it."""

    def variable(self, name: str) -> str:
        """The environment variable that holds it; never blocks."""


class SecretCheckPort(Protocol):
    """Trying tokens and keys out."""

    def test(self, name: str, data_center: str = "") -> str:
        """What the secret is good for, in a sentence; AppError says why it is not."""


class SettingsServices(Protocol):
    """Everything that the Settings page needs."""

    @property
    def settings(self) -> SettingsPort:
        """The program's settings."""

    @property
    def offline(self) -> OfflinePort:
        """Whether the network may be used."""

    @property
    def secrets(self) -> SecretPort:
        """Tokens and keys."""

    @property
    def secret_checks(self) -> SecretCheckPort:
        """Trying them out."""
