"""The Training page: setup on the left, the run on the right, notices above, Start at the foot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from views.panels.run_panel import RunPanel
from views.panels.setup_panel import SetupPanel
from views.panels.start_bar import StartBar
from views.widgets.card import text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.page_column import TwoColumns

if TYPE_CHECKING:
    from models.qt.app_models import AppModels
    from models.qt.form_model import FormModel
    from views.widgets.banner import NoticeBanner
    from views.widgets.offline_banner import OfflineBanner
    from views.widgets.task_bar import TaskBar


class TrainingPanel(QWidget):
    """What most people use: one page from the dataset to the answer.

    Signals:
        save_requested: keep the setup.
    """

    save_requested = Signal()

    offline: OfflineBanner
    banner: NoticeBanner
    environment: TaskBar
    importing: TaskBar
    checking: TaskBar
    measuring: TaskBar

    def __init__(self, form: FormModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._model = form
        self.setup = SetupPanel(form)
        self.run_panel = RunPanel("run", with_progress=False)
        self.start_bar = StartBar(form)
        self._name = ElidedLabel("muted")
        self._name.setObjectName("config.name")
        self._bars = QVBoxLayout()
        self._build()
        self.start_bar.save_requested.connect(self.save_requested)
        self.start_bar.problems_requested.connect(self.setup.show_first_problem)
        self.start_bar.memory_requested.connect(self.setup.show_memory)
        self.start_bar.gpu_requested.connect(self.setup.show_gpu)
        form.title_changed.connect(self._show_name)
        self.set_ready(False)

    def complete(self, models: AppModels) -> None:
        """Build what the first frame does not show."""
        from views.widgets.banner import NoticeBanner
        from views.widgets.offline_banner import OfflineBanner
        from views.widgets.task_bar import TaskBar

        self.setup.complete(models)
        self.run_panel.attach(models.run)
        self.start_bar.attach(models.run.status, models.run.pod)
        self.setup.memory.fit_changed.connect(self.start_bar.show_fit)
        self.start_bar.show_fit(self.setup.memory.forecast.fit)
        self.offline = OfflineBanner(self._model)
        self.banner = NoticeBanner()
        self.environment = TaskBar("environment")
        self.importing = TaskBar("import")
        self.checking = TaskBar("checking")
        self.measuring = TaskBar("measuring")
        tasks = (self.environment, self.importing, self.checking, self.measuring)
        for bar in (self.offline, self.banner, *tasks):
            self._bars.addWidget(bar)
        self.setup.form.arranged.connect(self._order_tabs)
        self._order_tabs()

    def set_ready(self, ready: bool) -> None:
        """The services are there: buttons may be used."""
        self.start_bar.set_ready(ready)
        if hasattr(self.setup, "config"):
            self.setup.config.set_ready(ready)

    def show_run(self) -> None:
        """Bring the run into sight where it lies beneath the form, in a narrow window."""
        if self._columns.is_narrow:
            self._columns.verticalScrollBar().setValue(self.run_panel.y())

    @Slot()
    def _order_tabs(self) -> None:
        from views.widgets.tab_order import order_tabs  # after the first frame

        order_tabs(self)

    @Slot()
    def _show_name(self) -> None:
        name = self._model.name
        changed = f"{name} · changed" if self._model.is_unsaved else name
        self._name.setText(changed if name else "Not saved yet")

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 14, 14, 12)
        column.setSpacing(12)
        column.addLayout(self._head())
        column.addLayout(self._bars)
        columns = (self.setup, self.run_panel)
        self._columns = TwoColumns(self.setup, self.run_panel, columns)
        column.addWidget(self._columns, 1)
        column.addWidget(self.start_bar)

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(text_label("Training", "title"))
        head.addWidget(self._name, 1)
        self._show_name()
        return head
