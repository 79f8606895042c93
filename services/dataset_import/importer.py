"""Imports and checks files: what is read by the child, and what needs the trainer's libraries."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.domain.dataset_import import HubSource, ImportOptions, ImportRefusedError
from models.domain.errors import AppError
from services.dataset_import.child import carry_out
from services.dataset_import.kinds import HEAD_BYTES, Kind, kind_of
from services.dataset_import.messages import Request, read_verdict
from services.dataset_import.process import run_request
from services.dataset_store import StoredRows
from services.progress import CancelToken
from trainer_image.contract import WORK_FOLDER_VARIABLE

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
    ) -> tuple[ImportVerdict, StoredRows]:
        """Bring the rows of a source into the store; all of it, or nothing.

        ImportRefusedError holds everything that was found; Cancelled and other AppErrors pass.
        """
        data, index = self._store.new_files()
        request = self._request(source, options or ImportOptions(), (str(data), str(index)))
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
        if exporter is None or not exporter.is_source:
            return _result(run_request(request, report, cancel or CancelToken()))
        folder = self._store.new_folder()
        try:
            environment = exporter.env | {WORK_FOLDER_VARIABLE: str(folder)}
            request = replace(request, exporter=replace(exporter, env=environment))
            return _result(run_request(request, report, cancel or CancelToken()))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _request(
        self, source: Path | HubSource, options: ImportOptions, files: tuple[str, str]
    ) -> Request:
        if isinstance(source, HubSource):
            return Request(str(source), options, *files, self._exporters(source))
        if not source.exists():
            raise AppError(
                "not_found", f"There is no file {source}.", "Check the name and the folder."
            )
        exporter = self._exporters(None) if has_columnar(source) else None
        return Request(str(source), options, *files, exporter)


def has_columnar(path: Path) -> bool:
    """Whether a file, or a folder's first such file, is read by the trainer's libraries."""
    if path.is_dir():
        return any(any(path.rglob(f"*{suffix}")) for suffix in (".parquet", ".arrow", ".feather"))
    try:
        with path.open("rb") as file:
            return kind_of(file.read(HEAD_BYTES), path.name) in {Kind.PARQUET, Kind.ARROW}
    except OSError as error:
        raise AppError(
            "io", f"{path} cannot be read: {error}.", "Check who may read it."
        ) from error


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
