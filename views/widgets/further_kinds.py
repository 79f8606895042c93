"""What else a clean-up may take, each with what it would free: nothing of it unless ticked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from models.domain.storage import FURTHER_KINDS, CleanKind
from models.qt.storage_words import FURTHER_HELP, FURTHER_TITLES
from models.qt.wording import size
from views.widgets.card import show_if, text_label
from views.widgets.wrapped_button import WrappedCheckBox

if TYPE_CHECKING:
    from collections.abc import Collection

    from models.domain.storage import CleanPlan

_BOXES = {
    CleanKind.ROWS: "Rows of &deleted datasets",
    CleanKind.CACHES: "Reports a&nd tokens of datasets",
    CleanKind.VERSIONS: "&Leftovers of other versions",
    CleanKind.REVISIONS: "Old revisions of base &models",
}
"""The titles with a letter each that nothing else on the page has."""
_SHARED = "Another program that uses the same Hugging Face cache would fetch them again."


class FurtherKinds(QWidget):
    """A box a kind; what it would free stands at its right.

    Signals:
        chosen: the user has ticked or cleared one.
    """

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._boxes: dict[CleanKind, WrappedCheckBox] = {}
        self._sizes: dict[CleanKind, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        grid.addWidget(text_label("Also remove what nothing needs any more", wrap=True), 0, 0, 1, 2)
        for row, kind in enumerate(FURTHER_KINDS, start=1):
            box, taken = WrappedCheckBox(_BOXES[kind]), text_label("", "muted")
            box.setObjectName(f"storage.also.{kind.value}")
            box.setToolTip(FURTHER_HELP[kind])
            box.clicked.connect(self._on_clicked)
            grid.addWidget(box, row, 0)
            grid.addWidget(taken, row, 1, Qt.AlignmentFlag.AlignRight)
            self._boxes[kind], self._sizes[kind] = box, taken
        self._shared = text_label(_SHARED, "caption", wrap=True)
        self._shared.setObjectName("storage.also.shared")
        grid.addWidget(self._shared, len(FURTHER_KINDS) + 1, 0, 1, 2)

    def kinds(self) -> frozenset[CleanKind]:
        """Those that are ticked."""
        return frozenset(kind for kind, box in self._boxes.items() if box.isChecked())

    def show_kinds(self, kinds: Collection[CleanKind], plan: CleanPlan, *, known: bool) -> None:
        """Tick these, and show what each would free once that is ``known``."""
        for kind, box in self._boxes.items():
            box.setChecked(kind in kinds)
            freed = size(plan.bytes_of(kind)) if known else ""
            self._sizes[kind].setText(freed)
            box.setAccessibleDescription(f"{FURTHER_TITLES[kind]}: frees {freed}" if freed else "")
        self._shared.setIndent(self.fontMetrics().height() + 10)  # beneath the text of its box
        show_if(self._shared, CleanKind.REVISIONS in kinds)

    @Slot()
    def _on_clicked(self) -> None:
        self.chosen.emit()
