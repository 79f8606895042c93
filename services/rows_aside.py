"""A file's rows for a look at them, beside the library: they are gone as soon as it is over."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from services.data_inspection import RowFile
from services.dataset_import.places import located
from services.dataset_store import DatasetStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.data_report import DataReport
    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from services.datasets import DatasetLibrary
    from services.progress import CancelToken, Reporter

_PLACES = "places"


def in_the_file(found: DataReport, rows: RowFile) -> DataReport:
    """A report on rows of :func:`rows_aside`, while they are there, with the rows and lines of the
    file that they were read from; rows that were left out count there."""
    places = rows.path.with_name(_PLACES)
    return replace(found, findings=tuple(located(one, places) for one in found.findings))


@contextmanager
def rows_aside(
    library: DatasetLibrary,
    source: Path | HubSource,
    data_root: Path,
    options: ImportOptions | None = None,
    *,
    report: Reporter | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[tuple[ImportVerdict, RowFile, DatasetStore]]:
    """Read a file as an import would, below the data root, where a worker sees it.

    What a program that was killed has left goes first. Raises ImportRefusedError, Cancelled and
    what else an import does.
    """
    beside = DatasetStore(data_root / "datasets")
    beside.sweep()
    folder = beside.new_folder()
    store = DatasetStore(folder)
    try:
        verdict, stored = library.importer_into(store).read(
            source, options, report, cancel, folder / _PLACES
        )
        path = store.path(stored.sha256)
        yield verdict, RowFile(path, stored.sha256, verdict.format), store
    finally:
        shutil.rmtree(folder, ignore_errors=True)
