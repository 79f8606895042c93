"""Quick Local Inference: try the adapter of a finished run, beside the base model if wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from models.qt.inference_model import InferenceRequest
from views.widgets.buttons import IconButton, push_button
from views.widgets.card import Card, text_label
from views.widgets.chat_history import ChatHistory
from views.widgets.fields import CalmComboBox
from views.widgets.sampling_controls import SamplingControls

if TYPE_CHECKING:
    from models.domain.inference import SamplePrompt
    from models.qt.run_models import RunModels

_HEIGHT = 660


class InferencePanel(Card):
    """Prompt, settings and history; shown once a run has an adapter.

    Signals:
        run_requested: an InferenceRequest (payload).
        cancel_requested, clear_requested, export_requested, samples_requested: the buttons.
    """

    run_requested = Signal(object)
    cancel_requested = Signal()
    clear_requested = Signal()
    export_requested = Signal()
    samples_requested = Signal()

    def __init__(self, prefix: str, models: RunModels, parent: QWidget | None = None) -> None:
        super().__init__("Quick Local Inference", parent)
        self._prefix = prefix
        self._models = models
        self._model = models.inference
        self._sample: SamplePrompt | None = None
        self._status = text_label("", "muted")
        self._meta = text_label("", "muted", wrap=True)
        self._samples = CalmComboBox()
        self._refresh = IconButton("refresh", "Other sample prompts")
        self._expected = text_label("", "muted", wrap=True)
        self.prompt = QPlainTextEdit()
        self.sampling = SamplingControls(prefix)
        self._compare = QCheckBox("Compare with the &base model")
        self.run = push_button("&Run Inference", "primary")
        self._spinner = QProgressBar()
        self._cancel = push_button("Cancel")
        self._clear = push_button("Clear history")
        self._export = push_button("Export chats…")
        self.history = ChatHistory(f"{prefix}.history", self._model)
        self._name_parts()
        self._build()
        self._connect()
        self._show_state()
        self._show_meta()

    def set_prompt(self, text: str) -> None:
        """Put a prompt into the text area."""
        self.prompt.setPlainText(text)

    def request(self) -> InferenceRequest:
        """What the controls say now."""
        prompt = self.prompt.toPlainText()
        is_sample = self._sample is not None and self._sample.prompt == prompt
        return InferenceRequest(
            prompt=prompt,
            settings=self.sampling.settings(),
            preset=self.sampling.preset(),
            compare=self._compare.isChecked(),
            expected=self._sample.expected if is_sample and self._sample else "",
        )

    def _name_parts(self) -> None:
        named: dict[str, tuple[QWidget, str]] = {
            "status": (self._status, "State of the inference"),
            "meta": (self._meta, "Adapter and base model"),
            "samples": (self._samples, "Sample prompts from the dataset"),
            "refresh_samples": (self._refresh, "Other sample prompts"),
            "expected": (self._expected, "Expected answer"),
            "prompt": (self.prompt, "Prompt"),
            "compare": (self._compare, "Compare with the base model"),
            "run": (self.run, "Run inference"),
            "spinner": (self._spinner, "An answer is being made"),
            "cancel": (self._cancel, "Cancel the answer"),
            "clear": (self._clear, "Clear history"),
            "export": (self._export, "Export chats"),
        }
        for name, (widget, words) in named.items():
            widget.setObjectName(f"{self._prefix}.{name}")
            widget.setAccessibleName(words)

    def _build(self) -> None:
        self.setMinimumHeight(_HEIGHT)
        self.tools.addWidget(self._status)
        self._meta.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._samples.setPlaceholderText("Sample prompts from the dataset")
        self.prompt.setPlaceholderText("Enter a prompt, or choose a sample above")
        self.prompt.setTabChangesFocus(True)
        self.prompt.setFixedHeight(84)
        self._spinner.setRange(0, 0)
        self._spinner.setTextVisible(False)
        self._spinner.setFixedWidth(56)
        samples = QHBoxLayout()
        samples.setSpacing(6)
        samples.addWidget(self._samples, 1)
        samples.addWidget(self._refresh)
        prompt_label = QLabel("Prom&pt")
        prompt_label.setBuddy(self.prompt)
        self.body.setSpacing(10)
        self.body.addWidget(self._meta)
        self.body.addLayout(samples)
        self.body.addWidget(prompt_label)
        self.body.addWidget(self.prompt)
        self.body.addWidget(self._expected)
        self.body.addWidget(self.sampling)
        self.body.addLayout(self._buttons())
        self.body.addWidget(self.history, 1)
        self._expected.hide()

    def _buttons(self) -> QVBoxLayout:
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.run)
        first.addWidget(self._spinner)
        first.addWidget(self._cancel)
        first.addStretch(1)
        first.addWidget(self._clear)
        first.addWidget(self._export)
        both = QVBoxLayout()
        both.setSpacing(6)
        both.addWidget(self._compare)
        both.addLayout(first)
        return both

    def _connect(self) -> None:
        self.run.clicked.connect(self._on_run)
        self._cancel.clicked.connect(self.cancel_requested)
        self._clear.clicked.connect(self.clear_requested)
        self._export.clicked.connect(self.export_requested)
        self._refresh.clicked.connect(self.samples_requested)
        self._samples.activated.connect(self._on_sample)
        self.prompt.textChanged.connect(self._show_state)
        self._model.state_changed.connect(self._show_state)
        self._model.samples_changed.connect(self._show_samples)
        self._model.added.connect(self._on_history)
        self._model.updated.connect(self._on_history)
        self._model.cleared.connect(self._show_state)
        self._models.status.changed.connect(self._show_meta)
        shortcut = QShortcut(QKeySequence("Ctrl+Return"), self.prompt)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._on_run)

    @Slot()
    def _on_run(self) -> None:
        if self.run.isEnabled():
            self.run_requested.emit(self.request())

    @Slot(int)
    def _on_sample(self, row: int) -> None:
        if 0 <= row < len(self._model.samples):
            self._sample = self._model.samples[row]
            self.prompt.setPlainText(self._sample.prompt)
            self._expected.setText(f"Expected: {self._sample.expected}")
            self._expected.setVisible(bool(self._sample.expected))

    @Slot()
    def _show_samples(self) -> None:
        self._samples.clear()
        for sample in self._model.samples:
            mark = "held out" if sample.held_out else "trained on"
            self._samples.addItem(f"[{mark}] {_one_line(sample.prompt)}")
        self._samples.setCurrentIndex(-1)
        self._samples.setEnabled(bool(self._model.samples))
        self._sample = None
        self._expected.hide()

    @Slot(object)
    def _on_history(self, _exchange: object) -> None:
        self._show_state()

    @Slot()
    def _show_state(self) -> None:
        busy = self._model.state.is_busy
        prompt = self.prompt.toPlainText().strip()
        self._status.setText(self._model.status)
        self.run.setEnabled(not busy and bool(prompt))
        self._spinner.setVisible(busy)
        self._cancel.setVisible(busy)
        has_history = bool(self._model.exchanges)
        self._clear.setEnabled(has_history and not busy)
        self._export.setEnabled(has_history)

    @Slot()
    def _show_meta(self) -> None:
        run = self._models.status.run
        if run is None:
            self._meta.setText("")
            return
        base = run.base_model or run.config.hp.base_model
        self._meta.setText(f"Adapter: {run.adapter_path}\nBase model: {base}")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else line[:90] + "…"
