"""Reads single rows of the dataset that is looked at, as the model would see them."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.domain.errors import AppError
from models.qt.learning_model import Looking, RowLook
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controllers.desk import Desk
    from controllers.ports import DatasetPort, LearningPort
    from models.domain.data_report import TokenView
    from models.qt.learning_model import LearningModel, Subject

OF_ROW = "bad_dataset"
"""The kind of what is wrong with a row itself; all else says why nothing can be looked at."""


class RowReader(QObject):
    """One at a time, in the lane ``rows``; of several asked for quickly only the last is read."""

    def __init__(
        self,
        desk: Desk,
        model: LearningModel,
        learning: LearningPort,
        library: DatasetPort,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._model = model
        self._learning = learning
        self._library = library
        self._cancel = CancelToken()
        self._wanted: int | None = None
        self._is_reading = False

    @Slot(object)
    def show(self, number: int) -> None:
        """Show a row, counted from 0."""
        self._wanted = number
        self._model.set_row(replace(self._model.row, number=number, state=Looking.BUSY))
        if not self._is_reading:
            self._desk.tasks.start(self._read())

    @Slot()
    def show_random(self) -> None:
        """Show some other row."""
        rows = self._model.rows
        if rows > 1:
            number = random.randrange(rows - 1)  # noqa: S311 - no secret
            self.show(number + (number >= self._model.row.number))

    @Slot()
    def show_next_trouble(self) -> None:
        """Show the next row in which something was found."""
        number = self._model.troubled_after(self._model.row.number)
        if number is not None:
            self.show(number)

    async def show_first(self, number: int, cancel: CancelToken) -> None:
        """Show a row of something else that is looked at from now on."""
        self._cancel, self._wanted = cancel, number
        await self._read()

    def stop(self) -> None:
        """Read no more of what was asked for."""
        self._cancel.cancel()
        self._wanted = None

    async def _read(self) -> None:
        self._is_reading = True
        try:
            while self._wanted is not None and self._model.subject is not None:
                number, self._wanted = self._wanted, None
                await self._read_row(self._model.subject, number, self._cancel)
        finally:
            self._is_reading = False

    async def _read_row(self, subject: Subject, number: int, cancel: CancelToken) -> None:
        self._model.set_row(replace(self._model.row, number=number, state=Looking.BUSY))
        try:
            texts = await self._texts(subject, number, cancel)
        except Cancelled:
            return
        except AppError as error:
            raw = await self._raw(subject, number) if error.kind == OF_ROW else ""
            look = RowLook(number, Looking.FAILED, error=error, raw=raw)
        else:
            look = RowLook(number, Looking.DONE, tuple(texts))
        if self._model.subject is subject and self._wanted is None:
            self._model.set_row(look)

    async def _texts(
        self, subject: Subject, number: int, cancel: CancelToken
    ) -> Sequence[TokenView]:
        """Once more where the worker was ended for others: a start needs its memory."""
        read = partial(
            self._learning.row,
            subject.config,
            subject.session,
            number,
            template=subject.template,
            cancel=cancel,
        )
        try:
            return await self._desk.lanes.rows.run(read)
        except Cancelled:
            if cancel.cancelled:
                raise
        return await self._desk.lanes.rows.run(read)

    async def _raw(self, subject: Subject, number: int) -> str:
        """A row as it stands in the dataset, for people to see what is wrong with it."""
        try:
            read = self._library.rows
            rows = await self._desk.lanes.rows.run(read, subject.session.id, number, 1)
        except AppError:
            return ""
        return json.dumps(rows[0], indent=2, ensure_ascii=False) if rows else ""
