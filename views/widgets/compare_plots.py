"""The pyqtgraph part of the comparison: one curve for each run, over each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from views.theme import current_theme
from views.widgets.pointed_plot import PointedPlot
from views.widgets.run_colors import color_of, stroke_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.qt.compare_model import CurveLine

_SMOOTH = 400
"""Longer curves are drawn without smoothing: it cannot be seen there, and takes 20 ms for each."""
_FEW = 60
"""Up to so many points each of them is marked: measurements on held-out rows are rare."""


class ComparePlots(PointedPlot):
    """Tells the place under the pointer, in what the lower axis counts."""

    def __init__(self, on_pointed: Callable[[float | None], None]) -> None:
        super().__init__(on_pointed)
        self._lines: tuple[CurveLine, ...] = ()
        self._curves: list[Any] = []
        self._plot.getAxis("bottom").enableAutoSIPrefix(False)
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
        super().dress()
        for curve, line in zip(self._curves, self._lines, strict=False):
            color = color_of(line.number)
            curve.setPen(self._pen(color, 1.8, style=stroke_of(line.number)))
            curve.setSymbol("o" if len(line.values) <= _FEW else None)
            curve.setSymbolSize(6)
            curve.setSymbolBrush(color)
            curve.setSymbolPen(current_theme().tokens.surface)
