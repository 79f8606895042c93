"""What the charts' plots have in common: they are looked at, and tell where the pointer is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyqtgraph
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy

from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Callable


class PointedPlot:
    """Takes neither keys nor the mouse; ``on_pointed`` gets the place under the pointer on the
    lower axis, or None when the pointer leaves. A subclass makes its curves, and decides with
    ``_follow_pointer`` whether the pointer's line lies above them."""

    def __init__(self, on_pointed: Callable[[float | None], None]) -> None:
        self._on_pointed = on_pointed
        self.widget: Any = pyqtgraph.PlotWidget()
        self._plot = self.widget.getPlotItem()
        self._pointer = pyqtgraph.InfiniteLine(angle=90)
        policy = QSizePolicy.Policy.Ignored
        self.widget.setSizePolicy(policy, policy)
        self.widget.setFrameShape(self.widget.Shape.NoFrame)
        for part in (self.widget, self.widget.viewport()):  # it has nothing for the keyboard
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.showGrid(x=False, y=True, alpha=0.12)

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
        self._pointer.setPen(pyqtgraph.mkPen(tokens.field_border))

    def _pen(self, color: str, width: float, **more: Any) -> Any:
        # pyqtgraph's pens are as wide as the screen's own pixels.
        return pyqtgraph.mkPen(color, width=width * self.widget.devicePixelRatioF(), **more)

    def _follow_pointer(self) -> None:
        self._pointer.hide()
        self._plot.addItem(self._pointer, ignoreBounds=True)
        self._plot.scene().sigMouseMoved.connect(self._on_moved)

    def _place(self, along: float) -> float:
        """The place that is meant by one on the lower axis."""
        return along

    def _on_moved(self, place: Any) -> None:
        inside = bool(self._plot.vb.sceneBoundingRect().contains(place))
        self._pointer.setVisible(inside)
        if not inside:
            self._on_pointed(None)
            return
        along = max(0.0, self._place(self._plot.vb.mapSceneToView(place).x()))
        self._pointer.setPos(along)
        self._on_pointed(along)
