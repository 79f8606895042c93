"""Where a run stands: headline, time left and a bar of its true fraction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from views.widgets.card import restyle, text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.fraction_bar import FractionBar

if TYPE_CHECKING:
    from models.qt.pod_model import PodModel
    from models.qt.run_status import RunStatusModel

READY = "Ready to train"
_PREFERRED = QSizePolicy.Policy.Preferred


class RunProgress(QWidget):
    """Over one run's status model; ``tools`` is for what else belongs beside the headline."""

    def __init__(self, prefix: str, role: str = "title") -> None:
        super().__init__()
        self._model: RunStatusModel | None = None
        self._pod: PodModel | None = None
        self._idle = READY
        self._status = ElidedLabel(role)
        self._status.setText(READY)
        self._status.setSizePolicy(_PREFERRED, _PREFERRED)
        self._left = text_label("", "muted")
        self._bar = FractionBar(words="Progress of the run")
        named = {"status": self._status, "time_left": self._left, "progress": self._bar}
        for name, widget in named.items():
            widget.setObjectName(f"{prefix}.{name}")
            widget.setMinimumWidth(1)  # rather these are cut than the buttons beside them
        self.tools = QHBoxLayout()
        self.tools.setSpacing(12)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._status)
        head.addLayout(self.tools)
        head.addStretch(1)
        head.addWidget(self._left)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self._bar)

    def attach(self, model: RunStatusModel, pod: PodModel | None = None) -> None:
        """Show the run of this model, and what its pod does while no trainer speaks."""
        self._model, self._pod = model, pod
        model.changed.connect(self._show_run)
        if pod is not None:
            pod.changed.connect(self._show_run)
        self._show_run()

    def set_idle(self, words: str) -> None:
        """What stands there while there is no run; empty where other words say it."""
        self._idle = words
        if self._model is None:
            self._status.setText(words)
        self._show_run()

    @Slot()
    def _show_run(self) -> None:
        status = self._model
        if status is None:
            return
        from models.qt.run_status import headline, tone  # not needed for the first frame

        run = status.run
        words = self._idle if run is None else headline(run)
        pod = self._pod if run is not None and run.state.is_live else None
        words = (pod.headline() if pod is not None else "") or words
        words = "Starting…" if status.is_starting else words
        self._status.setText(words)
        self._status.setVisible(bool(words))
        restyle(self._status, "tone", "live" if status.is_starting else tone(run))
        self._left.setText(status.time_left())
        layers = None if pod is None else pod.fraction()
        self._show_fraction(status.fraction() if layers is None else layers, tone(run))

    def _show_fraction(self, fraction: float | None, tone_now: str) -> None:
        restyle(self._bar, "tone", tone_now)
        self._bar.show_fraction(fraction)
