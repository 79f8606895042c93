"""The live chart of a run. pyqtgraph is imported elsewhere, and only once there is a curve."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedLayout, QVBoxLayout, QWidget

from models.qt.metrics_model import EVAL_LOSS, LEARNING_RATE, LOSS, MetricsModel
from models.qt.wording import number
from views.theme import current_theme
from views.widgets.card import text_label
from views.widgets.empty_state import EmptyState

_REDRAW_MS = 150
_NAMES = {LOSS: "Loss", EVAL_LOSS: "Held-out loss", LEARNING_RATE: "Learning rate"}


class LossChart(QWidget):
    """Loss, held-out loss and learning rate over the steps; an empty sentence until then."""

    def __init__(self, name: str, metrics: MetricsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Chart of the loss by step")
        self.setMinimumHeight(150)
        self._metrics = metrics
        self._plots: _Plots | None = None
        self._legend: dict[str, QLabel] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REDRAW_MS)
        self._timer.timeout.connect(self.redraw)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(EmptyState("The loss is drawn here from the first step on."))
        metrics.changed.connect(self._on_changed)
        current_theme().changed.connect(self._on_theme_changed)

    @property
    def is_drawn(self) -> bool:
        """Whether there is a chart rather than the empty sentence."""
        return self._stack.currentIndex() == 1

    @Slot()
    def redraw(self) -> None:
        """Draw what the model holds now."""
        if self._metrics.is_empty():
            self._stack.setCurrentIndex(0)
            return
        if self._plots is None:
            self._build_plots()
        self._draw_curves()
        self._stack.setCurrentIndex(1)

    @Slot()
    def _on_changed(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _on_theme_changed(self) -> None:
        if self._plots is not None:
            self._plots.dress()
            self._dress_legend()

    def _build_plots(self) -> None:
        self._plots = _Plots()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(16)
        for name in _NAMES:
            self._legend[name] = text_label("", "muted")
            self._legend[name].setTextFormat(Qt.TextFormat.RichText)
            row.addWidget(self._legend[name])
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self._plots.widget, 1)
        self._stack.addWidget(page)

    def _draw_curves(self) -> None:
        if self._plots is None:
            return
        for name in _NAMES:
            steps, values = self._metrics.curve(name)
            self._plots.draw(name, steps, values)
            self._legend[name].setVisible(bool(values))
        self._dress_legend()

    def _dress_legend(self) -> None:
        tokens = current_theme().tokens
        colors = _colors()
        for name, label in self._legend.items():
            values = self._metrics.curve(name)[1]
            last = number(values[-1]) if values else ""
            label.setText(
                f'<span style="color:{colors[name]}">●</span>&nbsp; {_NAMES[name]} '
                f'<span style="color:{tokens.text}">{last}</span>'
            )


class _Plots:
    """The pyqtgraph part: one plot for losses, one behind it for the learning rate."""

    def __init__(self) -> None:
        import pyqtgraph  # heavy, and needed only once a run has a curve

        self._pg = pyqtgraph
        self.widget: Any = pyqtgraph.PlotWidget()
        self._plot = self.widget.getPlotItem()
        self._rate_box = pyqtgraph.ViewBox(enableMenu=False)
        self._curves: dict[str, Any] = {}
        self._setup_plot()
        self._make_curves()
        self.dress()

    def draw(self, name: str, steps: list[float], values: list[float]) -> None:
        """Draw one curve."""
        self._curves[name].setData(steps, values)
        if name == LEARNING_RATE and values:
            self._plot.getAxis("right").setVisible(True)

    def dress(self) -> None:
        """Take the theme's colours."""
        tokens = current_theme().tokens
        self.widget.setBackground(tokens.surface)
        for side in ("left", "bottom", "right"):
            axis = self._plot.getAxis(side)
            axis.setPen(tokens.border)
            axis.setTextPen(tokens.muted)
        for name, color in _colors().items():
            width = 1.2 if name == LEARNING_RATE else 2.0
            self._curves[name].setPen(self._pg.mkPen(color, width=width))
        eval_curve = self._curves[EVAL_LOSS]
        eval_curve.setSymbolBrush(tokens.curve_eval)
        eval_curve.setSymbolPen(tokens.surface)

    def _setup_plot(self) -> None:
        self.widget.setMinimumHeight(110)
        self.widget.setFrameShape(self.widget.Shape.NoFrame)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.showGrid(x=False, y=True, alpha=0.12)
        self._plot.setLabel("bottom", "Step")
        self._plot.getAxis("left").setWidth(48)
        self._plot.getAxis("right").setWidth(58)
        self._plot.showAxis("right")
        self._plot.getAxis("right").setGrid(False)
        self._plot.scene().addItem(self._rate_box)
        self._plot.getAxis("right").linkToView(self._rate_box)
        self._rate_box.setXLink(self._plot)
        self._rate_box.setMouseEnabled(x=False, y=False)
        self._rate_box.setZValue(-10)
        self._plot.vb.sigResized.connect(self._on_resized)

    def _make_curves(self) -> None:
        pg = self._pg
        self._curves[LOSS] = self._plot.plot([], [], antialias=True)
        self._curves[EVAL_LOSS] = self._plot.plot([], [], antialias=True, symbol="o", symbolSize=7)
        self._curves[LEARNING_RATE] = pg.PlotDataItem([], [], antialias=True)
        self._rate_box.addItem(self._curves[LEARNING_RATE])
        for curve in self._curves.values():
            curve.setDownsampling(auto=True, method="peak")

    def _on_resized(self) -> None:
        self._rate_box.setGeometry(self._plot.vb.sceneBoundingRect())


def _colors() -> dict[str, str]:
    tokens = current_theme().tokens
    return {
        LOSS: tokens.curve,
        EVAL_LOSS: tokens.curve_eval,
        LEARNING_RATE: tokens.curve_rate,
    }
