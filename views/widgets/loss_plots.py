"""The pyqtgraph part of the chart: losses, and behind them the shape of the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyqtgraph

from models.qt.metrics_model import EVAL_LOSS, LEARNING_RATE, LOSS
from views.theme import current_theme
from views.widgets.loss_chart import curve_colors
from views.widgets.pointed_plot import PointedPlot

if TYPE_CHECKING:
    from collections.abc import Callable


class LossPlots(PointedPlot):
    """Two plots on one step axis. The learning rate has no axis: its value is in the legend.

    Tells the step under the pointer.
    """

    def __init__(self, on_pointed: Callable[[float | None], None]) -> None:
        super().__init__(on_pointed)
        self._rate_box = pyqtgraph.ViewBox(enableMenu=False)
        self._curves: dict[str, Any] = {}
        self._setup_plot()
        self._make_curves()
        self._follow_pointer()
        self.dress()

    def draw(self, name: str, steps: list[float], values: list[float]) -> None:
        """Draw one curve."""
        self._curves[name].setData(steps, values)

    def dress(self) -> None:
        """Take the theme's colours."""
        super().dress()
        theme = current_theme()
        self._plot.getAxis("bottom").setHeight(round(24 * theme.scale))
        for name, color in curve_colors().items():
            self._curves[name].setPen(self._pen(color, 1.2 if name == LEARNING_RATE else 2.0))
        self._curves[EVAL_LOSS].setSymbolBrush(theme.tokens.curve_eval)
        self._curves[EVAL_LOSS].setSymbolPen(theme.tokens.surface)

    def _setup_plot(self) -> None:
        self.widget.setMinimumHeight(110)
        self._plot.scene().addItem(self._rate_box)
        self._rate_box.setXLink(self._plot)
        self._rate_box.setMouseEnabled(x=False, y=False)
        self._rate_box.setZValue(-10)
        self._plot.vb.sigResized.connect(self._on_resized)

    def _make_curves(self) -> None:
        self._curves[LOSS] = self._plot.plot([], [], antialias=True)
        self._curves[EVAL_LOSS] = self._plot.plot([], [], antialias=True, symbol="o", symbolSize=7)
        self._curves[LEARNING_RATE] = pyqtgraph.PlotDataItem([], [], antialias=True)
        self._rate_box.addItem(self._curves[LEARNING_RATE])
        for name in (LOSS, LEARNING_RATE):
            self._curves[name].setDownsampling(auto=True, method="peak")

    def _on_resized(self) -> None:
        self._rate_box.setGeometry(self._plot.vb.sceneBoundingRect())

    def _place(self, along: float) -> float:
        return round(along)
