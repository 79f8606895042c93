"""The proxy setting, as the variables that every HTTP client and every child process reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.process_environment import ProcessEnvironment

if TYPE_CHECKING:
    from models.domain.app_settings import AppSettings
    from services.app_settings import SettingsStore

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_EXCEPTIONS = ("NO_PROXY", "no_proxy")
_THIS_COMPUTER = "localhost,127.0.0.1,::1"
"""What runs here (an engine, a mirror) is never asked for through a proxy."""


class ProxyPolicy:
    """Holds the proxy variables while a proxy is set; without one the user's own hold."""

    def __init__(self, environment: ProcessEnvironment | None = None) -> None:
        self._environment = environment or ProcessEnvironment()

    def start(self, settings: SettingsStore) -> None:
        """Follow the setting from now on."""
        settings.follow(self._apply)

    def end(self) -> None:
        """Take back what was set."""
        self._environment.hold({})

    def _apply(self, settings: AppSettings) -> None:
        self._environment.hold(self._variables(settings.proxy) if settings.proxy else {})

    def _variables(self, proxy: str) -> dict[str, str]:
        given = self._environment.own("no_proxy") or self._environment.own("NO_PROXY")
        exceptions = given or _THIS_COMPUTER
        return dict.fromkeys(_PROXIES, proxy) | dict.fromkeys(_EXCEPTIONS, exceptions)
