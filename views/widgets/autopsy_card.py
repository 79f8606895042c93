"""Why the run that is shown failed: the reason, what helps as buttons, and the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from models.domain.run import RunState
from views.theme import current_theme
from views.widgets.buttons import IconButton
from views.widgets.card import restyle, text_label
from views.widgets.flow_row import FlowRow
from views.widgets.flow_text import FlowText
from views.widgets.fold_button import FoldButton
from views.widgets.wrapped_button import WrappedButton

if TYPE_CHECKING:
    from models.domain.autopsy import Autopsy, Fact
    from models.qt.autopsy_model import AutopsyModel
    from models.qt.run_status import RunStatusModel

_MOST_REMEDIES = 3


class AutopsyCard(QFrame):
    """Over one run's models; hidden while there is nothing to explain. ``prefix`` begins its names.

    Signals:
        remedy_chosen: the Run and the Remedy (payloads) of a button.
    """

    remedy_chosen = Signal(object, object)

    def __init__(
        self,
        prefix: str,
        model: AutopsyModel,
        status: RunStatusModel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{prefix}.autopsy")
        self.setProperty("role", "banner")
        self._model = model
        self._status = status
        self._icon = QLabel()
        self._reason = text_label("", "subheading", wrap=True)
        self._reason.setObjectName(f"{prefix}.reason")
        self._advice = text_label("", "", wrap=True)
        self._advice.setObjectName(f"{prefix}.advice")
        for label in (self._reason, self._advice):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = [WrappedButton() for _ in range(_MOST_REMEDIES)]
        for number, button in enumerate(self._buttons):
            button.setObjectName(f"{prefix}.remedy{number + 1 if number else ''}")
            button.clicked.connect(self._on_clicked)
        self._buttons[0].setProperty("role", "primary")
        self.evidence = Evidence(f"{prefix}.evidence")
        self._build()
        model.changed.connect(self._show)
        current_theme().changed.connect(self._show_icon)
        self._show()

    def _build(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self._reason)
        words.addWidget(self._advice)
        self._row = QWidget()
        flow = FlowRow(self._row)
        for button in self._buttons:
            flow.addWidget(button)
        words.addSpacing(4)
        words.addWidget(self._row)
        words.addWidget(self.evidence)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 12, 12, 8)
        row.setSpacing(10)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)

    @Slot()
    def _show(self) -> None:
        made = self._model.autopsy
        self.setVisible(made is not None)
        if made is None:
            self.evidence.set_open(False)
            return
        run = self._status.run
        stopped = run is not None and run.state is RunState.CANCELLED
        restyle(self, "tone", "warning" if stopped else "bad")
        self._reason.setText(made.reason)
        self._advice.setText(made.advice)
        self.setAccessibleName(f"{made.reason} {made.advice}")
        self._show_buttons(made)
        self.evidence.show_autopsy(made)
        self.evidence.setVisible(bool(made.facts or made.log))
        self._show_icon()

    def _show_buttons(self, made: Autopsy) -> None:
        for number, button in enumerate(self._buttons):
            remedy = made.remedies[number] if number < len(made.remedies) else None
            button.setVisible(remedy is not None)
            if remedy is not None:
                button.setText(remedy.label)
                button.setToolTip(remedy.note)
                button.setAccessibleDescription(remedy.note)
        self._row.setVisible(bool(made.remedies))

    @Slot()
    def _show_icon(self) -> None:
        tone = self.property("tone") or "bad"
        theme = current_theme()
        self._icon.setFixedSize(theme.icon_size())
        icon = theme.icon(str(tone), getattr(theme.tokens, str(tone)))
        self._icon.setPixmap(icon.pixmap(theme.icon_size()))

    @Slot()
    def _on_clicked(self) -> None:
        button, made, run = self.sender(), self._model.autopsy, self._status.run
        if isinstance(button, WrappedButton) and made is not None and run is not None:
            self.remedy_chosen.emit(run, made.remedies[self._buttons.index(button)])


class Evidence(QWidget):
    """What the reason rests on, folded away; it can be copied as a whole."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._report = ""
        self._fold = FoldButton(f"{name}.fold", "Evidence", quiet=True)
        self._copy = IconButton("copy", "Copy reason and evidence")
        self._copy.setObjectName(f"{name}.copy")
        self._content = QWidget()
        self._facts = QGridLayout()
        self._log = FlowText()
        self._log.setObjectName(f"{name}.log")
        self._log.setAccessibleName("The log's last lines")
        self._build()
        self._fold.toggled.connect(self._show_content)
        self._copy.clicked.connect(self._on_copy)
        current_theme().changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self._show_content()

    def set_open(self, is_open: bool) -> None:
        """Show or hide the evidence."""
        self._fold.setChecked(is_open)

    def show_autopsy(self, made: Autopsy) -> None:
        """Show the evidence of this one."""
        self._report = made.report()
        while (item := self._facts.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()  # it is there until the loop turns
                old.deleteLater()
        for row, fact in enumerate(made.facts):
            self._add(row, fact)
        self._log.set_text("\n".join(made.log))
        self._log_box.setVisible(bool(made.log))

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._fold)
        head.addStretch(1)
        head.addWidget(self._copy)
        self._facts.setContentsMargins(0, 0, 0, 0)
        self._facts.setHorizontalSpacing(14)
        self._facts.setVerticalSpacing(4)
        self._facts.setColumnStretch(1, 1)
        self._log_box = QFrame()
        self._log_box.setProperty("role", "answer")
        box = QVBoxLayout(self._log_box)
        box.setContentsMargins(10, 8, 10, 8)
        box.addWidget(self._log)
        body = QVBoxLayout(self._content)
        body.setContentsMargins(0, 2, 0, 6)
        body.setSpacing(8)
        body.addLayout(self._facts)
        body.addWidget(self._log_box)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self._content)

    def _add(self, row: int, fact: Fact) -> None:
        name, words = text_label(fact.name, "muted"), text_label(fact.text, "", wrap=True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._facts.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
        self._facts.addWidget(words, row, 1, Qt.AlignmentFlag.AlignTop)

    @Slot()
    def _show_content(self) -> None:
        self._content.setVisible(self._fold.isChecked())
        self._copy.setVisible(self._fold.isChecked())

    @Slot()
    def _on_theme_changed(self) -> None:
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(self.font().pointSizeF())  # it grows with all other text
        self._log.setFont(font)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._report)
