"""What an import found: a refusal with its remedies, or what there is to know of rows taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from models.qt.import_words import (
    advice,
    as_text,
    asks_for_mapping,
    droppable,
    majors,
    refusal_sentence,
)
from models.qt.wording import counted
from views.dialogs.dialog_size import fit_to_screen
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.finding_list import FindingList
from views.widgets.flow_row import FlowRow

if TYPE_CHECKING:
    from models.domain.data_report import Finding
    from models.domain.import_job import ImportRefusal
    from models.qt.import_words import ImportDetails

_WIDTH, _HEIGHT, _MOST = 640, 190, 520
_ROW = 54
"""Pixels for each finding at text of the normal size; beyond the most the list scrolls."""


class _FindingsDialog(QDialog):
    """Heading, sentence, list, and a row of buttons."""

    def __init__(
        self,
        name: str,
        title: str,
        sentence: str,
        findings: tuple[Finding, ...],
        parent: QWidget | None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._text = as_text(title, findings)
        self._sentence = text_label(sentence, wrap=True)
        self._copy = push_button("Cop&y the list")
        self._copy.clicked.connect(self._on_copy)
        self._close = push_button("Close")
        self._close.clicked.connect(self.reject)
        self.buttons = FlowRow()
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(text_label(title, "heading", wrap=True))
        column.addWidget(self._sentence)
        column.addWidget(FindingList(f"{name}.findings", findings), 1)
        self.advice: QLabel = text_label("", wrap=True)
        self.advice.hide()
        column.addWidget(self.advice)
        column.addLayout(self.buttons)
        fit_to_screen(self, QSize(_WIDTH, min(_MOST, _HEIGHT + _ROW * len(findings))))

    def _add(self, button: QPushButton, name: str) -> None:
        button.setObjectName(name)
        button.setAutoDefault(True)
        self.buttons.addWidget(button)
        if self.buttons.count() == 1:
            button.setFocus()

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
        self._copy.setText("Copied")


class RefusalDialog(_FindingsDialog):
    """Why nothing was imported.

    Signals:
        drop_requested, mapping_requested, again_requested: the ImportRefusal (payload).
    """

    drop_requested = Signal(object)
    mapping_requested = Signal(object)
    again_requested = Signal(object)

    def __init__(self, refusal: ImportRefusal, parent: QWidget | None = None) -> None:
        title = f"{refusal.job.label} was not imported"
        findings = refusal.verdict.findings
        super().__init__("import.refusal", title, refusal_sentence(refusal), findings, parent)
        self._refusal = refusal
        self.advice.setText(advice(refusal))
        self.advice.show()
        self._offer()
        self._add(self._copy, "import.refusal.copy")
        self._add(self._close, "import.refusal.close")

    def _offer(self) -> None:
        """A button for each remedy that can help, the likeliest first."""
        verdict = self._refusal.verdict
        if asks_for_mapping(verdict):
            self._offer_one("&Say what the columns are…", "map").clicked.connect(self._on_map)
        if rows := droppable(verdict):
            words = f"&Leave {counted(rows, 'row')} out"
            self._offer_one(words, "drop").clicked.connect(self._on_drop)
        if any(one.remedy in {"fix", "drop"} for one in majors(verdict)):
            self._offer_one("&Try again", "again").clicked.connect(self._on_again)

    def _offer_one(self, words: str, name: str) -> QPushButton:
        button = push_button(words, "" if self.buttons.count() else "primary")
        self._add(button, f"import.refusal.{name}")
        return button

    @Slot()
    def _on_map(self) -> None:
        self.accept()
        self.mapping_requested.emit(self._refusal)

    @Slot()
    def _on_drop(self) -> None:
        self.accept()
        self.drop_requested.emit(self._refusal)

    @Slot()
    def _on_again(self) -> None:
        self.accept()
        self.again_requested.emit(self._refusal)


class DetailsDialog(_FindingsDialog):
    """What there is to know of an import that went well.

    Signals:
        divide_requested: the Imported (payload), whose text shall become other rows.
    """

    divide_requested = Signal(object)

    def __init__(self, details: ImportDetails, parent: QWidget | None = None) -> None:
        findings = details.findings
        super().__init__("import.details", details.title, details.sentence, findings, parent)
        self._divisible = details.divisible
        if self._divisible is not None:
            divide = push_button("&Divide it differently…")
            self._add(divide, "import.details.divide")
            divide.clicked.connect(self._on_divide)
        self._add(self._copy, "import.details.copy")
        self._add(self._close, "import.details.close")
        self._close.setDefault(True)
        self._close.setFocus()

    @Slot()
    def _on_divide(self) -> None:
        self.accept()
        self.divide_requested.emit(self._divisible)
