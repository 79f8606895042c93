"""Closing the window while a rented pod costs money: keep it, or end it and see that it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QVBoxLayout, QWidget

from models.qt.pod_words import (
    ENDING_NOTE,
    closing_keep,
    closing_text,
    closing_title,
    ending_title,
    pod_line,
)
from views.dialogs.question_dialog import QuestionDialog
from views.widgets.buttons import push_button
from views.widgets.card import text_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.domain.pod_rows import PodRow

KEEP, END = "keep", "end"


class CloseWithPodDialog(QuestionDialog):
    """Asks what becomes of the pods; the answer is :data:`KEEP` or :data:`END`.

    ``names`` are the runs' names by their ids, ``now`` the seconds since the epoch.
    """

    def __init__(
        self,
        rows: Sequence[PodRow],
        names: Mapping[str, str],
        now: float,
        parent: QWidget | None = None,
    ) -> None:
        end = "End the pod" if len(rows) == 1 else "End the pods"
        answers = ((KEEP, closing_keep(rows)), (END, end))
        super().__init__(closing_title(rows), closing_text(rows), answers, parent)
        for row in rows:
            line = text_label(pod_line(row, names, now), "", wrap=True)
            line.setObjectName("question.pod")
            self.add(line)


class EndingPodsDialog(QDialog):
    """Stands until the pods are gone; rejected, the window stays and they end all the same."""

    def __init__(self, rows: Sequence[PodRow], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ending_pods")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(ending_title(rows))
        heading = text_label(ending_title(rows), "heading", wrap=True)
        heading.setMinimumWidth(420)
        bar = QProgressBar()
        bar.setObjectName("ending_pods.progress")
        bar.setRange(0, 0)  # how long Runpod takes is not known
        bar.setTextVisible(False)
        bar.setAccessibleName("Ending the pod")
        stay = push_button("Stay open")
        stay.setObjectName("ending_pods.stay")
        stay.setToolTip("The pod is ended, and the window stays")
        buttons = QDialogButtonBox()
        buttons.addButton(stay, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(heading)
        column.addWidget(bar)
        column.addWidget(text_label(ENDING_NOTE, "muted", wrap=True))
        column.addSpacing(6)
        column.addWidget(buttons)
        stay.setDefault(True)
        stay.setFocus()

    @Slot()
    def done_waiting(self) -> None:
        """Nothing is waited for any more."""
        self.accept()
