"""One run as a page shows it: status and progress, chart, log, and what to do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from views.widgets.buttons import push_button
from views.widgets.card import Card, restyle, text_label
from views.widgets.page_column import ScrollColumn, scroll_areas
from views.widgets.run_progress import RunProgress

if TYPE_CHECKING:
    from models.domain.run import Run
    from models.qt.run_models import RunModels
    from views.panels.inference_panel import InferencePanel
    from views.widgets.autopsy_card import AutopsyCard
    from views.widgets.log_view import LogView
    from views.widgets.pod_line import PodLine

READY_SENTENCE = "Progress, loss and log appear here while a training runs."
CHOOSE_SENTENCE = "Choose a run in the table to see its loss, its log and what it answers."


_ALL_THE_ROOM = 100
"""The stretch of what shares a line with a spacer of 1."""


class RunPanel(ScrollColumn):
    """The right side of a page, over one set of run models; ``prefix`` begins its object names.

    Signals:
        folder_requested, logs_requested: open the run's folder, save its log.
        remedy_requested: the Run and the Remedy (payloads) that the user chose for its failure.
        resume_requested: go on with the run.
    """

    folder_requested = Signal()
    logs_requested = Signal()
    remedy_requested = Signal(object, object)
    resume_requested = Signal()

    models: RunModels
    autopsy: AutopsyCard
    pod: PodLine
    log: LogView
    inference: InferencePanel

    def __init__(
        self, prefix: str, parent: QWidget | None = None, *, with_progress: bool = True
    ) -> None:
        """Without progress, the page shows status and progress elsewhere (StartBar), and the run
        is that of the page; with it, one that is chosen."""
        super().__init__(parent)
        self._prefix = prefix
        self._head = RunProgress(prefix, "heading") if with_progress else None
        self._idle = CHOOSE_SENTENCE if with_progress else READY_SENTENCE
        self._facts = text_label(self._idle, "muted", wrap=True)
        self._warning = text_label("", "", wrap=True)
        self._try = push_button("Try the model", "primary")
        self._folder = push_button("Open folder")
        self._resume = push_button("Resume")
        self._name_parts()
        self._build()

    def attach(self, models: RunModels) -> None:
        """Show the run of these models; builds what the first frame leaves out."""
        from views.panels.inference_panel import InferencePanel
        from views.widgets.autopsy_card import AutopsyCard
        from views.widgets.help_button import HelpButton
        from views.widgets.log_view import LogView
        from views.widgets.loss_chart import LossChart
        from views.widgets.pod_line import PodLine

        self.models = models
        self.pod = PodLine("runpod" if self._prefix == "run" else f"{self._prefix}.pod", models.pod)
        self._words.addWidget(self.pod)
        self.autopsy = AutopsyCard(self._prefix, models.autopsy, models.status)
        self._words.addWidget(self.autopsy)
        chart = LossChart(f"{self._prefix}.chart", models.metrics)
        self._chart_card.tools.addWidget(chart.legend, _ALL_THE_ROOM)
        self._chart_card.tools.addWidget(HelpButton("progress#the-chart", "the loss chart"))
        self._chart_card.body.addWidget(chart, 1)
        self.log = LogView(self._prefix, models.log)
        self._log_card.body.addWidget(self.log, 1)
        prefix = "infer" if self._prefix == "run" else f"{self._prefix}.infer"
        self.inference = InferencePanel(prefix, models)
        self.column.addWidget(self.inference)
        self._connect()
        self._show_run()

    @Slot()
    def show_inference(self) -> None:
        """Scroll to the beginning of Quick Local Inference and put the cursor into its prompt."""
        if self.inference.isHidden():
            return
        for area in scroll_areas(self):
            content = area.widget()
            if content is not None:
                top = self.inference.mapTo(content, QPoint(0, 0)).y()
                area.verticalScrollBar().setValue(top)
        self.inference.prompt.setFocus()

    @Slot(object)
    def _show_responses(self, _exchange: object) -> None:
        """Who asks wants to see the answer."""
        for area in scroll_areas(self):
            area.ensureWidgetVisible(self.inference.history, 0, 20)

    def _name_parts(self) -> None:
        names = {
            "facts": self._facts,
            "warning": self._warning,
            "try": self._try,
            "open_folder": self._folder,
            "resume": self._resume,
        }
        for name, widget in names.items():
            widget.setObjectName(f"{self._prefix}.{name}")

    def _build(self) -> None:
        self.column.addWidget(self._status_card())
        self._chart_card = Card("Loss")
        self._chart_card.body.setSpacing(6)
        self._log_card = Card()
        for card, stretch in ((self._chart_card, 3), (self._log_card, 4)):
            card.setMinimumHeight(210)
            self.column.addWidget(card, stretch)
        self.setMinimumWidth(380)

    def _status_card(self) -> Card:
        card = Card()
        card.body.setSpacing(8)
        self._words = QVBoxLayout()
        self._words.setSpacing(8)
        self._words.addWidget(self._facts)
        self._words.addWidget(self._warning)
        self._warning.hide()
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self._try, self._resume, self._folder):
            buttons.addWidget(button)
            button.hide()
        buttons.addStretch(1)
        if self._head is not None:
            self._head.set_idle("No run chosen")
            card.body.addWidget(self._head)
        card.body.addLayout(self._words)
        card.body.addLayout(buttons)
        return card

    def _connect(self) -> None:
        if self._head is not None:
            self._head.attach(self.models.status, self.models.pod)
        self.models.status.changed.connect(self._show_run)
        self.models.inference.adapter_changed.connect(self._show_buttons)
        self.models.inference.added.connect(self._show_responses)
        self._try.clicked.connect(self.show_inference)
        self._folder.clicked.connect(self.folder_requested)
        self.autopsy.remedy_chosen.connect(self.remedy_requested)
        self.models.autopsy.changed.connect(self._show_run)
        self._resume.clicked.connect(self.resume_requested)
        self.log.download_requested.connect(self.logs_requested)

    @Slot()
    def _show_run(self) -> None:
        status = self.models.status
        run = status.run
        idle = self._idle if run is None else self._subject(run)
        ended = run is not None and run.state.is_over and run.exit_code is not None
        facts = (*status.facts(), *((f"exit code {run.exit_code}",) if run and ended else ()))
        self._show_line(self._facts, " · ".join(facts) or idle)
        self._show_warning()
        self._show_buttons()

    def _subject(self, run: Run) -> str:
        """What a run is about, until it has steps to tell of; the Runs page has it anyway."""
        if self._head is not None:
            return ""
        from models.domain.run_history import dataset_name
        from models.qt.runs_model import name_of

        parts = (name_of(run), dataset_name(run), run.image or run.runtime)
        return " · ".join(part for part in parts if part)

    def _show_warning(self) -> None:
        """Trouble while the run goes on; what it failed of is the autopsy's to say."""
        run = self.models.status.run
        text = "" if self.models.autopsy.autopsy is not None else self.models.status.warning
        if run is None:
            text = ""
        restyle(self._warning, "tone", "warning" if text else "")
        self._show_line(self._warning, text)

    @Slot()
    def _show_buttons(self) -> None:
        from models.domain.remedies import resumes_beside

        run = self.models.status.run
        starting = self.models.status.is_starting
        is_over = run is not None and run.state.is_over and not starting
        made = self.models.autopsy.autopsy
        remedies = made.remedies if made is not None else ()
        self._resume.setVisible(run is not None and is_over and resumes_beside(run, remedies))
        self._folder.setVisible(is_over)
        self._try.setVisible(self.models.inference.tuned is not None)
        self.log.download.setEnabled(run is not None)

    def _show_line(self, label: QWidget, text: str) -> None:
        label.setText(text)  # type: ignore[attr-defined]
        label.setVisible(bool(text))
