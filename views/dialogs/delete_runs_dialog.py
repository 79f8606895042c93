"""Asks before runs are deleted: which, how large, and whether what they made goes, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox

from views.dialogs.question_dialog import QuestionDialog
from views.widgets.card import text_label

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from models.qt.deletion import Deletion


class DeleteRunsDialog(QuestionDialog):
    """The Return key cancels; outputs stay unless the box is ticked.

    Signals:
        confirmed: the runs (a tuple), and whether their outputs go, too.
    """

    confirmed = Signal(object, bool)

    def __init__(self, deletion: Deletion, parent: QWidget | None = None) -> None:
        answers = (("yes", "Delete"),)
        super().__init__(deletion.title, deletion.text, answers, parent, risky=True)
        self._deletion = deletion
        self.box = QCheckBox(deletion.outputs)
        self.box.setObjectName("question.outputs")
        places = text_label(deletion.places, "caption", wrap=True)
        places.setIndent(26)
        kept = text_label(deletion.kept, "muted", wrap=True)
        kept.setObjectName("question.kept")
        self.add(self.box, bool(deletion.outputs))
        self.add(places, bool(deletion.places))
        self.add(kept, bool(deletion.kept))
        self.answered.connect(self._on_answered)

    @Slot(str)
    def _on_answered(self, _word: str) -> None:
        self.confirmed.emit(self._deletion.runs, self.box.isChecked())
