"""Quick Local Inference: try the adapter of a finished run, beside the base model if wanted."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from models.domain.inference import InferenceRequest, Message
from models.qt.inference_model import InferenceState
from views.widgets.buttons import push_button
from views.widgets.card import Card, restyle, text_label
from views.widgets.chat_history import ChatHistory
from views.widgets.flow_row import FlowRow
from views.widgets.flow_text import FlowText
from views.widgets.help_button import HelpButton
from views.widgets.progress_ring import ProgressRing
from views.widgets.sample_field import SampleField
from views.widgets.sampling_controls import SamplingControls

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from models.qt.run_models import RunModels

_PROMPT_LINES = 4
_GAP = 8
_MARGINS = 40


class InferencePanel(Card):
    """Prompt, settings and history; shown once a run has an adapter, or has lost it.

    Signals:
        run_requested: an InferenceRequest (payload).
        cancel_requested, clear_requested, samples_requested, look_again_requested: the buttons.
        export_requested: the RunModels (payload) whose chats are to be saved.
    """

    run_requested = Signal(object)
    cancel_requested = Signal()
    clear_requested = Signal()
    export_requested = Signal(object)
    samples_requested = Signal()
    look_again_requested = Signal()

    def __init__(self, prefix: str, models: RunModels, parent: QWidget | None = None) -> None:
        super().__init__("Quick Local Inference", parent)
        self._prefix = prefix
        self._models = models
        self._model = models.inference
        self._status = FlowText(role="muted")
        self._meta = FlowText(role="muted")
        self._missing = FlowText()
        self._again = push_button("Look again")
        self.samples = SampleField(prefix, self._model)
        self._context = text_label("", "caption", wrap=True)
        self.prompt = QPlainTextEdit()
        self.sampling = SamplingControls(prefix)
        self._compare = QCheckBox("Compare &with the base model")
        self.run = push_button("Run Inference", "primary")
        self._spinner = ProgressRing()
        self._cancel = push_button("Cancel")
        self._clear = push_button("Clear history", "link")
        self._export = push_button("Export chats…", "link")
        self.history = ChatHistory(f"{prefix}.history", self._model)
        self._controls = QWidget()
        self._both = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._name_parts()
        self._build()
        self._order_tabs()
        self._connect()
        self._show_adapter()
        self._show_context()

    def set_prompt(self, text: str) -> None:
        """Put a prompt into the text area."""
        self.prompt.setPlainText(text)

    def request(self) -> InferenceRequest:
        """What the controls say now.

        A sample is asked with all that stands before it in its row. Other prompts are asked with
        the system prompt, where all of the dataset has the same: so the model was trained.
        """
        prompt = self.prompt.toPlainText()
        sample = self.samples.chosen
        is_sample = sample is not None and sample.prompt == prompt
        return InferenceRequest(
            prompt=prompt,
            settings=self.sampling.settings(),
            preset=self.sampling.preset(),
            compare=self._compare.isChecked(),
            expected=sample.expected if sample is not None and is_sample else "",
            context=sample.context if sample is not None and is_sample else self._system(),
        )

    def _system(self) -> tuple[Message, ...]:
        words = self._model.system_prompt
        return (Message("system", words),) if words else ()

    def _name_parts(self) -> None:
        named: dict[str, tuple[QWidget, str, str]] = {
            "status": (self._status, "State of the inference", ""),
            "meta": (self._meta, "Adapter and base model", ""),
            "missing": (self._missing, "Why the model cannot be tried", ""),
            "look_again": (self._again, "Look again", "Look for the adapter once more"),
            "context": (self._context, "What the prompt is asked with", ""),
            "prompt": (self.prompt, "Prompt", "What to ask. Ctrl+Return runs it."),
            "compare": (
                self._compare,
                "Compare with the base model",
                "Ask the base model without the adapter, too, and show both answers side by side",
            ),
            "run": (self.run, "Run inference", "Answer the prompt (Ctrl+Return)"),
            "spinner": (self._spinner, "An answer is being made", ""),
            "cancel": (self._cancel, "Cancel the answer", "End the answer; what has come stays"),
            "clear": (self._clear, "Clear history", "Remove all prompts and responses below"),
            "export": (
                self._export,
                "Export chats",
                "Save prompts and responses with their settings to a text file",
            ),
        }
        for name, (widget, words, tip) in named.items():
            widget.setObjectName(f"{self._prefix}.{name}")
            widget.setAccessibleName(words)
            widget.setToolTip(tip)

    def _build(self) -> None:
        lines = self.prompt.fontMetrics().lineSpacing() * _PROMPT_LINES
        self.prompt.setFixedHeight(lines + 20)
        self.prompt.setPlaceholderText("Enter a prompt, or select a sample above")
        self.prompt.setTabChangesFocus(True)
        self._spinner.hide()
        prompt_label = QLabel("Pro&mpt")
        prompt_label.setBuddy(self.prompt)
        column = QVBoxLayout(self._controls)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        asked = QVBoxLayout()
        asked.setSpacing(4)
        asked.addWidget(prompt_label)
        asked.addWidget(self.prompt)
        for part in (self._status, self._meta, self.samples):
            column.addWidget(part)
        column.addLayout(asked)
        column.addWidget(self._context)
        column.addWidget(self.samples.expected)
        column.addWidget(self.sampling)
        column.addLayout(self._buttons())
        column.addLayout(self._history_head())
        column.addWidget(self.history, 1)
        help_button = HelpButton("inference", "Quick Local Inference")
        help_button.setObjectName(f"{self._prefix}.help")
        self.tools.addWidget(help_button)
        again = QHBoxLayout()
        again.addWidget(self._again)
        again.addStretch(1)
        self.body.setSpacing(8)
        self.body.addWidget(self._missing)
        self.body.addLayout(again)
        self.body.addWidget(self._controls, 1)

    def _buttons(self) -> QBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(_GAP)
        for part in (self.run, self._cancel, self._spinner):
            row.addWidget(part)
        row.addStretch(1)
        self._both.setSpacing(_GAP)
        self._both.addWidget(self._compare)
        self._both.addLayout(row)
        return self._both

    def _history_head(self) -> FlowRow:
        row = FlowRow(spacing=4)
        row.setContentsMargins(0, 6, 0, 0)
        row.addWidget(text_label("Responses", "heading"))
        row.add_spring()
        row.addWidget(self._clear)
        row.addWidget(self._export)
        return row

    def _order_tabs(self) -> None:
        controls = [
            *self.samples.stops(),
            self.prompt,
            *self.sampling.stops(),
            self._compare,
            self.run,
            self._cancel,
            self._clear,
            self._export,
            self.history,
        ]
        for before, after in pairwise(controls):
            QWidget.setTabOrder(before, after)

    def _connect(self) -> None:
        self.run.clicked.connect(self._on_run)
        self._cancel.clicked.connect(self.cancel_requested)
        self._clear.clicked.connect(self.clear_requested)
        self._export.clicked.connect(self._on_export)
        self._again.clicked.connect(self.look_again_requested)
        self.samples.refresh_requested.connect(self.samples_requested)
        self.samples.picked.connect(self.set_prompt)
        self.prompt.textChanged.connect(self._on_prompt_changed)
        model = self._model
        model.adapter_changed.connect(self._show_adapter)
        model.state_changed.connect(self._show_state)
        model.samples_changed.connect(self._show_context)
        model.added.connect(self._on_history)
        model.cleared.connect(self._show_state)
        for keys, slot in (("Ctrl+Return", self._on_run), ("Ctrl+Enter", self._on_run)):
            self._shortcut(keys).activated.connect(slot)
        self._escape = self._shortcut("Esc")
        self._escape.activated.connect(self.cancel_requested)
        self._escape.setEnabled(False)

    def _shortcut(self, keys: str) -> QShortcut:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        return shortcut

    @Slot()
    def _on_run(self) -> None:
        if self.run.isEnabled():
            self.run_requested.emit(self.request())

    @Slot()
    def _on_export(self) -> None:
        self.export_requested.emit(self._models)

    @Slot()
    def _on_prompt_changed(self) -> None:
        self._show_context()
        self._show_state()

    @Slot(object)
    def _on_history(self, _exchange: object) -> None:
        self._show_state()

    @Slot()
    def _show_adapter(self) -> None:
        """There is a model to try, or the reason why not, or nothing to say yet."""
        tuned, missing = self._model.tuned, self._model.missing
        self._controls.setVisible(not missing)
        self._missing.set_text(missing)
        for part in (self._missing, self._again):
            part.setVisible(bool(missing))
        made = "Model" if tuned is not None and tuned.is_whole else "Adapter"
        self._meta.set_text(
            "" if tuned is None else f"{made}: {tuned.adapter}\nBase model: {tuned.base_model}"
        )
        policy = QSizePolicy.Policy.Maximum if missing else QSizePolicy.Policy.Preferred
        self.setSizePolicy(QSizePolicy.Policy.Preferred, policy)
        self.setVisible(tuned is not None or bool(missing))
        self._show_state()

    @Slot()
    def _show_context(self) -> None:
        self.samples.show_expected(self.prompt.toPlainText())
        context = self.request().context
        turns = sum(message.role != "system" for message in context)
        parts = ["the dataset's system prompt"] if len(context) > turns else []
        parts += [f"{turns} earlier messages of its row"] if turns else []
        self._context.setText(f"Asked with {' and '.join(parts)}." if parts else "")
        self._context.setToolTip("\n\n".join(f"{one.role}: {one.content}" for one in context))
        self._context.setVisible(bool(parts))

    @Slot()
    def _show_state(self) -> None:
        model = self._model
        busy = model.state.is_busy
        focused = self.focusWidget()
        self._status.set_text(model.status)
        restyle(self._status, "tone", "bad" if model.state is InferenceState.ERROR else "")
        self.run.setEnabled(model.can_ask and bool(self.prompt.toPlainText().strip()))
        self._spinner.setVisible(busy)
        self._cancel.setEnabled(busy)
        self._keep_focus(focused)
        self._escape.setEnabled(busy)
        has_history = bool(model.exchanges)
        self._clear.setEnabled(has_history and not busy)
        self._export.setEnabled(has_history)

    def _keep_focus(self, before: QWidget | None) -> None:
        """A button that is switched off hands the focus on to whatever comes next: from the run
        button it goes to Cancel while there is something to cancel, and comes back after."""
        if before is self.run and not self.run.isEnabled() and self._cancel.isEnabled():
            self._cancel.setFocus()
        elif before is self._cancel and not self._cancel.isEnabled():
            (self.run if self.run.isEnabled() else self.prompt).setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        direction = QBoxLayout.Direction
        parts = (self.run, self._cancel, self._spinner, self._compare)
        needed = sum(part.sizeHint().width() + _GAP for part in parts)
        wide = self.contentsRect().width() - _MARGINS >= needed
        self._both.setDirection(direction.RightToLeft if wide else direction.TopToBottom)
