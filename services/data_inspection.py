"""What a model would learn from a dataset, told by the training's own code in a worker process."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.data_report import (
    DataReport,
    Finding,
    HeldOut,
    Histogram,
    Learning,
    TokenView,
)
from models.domain.errors import AppError
from services.hub_cache import cached_revision
from services.inference_engine import as_in_a_job
from services.inference_worker import UNLOADED, InferenceWorker
from services.job_builder import is_local_model
from services.progress import Cancelled, CancelToken, Progress, time_left
from services.run_files import host_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from models.domain.config import TrainingConfig
    from services.inference_places import WorkerPlace
    from services.inference_worker import Reply
    from services.progress import Reporter

_SURE_AFTER = 3.0
"""Seconds after which the speed of the worker says something about its end."""
_MOST_KEPT = 200
"""Reports that are kept; each is a few kilobytes."""


@dataclass(frozen=True, slots=True)
class RowFile:
    """Rows to look at: a JSONL file below the data root, and the hash and format of its rows."""

    path: Path
    sha256: str
    format: str


class DataInspection:
    """Asks a worker about rows, and keeps its reports. Blocking calls, one after the other.

    ``place`` says where a worker runs and is asked at every call, so that none outlives a change of
    Offline mode or of the trainer's code. :meth:`close` may come from any thread.
    """

    def __init__(
        self,
        place: Callable[[Learning], WorkerPlace],
        folder: Path,
        code_sha256: Callable[[], str],
    ) -> None:
        self._place = place
        self._folder = folder
        self._code_sha256 = code_sha256
        self._worker: InferenceWorker | None = None
        self._turn = threading.Lock()
        self._guard = threading.Lock()

    def mask(
        self,
        row: dict[str, Any],
        format_: str,
        learning: Learning,
        cancel: CancelToken | None = None,
    ) -> tuple[TokenView, ...]:
        """The texts that a row becomes; AppError("bad_dataset") says why it becomes none."""
        request = {"op": "mask", "row": row, "format": format_}
        *_, reply = self._ask(request, learning, cancel or CancelToken())
        return tuple(_view(text) for text in reply["texts"])

    def report(
        self,
        rows: RowFile,
        learning: Learning,
        held_out: HeldOut | None = None,
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport:
        """Look at every row; at once where the same was asked before. Raises Cancelled, AppError.

        ``report`` gets the share of the file that is read.
        """
        held_out = held_out or HeldOut()
        known = self.known_report(rows, learning, held_out)
        if known is not None:
            return known
        path = as_in_a_job(str(rows.path), learning.data_root)
        request = {"op": "report", "path": path, "format": rows.format, **asdict(held_out)}
        reply: Reply = {}
        meter = _Meter()
        for reply in self._ask(request, learning, cancel or CancelToken()):
            if reply["type"] == "progress" and report is not None:
                report(meter.progress(reply))
        values = {name: value for name, value in reply.items() if name not in ("id", "type")}
        faulty = values.pop("faulty")
        found = _report(values)
        kept = self._kept(rows, learning, held_out)  # only now: the model may have come just then
        self._keep(_rows_beside(kept), faulty)  # first: whoever finds a report finds its rows
        self._keep(kept, values)
        return found

    def faulty_rows(
        self,
        rows: RowFile,
        learning: Learning,
        held_out: HeldOut | None = None,
        codes: Collection[str] = (),
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[int, ...]:
        """All rows in which a finding of these codes stands, in order; kept with the report, and
        looked for anew where they are not. Raises as :meth:`report` does."""
        kept = self._kept(rows, learning, held_out)
        known = _read_rows(_rows_beside(kept))
        if known is None:
            kept.unlink(missing_ok=True)
            self.report(rows, learning, held_out, report=report, cancel=cancel)
            known = _read_rows(_rows_beside(self._kept(rows, learning, held_out))) or {}
        runs = [known.get(code, []) for code in codes]
        starts = (pair for one in runs for pair in zip(one[::2], one[1::2], strict=True))
        return tuple(
            sorted({row for start, count in starts for row in range(start, start + count)})
        )

    def known_report(
        self, rows: RowFile, learning: Learning, held_out: HeldOut | None = None
    ) -> DataReport | None:
        """The report where the same was asked before; reads one small file."""
        return _read(self._kept(rows, learning, held_out))

    def close(self) -> None:
        """End the worker; what it is at becomes an AppError or Cancelled."""
        with self._guard:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()

    def _ask(
        self, request: dict[str, Any], learning: Learning, cancel: CancelToken
    ) -> Iterator[Reply]:
        with self._turn:
            cancel.raise_if_cancelled()
            place = self._place(learning)
            worker = self._worker_at(place)
            options = {
                "base_model": place.seen(as_in_a_job(learning.base_model, learning.data_root)),
                "template": learning.template,
                "max_seq_length": learning.max_seq_length,
                "assistant_only_loss": learning.assistant_only_loss,
                "train_on": learning.train_on,
            }
            try:
                yield from worker.ask({**request, **options}, cancel, worker.cancel)
            except AppError as error:
                cancel.raise_if_cancelled()
                raise _in_our_words(error) from error

    def _worker_at(self, place: WorkerPlace) -> InferenceWorker:
        worker = self._worker
        if worker is None or not worker.is_alive or worker.place != place:
            self.close()
            worker = InferenceWorker(place)
            with self._guard:
                self._worker = worker
        return worker

    def _kept(self, rows: RowFile, learning: Learning, held_out: HeldOut | None) -> Path:
        return self._folder / f"{self._key(rows, learning, held_out or HeldOut())}.json"

    def _key(self, rows: RowFile, learning: Learning, held_out: HeldOut) -> str:
        """All that the report depends on: rows, model, template, options, and our own code."""
        learnt = asdict(replace(learning, data_root="")) | {"local": None}
        options = [rows.format, learnt, asdict(held_out)]
        facts = [rows.sha256, options, self._code_sha256(), _signature(learning)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _keep(self, path: Path, values: object) -> None:
        """Only a convenience: where it cannot be written, it is asked anew."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_text(json.dumps(values), encoding="utf-8")
            temporary.replace(path)
            newest = sorted(self._folder.glob("*.json"), key=lambda one: -one.stat().st_mtime)
            for old in newest[_MOST_KEPT:]:
                old.unlink(missing_ok=True)
                _rows_beside(old).unlink(missing_ok=True)
        except OSError:
            return


def _signature(learning: Learning) -> str | list[tuple[str, int, int]]:
    """The files of a model that is a folder here, the commit of one that was fetched: another
    tokenizer gives another report."""
    if not is_local_model(learning.base_model):
        return cached_revision(learning.base_model, Path(learning.data_root))
    folder = host_path(Path(learning.data_root), learning.base_model)
    try:
        stats = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    except OSError:
        return []
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _read(path: Path) -> DataReport | None:
    try:
        return _report(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):  # not there, or of another version
        return None


def _rows_beside(path: Path) -> Path:
    """Where the rows of a report's findings are kept: they may be many, the report never is."""
    return path.with_suffix(".rows")


def _read_rows(path: Path) -> dict[str, list[int]] | None:
    try:
        found: dict[str, list[int]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _report(values: dict[str, Any]) -> DataReport:
    lengths = values["lengths"]
    findings = (
        Finding(**{**one, "rows": tuple(one["rows"]), "lines": tuple(one["lines"])})
        for one in values["findings"]
    )
    histogram = Histogram(tuple(lengths["edges"]), tuple(lengths["counts"]))
    return DataReport(**{**values, "findings": tuple(findings), "lengths": histogram})


def _view(text: dict[str, Any]) -> TokenView:
    return TokenView(
        text=text["text"],
        input_ids=tuple(text["input_ids"]),
        labels=tuple(text["labels"]),
        pieces=tuple((piece, learnt) for piece, learnt in text["pieces"]),
        length=text["length"],
        max_length=text["max_length"],
        sizes=tuple(text["sizes"]),
        controls=tuple(text["controls"]),
        part=text.get("part", ""),
    )


class _Meter:
    """Says how many rows were looked at and, once that can be told, how long the others take."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def progress(self, reply: Reply) -> Progress:
        """What the worker tells, in words."""
        share, now = reply["bytes"] / max(1, reply["total_bytes"]), time.monotonic()
        words = f"Looking at the rows: {reply['rows']:,}"
        began, before = self._first = self._first or (now, share)
        if now - began > _SURE_AFTER and before < share < 1:
            left = (now - began) * (1 - share) / (share - before)
            words += f", about {time_left(left)} left"
        return Progress(share, words)


def _in_our_words(error: AppError) -> Exception:
    """A worker that is gone is no process that answers here."""
    if error.kind == UNLOADED:
        return Cancelled()
    if error.kind == "worker_died":
        return AppError(
            error.kind,
            "The process that looks at the rows has ended unexpectedly.",
            "Try again; logs/inspection.log says more.",
            error.details,
        )
    return error


def learning_of(config: TrainingConfig, data_root: Path, template: str | None = None) -> Learning:
    """How a configuration would have rows learnt."""
    hp = config.hp
    return Learning(
        base_model=hp.base_model.strip(),
        data_root=str(data_root),
        template=template,
        max_seq_length=hp.max_seq_length,
        assistant_only_loss=hp.assistant_only_loss,
        train_on=hp.train_on,
        local=config.local,
    )


def held_out_of(config: TrainingConfig) -> HeldOut:
    """Which rows a configuration would hold out."""
    dataset = config.dataset
    return HeldOut(dataset.eval_percent, dataset.eval_split, config.hp.seed)
