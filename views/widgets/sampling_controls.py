"""How tokens are drawn: a preset, or temperature and length moved by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

from models.domain.inference import INFERENCE_PRESETS, SamplingSettings
from views.widgets.card import text_label
from views.widgets.fields import CalmComboBox

if TYPE_CHECKING:
    from PySide6.QtGui import QWheelEvent

CUSTOM = "Custom"
_TEMPERATURE_STEPS = 20
_TOKEN_STEP = 16
_MOST_TOKENS = 2048


class SamplingControls(QWidget):
    """Preset, temperature and length; moving a slider makes the preset "Custom"."""

    def __init__(self, prefix: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = next(iter(INFERENCE_PRESETS.values()))
        self._preset = CalmComboBox()
        self._preset.addItems([*INFERENCE_PRESETS, CUSTOM])
        self._temperature = _slider(0, 2 * _TEMPERATURE_STEPS)
        self._tokens = _slider(1, _MOST_TOKENS // _TOKEN_STEP)
        self._temperature_value = text_label("", "muted")
        self._tokens_value = text_label("", "muted")
        named = {
            "preset": (self._preset, "Preset"),
            "temperature": (self._temperature, "Temperature"),
            "max_new_tokens": (self._tokens, "Max new tokens"),
        }
        for name, (widget, words) in named.items():
            widget.setObjectName(f"{prefix}.{name}")
            widget.setAccessibleName(words)
        self._build()
        self._preset.textActivated.connect(self.set_preset)
        for slider in (self._temperature, self._tokens):
            slider.valueChanged.connect(self._on_moved)
        self.set_preset(self._preset.itemText(0))

    def preset(self) -> str:
        """The preset's name, or "Custom"."""
        return self._preset.currentText()

    def settings(self) -> SamplingSettings:
        """What the sliders say; the rest is as in the preset they were moved from."""
        known = INFERENCE_PRESETS.get(self.preset())
        if known is not None:
            return known
        return replace(
            self._base,
            temperature=self._temperature.value() / _TEMPERATURE_STEPS,
            max_new_tokens=self._tokens.value() * _TOKEN_STEP,
        )

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

    def _build(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        rows: tuple[tuple[str, QWidget, QLabel | None], ...] = (
            ("P&reset", self._preset, None),
            ("Te&mperature", self._temperature, self._temperature_value),
            ("Max &new tokens", self._tokens, self._tokens_value),
        )
        for row, (words, widget, value) in enumerate(rows):
            label = QLabel(words)
            label.setBuddy(widget)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
            if value is not None:
                value.setMinimumWidth(56)
                value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                grid.addWidget(value, row, 2)
        grid.setColumnStretch(1, 1)


class _CalmSlider(QSlider):
    """A slider that leaves the wheel to the page unless it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def _slider(lowest: int, highest: int) -> QSlider:
    slider = _CalmSlider(Qt.Orientation.Horizontal)
    slider.setRange(lowest, highest)
    slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    slider.setMinimumHeight(24)
    return slider
