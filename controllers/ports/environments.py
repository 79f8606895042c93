"""What trainings of this computer run in: the managed environment, the container engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from models.domain.docker import EngineInfo, ImageInfo, ImageProgress, RegistryLogin
    from services.progress import CancelToken, Reporter


class RuntimePort(Protocol):
    """The managed Python environment of the trainer."""

    def is_ready(self) -> bool:
        """Whether runs can use it."""

    def create(self, report: Reporter, cancel: CancelToken, *, offline: bool = False) -> None:
        """Make it; AppError with the next step, or Cancelled."""


class DockerPort(Protocol):
    """The container engine."""

    def info(self) -> EngineInfo:
        """What it is, asked now; AppError says why none answers, and what to do."""

    def forget(self) -> None:
        """Look for it anew at the next call."""


class ImagePort(Protocol):
    """Images of the container engine. AppError where the engine does not answer."""

    def find(self, tag: str) -> ImageInfo | None:
        """The image of this tag, if it is on this computer."""

    def list(self, also: Iterable[str] = ()) -> Sequence[ImageInfo]:
        """Those of this computer that trainings run in, and ``also`` these."""

    def pull(
        self, tag: str, report: Callable[[ImageProgress], None], cancel: CancelToken
    ) -> ImageInfo:
        """Fetch one; AppError with the next step, or Cancelled."""

    def build(
        self,
        tag: str,
        variant: str,
        report: Callable[[ImageProgress], None],
        cancel: CancelToken,
    ) -> ImageInfo:
        """Build our own, ``cuda`` or ``cpu``; AppError with the next step, or Cancelled."""

    def remove(self, tag: str) -> None:
        """Take one off this computer; AppError where a container stands on it."""

    def login(self, registry: str, user: str, password: str) -> RegistryLogin:
        """Sign in to a registry and keep it; the answer says where."""

    def logout(self, registry: str) -> None:
        """Forget a registry's login."""

    def logins(self) -> Sequence[RegistryLogin]:
        """The registries that know us."""
