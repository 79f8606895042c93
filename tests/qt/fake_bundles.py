"""Bundles and readiness without files: they remember what was asked of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from models.domain.offline_ready import ExportedBundle, ImportedBundle, OfflineNeed, OfflineStatus
from services.progress import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.domain.errors import AppError
    from services.progress import Reporter


def status(name: str, *, is_here: bool = True, checked_at: float = 0.0) -> OfflineStatus:
    """How far a configuration is that only needs a model."""
    return OfflineStatus(name, (OfflineNeed("Model", "some/model", is_here),), checked_at)


@dataclass
class FakeReadiness:
    """``tried`` were ready once; ``fails`` by name; ``on_prepare`` is called in the middle."""

    tried: set[str] = field(default_factory=set)
    there: tuple[OfflineStatus, ...] = ()
    fails: dict[str, AppError] = field(default_factory=dict)
    on_prepare: Callable[[CancelToken], None] = lambda _cancel: None
    prepared: list[str] = field(default_factory=list)

    def all(self) -> tuple[OfflineStatus, ...]:
        return self.there

    def once_ready(self) -> tuple[OfflineStatus, ...]:
        return tuple(one for one in self.there if one.config in self.tried or one.checked_at)

    def prepare(self, name: str, report: Reporter, cancel: CancelToken) -> OfflineStatus:
        self.prepared.append(name)
        report(Progress(0.5, f"Fetching for {name}"))
        self.on_prepare(cancel)
        cancel.raise_if_cancelled()
        if name in self.fails:
            raise self.fails[name]
        now = [
            replace(status(name), checked_at=1_800_000_000.0) if one.config == name else one
            for one in self.there
        ]
        self.there = tuple(now)
        return next(one for one in now if one.config == name)


@dataclass
class FakeBundles:
    """All three ends in one."""

    readiness: FakeReadiness = field(default_factory=FakeReadiness)
    exported: list[tuple[Path, Sequence[str]]] = field(default_factory=list)
    brought: list[Path] = field(default_factory=list)

    @property
    def exporter(self) -> FakeBundles:
        return self

    @property
    def importer(self) -> FakeBundles:
        return self

    def export(
        self,
        target: Path,
        names: Sequence[str],
        _report: Reporter,
        _cancel: CancelToken,
        **_how: bool,
    ) -> ExportedBundle:
        self.exported.append((target, names))
        return ExportedBundle(str(target), 663_000_000, tuple(names), "It needs Python 3.11.")

    def bring_in(
        self, path: Path, _report: Reporter, _cancel: CancelToken, **_how: bool
    ) -> ImportedBundle:
        self.brought.append(path)
        return ImportedBundle(("Away",), ("some/model",), ("FAQ",), has_environment=True)
