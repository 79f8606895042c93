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
