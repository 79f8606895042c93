"""Storage as a whole: what there is, what a clean-up would remove, pins, and forecasts."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config_io import to_dict
from models.domain.errors import AppError
from models.domain.storage import Found, Need, newest_whole
from services.run_files import host_path
from services.run_records import RunRecords
from services.storage.cleaning import Cleaner
from services.storage.histories import WHOLE_RUN, history_of
from services.storage.inventory import Known, take_stock
from services.storage.needs import needs_of_jobs, needs_of_setup, texts_of
from services.storage.pins import Pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from models.db.database import Database
    from models.domain.config import TrainingConfig
    from models.domain.docker import ImageInfo
    from models.domain.run import Run
    from models.domain.storage import (
        Cleaned,
        CleanPlan,
        Piece,
        RetentionRules,
        RunHistory,
        StorageReport,
    )
    from models.domain.storage_forecast import StorageForecast
    from services.datasets import DatasetLibrary
    from services.storage.forecast import StorageForecaster
    from services.storage.inventory import Places
    from services.storage.spare_finder import SpareFinder

_IN_THE_WINDOW = "The setup in the window"
_ALL = 100_000
"""More runs than anybody has; each list has a limit."""


class Storage:
    """Blocking and thread-safe; knows no Qt.

    ``places`` is asked at every look, for the data folder may be changed. ``images`` lists those of
    the engine, AppError where there is none.
    """

    def __init__(
        self,
        database: Database,
        library: DatasetLibrary,
        places: Callable[[], Places],
        images: Callable[[], Sequence[ImageInfo]],
        lock: Path,
        forecaster: StorageForecaster,
        spares: SpareFinder,
    ) -> None:
        self._database = database
        self._records = RunRecords(database)
        self._library = library
        self._places = places
        self._images = images
        self._lock = lock
        self._spares = spares
        self._forecaster = forecaster
        self.pins = Pins(database)

    def report(self) -> StorageReport:
        """Everything that takes room. Reads every folder: seconds. AppError("io")."""
        images, problems = self._images_now()
        runs, pins = self._records.newest(_ALL), self.pins.all()
        with _readable():
            histories = {run.id: history_of(run, pins.get(run.id, ())) for run in runs}
            roots, sessions = self._all_roots(runs), self._library.list()
            known = Known(roots, runs, histories, sessions, images, problems)
            return take_stock(self._places(), known)

    def histories(self) -> Sequence[RunHistory]:
        """The runs with what a clean-up thinks about, newest first."""
        pins = self.pins.all()
        return [history_of(run, pins.get(run.id, ())) for run in self._records.newest(_ALL)]

    def plan(self, rules: RetentionRules, setup: TrainingConfig | None = None) -> CleanPlan:
        """What a clean-up by these rules would remove; nothing is done. ``setup`` is one that is
        not saved, and needs what it names as a saved one does. AppError("io")."""
        with _readable():
            return self._cleaner(setup).plan(rules)

    def clean(
        self, shown: CleanPlan, rules: RetentionRules, setup: TrainingConfig | None = None
    ) -> Cleaned:
        """Remove what was shown, and of that only what may still go. AppError("busy", "io")."""
        with _readable():
            return self._cleaner(setup).clean(shown, rules)

    def forecast(self, config: TrainingConfig) -> StorageForecast:
        """What training it takes at most, and whether there is room. Up to ten seconds; AppError
        ("unknown_size") where nothing is known of the model."""
        return self._forecaster.forecast(config)

    def rules(self) -> RetentionRules:
        """The rules that were chosen last."""
        return self.pins.rules()

    def set_rules(self, rules: RetentionRules) -> None:
        """Remember the rules. AppError("bad_use")."""
        self.pins.set_rules(rules)

    def pin(self, run_id: str, checkpoint: str = "", *, pinned: bool = True) -> None:
        """Pin a run, or a checkpoint of it by its name or step; or leave it to the rules again.
        AppError("not_found")."""
        name = self._checkpoint(self._records.get(run_id), checkpoint) if checkpoint else WHOLE_RUN
        (self.pins.pin if pinned else self.pins.unpin)(run_id, name)

    def _checkpoint(self, run: Run, text: str) -> str:
        name = f"checkpoint-{text}" if text.isdecimal() else text
        there = [Path(piece.path).name for piece in history_of(run).pieces if piece.step]
        if name not in there and name not in self.pins.all().get(run.id, ()):
            shown = ", ".join(there) or "none"
            raise AppError(
                "not_found", f"Run {run.id} has no checkpoint {name}.", f"It has: {shown}."
            )
        return name

    def _cleaner(self, setup: TrainingConfig | None) -> Cleaner:
        return Cleaner(partial(self._look, setup), self._lock, self._hold)

    def _hold(self, piece: Piece) -> AbstractContextManager[str]:
        return self._spares.hold(piece, self._roots(self._records.newest(_ALL)))

    def _look(self, setup: TrainingConfig | None) -> Found:
        with self._database.unit_of_work() as uow:
            setups, runs = uow.configs.contents(), uow.runs.list(limit=_ALL)
        named: list[tuple[str, object]] = [
            (f'The configuration "{name}"', data) for name, data in setups
        ]
        if setup is not None:
            named.append((_IN_THE_WINDOW, to_dict(setup)))
        roots, histories = self._roots(runs), self.histories()
        needs = [*self._needs(named, runs, roots), *self._goes_on(setup, histories, runs)]
        names = frozenset(text for _, data in named for text in texts_of(data))
        return Found(histories, needs, self._spares.find(runs, roots, names, needs))

    def _all_roots(self, runs: Iterable[Run]) -> list[Path]:
        """Every data folder once, also those that setups name in which nothing was trained yet."""
        with self._database.unit_of_work() as uow:
            setups = uow.configs.contents()
        named = [root for _, data in setups for root in _own_root(data)]
        found = {os.path.realpath(root): root for root in [*named, *self._roots(runs)]}
        return sorted(found.values())

    def _roots(self, runs: Iterable[Run]) -> list[Path]:
        return sorted({self._places().data, *(Path(run.data_root) for run in runs)})

    def _needs(
        self, named: Iterable[tuple[str, object]], runs: Iterable[Run], roots: Sequence[Path]
    ) -> Iterator[Need]:
        for who, data in named:
            yield from needs_of_setup(who, data, [*roots, *_own_root(data)])
        for run in runs:
            yield from needs_of_setup(f"Run {run.id}", to_dict(run.config), [Path(run.data_root)])
        yield from needs_of_jobs(roots)

    def _goes_on(
        self, setup: TrainingConfig | None, histories: Iterable[RunHistory], runs: Iterable[Run]
    ) -> Iterator[Need]:
        """What a setup that is not saved would go on from in its output directory."""
        if setup is None:
            return
        roots = [*self._roots(runs), *_own_root(to_dict(setup))]
        folders = {os.path.realpath(host_path(root, setup.output.directory)) for root in roots}
        outputs = {run.id: os.path.realpath(run.output_directory) for run in runs}
        for history in histories:
            newest = newest_whole(history)
            if newest is not None and outputs.get(history.run_id) in folders:
                yield Need(newest.path, _IN_THE_WINDOW)

    def _images_now(self) -> tuple[Sequence[ImageInfo], tuple[str, ...]]:
        try:
            return self._images(), ()
        except AppError as error:
            return (), (f"Docker images are not counted: {error.message}",)


@contextmanager
def _readable() -> Iterator[None]:
    """What the disk refuses is told as AppError("io")."""
    try:
        yield
    except OSError as error:
        place = f" {error.filename}" if error.filename else " something"
        message = f"The disk refused to show{place}: {error.strerror or error}."
        raise AppError("io", message, "Mend that, then look again.") from error


def _own_root(data: object) -> Iterator[Path]:
    """The data folder that a setup names itself."""
    with suppress(KeyError, TypeError, RuntimeError):
        chosen = str(data["local"]["host_data_dir"]).strip()  # type: ignore[index]
        if chosen:
            yield Path(chosen).expanduser()
