"""Asks how a new run begins from an earlier one: how far it trains, and on which rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QLineEdit, QWidget

from models.domain.config import SOURCE_SESSION
from models.domain.config_io import parse_value, settings_index
from models.domain.errors import ConfigError
from models.domain.run_history import Verb
from models.qt.wording import counted
from views.dialogs.growing import grow_to_fit
from views.dialogs.question_dialog import QuestionDialog
from views.widgets.card import restyle, text_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QShowEvent

    from models.domain.dataset import DatasetSession
    from models.domain.run_history import Repetition

_TITLES = {Verb.LONGER: "Train {} longer", Verb.ON_TOP: "New adapter on top of {}"}
_TEXTS = {
    Verb.LONGER: "A new run goes on where this one ended, with all that its optimiser knows, in a "
    "folder of its own. This run stays as it is.",
    Verb.ON_TOP: "A new run learns a fresh adapter while this run's adapter stays as it is "
    "beneath it. Choose other rows, or the same ones once more.",
}
_EPOCHS = "hp.epochs"
_NO_EPOCHS = "Enter how many epochs: a number above 0."


class OnwardDialog(QuestionDialog):
    """Epochs for both verbs, and a dataset for a new adapter.

    Signals:
        confirmed: the Repetition (payload) that was asked about, and the values (a dict, by path)
            that were chosen for it.
    """

    confirmed = Signal(object, object)

    def __init__(
        self,
        plan: Repetition,
        datasets: Sequence[DatasetSession],
        parent: QWidget | None = None,
    ) -> None:
        text = "\n\n".join((_TEXTS[plan.verb], *plan.remarks))
        title = _TITLES[plan.verb].format(f"“{plan.name}”")
        super().__init__(title, text, (("yes", "Start training"),), parent)
        self._plan = plan
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setColumnStretch(1, 1)
        self.epochs = self._epochs(plan)
        self.dataset = self._datasets(plan, datasets)
        holder = QWidget()
        holder.setLayout(self._grid)
        self.add(holder)
        self._steps = text_label("", "", wrap=True)
        self._steps.setObjectName("onward.steps")
        self.add(self._steps)
        self._show_steps()
        self.answered.connect(self._on_answered)
        self.epochs.textChanged.connect(self._on_text_changed)
        self.epochs.setFocus()
        self.epochs.selectAll()

    def showEvent(self, event: QShowEvent) -> None:
        """As high as its words need."""
        super().showEvent(event)
        grow_to_fit(self)

    def _epochs(self, plan: Repetition) -> QLineEdit:
        longer = plan.verb is Verb.LONGER
        line = QLineEdit(f"{plan.config.hp.epochs:g}")
        line.setObjectName("onward.epochs")
        line.setMaximumWidth(120)
        label = QLabel("&Epochs in all" if longer else "&Epochs")
        tip = (
            "How often all rows are seen, counted from the beginning of the first run"
            if longer
            else "How often all rows are seen"
        )
        self._row(label, line, tip)
        return line

    def _datasets(self, plan: Repetition, datasets: Sequence[DatasetSession]) -> QComboBox | None:
        """The library, with the run's own dataset first; nothing where it is not asked for."""
        if plan.verb is not Verb.ON_TOP:
            return None
        combo = QComboBox()
        combo.setObjectName("onward.dataset")
        combo.addItem("The same rows", "")
        for session in datasets:
            combo.addItem(session.name, session.reference)
        self._row(QLabel("&Dataset"), combo, "What the new adapter learns from")
        return combo

    def _row(self, label: QLabel, editor: QWidget, tip: str) -> None:
        label.setBuddy(editor)
        editor.setAccessibleName(label.text().replace("&", ""))
        editor.setToolTip(tip)
        row = self._grid.rowCount()
        alignment = Qt.AlignmentFlag.AlignVCenter
        self._grid.addWidget(label, row, 0, alignment)
        if isinstance(editor, QLineEdit):
            self._grid.addWidget(editor, row, 1, alignment | Qt.AlignmentFlag.AlignLeft)
        else:
            self._grid.addWidget(editor, row, 1)

    def _chosen_epochs(self) -> float | None:
        """The number that was typed, as the form reads it; None where it is none to train by."""
        try:
            value = parse_value(_EPOCHS, self.epochs.text())
        except ConfigError:
            return None
        info = settings_index()[_EPOCHS]
        fits = info.rule.problem(_EPOCHS, value, info.kind) is None
        return float(str(value)) if fits else None

    @Slot(str)
    def _on_text_changed(self, _text: str) -> None:
        self._show_steps()
        grow_to_fit(self)

    def _show_steps(self) -> None:
        """What the number comes to, or why nothing can be started with it."""
        wrong, words = self._judged(self._chosen_epochs())
        restyle(self.epochs, "invalid", "true" if wrong else "false")
        restyle(self._steps, "tone", "bad" if wrong else "")
        self._steps.setText(wrong or words)
        self._steps.setVisible(bool(wrong or words))
        for button in self._words:
            button.setEnabled(not wrong)
            button.setToolTip(wrong)

    def _judged(self, epochs: float | None) -> tuple[str, str]:
        """What is wrong with so many epochs; else, where that is known, the steps they take."""
        plan = self._plan
        if epochs is None:
            return _NO_EPOCHS, ""
        if plan.verb is not Verb.LONGER or not plan.per_epoch:
            return "", ""
        end = plan.steps_in_all(epochs)
        if end <= plan.steps:
            seen = f"{plan.steps / plan.per_epoch:.3g}"
            epochs_seen = f"{seen} {'epoch' if seen == '1' else 'epochs'}"
            done = f"{counted(plan.steps, 'step')} ({epochs_seen})"
            return f"This run has trained {done} already. Enter more than that.", ""
        return "", f"{counted(end - plan.steps, 'further step')}, to step {end:,}."

    @Slot(str)
    def _on_answered(self, _word: str) -> None:
        values: dict[str, object] = {_EPOCHS: self._chosen_epochs()}
        if self.dataset is not None and self.dataset.currentData():
            values["dataset.source"] = SOURCE_SESSION
            values["dataset.session"] = self.dataset.currentData()
        self.confirmed.emit(self._plan, values)
