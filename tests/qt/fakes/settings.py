"""Settings, the network and a keychain in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.app_settings import AppSettings, with_setting
from models.domain.secrets import ENVIRONMENT, KEYCHAIN, MEMORY, SECRETS, SecretState

if TYPE_CHECKING:
    from models.domain.errors import AppError


@dataclass
class FakeSettings:
    """Settings in memory."""

    now: AppSettings = field(default_factory=AppSettings)
    stored: set[str] = field(default_factory=set)
    error: AppError | None = None

    def values(self) -> AppSettings:
        if self.error is not None:
            raise self.error
        return self.now

    def is_stored(self, name: str) -> bool:
        return name in self.stored

    def set(self, name: str, value: object) -> AppSettings:
        if self.error is not None:
            raise self.error
        self.now = with_setting(self.now, name, value)
        self.stored.add(name)
        return self.now


@dataclass
class FakeOffline:
    """A switch over the settings, which may be forced."""

    settings: FakeSettings = field(default_factory=FakeSettings)
    is_forced: bool = False

    def is_offline(self) -> bool:
        return self.is_forced or self.settings.now.offline

    def set(self, offline: bool) -> None:
        self.settings.set("offline", offline)


@dataclass
class FakeSecrets:
    """A keychain in memory; without one, ``problem`` says so."""

    kept: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    error: AppError | None = None

    def keychain_problem(self) -> str:
        return self.problem

    def states(self) -> list[SecretState]:
        return [self._state(name) for name in SECRETS]

    def set(self, name: str, value: str) -> SecretState:
        if self.error is not None:
            raise self.error
        self.kept[name] = value
        return self._state(name)

    def remove(self, name: str) -> SecretState:
        if self.error is not None:
            raise self.error
        self.kept.pop(name, None)
        return self._state(name)

    def variable(self, name: str) -> str:
        return self.variables.get(name, "")

    def _state(self, name: str) -> SecretState:
        if name in self.kept:
            return SecretState(name, True, MEMORY if self.problem else KEYCHAIN, self.problem)
        if name in self.variables:
            return SecretState(name, True, ENVIRONMENT)
        return SecretState(name)


@dataclass
class FakeSecretChecks:
    """Says ``answer`` of every secret, or raises."""

    answer: str = "It works: signed in as me."
    error: AppError | None = None
    tested: list[tuple[str, str]] = field(default_factory=list)

    def test(self, name: str, data_center: str = "") -> str:
        self.tested.append((name, data_center))
        if self.error is not None:
            raise self.error
        return self.answer
