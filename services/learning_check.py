"""What a setup's model would learn of its dataset, and whether a training may start with that."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.data_gate import DataRefusedError
from models.domain.errors import AppError, ConfigError
from services.data_inspection import RowFile, held_out_of, learning_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from models.domain.config import TrainingConfig
    from models.domain.data_report import DataReport, Learning, TokenView
    from models.domain.dataset import DatasetSession
    from services.data_inspection import DataInspection
    from services.datasets import DatasetLibrary
    from services.hub_check import HubCheck
    from services.job_builder import JobBuilder
    from services.progress import CancelToken, Reporter

_REFUSE = frozenset({"bad_config", "bad_dataset", "data_refused"})
"""Kinds of what is wrong with model and data themselves; all else is why nobody could look."""
_log = logging.getLogger(__name__)


class LearningCheck:
    """Looks at datasets of the library with a setup's model. Blocking; knows no Qt.

    One call after the other, but for :meth:`row`, which has a worker of its own (``rows``): a row
    can be read while all are looked at. The workers stay for the next question; :meth:`close`, from
    any thread, gives their memory back.
    """

    def __init__(
        self,
        library: DatasetLibrary,
        inspection: DataInspection,
        rows: DataInspection,
        builder: JobBuilder,
        hub: HubCheck,
        is_offline: Callable[[], bool],
    ) -> None:
        self._library = library
        self._inspection = inspection
        self._rows = rows
        self._builder = builder
        self._hub = hub
        self._is_offline = is_offline

    def learning(self, config: TrainingConfig, template: str | None = None) -> Learning:
        """How a setup has rows learnt; ``template`` is the text of another chat template."""
        return learning_of(config, self._builder.data_root(config), template)

    def row(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        number: int,
        *,
        template: str | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[TokenView, ...]:
        """The texts that a row (from 0) becomes. AppError("bad_dataset") says why it becomes none,
        AppError("not_found") where there is no such row."""
        found = self._library.rows(session.id, number, 1)
        if not found:
            message = f"{session.name} has no row {number + 1:,}."
            raise AppError("not_found", message, f"It has {session.rows:,} rows.")
        learning = self.learning(config, template)
        return self._rows.mask(found[0], session.format, learning, cancel)

    def report(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        *,
        template: str | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport:
        """Look at every row; at once where that was done before. Raises Cancelled, AppError."""
        learning, held_out = self.learning(config, template), held_out_of(config)
        known = self._inspection.known_report(_unplaced(session), learning, held_out)
        if known is not None:
            return known
        rows = self._placed(config, session)
        return self._inspection.report(rows, learning, held_out, report=report, cancel=cancel)

    def known(
        self, config: TrainingConfig, session: DatasetSession, *, template: str | None = None
    ) -> DataReport | None:
        """The report where it was made before; reads one small file."""
        learning = self.learning(config, template)
        return self._inspection.known_report(_unplaced(session), learning, held_out_of(config))

    def faulty_rows(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        codes: Collection[str],
        *,
        template: str | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[int, ...]:
        """All rows with findings of these codes, in order, where a report names the first few."""
        return self._inspection.faulty_rows(
            self._placed(config, session),
            self.learning(config, template),
            held_out_of(config),
            codes,
            report=report,
            cancel=cancel,
        )

    def drop(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        codes: Collection[str],
        *,
        template: str | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DatasetSession:
        """A new dataset without the rows of these codes; the one it was made from stays."""
        rows = self.faulty_rows(
            config, session, codes, template=template, report=report, cancel=cancel
        )
        name = f"{session.name} (cleaned)"
        return self._library.without_rows(session.id, rows, name, report=report, cancel=cancel)

    def gate(
        self,
        config: TrainingConfig,
        *,
        sha256: str = "",
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport | None:
        """What must be asked before every start. DataRefusedError holds what refuses it; other
        AppErrors say why the model cannot learn any such data.

        ``sha256`` are the rows themselves, where the setup's name for them may be another's now.
        Returns None where nobody could look: for what is wrong with the setup otherwise, which the
        start itself tells, and where worker or model are not there yet; then the trainer's own
        checks, which are the same, are what is left. The worker is gone afterwards: the training
        needs its memory.
        """
        try:
            session = self._of_rows(sha256)
            offline = self._is_offline()
            planned = self._builder.plan(config, name="", offline=offline, session=session)
            if planned.session is None:
                return self._hub.gate(config, self.learning(config), report, cancel)
            found = self.report(config, planned.session, report=report, cancel=cancel)
        except ConfigError:
            return None
        except AppError as error:
            if error.kind in _REFUSE:
                raise
            _log.warning("The data was not checked before the start: %s", error)
            return None
        finally:
            self.close()
        if found.has_major:
            raise DataRefusedError(planned.session.name, found, planned.session)
        return found

    def close(self) -> None:
        """End the workers; the next question starts another."""
        self._inspection.close()
        self._rows.close()

    def _of_rows(self, sha256: str) -> DatasetSession | None:
        return next((one for one in self._library.list() if one.sha256 == sha256), None)

    def _placed(self, config: TrainingConfig, session: DatasetSession) -> RowFile:
        """The rows where the worker sees them: a training would need them there as well."""
        folder = self._builder.data_root(config) / "datasets"
        path = self._library.place_into(session, folder)
        return RowFile(path, session.sha256, session.format)


def _unplaced(session: DatasetSession) -> RowFile:
    """As far as a report's key needs it."""
    return RowFile(Path(), session.sha256, session.format)
