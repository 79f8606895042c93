"""The disk as the Storage page of a test finds it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from models.domain.storage import (
    Cleaned,
    CleanKind,
    CleanPlan,
    FileName,
    Piece,
    RetentionRules,
    StorageReport,
    StoredItem,
    StoredKind,
    Verdict,
)
from models.domain.storage_forecast import CheckpointSize, StorageForecast

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.config import TrainingConfig

GB = 1_000_000_000


def stored(kind: StoredKind, name: str, size: int, run: str = "") -> StoredItem:
    """Something on the disk, perhaps of a run."""
    run_id = "20261125-120000-abcd" if run else ""
    return StoredItem(kind, name, f"/home/me/{name}", size, run_id=run_id, run_name=run)


def verdict(name: str, size: int, why: str, *, goes: bool) -> Verdict:
    """What becomes of a checkpoint."""
    step = int(name.removeprefix("checkpoint-"))
    file = FileName((1, step), size)
    path = f"/home/me/outputs/{name}"
    return Verdict(
        Piece(path, "20261125-120000-abcd", step, True, True, (file,)), goes, why, "Support bot"
    )


def spare(kind: CleanKind, name: str, size: int) -> Verdict:
    """Something of a further kind that nothing needs."""
    piece = Piece(f"/home/me/{name}", kind=kind, name=name, files=(FileName((9, size), size),))
    return Verdict(piece, goes=False, why="", could_go=True)


def chosen(one: Verdict, rules: RetentionRules) -> Verdict:
    """What becomes of it by these rules."""
    goes = one.piece.kind in rules.also
    why = "Nothing needs it." if goes else "Nothing needs it, but its kind is not chosen."
    return replace(one, goes=goes, why=why)


@dataclass
class FakeStorage:
    """Tells what it is given; ``error`` is raised instead, ``hold`` is called in every look."""

    found: StorageReport = field(
        default_factory=lambda: StorageReport(
            (
                stored(StoredKind.CHECKPOINT, "checkpoint-20", 2 * GB, "Support bot"),
                stored(StoredKind.CHECKPOINT, "checkpoint-40", 2 * GB, "Support bot"),
                stored(StoredKind.RESULT, "Support bot", GB // 2, "Support bot"),
                stored(StoredKind.RUN, "Support bot", 3_000_000, "Support bot"),
                stored(StoredKind.DATASET, "Support answers", 40_000_000),
                stored(StoredKind.MODEL, "HuggingFaceTB/SmolLM2-135M-Instruct", 270_000_000),
                stored(StoredKind.MODEL, "meta-llama/Llama-3.2-3B-Instruct", 6 * GB),
                stored(StoredKind.IMAGE, "temper-trainer:0.1.0-cuda", 8 * GB),
                stored(StoredKind.ENVIRONMENT, "Python environment", 5 * GB),
                stored(StoredKind.CACHE, "Downloads of the Python environment", 3 * GB),
                stored(StoredKind.PROGRAM, "Database", 2_000_000),
            ),
            free=66 * GB,
        )
    )
    going: tuple[Verdict, ...] = (
        verdict("checkpoint-20", 2 * GB, "A newer one is kept.", goes=True),
        verdict("checkpoint-40", 2 * GB, "It is the newest.", goes=False),
    )
    kept: RetentionRules = field(default_factory=RetentionRules)
    done: Cleaned = field(default_factory=lambda: Cleaned(2 * GB, ("/home/me/x",)))
    forecasted: StorageForecast | Exception = field(
        default_factory=lambda: StorageForecast(
            CheckpointSize(2 * GB, GB), 3, 66 * GB, "the disk of /home/me"
        )
    )
    error: Exception | None = None
    hold: Callable[[], None] | None = None
    calls: list[tuple[str, object]] = field(default_factory=list)
    spares: tuple[Verdict, ...] = ()
    setups: list[TrainingConfig | None] = field(default_factory=list)

    def report(self) -> StorageReport:
        self._called("report", None)
        return self.found

    def rules(self) -> RetentionRules:
        return self.kept

    def set_rules(self, rules: RetentionRules) -> None:
        self._called("set_rules", rules)
        self.kept = rules

    def plan(self, rules: RetentionRules, setup: TrainingConfig | None = None) -> CleanPlan:
        self._called("plan", rules)
        self.setups.append(setup)
        return CleanPlan((*self.going, *(chosen(one, rules) for one in self.spares)))

    def clean(
        self, shown: CleanPlan, rules: RetentionRules, setup: TrainingConfig | None = None
    ) -> Cleaned:
        self._called("clean", shown)
        self.setups.append(setup)
        self.going = tuple(one for one in self.going if not one.goes)
        return self.done

    def pin(self, run_id: str, checkpoint: str = "", *, pinned: bool = True) -> None:
        self._called("pin", (run_id, checkpoint, pinned))

    def forecast(self, config: TrainingConfig) -> StorageForecast:
        self.calls.append(("forecast", config))
        if isinstance(self.forecasted, Exception):
            raise self.forecasted
        return self.forecasted

    def _called(self, name: str, what: object) -> None:
        self.calls.append((name, what))
        if self.hold is not None:
            self.hold()
        if self.error is not None:
            raise self.error
