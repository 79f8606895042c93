"""Storage as a whole: what there is, what a clean-up would remove, pins, and forecasts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config_io import to_dict
from models.domain.errors import AppError
from services.run_records import RunRecords
from services.storage.cleaning import Cleaner
from services.storage.histories import WHOLE_RUN, history_of
from services.storage.inventory import Known, take_stock
from services.storage.needs import needs_of_jobs, needs_of_setup
from services.storage.pins import Pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from models.db.database import Database
    from models.domain.config import TrainingConfig
    from models.domain.docker import ImageInfo
    from models.domain.run import Run
    from models.domain.storage import (
        Cleaned,
        CleanPlan,
        Need,
        RetentionRules,
        RunHistory,
        StorageReport,
    )
    from models.domain.storage_forecast import StorageForecast
    from services.datasets import DatasetLibrary
    from services.storage.forecast import StorageForecaster
    from services.storage.inventory import Places

_ALL = 100_000
"""More runs than anybody has; each list has a limit."""


class Storage:
    """Blocking and thread-safe; knows no Qt.

    ``places`` is asked at every look, for the data folder may be changed. ``images`` lists those of
    the engine, AppError where there is none. ``further`` names what others need (a bundle that is
    being written).
    """

    def __init__(
        self,
        database: Database,
        library: DatasetLibrary,
        places: Callable[[], Places],
        images: Callable[[], Sequence[ImageInfo]],
        lock: Path,
        forecaster: StorageForecaster,
        further: Callable[[], Iterable[Need]] = tuple,
    ) -> None:
        self._database = database
        self._records = RunRecords(database)
        self._library = library
        self._places = places
        self._images = images
        self._further = further
        self._cleaner = Cleaner(self._look, lock)
        self._forecaster = forecaster
        self.pins = Pins(database)

    def report(self) -> StorageReport:
        """Everything that takes room. Reads every folder: seconds."""
        images, problems = self._images_now()
        runs, pins = self._records.newest(_ALL), self.pins.all()
        histories = {run.id: history_of(run, pins.get(run.id, ())) for run in runs}
        known = Known(runs, histories, self._library.list(), images, problems)
        return take_stock(self._places(), known)

    def histories(self) -> Sequence[RunHistory]:
        """The runs with what a clean-up thinks about, newest first."""
        pins = self.pins.all()
        return [history_of(run, pins.get(run.id, ())) for run in self._records.newest(_ALL)]

    def plan(self, rules: RetentionRules) -> CleanPlan:
        """What a clean-up by these rules would remove; nothing is done."""
        return self._cleaner.plan(rules)

    def clean(self, shown: CleanPlan, rules: RetentionRules) -> Cleaned:
        """Remove what was shown, and of that only what may still go. AppError("busy")."""
        return self._cleaner.clean(shown, rules)

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

    def _look(self) -> tuple[Sequence[RunHistory], Sequence[Need]]:
        return self.histories(), list(self._needs())

    def _needs(self) -> Iterator[Need]:
        with self._database.unit_of_work() as uow:
            setups, runs = uow.configs.contents(), uow.runs.list(limit=_ALL)
        roots = sorted({self._places().data, *(Path(run.data_root) for run in runs)})
        for name, data in setups:
            who = f'The configuration "{name}"'
            yield from needs_of_setup(who, data, [*roots, *_own_root(data)])
        for run in runs:
            yield from needs_of_setup(f"Run {run.id}", to_dict(run.config), [Path(run.data_root)])
        yield from needs_of_jobs(roots)
        yield from self._further()

    def _images_now(self) -> tuple[Sequence[ImageInfo], tuple[str, ...]]:
        try:
            return self._images(), ()
        except AppError as error:
            return (), (f"Docker images are not counted: {error.message}",)


def _own_root(data: object) -> Iterator[Path]:
    """The data folder that a setup names itself."""
    with suppress(KeyError, TypeError, RuntimeError):
        chosen = str(data["local"]["host_data_dir"]).strip()  # type: ignore[index]
        if chosen:
            yield Path(chosen).expanduser()
