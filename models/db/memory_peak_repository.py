"""Measured peaks of memory, by model and device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from models.db.repository import Repository, storable
from models.db.tables import MemoryPeakRow
from models.domain.memory_peak import MemoryPeak

if TYPE_CHECKING:
    import builtins

_COLUMNS = (
    MemoryPeakRow.run_id,
    MemoryPeakRow.base_model,
    MemoryPeakRow.device,
    MemoryPeakRow.measured_bytes,
    MemoryPeakRow.predicted_bytes,
    MemoryPeakRow.created_at,
)


class MemoryPeakRepository(Repository):
    """One peak a run. A deleted run's peak stays: what was measured is still true."""

    def add(self, peak: MemoryPeak) -> None:
        """Store a peak; where the run has one already, that one stays."""
        new = insert(MemoryPeakRow).values(
            run_id=peak.run_id,
            base_model=storable(peak.base_model),
            device=storable(peak.device),
            measured_bytes=peak.measured_bytes,
            predicted_bytes=peak.predicted_bytes,
            created_at=peak.created_at,
        )
        self._session.execute(new.on_conflict_do_nothing(index_elements=[MemoryPeakRow.run_id]))

    def newest(self, base_model: str, device: str, limit: int) -> builtins.list[MemoryPeak]:
        """The newest peaks of that model on that device, newest first."""
        query = (
            select(*_COLUMNS)
            .where(
                MemoryPeakRow.base_model == storable(base_model),
                MemoryPeakRow.device == storable(device),
            )
            .order_by(MemoryPeakRow.created_at.desc(), MemoryPeakRow.run_id.desc())
            .limit(limit)
        )
        return [MemoryPeak(*row) for row in self._session.execute(query)]
