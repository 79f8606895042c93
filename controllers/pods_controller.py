"""The rented pods that the window knows of: what may cost, what was ended, and ending them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.config import TARGET_RUNPOD
from models.domain.errors import AppError
from models.qt.notice import Notice
from models.qt.pod_words import not_gone_text, swept_text, swept_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controllers.desk import Desk
    from controllers.ports import RemotePort
    from controllers.run_follower import RunFollower
    from models.domain.pod_rows import PodEnd, PodRow, Swept
    from models.domain.run import RunUpdate


class PodsController(QObject):
    """Knows from the record what may cost; Runpod itself is asked when a pod is to end.

    Signals:
        changed: the PodRows (payload, a tuple) that may cost, read anew.
        all_gone: every pod that was to end is proven gone.
        not_gone: one is not; the notices say why.
    """

    changed = Signal(object)
    all_gone = Signal()
    not_gone = Signal()
    _swept = Signal(object)

    def __init__(self, desk: Desk, remote: RemotePort, follower: RunFollower) -> None:
        super().__init__(follower)
        self._desk = desk
        self._remote = remote
        self.rows: tuple[PodRow, ...] = ()
        self._swept.connect(self._on_swept)
        follower.updated.connect(self._on_updated)

    def begin(self) -> None:
        """Look after pods from now on."""
        self.refresh()
        self._remote.reaper.start(self._swept.emit)

    @Slot()
    def refresh(self) -> None:
        """Read what may cost; ``changed`` then, also where nothing did."""
        self._desk.tasks.start(self._refresh())

    def end(self, rows: Sequence[PodRow]) -> None:
        """End these pods; ``all_gone`` or ``not_gone``."""
        self._desk.tasks.start(self._end(rows))

    async def _refresh(self) -> None:
        try:
            self.rows = await self._desk.lanes.database.run(self._remote.pods.known)
        except AppError as error:
            self._desk.notices.show_error("The rented pods are not known", error)
        self.changed.emit(self.rows)

    async def _end(self, rows: Sequence[PodRow]) -> None:
        left: list[PodEnd] = []
        refused: AppError | None = None
        for row in rows:  # each of them: what is the matter with one need not be with the next
            try:
                end = await self._desk.lanes.ends.run(self._remote.pods.end, row.id)
            except AppError as error:
                refused = error
                continue
            if not end.gone:
                left.append(end)
        await self._refresh()
        if refused is not None:
            self._desk.notices.show_error("The pod could not be ended", refused)
        if left:
            notice = Notice("A pod is not gone yet", not_gone_text(left), "bad", topic="pods")
            self._desk.notices.noticed.emit(notice)
        if left or refused is not None:
            self.not_gone.emit()
        else:
            self._desk.notices.withdrawn.emit("pods")
            self.all_gone.emit()

    @Slot(object)
    def _on_swept(self, swept: Swept) -> None:
        all_gone = all(end.gone for end in swept.ended) and not swept.left
        tone = "info" if all_gone else "warning"
        notice = Notice(swept_title(swept), swept_text(swept), tone, topic="pods")
        self._desk.notices.noticed.emit(notice)

    @Slot(object)
    def _on_updated(self, update: RunUpdate) -> None:
        if update.run.config.training.target == TARGET_RUNPOD:
            self.refresh()
