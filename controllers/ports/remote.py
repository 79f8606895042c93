"""Rented pods: what they would cost, what they are, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.config import TrainingConfig
    from models.domain.gpu_list import GpuList
    from models.domain.pod_rows import PodEnd, PodRow, Swept
    from models.domain.rented import RentedRun
    from services.remote.quotes import RemoteQuote


class PodPort(Protocol):
    """The rented pods of this installation."""

    def known(self) -> tuple[PodRow, ...]:
        """Those that may cost, from the record alone. Called in the lane ``database``."""

    def rows(self) -> tuple[PodRow, ...]:
        """Those that Runpod lists, and those not proven gone; AppError. In the lane ``remote``."""

    def page(self, pod_id: str) -> str:
        """One in Runpod's console."""

    def end(self, pod_id: str) -> PodEnd:
        """End one on the user's click; AppError. Called in the lane ``remote``."""


class RentedPort(Protocol):
    """Runs on rented pods."""

    def seen(self, run_id: str) -> RentedRun | None:
        """A run's pod, its cost and its machine's log, by what is known here; None without one."""


class QuotePort(Protocol):
    """What a remote training would rent and cost. Called in the lane ``remote``; AppError."""

    def offers(self, config: TrainingConfig, *, refresh: bool = False) -> GpuList:
        """The GPUs that can be rented, and which suit."""

    def ask(self, config: TrainingConfig, *, refresh: bool = False) -> RemoteQuote:
        """What would be tried first, and its cost."""


class InfrastructurePort(Protocol):
    """Network volume and template."""

    def ensure(self, config: TrainingConfig) -> tuple[str, ...]:
        """Find or make them, and say which; AppError. Called in the lane ``remote``."""


class ReaperPort(Protocol):
    """Looks after pods that nobody needs, in a thread of its own."""

    def start(self, told: Callable[[Swept], None] | None = None) -> None:
        """Begin, once; ``told`` is called in that thread."""


class RemotePort(Protocol):
    """All about rented pods."""

    @property
    def pods(self) -> PodPort:
        """The pods."""

    @property
    def quotes(self) -> QuotePort:
        """What they would cost."""

    @property
    def infrastructure(self) -> InfrastructurePort:
        """What they keep their files on."""

    @property
    def reaper(self) -> ReaperPort:
        """Who ends those that nobody needs."""
