"""The library of imported datasets."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from models.db.repository import SHOWN_NAMES, Repository, clean_name, name_key, storable
from models.db.tables import ConfigRow, DatasetRow
from models.domain.dataset import DatasetPart, DatasetSession
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
            raise _taken(name)
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

    def put_back(self, session: DatasetSession) -> DatasetSession:
        """Store a deleted dataset again, under its number and, where that is free, its name."""
        self._lock()
        there = self._session.get(DatasetRow, session.id)
        if there is not None:
            return _to_value(there)
        is_free = self._named(session.name) is None
        row = _to_row(session, session.name if is_free else self.unique_name(session.name))
        row.id = session.id
        self._session.add(row)
        self._session.flush()
        return _to_value(row)

    def rename(self, dataset_id: int, name: str) -> DatasetSession:
        """Give another name, and tell it to the configurations that name this dataset.

        They mean what they meant before, so the time of their last change stays. Raises AppError:
        ``name_taken`` if another dataset has the name in any case, ``bad_name``, ``not_found``.
        """
        self._lock()
        row, name = self._row(dataset_id), clean_name(name, _WHAT)
        others = self._session.execute(select(DatasetRow.id, DatasetRow.name))
        if any(name_key(other) == name_key(name) for id_, other in others if id_ != dataset_id):
            raise _taken(name)
        naming = [one for one in self._session.scalars(select(ConfigRow)) if self._names(one, row)]
        row.name = name
        self._session.flush()
        renamed = _to_value(row)
        for config in naming:
            config.data["dataset"]["session"] = renamed.reference
            flag_modified(config, "data")
        self._session.flush()
        return renamed

    def has_rows(self, sha256: str) -> bool:
        """Whether any dataset has the rows with this hash."""
        query = select(DatasetRow.id).where(DatasetRow.sha256 == sha256).limit(1)
        return self._session.scalar(query) is not None

    def row_files(self) -> set[str]:
        """The hashes of the rows of all datasets."""
        return set(self._session.scalars(select(DatasetRow.sha256)))

    def lock(self) -> None:
        """Become the only writer, so that what is read now holds until the end."""
        self._lock()

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

    def _names(self, config: ConfigRow, row: DatasetRow) -> bool:
        """Whether a configuration means this dataset, and by its name."""
        data: Any = config.data
        section = data.get("dataset") if isinstance(data, dict) else None
        text = section.get("session") if isinstance(section, dict) else None
        if not isinstance(text, str) or self._numbered(text.strip()) is not None:
            return False
        return (self._named(text.strip()) or self._nearly_named(text.strip())) is row

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
        parts=[
            {**asdict(part), "name": storable(part.name), "source": storable(part.source)}
            for part in session.parts
        ],
    )


def _to_value(row: DatasetRow) -> DatasetSession:
    splits = row.splits if isinstance(row.splits, list | tuple) else ()
    columns = row.columns if isinstance(row.columns, list | tuple) else ()
    parts = row.parts if isinstance(row.parts, list | tuple) else ()
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
        parts=tuple(_part(one) for one in parts if isinstance(one, dict)),
    )


def _part(stored: dict[str, Any]) -> DatasetPart:
    return DatasetPart(
        name=str(stored.get("name", "")),
        rows=int(stored.get("rows", 0)),
        weight=float(stored.get("weight", 1.0)),
        licence=str(stored.get("licence", "")),
        source=str(stored.get("source", "")),
    )


def _taken(name: str) -> AppError:
    return AppError(
        "name_taken", f'There is already a dataset named "{name}".', "Choose another name."
    )


def _newest_first() -> Select[DatasetRow]:
    return select(DatasetRow).order_by(DatasetRow.created_at.desc(), DatasetRow.id.desc())
