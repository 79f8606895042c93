"""The live chart of a run. pyqtgraph is imported elsewhere, and only once there is a curve."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QStackedLayout, QWidget

from models.qt.metrics_model import EVAL_LOSS, LEARNING_RATE, LOSS
from models.qt.wording import number
from views.theme import current_theme
from views.widgets.card import text_label
from views.widgets.empty_state import EmptyState

if TYPE_CHECKING:
    from models.qt.metrics_model import MetricsModel
    from views.widgets.loss_plots import LossPlots

_REDRAW_MS = 150
CURVES = {LOSS: "Loss", EVAL_LOSS: "Held-out", LEARNING_RATE: "Learning rate"}


class LossChart(QWidget):
    """Loss, held-out loss and learning rate over the steps; an empty sentence until then.

    ``legend`` is for the heading of the card: names, colours and newest values, or the values at
    the step under the pointer.
    """

    def __init__(self, name: str, metrics: MetricsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Chart of the loss by step")
        self.setMinimumHeight(130)
        self.legend = text_label("", "muted", wrap=True)  # in lines where the text is large
        self.legend.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.legend.setObjectName(f"{name}.legend")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self._metrics = metrics
        self._plots: LossPlots | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REDRAW_MS)
        self._timer.timeout.connect(self.redraw)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(EmptyState("The loss is drawn here from the first step on."))
        metrics.changed.connect(self._on_changed)
        current_theme().changed.connect(self._on_theme_changed)

    @Slot()
    def redraw(self) -> None:
        """Draw what the model holds now."""
        if self._metrics.is_empty():
            self._stack.setCurrentIndex(0)
            self.legend.setText("")
            return
        if self._plots is None:
            self._plots = self._make_plots()
        for name in CURVES:
            self._plots.draw(name, *self._metrics.curve(name))
        self._stack.setCurrentIndex(1)
        self._show_legend(None)

    def _make_plots(self) -> LossPlots:
        from views.widgets.loss_plots import LossPlots  # needed only once a run has a curve

        plots = LossPlots(self._show_legend)
        self._stack.addWidget(plots.widget)
        return plots

    @Slot()
    def _on_changed(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _on_theme_changed(self) -> None:
        if self._plots is not None:
            self._plots.dress()
            self._show_legend(None)

    def _show_legend(self, step: float | None) -> None:
        """Show the values at ``step``, or the newest ones."""
        colors = curve_colors()
        text_color = current_theme().tokens.text
        parts = [] if step is None else [f"Step&nbsp;{step:,.0f}"]
        for name, words in CURVES.items():
            value = self._value(name, step)
            if value is not None:
                whole = words.replace(" ", "&nbsp;").replace("-", "&#8209;")  # not to be broken
                parts.append(
                    f'<span style="color:{colors[name]}">●</span>&nbsp;{whole}&nbsp;'
                    f'<span style="color:{text_color}">{number(value)}</span>'
                )
        self.legend.setText(" &nbsp;&nbsp;&nbsp;".join(parts))

    def _value(self, name: str, step: float | None) -> float | None:
        steps, values = self._metrics.curve(name)
        if not values:
            return None
        if step is None:
            return values[-1]
        place = bisect_right(steps, step) - 1
        return values[place] if place >= 0 else None


def curve_colors() -> dict[str, str]:
    """The theme's colour of each curve."""
    tokens = current_theme().tokens
    return {
        LOSS: tokens.curve,
        EVAL_LOSS: tokens.curve_eval,
        LEARNING_RATE: tokens.curve_rate,
    }
