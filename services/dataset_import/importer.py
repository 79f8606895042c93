"""Imports and checks files: what is read by the child, and what needs the trainer's libraries."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.domain.dataset_import import HubSource, ImportOptions, ImportRefusedError
from models.domain.errors import AppError
from services.dataset_import.child import carry_out
from services.dataset_import.columnar import has_columnar
from services.dataset_import.folders import require_readable
from services.dataset_import.messages import Request, read_verdict
from services.dataset_import.process import run_request
from services.dataset_store import StoredRows
from services.progress import CancelToken
from trainer_image.export_names import WORK_FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.domain.dataset_import import ImportVerdict
    from services.dataset_import.messages import Exporter
    from services.dataset_store import DatasetStore
    from services.progress import Reporter


class Importer:
    """Reads files into a store. ``exporters`` makes the programs that read what we cannot: called
    with a HubSource, or None for Parquet and Arrow files; AppError where it cannot be had."""

    def __init__(
        self, store: DatasetStore, exporters: Callable[[HubSource | None], Exporter] | None = None
    ) -> None:
        self._store = store
        self._exporters = exporters or _no_exporters

    def read(
        self,
        source: Path | HubSource,
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
        places: Path | None = None,
    ) -> tuple[ImportVerdict, StoredRows]:
        """Bring the rows of a source into the store; all of it, or nothing.

        ``places`` is a file that gets where each kept row stood, for
        :func:`services.dataset_import.places.located`.
        ImportRefusedError holds everything that was found; Cancelled and other AppErrors pass.
        """
        data, index = self._store.new_files()
        request = self._request(source, options or ImportOptions(), (str(data), str(index)))
        request = replace(request, places=str(places or ""))
        try:
            verdict, result = self._asked(request, report, cancel)
            if verdict.is_refused:
                raise ImportRefusedError(request.path, verdict)
            stored = StoredRows(**result["stored"])
            self._store.adopt(data, index, stored.sha256)
        finally:
            data.unlink(missing_ok=True)
            index.unlink(missing_ok=True)
        return verdict, stored

    def into(self, store: DatasetStore) -> Importer:
        """The same importer, into another store."""
        return Importer(store, self._exporters)

    def check(
        self,
        source: Path | HubSource,
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> ImportVerdict:
        """Read everything and say what there is to say, without keeping anything."""
        request = self._request(source, options or ImportOptions(), ("", ""))
        return self._asked(request, report, cancel)[0]

    def read_here(self, path: Path) -> tuple[ImportVerdict, StoredRows]:
        """A small file of our own, without a child."""
        data, index = self._store.new_files()
        request = Request(str(path), ImportOptions(), str(data), str(index))
        verdict, result = _result(carry_out(request, _no_tick))
        if verdict.is_refused:
            raise ImportRefusedError(path.name, verdict)
        stored = StoredRows(**result["stored"])
        self._store.adopt(data, index, stored.sha256)
        return verdict, stored

    def _asked(
        self, request: Request, report: Reporter | None, cancel: CancelToken | None
    ) -> tuple[ImportVerdict, dict[str, Any]]:
        exporter = request.exporter
        if exporter is None:
            return _result(run_request(request, report, cancel or CancelToken()))
        folder = self._store.new_folder()
        try:
            if exporter.is_source:
                environment = exporter.env | {WORK_FOLDER_VARIABLE: str(folder)}
                exporter = replace(exporter, env=environment)
            request = replace(request, exporter=exporter, folder=str(folder))
            return _result(run_request(request, report, cancel or CancelToken()))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _request(
        self, source: Path | HubSource, options: ImportOptions, files: tuple[str, str]
    ) -> Request:
        if isinstance(source, HubSource):
            return Request(str(source), options, *files, self._exporters(source))
        require_readable(source)
        exporter = self._exporters(None) if has_columnar(source) else None
        return Request(str(source), options, *files, exporter)


def _result(result: dict[str, Any]) -> tuple[ImportVerdict, dict[str, Any]]:
    if "error" in result:
        raise AppError(**result["error"])
    if "bug" in result:
        raise RuntimeError(result["bug"])
    return read_verdict(result["verdict"]), result


def _no_tick(_rows: int, _consumed: int) -> None:
    """Nobody waits for so few rows."""


def _no_exporters(_source: HubSource | None) -> Exporter:
    raise AppError(
        "runtime_missing",
        "Parquet, Arrow and Hugging Face datasets are read by the training environment.",
        "Set it up first (temper doctor).",
    )
