"""Cleaning up: what is kept of each run, what can go by that, and the button that removes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout

from models.domain.storage import MOST_KEPT, RetentionRules
from models.qt.wording import size
from views.theme import current_theme
from views.widgets.buttons import enable, push_button
from views.widgets.card import Card, restyle, show_if, text_label
from views.widgets.fields import StepLineEdit
from views.widgets.flow_row import FlowRow
from views.widgets.further_kinds import FurtherKinds
from views.widgets.help_button import HelpButton
from views.widgets.wrapped_button import WrappedCheckBox

if TYPE_CHECKING:
    from models.qt.storage_model import StorageModel

_WHAT = (
    "Removes checkpoints, what ended programs left half-made, and what you tick. What a run, a "
    "resume, a configuration, the setup in the window, a bundle or a pin needs always stays."
)
_LAST_HELP = (
    "So many of the newest checkpoints of each run stay. A run that has not finished keeps the one "
    "it goes on from, whatever stands here"
)
_BEST_HELP = "The checkpoint with the lowest held-out loss stays, too"
_PREVIEW_HELP = "List what goes and what stays, each with the reason"
_GO_HELP = "Remove what is listed as going, after a question"


class CleanCard(Card):
    """Shows the rules and what follows from them.

    Signals:
        rules_chosen: RetentionRules (payload).
        preview_requested: show what goes and what stays.
        clean_requested: remove what is shown.
    """

    rules_chosen = Signal(object)
    preview_requested = Signal()
    clean_requested = Signal()

    def __init__(self, model: StorageModel) -> None:
        super().__init__("Clean up")
        self.setObjectName("storage.clean")
        self._model = model
        self._last = StepLineEdit(is_whole=True)
        self._last_label = text_label("Newest checkpoints &kept of each run", wrap=True)
        self._wrong = text_label("", "error", wrap=True)
        self._best = WrappedCheckBox("Keep the &best checkpoint of each run")
        self.also = FurtherKinds()
        self._result = text_label("", wrap=True)
        self._done = text_label("", "muted", wrap=True)
        self._preview = push_button("Sho&w what goes")
        self._go = push_button("Fr&ee space…", "danger")
        self._name_parts()
        self._build()
        self._last.textEdited.connect(self._on_rules)
        current_theme().changed.connect(self._fit)
        self._best.clicked.connect(self._on_rules)
        self.also.chosen.connect(self._on_rules)
        self._preview.clicked.connect(self.preview_requested)
        self._go.clicked.connect(self.clean_requested)
        model.changed.connect(self._show)
        self._fit()
        self._show()

    def _name_parts(self) -> None:
        self._last.setObjectName("storage.keep_last")
        self._last.setAccessibleName("Newest checkpoints kept of each run")
        self._last.setToolTip(_LAST_HELP)
        self._best.setObjectName("storage.keep_best")
        self._best.setToolTip(_BEST_HELP)
        self._result.setObjectName("storage.result")
        self._done.setObjectName("storage.done")
        self._preview.setObjectName("storage.preview")
        self._go.setObjectName("storage.free")

    def _build(self) -> None:
        self.tools.addWidget(HelpButton("storage#cleaning-up", "cleaning up"))
        self.body.addWidget(text_label(_WHAT, "muted", wrap=True))
        self._last_label.setBuddy(self._last)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self._last_label, 1)
        line.addWidget(self._last)
        self.body.addLayout(line)
        self.body.addWidget(self._wrong)
        self._wrong.hide()
        self.body.addWidget(self._best)
        self.body.addWidget(self.also)
        self.body.addWidget(self._result)
        buttons = FlowRow()
        buttons.addWidget(self._preview)
        buttons.addWidget(self._go)
        self.body.addLayout(buttons)
        self.body.addWidget(self._done)

    @Slot()
    def _fit(self) -> None:
        self._last.setFixedWidth(self.fontMetrics().horizontalAdvance("0000") + 36)

    @Slot()
    def _on_rules(self) -> None:
        text = self._last.text().strip()
        is_good = text.isdecimal() and int(text) <= MOST_KEPT
        restyle(self._last, "invalid", "false" if is_good else "true")
        self._wrong.setText("" if is_good else f"Use a whole number from 0 to {MOST_KEPT:,}.")
        show_if(self._wrong, not is_good)
        if is_good:
            rules = RetentionRules(int(text), self._best.isChecked(), self.also.kinds())
            if rules != self._model.rules:
                self.rules_chosen.emit(rules)

    @Slot()
    def _show(self) -> None:
        model = self._model
        is_known = model.report is not None
        self._show_rules(model.rules)
        self.also.show_kinds(model.rules.also, model.plan, known=is_known)
        for one in (self._last, self._best, self.also):
            one.setEnabled(model.is_ready and is_known and not model.is_cleaning)
        enable(self._preview, model.preview_reason, _PREVIEW_HELP)
        enable(self._go, model.clean_reason, _GO_HELP)
        restyle(self._go, "role", "danger" if model.plan.going else "")
        self._go.setText(f"Fr&ee {size(model.plan.bytes)}…" if model.plan.bytes else "Fr&ee space…")
        self._result.setText(self._words())
        restyle(self._result, "role", "error" if model.problem else "")
        self._done.setText(model.done)
        show_if(self._done, bool(model.done))

    def _words(self) -> str:
        model = self._model
        if model.report is None:  # why it is not known stands above
            return "Looking at what can go…" if model.is_looking else ""
        if model.problem:
            return model.problem
        if model.is_cleaning:
            return "Removing…"
        return model.plan_sentence

    def _show_rules(self, rules: RetentionRules) -> None:
        """Not over what somebody types."""
        if not self._last.hasFocus() or not self._last.text():
            self._last.setText(str(rules.keep_last))
        self._best.setChecked(rules.keep_best)
