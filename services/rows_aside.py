"""A file's rows for a look at them, beside the library: they are gone as soon as it is over."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from services.data_inspection import RowFile
from services.dataset_store import DatasetStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from services.datasets import DatasetLibrary
    from services.progress import CancelToken, Reporter


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

    Raises ImportRefusedError, Cancelled and what else an import does.
    """
    folder = data_root / "datasets" / f".look-{uuid4().hex}"
    store = DatasetStore(folder)
    try:
        verdict, stored = library.importer_into(store).read(source, options, report, cancel)
        path = store.path(stored.sha256)
        yield verdict, RowFile(path, stored.sha256, verdict.format), store
    finally:
        shutil.rmtree(folder, ignore_errors=True)
