"""The library of imported datasets."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from sqlalchemy import select

from models.db.repository import SHOWN_NAMES, Repository, clean_name, name_key, storable
from models.db.tables import DatasetRow
from models.domain.dataset import DatasetSession
from models.domain.errors import AppError

if TYPE_CHECKING:
    import builtins

    from sqlalchemy import Select

_WHAT = "A dataset"
_MOST_DIGITS = 18
"""More would not fit SQLite's integers."""


class DatasetRepository(Repository):
    """Datasets by number and by name; no two have exactly the same name."""

    def add(self, session: DatasetSession) -> DatasetSession:
        """Store a new dataset and return it with its number (its ``id`` is not looked at).

        Raises AppError("name_taken"); :meth:`unique_name` gives a name that is free.
        """
        self._lock()
        name = clean_name(session.name, _WHAT)
        if self._named(name) is not None:
            raise AppError(
                "name_taken", f'There is already a dataset named "{name}".', "Choose another name."
            )
        row = _to_row(session, name)
        self._session.add(row)
        self._session.flush()
        return _to_value(row)

    def list(self) -> builtins.list[DatasetSession]:
        """All datasets, the newest first."""
        return [_to_value(row) for row in self._session.scalars(_newest_first())]

    def get(self, dataset_id: int) -> DatasetSession:
        """The dataset of that number, or AppError("not_found")."""
        return _to_value(self._row(dataset_id))

    def find(self, text: str) -> DatasetSession:
        """What a person means by ``text``: a number, a name, or a name in another case.

        Raises AppError("not_found") that lists names that do exist.
        """
        text = text.strip()
        row = self._numbered(text) or self._named(text) or self._nearly_named(text)
        if row is None:
            raise AppError("not_found", f'There is no dataset "{text}".', self._existing())
        return _to_value(row)

    def unique_name(self, base: str) -> str:
        """``base``, or the first of "base (2)", "base (3)" ... that no dataset has in any case.

        Nobody else can take the name before this unit of work ends.
        """
        self._lock()
        base = clean_name(base, _WHAT)
        taken = {name_key(name) for name in self._session.scalars(select(DatasetRow.name))}
        names = (base if number == 1 else f"{base} ({number})" for number in count(1))
        return next(name for name in names if name_key(name) not in taken)

    def delete(self, dataset_id: int) -> None:
        """Remove it from the library. Its file, which others may share, is not touched."""
        self._lock()
        self._session.delete(self._row(dataset_id))
        self._session.flush()

    def _row(self, dataset_id: int) -> DatasetRow:
        row = self._session.get(DatasetRow, dataset_id)
        if row is None:
            raise AppError(
                "not_found", f"There is no dataset number {dataset_id}.", self._existing()
            )
        return row

    def _numbered(self, text: str) -> DatasetRow | None:
        is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
        return self._session.get(DatasetRow, int(text)) if is_number else None

    def _named(self, name: str) -> DatasetRow | None:
        return self._session.scalar(select(DatasetRow).where(DatasetRow.name == name))

    def _nearly_named(self, text: str) -> DatasetRow | None:
        wanted = name_key(text)
        rows = self._session.scalars(_newest_first())
        return next((row for row in rows if name_key(row.name) == wanted), None)

    def _existing(self) -> str:
        names = self._session.scalars(_newest_first().with_only_columns(DatasetRow.name)).all()
        if not names:
            return "The library is empty: import a dataset first."
        more = " ..." if len(names) > SHOWN_NAMES else "."
        return f"There are: {', '.join(names[:SHOWN_NAMES])}{more}"


def _to_row(session: DatasetSession, name: str) -> DatasetRow:
    return DatasetRow(
        name=name,
        source=storable(session.source),
        format=session.format,
        rows=session.rows,
        size=session.size,
        sha256=session.sha256,
        created_at=session.created_at,
        splits=session.splits,
        licence=storable(session.licence),
        mapping=storable(session.mapping),
        columns=[storable(name) for name in session.columns],
    )


def _to_value(row: DatasetRow) -> DatasetSession:
    splits = row.splits if isinstance(row.splits, list | tuple) else ()
    columns = row.columns if isinstance(row.columns, list | tuple) else ()
    return DatasetSession(
        id=row.id,
        name=row.name,
        source=row.source,
        format=row.format,
        rows=row.rows,
        size=row.size,
        sha256=row.sha256,
        created_at=row.created_at,
        splits=tuple((str(name), int(count)) for name, count in splits),
        licence=row.licence,
        mapping=row.mapping,
        columns=tuple(map(str, columns)),
    )


def _newest_first() -> Select[DatasetRow]:
    return select(DatasetRow).order_by(DatasetRow.created_at.desc(), DatasetRow.id.desc())
