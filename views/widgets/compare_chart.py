"""The curves of several runs over each other. pyqtgraph is imported only once there are some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from models.domain.run_history import BY_STEP, BY_TIME
from models.qt.metrics_model import EVAL_LOSS, LOSS
from views.theme import current_theme
from views.widgets.card import text_label
from views.widgets.compare_legend import CompareLegend
from views.widgets.empty_state import EmptyState
from views.widgets.mode_switch import ModeSwitch

if TYPE_CHECKING:
    from models.qt.compare_model import CompareModel, CurveLine
    from views.widgets.compare_plots import ComparePlots

_EMPTY = {
    LOSS: "None of these runs has a training loss.",
    EVAL_LOSS: "None of these runs measured its loss on held-out rows.",
}
_LEAST_HEIGHT = 200
_READING = "Reading the curves…"


class CompareChart(QWidget):
    """Chart and legend, with switches for the loss and for the lower axis."""

    def __init__(self, name: str, model: CompareModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Chart of the losses of the selected runs")
        self._model = model
        self._plots: ComparePlots | None = None
        self._drawn: tuple[CurveLine, ...] = ()
        losses = ((LOSS, "Training loss"), (EVAL_LOSS, "Held-out loss"))
        self.loss = ModeSwitch(f"{name}.loss", losses)
        self.axis = ModeSwitch(f"{name}.axis", ((BY_STEP, "Steps"), (BY_TIME, "Time")))
        self.legend = CompareLegend(f"{name}.legend", model)
        self._place = text_label("", "caption")
        self._place.setObjectName(f"{name}.place")
        self._empty = EmptyState(_READING)
        self._area = QWidget()
        self._stack = QStackedLayout(self._area)
        self._stack.addWidget(self._empty)
        self._fit()
        self._build()
        self.loss.chosen.connect(model.set_metric)
        self.axis.chosen.connect(model.set_axis)
        model.changed.connect(self._redraw)
        current_theme().changed.connect(self._on_theme_changed)

    @property
    def is_drawn(self) -> bool:
        """Whether there are curves rather than the empty sentence."""
        return self._stack.currentIndex() == 1

    def _build(self) -> None:
        switches = QHBoxLayout()
        switches.setSpacing(8)
        switches.addWidget(self.loss)
        switches.addStretch(1)
        switches.addWidget(self.axis)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(switches)
        column.addWidget(self._area, 1)
        column.addWidget(self._place)
        column.addWidget(self.legend)

    def _fit(self) -> None:
        self._area.setMinimumHeight(round(_LEAST_HEIGHT * current_theme().scale))

    @Slot()
    def _redraw(self) -> None:
        lines = self._model.lines()
        if lines and lines is not self._drawn:
            self._drawn = lines
            if self._plots is None:
                self._plots = self._make_plots()
            self._plots.draw(lines, self._model.axis_label)
        words = _READING if self._model.is_reading else _EMPTY[self._model.metric]
        self._empty.sentence.setText(words)
        self._stack.setCurrentIndex(1 if lines else 0)
        self._show_values(None)

    def _make_plots(self) -> ComparePlots:
        from views.widgets.compare_plots import ComparePlots  # needed only for curves

        plots = ComparePlots(self._show_values)
        self._stack.addWidget(plots.widget)
        return plots

    def _show_values(self, place: float | None) -> None:
        self._place.setText(self._model.place_words(place))
        self.legend.show_runs(place)

    @Slot()
    def _on_theme_changed(self) -> None:
        self._fit()
        if self._plots is not None:
            self._plots.dress()
