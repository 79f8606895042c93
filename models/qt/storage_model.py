"""What takes room on the disk and what of it can go, as the Storage page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

from models.domain.storage import CleanPlan, RetentionRules, StoredItem, StoredKind, Verdict
from models.qt.storage_words import KIND_TITLES, KIND_WORDS
from models.qt.table_model import Column, ItemTableModel
from models.qt.wording import counted, size

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPersistentModelIndex

    from models.domain.storage import Cleaned, StorageReport

_TIP = Qt.ItemDataRole.ToolTipRole
KIND_ROLE = Qt.ItemDataRole.UserRole + 2
"""Of a row of kinds: the StoredKind's word, or empty for all of them."""

_FAILED = "The disk could not be looked at."
_NO_LIST = "There is nothing to list, because the disk could not be looked at."
_NOTHING = "There is nothing that a clean-up would look at"
_WAIT_FOR_LOOK = "Wait until the disk has been looked at"


@dataclass(frozen=True, slots=True)
class KindRow:
    """All of one kind, or, without one, everything."""

    kind: StoredKind | None
    bytes: int
    count: int


class StorageModel(QObject):
    """Filled by the controller.

    Signals:
        changed: anything of it.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.kinds = KindsModel(self)
        self.items = StoredItemsModel(self)
        self.verdicts = VerdictsModel(self)
        self.report: StorageReport | None = None
        self.plan = CleanPlan()
        self.rules = RetentionRules()
        self.kind: StoredKind | None = None
        self.is_ready = False
        self.is_looking = False
        self.is_cleaning = False
        self.problem = ""
        self.done = ""

    def set_ready(self) -> None:
        """There is somebody who can look."""
        self.is_ready = True
        self.changed.emit()

    def begin(self, *, cleaning: bool = False) -> None:
        """A look, or a clean-up, begins."""
        self.is_looking, self.is_cleaning, self.problem = not cleaning, cleaning, ""
        if cleaning:
            self.done = ""
        self.changed.emit()

    def end(self, problem: str = "") -> None:
        """It is over; ``problem`` says why it came to nothing."""
        self.is_looking = self.is_cleaning = False
        self.problem = problem
        self.changed.emit()

    def show(self, report: StorageReport) -> None:
        """Show what there is."""
        self.report = report
        kinds = [KindRow(kind, sum(one.bytes for one in of), len(of))
                 for kind in StoredKind if (of := report.of(kind))]  # fmt: skip
        self.kinds.set_items([KindRow(None, report.total, len(report.items)), *kinds])
        self.choose(self.kind if any(row.kind is self.kind for row in kinds) else None)

    def choose(self, kind: StoredKind | None) -> None:
        """Show only what is of this kind, or everything."""
        self.kind = kind
        items = () if self.report is None else self.report.items
        shown = [one for one in items if kind is None or one.kind is kind]
        self.items.set_items(sorted(shown, key=lambda one: -one.bytes))
        self.changed.emit()

    def show_plan(self, plan: CleanPlan, rules: RetentionRules) -> None:
        """Show what a clean-up by these rules would remove."""
        self.plan, self.rules = plan, rules
        self.verdicts.set_items([*plan.going, *plan.staying])
        self.changed.emit()

    def show_done(self, done: Cleaned) -> None:
        """Tell what a clean-up did."""
        stays = f" {done.kept[0][1]}" if done.kept else ""
        kept = f" {counted(len(done.kept), 'item')} stayed after all.{stays}" if done.kept else ""
        self.done = f"{counted(len(done.paths), 'item')} removed, {size(done.bytes)} freed.{kept}"
        self.changed.emit()

    @property
    def title(self) -> str:
        """What the list shows."""
        return "Everything" if self.kind is None else KIND_TITLES[self.kind]

    @property
    def has_failed(self) -> bool:
        """Whether nothing is known, because the look came to nothing."""
        return self.report is None and bool(self.problem)

    @property
    def sentence(self) -> str:
        """All of it in a sentence."""
        if self.report is None:
            return f"{_FAILED} {self.problem}" if self.has_failed else self.unknown
        total, free = size(self.report.total), size(self.report.free)
        return f"Temper takes {total}; {free} of the disk are free."

    @property
    def unknown(self) -> str:
        """Why there is no list as yet; empty where there is one."""
        if self.report is not None:
            return ""
        if self.is_looking:
            return "Looking…"
        return _NO_LIST if self.problem else "Nothing has been looked at yet."

    @property
    def preview_reason(self) -> str:
        """Why it cannot be shown what goes and what stays; empty where it can."""
        if self.report is None:
            if self.has_failed:
                return "The disk could not be looked at: try that again first"
            return _WAIT_FOR_LOOK
        return "" if self.plan.verdicts else _NOTHING

    @property
    def clean_reason(self) -> str:
        """Why nothing can be removed now; empty where something can."""
        if self.is_cleaning:
            return "Wait until the clean-up that is going on has ended"
        if self.is_looking:
            return _WAIT_FOR_LOOK
        if self.report is None:
            return self.preview_reason
        return "" if self.plan.going else "Nothing can go by these rules"

    @property
    def plan_sentence(self) -> str:
        """What can go, in a sentence."""
        going = self.plan.going
        if not self.plan.verdicts:
            return f"{_NOTHING}."
        if not going:
            return "Nothing can go by these rules."
        what = counted(len(going), "item")
        if not self.plan.bytes:
            return f"{what} can go. What lies in them takes no room of its own."
        return f"{what} can go, which frees {size(self.plan.bytes)}."


class KindsModel(ItemTableModel[KindRow]):
    """The kinds with what they take."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_KINDS, lambda row: row.kind, parent)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        row = self.item(index.row())
        if row is not None and role == KIND_ROLE:
            return "" if row.kind is None else row.kind.value
        if row is not None and role == _TIP:
            return counted(row.count, "entry", "entries")
        return super().data(index, role)


class StoredItemsModel(ItemTableModel[StoredItem]):
    """What takes room, one thing a row."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_ITEMS, lambda item: (item.kind, item.place, item.name), parent)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        item = self.item(index.row())
        if item is not None and role == _TIP:
            shared = f"{size(item.shared)} of it are counted elsewhere" if item.shared else ""
            return "\n".join(filter(None, (title_of(item), item.place, shared)))
        return super().data(index, role)


class VerdictsModel(ItemTableModel[Verdict]):
    """What goes and what stays, with the reason; what goes first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_VERDICTS, lambda one: one.piece.path, parent)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        one = self.item(index.row())
        if one is not None and role == _TIP:
            return f"{one.piece.path}\n{one.why}"
        return super().data(index, role)


def title_of(item: StoredItem) -> str:
    """What something is called in a list."""
    return f"{item.run_name} · {item.name}" if item.kind is StoredKind.CHECKPOINT else item.name


def _kind_of(item: StoredItem) -> str:
    return f"{KIND_WORDS[item.kind]}{', pinned' if item.is_pinned else ''}"


def _what_of(verdict: Verdict) -> str:
    name = verdict.piece.name or PurePath(verdict.piece.path).name.lstrip(".")
    return f"{verdict.run_name} · {name}" if verdict.run_name else name


def _taken(verdict: Verdict) -> int:
    return sum(name.bytes for name in verdict.piece.files)


_KINDS: tuple[Column[KindRow], ...] = (
    Column("What", lambda row: "Everything" if row.kind is None else KIND_TITLES[row.kind]),
    Column("Size", lambda row: size(row.bytes), lambda row: row.bytes, is_number=True),
)
_ITEMS: tuple[Column[StoredItem], ...] = (
    Column("Name", title_of),
    Column("Kind", _kind_of),
    Column(
        "Size", lambda item: size(item.bytes), lambda item: item.bytes, is_number=True,
        help="What it takes by itself; what several have in common counts once",
    ),
)  # fmt: skip
_VERDICTS: tuple[Column[Verdict], ...] = (
    Column("What", _what_of),
    Column("Removed", lambda one: "Yes" if one.goes else "No"),
    Column("Size", lambda one: size(_taken(one)), _taken, is_number=True),
    Column("Why", lambda one: one.why),
)
