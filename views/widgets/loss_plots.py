"""The pyqtgraph part of the chart: losses, and behind them the shape of the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyqtgraph
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy

from models.qt.metrics_model import EVAL_LOSS, LEARNING_RATE, LOSS
from views.theme import current_theme
from views.widgets.loss_chart import curve_colors

if TYPE_CHECKING:
    from collections.abc import Callable


class LossPlots:
    """Two plots on one step axis. The learning rate has no axis: its value is in the legend.

    ``on_pointed`` gets the step under the pointer, or None when the pointer leaves.
    """

    def __init__(self, on_pointed: Callable[[float | None], None]) -> None:
        self._on_pointed = on_pointed
        self.widget: Any = pyqtgraph.PlotWidget()
        self._plot = self.widget.getPlotItem()
        self._rate_box = pyqtgraph.ViewBox(enableMenu=False)
        self._pointer = pyqtgraph.InfiniteLine(angle=90)
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
        theme = current_theme()
        tokens = theme.tokens
        self.widget.setBackground(tokens.surface)
        self._plot.getAxis("left").setWidth(round(44 * theme.scale))
        self._plot.getAxis("bottom").setHeight(round(24 * theme.scale))
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(tokens.border)
            axis.setTextPen(tokens.muted)
        for name, color in curve_colors().items():
            width = 1.2 if name == LEARNING_RATE else 2.0
            # pyqtgraph's pens are as wide as the screen's own pixels.
            width *= self.widget.devicePixelRatioF()
            self._curves[name].setPen(pyqtgraph.mkPen(color, width=width))
        self._curves[EVAL_LOSS].setSymbolBrush(tokens.curve_eval)
        self._curves[EVAL_LOSS].setSymbolPen(tokens.surface)
        self._pointer.setPen(pyqtgraph.mkPen(tokens.field_border))

    def _setup_plot(self) -> None:
        policy = QSizePolicy.Policy.Ignored
        self.widget.setSizePolicy(policy, policy)
        self.widget.setMinimumHeight(110)
        self.widget.setFrameShape(self.widget.Shape.NoFrame)
        for part in (self.widget, self.widget.viewport()):  # it has nothing for the keyboard
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.showGrid(x=False, y=True, alpha=0.12)
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

    def _follow_pointer(self) -> None:
        self._pointer.hide()
        self._plot.addItem(self._pointer, ignoreBounds=True)
        self._plot.scene().sigMouseMoved.connect(self._on_moved)

    def _on_resized(self) -> None:
        self._rate_box.setGeometry(self._plot.vb.sceneBoundingRect())

    def _on_moved(self, place: Any) -> None:
        inside = bool(self._plot.vb.sceneBoundingRect().contains(place))
        self._pointer.setVisible(inside)
        if not inside:
            self._on_pointed(None)
            return
        step = max(0.0, round(self._plot.vb.mapSceneToView(place).x()))
        self._pointer.setPos(step)
        self._on_pointed(step)
