"""The rows of the dataset that is shown: read a page at a time, and searched for a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.errors import AppError
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import DatasetPort
    from models.domain.dataset import DatasetSession
    from models.qt.app_models import AppModels


@dataclass(frozen=True, slots=True)
class _Search:
    """What is looked for, and from which row (from 0) on."""

    session: DatasetSession
    text: str
    row: int
    backwards: bool
    cancel: CancelToken


class RowsController(QObject):
    """Fills the model of rows, and finds the next row that has a text.

    Signals:
        find_began: a search goes on.
        found: the number of the row (from 0), and whether the search went on from the other end.
        find_ended: in words what came of it, where that is no row; else nothing.
    """

    find_began = Signal()
    found = Signal(object, bool)
    find_ended = Signal(str)

    def __init__(
        self, desk: Desk, models: AppModels, library: DatasetPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._models = models
        self._library = library
        self._search: _Search | None = None
        models.rows.page_wanted.connect(self._on_page_wanted)

    @Slot(str, object, bool)
    def find(self, text: str, row: int, backwards: bool) -> None:
        """Look for the next row behind (or before) ``row`` (from 0; -1 and the number of rows look
        at all) that has this text; a search that still goes on is given up.
        """
        self.cancel_find()
        session = self._models.rows.session
        if session is None or not text.strip():
            return
        search = _Search(session, text.strip(), row, backwards, CancelToken())
        self._search = search
        self.find_began.emit()
        self._desk.tasks.start(self._find(search))

    @Slot()
    def cancel_find(self) -> None:
        """Give up the search that goes on."""
        if self._search is not None:
            self._search.cancel.cancel()
            self._search = None
            self.find_ended.emit("")

    async def _find(self, search: _Search) -> None:
        try:
            row, wrapped = await self._look(search)
        except Cancelled:
            return
        except AppError as error:
            self._desk.notices.show_error("The rows cannot be searched", error)
            row, wrapped = None, False
        if search is not self._search:
            return  # another took its place
        self._search = None
        self.find_ended.emit("" if row is not None else f"No row has “{search.text}”.")
        if row is not None:
            self.found.emit(row, wrapped)

    async def _look(self, search: _Search) -> tuple[int | None, bool]:
        """The row, and whether it stands behind the end where the search began anew."""
        last = search.session.rows - 1
        begin, anew = (search.row - 1, last) if search.backwards else (search.row + 1, 0)
        if 0 <= begin <= last:
            row = await self._ask(search, begin)
            if row is not None:
                return row, False
        return await self._ask(search, anew), True

    async def _ask(self, search: _Search, start: int) -> int | None:
        return await self._desk.lanes.search.run(
            self._library.find_row,
            search.session.id,
            search.text,
            start,
            backwards=search.backwards,
            cancel=search.cancel,
        )

    @Slot(object, object, object)
    def _on_page_wanted(self, session_id: int, start: int, count: int) -> None:
        self._desk.tasks.start(self._read_page(session_id, start, count))

    async def _read_page(self, session_id: int, start: int, count: int) -> None:
        try:
            rows = await self._desk.lanes.database.run(self._library.rows, session_id, start, count)
        except AppError as error:
            self._desk.notices.show_error("The rows cannot be read", error)
            return
        self._models.rows.set_page(session_id, start, rows)
