"""Sample prompts from the run's own dataset: choose one, see what the dataset answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from views.widgets.buttons import IconButton
from views.widgets.fields import CalmComboBox
from views.widgets.flow_text import FlowText

if TYPE_CHECKING:
    from models.domain.inference import SamplePrompt
    from models.qt.inference_model import InferenceModel

HELD_OUT, TRAINED = "held out", "trained on"
_SHOWN_LETTERS = 90
_EXPECTED_LETTERS = 300


class SampleField(QWidget):
    """A list of a few prompts, each marked as trained on or held out, and a button for others.

    Signals:
        picked: the prompt that was chosen.
        refresh_requested: others are wanted.
    """

    picked = Signal(str)
    refresh_requested = Signal()

    def __init__(self, prefix: str, model: InferenceModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._list = CalmComboBox()
        self._refresh = IconButton("refresh", "Other sample prompts")
        self.expected = FlowText(role="muted")
        self.chosen: SamplePrompt | None = None
        named: dict[str, tuple[QWidget, str, str]] = {
            "samples": (
                self._list,
                "Sample prompts from dataset",
                "Prompts of the dataset that this run learned from. The model has seen the ones "
                "that were trained on; the held-out ones are new to it.",
            ),
            "refresh_samples": (self._refresh, "Other sample prompts", "Other sample prompts"),
            "expected": (self.expected, "Expected answer", ""),
        }
        for name, (widget, words, tip) in named.items():
            widget.setObjectName(f"{prefix}.{name}")
            widget.setAccessibleName(words)
            widget.setToolTip(tip)
        label = QLabel("Sample prompts from &dataset")
        label.setBuddy(self._list)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._list, 1)
        row.addWidget(self._refresh)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(label)
        column.addLayout(row)
        self._list.activated.connect(self.choose)
        self._refresh.clicked.connect(self.refresh_requested)
        model.samples_changed.connect(self._show_samples)
        self._show_samples()

    def stops(self) -> tuple[QWidget, ...]:
        """Where the Tab key stops."""
        return self._list, self._refresh

    def show_expected(self, prompt: str) -> None:
        """Show the dataset's answer while the chosen sample stands in the prompt as it is."""
        sample = self.chosen
        words = sample.expected if sample is not None and sample.prompt == prompt else ""
        self.expected.set_text(f"Expected: {_shortened(words, _EXPECTED_LETTERS)}" if words else "")
        self.expected.setVisible(bool(words))

    @Slot(int)
    def choose(self, row: int) -> None:
        """Take the sample of this row."""
        if 0 <= row < len(self._model.samples):
            self._list.setCurrentIndex(row)
            self.chosen = self._model.samples[row]
            self.picked.emit(self.chosen.prompt)

    @Slot()
    def _show_samples(self) -> None:
        samples = self._model.samples
        if not samples:  # those of another run, or of none: the one chosen before is not theirs
            self.chosen = None
        self._list.clear()
        for row, sample in enumerate(samples):
            mark = HELD_OUT if sample.held_out else TRAINED
            line = _shortened(" ".join(sample.prompt.split()), _SHOWN_LETTERS)
            self._list.addItem(f"[{mark}] {line}")
            self._list.setItemData(row, sample.prompt, Qt.ItemDataRole.ToolTipRole)
        self._list.setPlaceholderText(
            "Select a sample prompt" if samples else "The dataset has no prompts to try"
        )
        self._list.setCurrentIndex(-1)
        for part in self.stops():
            part.setEnabled(bool(samples))


def _shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[:letters].rstrip() + "…"
