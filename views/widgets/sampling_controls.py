"""How tokens are drawn: a preset, or temperature and length moved by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

from models.domain.inference import CUSTOM, INFERENCE_PRESETS, SamplingSettings
from views.widgets.card import text_label
from views.widgets.fields import CalmComboBox

if TYPE_CHECKING:
    from PySide6.QtGui import QWheelEvent

_TEMPERATURE_STEPS = 20
_TOKEN_STEP = 16
_MOST_TOKENS = 2048
_HELP = {
    "preset": "Deterministic always takes the likeliest word and so repeats itself exactly. "
    "Balanced and Creative draw words by chance, the latter more daringly.",
    "temperature": "How much is left to chance. 0 always takes the likeliest word (greedy).",
    "max_new_tokens": "How long an answer may become. A token is about three quarters of a word.",
    "sampling": "Top-p leaves out the unlikeliest words. The repetition penalty keeps the model "
    "from saying the same over and over. Both come with the preset.",
}


class SamplingControls(QWidget):
    """Preset, temperature and length; moving a slider makes the preset "Custom"."""

    def __init__(self, prefix: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = next(iter(INFERENCE_PRESETS.values()))
        self._preset = CalmComboBox()
        self._preset.addItems([*INFERENCE_PRESETS, CUSTOM])
        self._temperature = _slider(0, 2 * _TEMPERATURE_STEPS, 2)
        self._tokens = _slider(1, _MOST_TOKENS // _TOKEN_STEP, 8)
        self._temperature_value = text_label("", "muted")
        self._tokens_value = text_label("", "muted")
        self._rest = text_label("", "caption", wrap=True)
        named = {
            "preset": (self._preset, "Preset"),
            "temperature": (self._temperature, "Temperature"),
            "max_new_tokens": (self._tokens, "Max new tokens"),
            "sampling": (self._rest, "Further settings of the preset"),
        }
        for name, (widget, words) in named.items():
            widget.setObjectName(f"{prefix}.{name}")
            widget.setAccessibleName(words)
            widget.setToolTip(_HELP[name])
        self._build()
        self._preset.textActivated.connect(self.set_preset)
        for slider in (self._temperature, self._tokens):
            slider.valueChanged.connect(self._on_moved)
        self.set_preset(self._preset.itemText(0))

    def preset(self) -> str:
        """The preset's name, or "Custom"."""
        return self._preset.currentText()

    def stops(self) -> tuple[QWidget, ...]:
        """Where the Tab key stops."""
        return self._preset, self._temperature, self._tokens

    def settings(self) -> SamplingSettings:
        """What the sliders say; the rest is as in the preset they were moved from."""
        known = INFERENCE_PRESETS.get(self.preset())
        if known is not None:
            return known
        temperature, tokens = self._numbers()
        return replace(self._base, temperature=temperature, max_new_tokens=tokens)

    @Slot(str)
    def set_preset(self, name: str) -> None:
        """Move the sliders to a preset."""
        settings = INFERENCE_PRESETS.get(name)
        if settings is not None:
            self._base = settings
            self._temperature.setValue(round(settings.temperature * _TEMPERATURE_STEPS))
            self._tokens.setValue(settings.max_new_tokens // _TOKEN_STEP)
        self._preset.setCurrentText(name)
        self._show_values()

    @Slot(int)
    def _on_moved(self, _value: int) -> None:
        known = INFERENCE_PRESETS.get(self.preset())
        if known is not None and self._numbers() != (known.temperature, known.max_new_tokens):
            self._preset.setCurrentText(CUSTOM)
        self._show_values()

    def _numbers(self) -> tuple[float, int]:
        temperature = self._temperature.value() / _TEMPERATURE_STEPS
        return temperature, self._tokens.value() * _TOKEN_STEP

    def _show_values(self) -> None:
        temperature, tokens = self._numbers()
        self._temperature_value.setText("greedy" if temperature == 0 else f"{temperature:.2f}")
        self._tokens_value.setText(str(tokens))
        self._temperature.setAccessibleDescription(self._temperature_value.text())
        self._tokens.setAccessibleDescription(f"{tokens} tokens")
        parts = [f"top-p {self._base.top_p:g}"] if temperature else []
        parts += [f"repetition penalty {self._base.repetition_penalty:g}"]
        words = " · ".join(parts)
        self._rest.setText(words[:1].upper() + words[1:])

    def _build(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        rows: tuple[tuple[str, QWidget, QLabel | None], ...] = (
            ("Pr&eset", self._preset, None),
            ("Temper&ature", self._temperature, self._temperature_value),
            ("Max &new tokens", self._tokens, self._tokens_value),
        )
        widest = self.fontMetrics().horizontalAdvance("greedy")
        for row, (words, widget, value) in enumerate(rows):
            label = QLabel(words)
            label.setBuddy(widget)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1, 1, 2 if value is None else 1)
            if value is not None:
                value.setMinimumWidth(widest + 4)
                value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                grid.addWidget(value, row, 2)
        grid.addWidget(self._rest, len(rows), 1, 1, 2)
        grid.setColumnStretch(1, 1)


class _CalmSlider(QSlider):
    """A slider that leaves the wheel to the page unless it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def _slider(lowest: int, highest: int, page: int) -> QSlider:
    slider = _CalmSlider(Qt.Orientation.Horizontal)
    slider.setRange(lowest, highest)
    slider.setPageStep(page)
    slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    slider.setMinimumHeight(24)
    return slider
