"""What is known of training without a network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportedBundle:
    """A bundle that was written: its file, its bytes, the configurations in it, and advice."""

    path: str
    size: int
    configs: tuple[str, ...]
    advice: str = ""


@dataclass(frozen=True, slots=True)
class ImportedBundle:
    """What a bundle brought, by the names that it has here."""

    configs: tuple[str, ...]
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    has_environment: bool
    images: tuple[str, ...] = ()


READY = "ready to train offline"
SETUP = "Setup"
"""What is wrong with the setup itself, which no fetching mends."""


@dataclass(frozen=True, slots=True)
class OfflineNeed:
    """One thing that a configuration needs, whether it is here, and if not, what to do."""

    what: str
    name: str
    is_here: bool
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class OfflineStatus:
    """How far a configuration is from training without a network.

    ``checked_at`` is when its dry run went well with all that is here now, in seconds since the
    epoch; 0 where it never did, or something has changed since.
    """

    config: str
    needs: tuple[OfflineNeed, ...]
    checked_at: float = 0.0

    @property
    def missing(self) -> tuple[OfflineNeed, ...]:
        """What is not here."""
        return tuple(need for need in self.needs if not need.is_here)

    @property
    def is_ready(self) -> bool:
        """Whether all is here and a dry run has shown that it works."""
        return not self.missing and bool(self.checked_at)

    @property
    def not_ready(self) -> str:
        """Why one that has just been prepared is not ready, in words; empty where it is."""
        again = "It was changed meanwhile: prepare it again."
        return "" if self.is_ready else f"{self.words}. {again}"

    @property
    def words(self) -> str:
        """In a few words."""
        never = [need.name for need in self.missing if need.what == SETUP]
        if never:
            return f"not possible: {', '.join(never)}"
        if self.missing:
            return f"missing: {', '.join(need.what.lower() for need in self.missing)}"
        return READY if self.is_ready else "all is here, not tried yet"
