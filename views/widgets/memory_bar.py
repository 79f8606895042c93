"""How much memory a training is expected to take, of what it consists, and whether it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from models.domain.config import TARGET_LOCAL
from models.qt.memory_forecast import Fit, MemoryForecast, forecast_memory
from models.qt.wording import memory
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.memory_parts import MemoryLegend, MemoryTrack, Piece

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from models.qt.form_model import FormModel
    from models.qt.hardware_model import HardwareModel

_REST_MS = 80
_GAP = 12
_LEAST_PLACE = 60
"""Pixels below which a cut name of a GPU tells nothing."""
_SHOWN_SHARE = 0.02
"""Less than this of the memory taken by other programs is not worth a place in the legend."""
_TONES = {Fit.GOOD: "good", Fit.TIGHT: "warning", Fit.OVER: "bad"}


class MemoryBar(QWidget):
    """A line, a stacked bar and its legend, live with the form and the computer.

    Signals:
        fit_changed: the Fit (payload) of what stands in the form now.
        changes: what is shown is about to become another, which may be higher.
        measure_requested: the user wants to know rather than to estimate.
    """

    changes = Signal()
    measure_requested = Signal()
    fit_changed = Signal(object)

    def __init__(
        self, form: FormModel, hardware: HardwareModel, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("hp.memory")
        self.setAccessibleName("Predicted memory")
        self._form = form
        self._hardware = hardware
        self.forecast = MemoryForecast(Fit.UNKNOWN, "")
        self.sentence = text_label("", wrap=True)
        self.sentence.setObjectName("hp.memory.sentence")
        self.place = ElidedLabel("muted")
        self.place.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self.place.setObjectName("hp.memory.place")
        self.track = MemoryTrack()
        self.legend = MemoryLegend()
        self.measure = push_button("Measure", "link")
        self.measure.setObjectName("hp.memory.measure")
        self.measure.setAccessibleName("Measure the memory")
        self.measure.setToolTip(
            "Loads the model and makes the longest step of this setup, to know instead of to guess"
        )
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST_MS)
        self._build()
        self._timer.timeout.connect(self.refresh)
        form.value_changed.connect(self._on_changed)
        form.reset.connect(self._on_changed)
        hardware.changed.connect(self._on_changed)
        self.measure.clicked.connect(self.measure_requested)
        current_theme().changed.connect(self._show_pieces)
        self.refresh()

    @property
    def is_known(self) -> bool:
        """Whether there is a prediction; not where the model's size is unknown."""
        return self.forecast.is_known

    @Slot()
    def refresh(self) -> None:
        """Show the prediction for what stands in the form now."""
        self._timer.stop()
        self.measure.setVisible(self._form.config.training.target == TARGET_LOCAL)
        forecast = forecast_memory(self._form.config, self._hardware)
        if forecast == self.forecast:
            return
        self.changes.emit()
        had, self.forecast = self.forecast.fit, forecast
        if forecast.fit is not had:
            self.fit_changed.emit(forecast.fit)
        self.sentence.setText(forecast.sentence)
        restyle(self.sentence, "tone", _TONES.get(forecast.fit, ""))
        self.place.setText(forecast.room.words)
        self.setToolTip("\n".join((forecast.sentence, *forecast.notes)))
        self.setAccessibleDescription(_description(forecast))
        self._share_head()
        self._show_pieces()

    @Slot()
    def _on_changed(self) -> None:
        self._timer.start()

    @Slot()
    def _show_pieces(self) -> None:
        pieces = _pieces(self.forecast)
        self.track.show_pieces(pieces, self.forecast.room.total)
        least = _SHOWN_SHARE * self.forecast.room.total
        shown = tuple(one for one in pieces if not one.is_taken or one.bytes > least)
        self.legend.show_pieces(shown)
        self.legend.setVisible(self.is_known)

    def _share_head(self) -> None:
        """The sentence comes first: it wraps only where it must, and then it has the whole line."""
        measure = self.sentence.fontMetrics().horizontalAdvance
        left = self.width() - measure(self.forecast.sentence) - _GAP
        self.sentence.setWordWrap(left < 0 or not self.is_known)
        useful = min(measure(self.forecast.room.words), _LEAST_PLACE)
        self.place.setVisible(self.is_known and left >= useful)

    def _build(self) -> None:
        self.sentence.setMinimumWidth(1)
        head = QHBoxLayout()
        head.setSpacing(_GAP)
        head.addWidget(self.sentence)
        head.addWidget(self.place, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.track)
        foot = QHBoxLayout()
        foot.setSpacing(_GAP)
        foot.addWidget(self.legend, 1)
        foot.addStretch()
        foot.addWidget(self.measure, 0, Qt.AlignmentFlag.AlignVCenter)
        column.addLayout(foot)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_head()


def _pieces(forecast: MemoryForecast) -> tuple[Piece, ...]:
    tokens, room = current_theme().tokens, forecast.room
    colors = {
        "weights": tokens.part_weights,
        "adapter": tokens.part_adapter,
        "optimizer": tokens.part_optimizer,
        "activations": tokens.part_activations,
        "logits": tokens.part_logits,
        "context": tokens.part_context,
        "process": tokens.part_context,
    }
    taken = room.total - room.free
    found = [
        Piece(
            _short(part.label),
            part.bytes,
            colors.get(part.key, tokens.part_other),
            f"{part.label}: {memory(part.bytes)}, {part.bytes / max(forecast.peak, 1):.0%}",
        )
        for part in forecast.parts
    ]
    if taken > 0:
        tip = f"Other programs have {memory(taken)} of {memory(room.total)}"
        found.insert(0, Piece("In use", taken, tokens.field_border, tip, is_taken=True))
    return tuple(found)


def _short(label: str) -> str:
    """A part's name for the legend: what comes first in it."""
    first = label.removeprefix("Model ").partition(" and ")[0]
    return first[:1].upper() + first[1:]


def _description(forecast: MemoryForecast) -> str:
    parts = ", ".join(f"{part.label} {memory(part.bytes)}" for part in forecast.parts)
    sentences = [f"{forecast.sentence.rstrip('.')}.", f"{parts}." if parts else ""]
    if forecast.room.words:
        sentences.insert(1, f"{forecast.room.words}.")
    return " ".join(part for part in (*sentences, *forecast.notes) if part)
