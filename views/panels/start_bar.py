"""The foot of the Training page, always in sight: Start, Stop, where the run stands, problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from models.domain.availability import disabled_reason
from models.domain.config import TARGET_RUNPOD
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import restyle
from views.widgets.elided_label import ElidedLabel
from views.widgets.run_progress import READY, RunProgress

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QPushButton

    from models.qt.form_model import FormModel
    from models.qt.memory_forecast import Fit
    from models.qt.pod_model import PodModel
    from models.qt.run_status import RunStatusModel

_START_HELP = "Check the setup, and train with it"
_ASKS_ANEW = "A start asks Runpod anew; where there is still none, it says so and nothing is rented"
_QUEUE_HELP = "Check the setup; it trains by itself when the present run and those before it ended"
_START_WORDS = {"local": "&Start Local Training", "runpod": "&Start Training on Pod"}
_QUEUE_WORDS = "Add to &queue"
_STOP_HELP = "Save a checkpoint and end the run; pressed again, end it at once"
_LEAST_PROGRESS = 290
"""Pixels that the words about the run need beside the buttons and Save."""
_LEAST_WORDS = 220
"""And without Save: with less they stand above the buttons, in a line of their own."""
_BESIDE = 190
"""Pixels of the shortest headline, and of what lies between the words and the buttons."""
_PREFERRED = QSizePolicy.Policy.Preferred
_LIMITS = {"runpod.max_cost", "runpod.max_hours"}


class StartBar(QFrame):
    """Each target has its own pair of buttons; Stop belongs to the run that lives, not to the
    target that is chosen, so that a pod can be stopped whatever the form shows.

    Signals:
        start_requested, stop_requested, save_requested: the buttons.
        problems_requested: show the first setting that is wrong.
        memory_requested: show what the training takes of the memory.
        gpu_requested: show which GPU would be rented, or why none can be.
    """

    start_requested = Signal()
    stop_requested = Signal()
    save_requested = Signal()
    problems_requested = Signal()
    memory_requested = Signal()
    gpu_requested = Signal()

    def __init__(self, form: FormModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "footer")
        self._form = form
        self._run: RunStatusModel | None = None
        self._is_ready = False
        self._fit: Fit | None = None
        self.starts = {
            target: push_button(words, "primary") for target, words in _START_WORDS.items()
        }
        self.stops = {"local": push_button("St&op"), "runpod": push_button("St&op")}
        self._save = push_button("Save set&up")
        self._save.setObjectName("config.save_bar")
        self._pod: PodModel | None = None
        self._quoted = self._against = ""
        self._quote = ElidedLabel("muted", keeps_end=True)  # the most it costs stands last
        self._quote.setSizePolicy(_PREFERRED, _PREFERRED)
        self._quote.setObjectName("runpod.quote")
        self._progress = RunProgress("run", "heading")
        self._attention = push_button("", "attention")
        self._buttons = QWidget()
        self._grid = QGridLayout(self)
        self._is_stacked: bool | None = None
        self._name_parts()
        self._build()
        self._connect()
        self._show_buttons()

    def attach(self, status: RunStatusModel, pod: PodModel | None = None) -> None:
        """Show the run of this model, and its pod."""
        self._run = status
        self._pod = pod
        self._progress.attach(status, pod)
        if pod is not None:
            pod.changed.connect(self._show_buttons)
        status.changed.connect(self._show_buttons)
        self._form.problems_changed.connect(self._show_attention)
        self._form.reset.connect(self._show_buttons)
        self._form.circumstances_changed.connect(self._show_buttons)
        self._form.value_changed.connect(self._on_value_changed)
        self._show_buttons()

    @Slot(str)
    def show_quote(self, words: str, against: str = "") -> None:
        """What the setup would cost on a pod; empty: the limits are said. ``against`` says why
        nothing can be rented now: that may be another a minute later, so it forbids no start."""
        self._quoted, self._against = words, against
        self._show_buttons()

    def set_ready(self, ready: bool) -> None:
        """The services are there: buttons may be used."""
        self._is_ready = ready
        self._show_buttons()

    def _name_parts(self) -> None:
        for target in ("local", "runpod"):
            self.starts[target].setObjectName(f"{target}.start")
            self.stops[target].setObjectName(f"{target}.stop")
        self._attention.setObjectName("start.problems")
        self._attention.setMinimumWidth(1)

    def _build(self) -> None:
        self._progress.tools.addWidget(self._attention)
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for button in (*self.starts.values(), *self.stops.values()):
            row.addWidget(button)
        self._grid.setContentsMargins(2, 10, 6, 2)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._attention.hide()
        self._arrange(stacked=False)

    def _arrange(self, *, stacked: bool) -> None:
        """The words about the run beside the buttons, or above them and the money in a line of its
        own; for Tab they come after the buttons."""
        if stacked is self._is_stacked:
            return
        self._is_stacked = stacked
        for part in (self._buttons, self._progress, self._save, self._quote):
            self._grid.removeWidget(part)
        self._grid.addWidget(self._buttons, 2, 0)
        if stacked:
            self._progress.tools.removeWidget(self._quote)
            self._grid.addWidget(self._progress, 0, 0, 1, 3)
            self._grid.addWidget(self._quote, 1, 0, 1, 3)
        else:
            self._grid.addWidget(self._progress, 2, 1)
            self._progress.tools.addWidget(self._quote)
        self._grid.addWidget(self._save, 2, 2)

    def _connect(self) -> None:
        for button in self.starts.values():
            button.clicked.connect(self.start_requested)
        for button in self.stops.values():
            button.clicked.connect(self.stop_requested)
        self._save.clicked.connect(self.save_requested)
        self._attention.clicked.connect(self._on_attention)
        current_theme().changed.connect(self._fit_width)

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path == "training.target" or path in _LIMITS:
            self._show_buttons()

    @Slot(object)
    def show_fit(self, fit: Fit) -> None:
        """Say it where the training is not expected to fit the memory."""
        self._fit = fit
        self._show_attention()

    @Slot()
    def _on_attention(self) -> None:
        if self._forbids():
            self.gpu_requested.emit()
        elif self._form.problems():
            self.problems_requested.emit()
        else:
            (self.gpu_requested if self._speaks_against() else self.memory_requested).emit()

    @Slot()
    def _show_attention(self) -> None:
        """What speaks against a start; memory and stock are forecasts, and forbid nothing."""
        text, tone = self._what_speaks_against()
        restyle(self._attention, "tone", tone)
        self._attention.setText(text)
        self._attention.setToolTip(self._forbids() or text)
        self._attention.setVisible(bool(text))
        self._progress.set_idle(READY if not text and self._has_room() else "")

    def _what_speaks_against(self) -> tuple[str, str]:
        """The words and their tone: first what forbids a start, then what is wrong."""
        count, is_live = len(self._form.problems()), self._is_live()
        forbids = self._forbids().partition(". ")[0].rstrip(".")
        if count and not forbids:
            what = "1 setting needs" if count == 1 else f"{count} settings need"
            return f"{what} attention", ""
        against = "" if is_live else forbids or self._speaks_against()
        if against:
            return against, "warning"
        is_over = self._fit == "over" and not is_live
        return "Will probably not fit the memory" if is_over else "", ""

    def _forbids(self) -> str:
        """Why nothing can be started on the target that is chosen; empty where it can, and while
        a run lives."""
        if self._is_live():
            return ""
        is_remote = self._form.value("training.target") == TARGET_RUNPOD
        path = "runpod.start" if is_remote else "local.start"
        return disabled_reason(path, self._form.circumstances)

    def _is_live(self) -> bool:
        return self._run is not None and self._run.is_live

    def _speaks_against(self) -> str:
        """Why nothing can be rented now; empty for another target."""
        is_remote = self._form.value("training.target") == TARGET_RUNPOD
        return self._against if is_remote else ""

    def _has_room(self) -> bool:
        """Whether words stand beside the quote: in a narrow window the money is said first."""
        if self._quote.isHidden() or self._is_stacked:
            return True
        save = 0 if self._save.isHidden() else self._save.sizeHint().width()
        room = self.width() - self._taken() - save - _BESIDE * current_theme().scale
        return room >= self._quote.sizeHint().width()

    def _taken(self) -> int:
        """The width of Start and Stop as they are seen, in pixels."""
        buttons = (*self.starts.values(), *self.stops.values())
        return sum(one.sizeHint().width() for one in buttons if not one.isHidden())

    @Slot()
    def _show_buttons(self) -> None:
        status = self._run
        is_live = status is not None and status.is_live
        chosen = "runpod" if self._form.value("training.target") == TARGET_RUNPOD else "local"
        running = self._running_target() if is_live else chosen
        focused = [one for one in (*self.starts.values(), *self.stops.values()) if one.hasFocus()]
        for target, button in self.starts.items():
            self._show_start(target, button, is_shown=target == chosen, is_live=is_live)
        for target, button in self.stops.items():
            button.setVisible(target == running)
            button.setEnabled(is_live)
            button.setText(_stop_words(status))
            button.setToolTip(_STOP_HELP)
        self._save.setEnabled(self._is_ready)
        limits = self._form.config.runpod
        most = f"at most ${limits.max_cost:,.2f} and {limits.max_hours:g} h"
        cost = self._pod_cost()
        self._quote.setText(cost or self._quoted or most)
        # What is spent is short, and stays whole: rather the headline beside it is cut.
        self._quote.setMinimumWidth(self._quote.sizeHint().width() if cost else 1)
        is_vain = self._forbids() or self._speaks_against()  # then there is nothing to pay
        self._quote.setVisible(bool(cost) or (chosen == "runpod" and not is_vain))
        self._fit_width()
        if focused and not focused[0].isEnabled():
            self._keep_focus()

    def _show_start(
        self, target: str, button: QPushButton, *, is_shown: bool, is_live: bool
    ) -> None:
        """Start; while a run of this computer lives, what is started waits for its end."""
        reason = disabled_reason(f"{target}.start", self._form.circumstances)
        is_starting = self._run is not None and self._run.is_starting
        queues = is_live and not is_starting and target == "local"
        button.setText(_QUEUE_WORDS if queues else _START_WORDS[target])
        restyle(button, "role", "" if queues else "primary")
        button.setVisible(is_shown)
        button.setEnabled(self._is_ready and not reason and (queues or not is_live))
        against = self._against if target == "runpod" else ""
        start_help = f"{against}. {_ASKS_ANEW}" if against else _START_HELP
        button.setToolTip(reason or (_QUEUE_HELP if queues else start_help))

    def _pod_cost(self) -> str:
        """What the pod of the run costs, until that is settled: then the quote is of interest."""
        return "" if self._pod is None else self._pod.cost_short()

    def _keep_focus(self) -> None:
        """A button that is switched off hands the focus on to whatever comes next; it belongs to
        the other one: Stop while there is something to stop, Start after."""
        both = (*self.stops.values(), *self.starts.values())
        heir = next((one for one in both if one.isEnabled() and not one.isHidden()), None)
        if heir is not None:
            heir.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_width()

    @Slot()
    def _fit_width(self) -> None:
        """Save has other places; the words about the run have none."""
        scale, room = current_theme().scale, self.width() - self._taken()
        self._save.setVisible(room - self._save.sizeHint().width() >= _LEAST_PROGRESS * scale)
        self._arrange(stacked=room < _LEAST_WORDS * scale)
        self._show_attention()

    def _running_target(self) -> str:
        run = None if self._run is None else self._run.run
        is_remote = run is not None and run.config.training.target == TARGET_RUNPOD
        return "runpod" if is_remote else "local"


def _stop_words(status: RunStatusModel | None) -> str:
    return "End now" if status is not None and status.is_stopping else "St&op"
