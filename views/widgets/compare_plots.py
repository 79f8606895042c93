"""The pyqtgraph part of the comparison: one curve for each run, over each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyqtgraph
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy

from views.theme import current_theme
from views.widgets.run_colors import color_of, stroke_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.qt.compare_model import CurveLine

_SMOOTH = 400
"""Longer curves are drawn without smoothing: it cannot be seen there, and takes 20 ms for each."""
_FEW = 60
"""Up to so many points each of them is marked: measurements on held-out rows are rare."""


class ComparePlots:
    """A plot that is only looked at; ``on_pointed`` gets the place under the pointer, or None."""

    def __init__(self, on_pointed: Callable[[float | None], None]) -> None:
        self._on_pointed = on_pointed
        self._lines: tuple[CurveLine, ...] = ()
        self.widget: Any = pyqtgraph.PlotWidget()
        self._plot = self.widget.getPlotItem()
        self._curves: list[Any] = []
        self._pointer = pyqtgraph.InfiniteLine(angle=90)
        self._setup_plot()
        self._follow_pointer()
        self.dress()

    def draw(self, lines: Sequence[CurveLine], label: str) -> None:
        """Draw these curves and no others; ``label`` says what the lower axis counts."""
        self._lines = tuple(lines)
        while len(self._curves) < len(self._lines):
            self._curves.append(self._plot.plot([], []))
        for curve in self._curves[len(self._lines) :]:
            curve.setData([], [])
        for curve, line in zip(self._curves, self._lines, strict=False):
            curve.setData(line.places, line.values, antialias=len(line.values) <= _SMOOTH)
        self._plot.setLabel("bottom", label)
        self.dress()

    def dress(self) -> None:
        """Take the theme's colours."""
        theme = current_theme()
        tokens = theme.tokens
        self.widget.setBackground(tokens.surface)
        self._plot.getAxis("left").setWidth(round(44 * theme.scale))
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(tokens.border)
            axis.setTextPen(tokens.muted)
        # pyqtgraph's pens are as wide as the screen's own pixels.
        width = 1.8 * self.widget.devicePixelRatioF()
        for curve, line in zip(self._curves, self._lines, strict=False):
            color = color_of(line.number)
            curve.setPen(pyqtgraph.mkPen(color, width=width, style=stroke_of(line.number)))
            curve.setSymbol("o" if len(line.values) <= _FEW else None)
            curve.setSymbolSize(6)
            curve.setSymbolBrush(color)
            curve.setSymbolPen(tokens.surface)
        self._pointer.setPen(pyqtgraph.mkPen(tokens.field_border))

    def _setup_plot(self) -> None:
        policy = QSizePolicy.Policy.Ignored
        self.widget.setSizePolicy(policy, policy)
        self.widget.setFrameShape(self.widget.Shape.NoFrame)
        for part in (self.widget, self.widget.viewport()):  # it has nothing for the keyboard
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.showGrid(x=False, y=True, alpha=0.12)
        self._plot.getAxis("bottom").enableAutoSIPrefix(False)

    def _follow_pointer(self) -> None:
        self._pointer.hide()
        self._plot.addItem(self._pointer, ignoreBounds=True)
        self._plot.scene().sigMouseMoved.connect(self._on_moved)

    def _on_moved(self, place: Any) -> None:
        inside = bool(self._plot.vb.sceneBoundingRect().contains(place))
        self._pointer.setVisible(inside)
        if not inside:
            self._on_pointed(None)
            return
        along = max(0.0, self._plot.vb.mapSceneToView(place).x())
        self._pointer.setPos(along)
        self._on_pointed(along)
