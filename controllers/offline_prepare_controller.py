"""Makes saved configurations ready for a computer without a network, and carries them there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal, Slot

from controllers.desk import ProgressRelay
from models.domain.errors import AppError
from models.qt.wording import size
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from controllers.desk import Desk
    from models.domain.offline_ready import ExportedBundle, ImportedBundle, OfflineStatus
    from models.qt.offline_model import OfflineModel
    from services.progress import Reporter

CANCELLED = "Cancelled. What was fetched or written is kept, and gone on with the next time."


class ReadinessPort(Protocol):
    """What is known of each configuration, and making it ready."""

    def all(self) -> tuple[OfflineStatus, ...]:
        """Every saved configuration."""

    def once_ready(self) -> tuple[OfflineStatus, ...]:
        """Those that were made ready at some time, as they are now."""

    def prepare(self, name: str, report: Reporter, cancel: CancelToken) -> OfflineStatus:
        """Fetch and try. AppError, ConfigError, Cancelled."""


class ExportPort(Protocol):
    """Writes bundles."""

    def export(
        self,
        target: Path,
        names: Sequence[str],
        report: Reporter,
        cancel: CancelToken,
        *,
        with_environment: bool = True,
        replace: bool = False,
    ) -> ExportedBundle:
        """Write one. AppError, ConfigError, Cancelled."""


class ImportPort(Protocol):
    """Takes bundles in."""

    def bring_in(
        self, path: Path, report: Reporter, cancel: CancelToken, *, with_environment: bool = True
    ) -> ImportedBundle:
        """Take one in. AppError, Cancelled."""


class BundlesPort(Protocol):
    """All about computers without a network."""

    @property
    def readiness(self) -> ReadinessPort:
        """Which configurations are ready."""

    @property
    def exporter(self) -> ExportPort:
        """The way out."""

    @property
    def importer(self) -> ImportPort:
        """The way in."""


class OfflinePrepareController(QObject):
    """One thing at a time, in the lane ``models``, where downloads are made.

    Signals:
        began: what is done, in words.
        progressed: a Progress (payload).
        ended: however it went.
        imported: a bundle or preparing has brought configurations or datasets.
    """

    began = Signal(str)
    progressed = Signal(object)
    ended = Signal()
    imported = Signal()

    def __init__(
        self, desk: Desk, model: OfflineModel, bundles: BundlesPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._model = model
        self._bundles = bundles
        self._cancel: CancelToken | None = None
        self._relay = ProgressRelay(self)
        self._relay.reported.connect(self.progressed)

    @Slot()
    def refresh(self) -> None:
        """Look again at what is here."""
        self._desk.tasks.start(self._refresh())

    @Slot(object)
    def prepare(self, names: Sequence[str]) -> None:
        """Make these ready, one after the other; those that cannot be are told at the end."""
        self._start(
            "Preparing for offline", lambda cancel: self._prepared(names, cancel), is_import=True
        )

    def export(self, target: Path, names: Sequence[str]) -> None:
        """Write what these need into one file."""

        def work(cancel: CancelToken) -> str:
            made = self._bundles.exporter.export(
                target, names, self._relay.report, cancel, replace=True
            )
            return f"{target.name} is written ({size(made.size)}). {made.advice}".strip()

        self._start("Writing the bundle", work)

    def bring_in(self, path: Path) -> None:
        """Take in a bundle."""

        def work(cancel: CancelToken) -> str:
            brought = self._bundles.importer.bring_in(path, self._relay.report, cancel)
            return f"{path.name} brought {', '.join(brought.configs) or 'no configuration'}."

        self._start("Importing the bundle", work, is_import=True)

    @Slot()
    def cancel(self) -> None:
        """Give it up."""
        if self._cancel is not None:
            self._cancel.cancel()

    def _prepared(self, names: Sequence[str], cancel: CancelToken) -> str:
        """In the lane."""
        failed = []
        for name in names:
            try:
                found = self._bundles.readiness.prepare(name, self._relay.report, cancel)
            except AppError as error:
                failed.append(f"{name}: {error}")
            else:
                if found.not_ready:
                    failed.append(f"{name}: {found.not_ready}")
        if failed:
            raise AppError("not_ready", "\n".join(failed))
        if len(names) == 1:
            return f"{names[0]} is ready to train offline."
        return f"All {len(names)} are ready to train offline."

    def _start(
        self, title: str, work: Callable[[CancelToken], str], *, is_import: bool = False
    ) -> None:
        if self._cancel is None:
            self._cancel = CancelToken()
            self._desk.tasks.start(self._do(title, work, self._cancel, is_import=is_import))

    async def _do(
        self,
        title: str,
        work: Callable[[CancelToken], str],
        cancel: CancelToken,
        *,
        is_import: bool,
    ) -> None:
        self._model.begin()
        self.began.emit(title)
        try:
            self._model.tell(await self._desk.lanes.models.run(work, cancel))
        except Cancelled:
            self._model.tell(CANCELLED)
        except AppError as error:
            self._model.tell(str(error), is_trouble=True)
        finally:
            self._cancel = None
            if is_import:
                self.imported.emit()
            self._model.end()
            self.ended.emit()
        await self._refresh()

    async def _refresh(self) -> None:
        try:
            found = await self._desk.lanes.models.run(self._bundles.readiness.all)
        except AppError as error:
            self._model.tell(str(error), is_trouble=True)
        else:
            self._model.set_rows(found)
