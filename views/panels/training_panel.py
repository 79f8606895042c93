"""The Training page: setup on the left, the run on the right, notices above both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from models.domain.config_io import settings_index
from views.panels.run_panel import RunPanel
from views.panels.setup_panel import SetupPanel
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.fields import ChoiceField
from views.widgets.page_column import TwoColumns

if TYPE_CHECKING:
    from models.qt.app_models import AppModels
    from models.qt.form_model import FormModel
    from models.qt.run_status import RunStatusModel
    from views.widgets.banner import NoticeBanner
    from views.widgets.task_bar import TaskBar


class TrainingPanel(QWidget):
    """What most people use: one page from the dataset to the answer.

    Signals:
        save_requested: keep the setup.
    """

    save_requested = Signal()

    banner: NoticeBanner
    environment: TaskBar
    importing: TaskBar

    def __init__(self, form: FormModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._model = form
        self._status: RunStatusModel | None = None
        self._ready = False
        self.setup = SetupPanel(form)
        self.run_panel = RunPanel("run")
        self._name = text_label("", "muted")
        self._name.setObjectName("config.name")
        self._save = push_button("Save set&up")
        self._save.setObjectName("config.save")
        self._bars = QVBoxLayout()
        self._build()
        self._save.clicked.connect(self.save_requested)
        form.title_changed.connect(self._show_name)
        self._show_state()

    def complete(self, models: AppModels) -> None:
        """Build what the first frame does not show."""
        from views.widgets.banner import NoticeBanner
        from views.widgets.task_bar import TaskBar

        self._status = models.run.status
        self.setup.complete(models.datasets)
        self.run_panel.attach(models.run)
        self.banner = NoticeBanner()
        self.environment = TaskBar("environment")
        self.importing = TaskBar("import")
        for bar in (self.banner, self.environment, self.importing):
            self._bars.addWidget(bar)
        self._status.changed.connect(self._show_state)

    def set_ready(self, ready: bool) -> None:
        """The services are there: buttons may be used."""
        self._ready = ready
        self._show_state()

    @Slot()
    def _show_name(self) -> None:
        name = self._model.name or "Not saved yet"
        self._name.setText(f"{name} · changed" if self._model.is_unsaved else name)

    @Slot()
    def _show_state(self) -> None:
        status = self._status
        self.setup.show_running(
            is_live=status is not None and status.is_live,
            is_stopping=status is not None and status.is_stopping,
            can_start=self._ready,
        )
        self._save.setEnabled(self._ready)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 14, 14, 12)
        column.setSpacing(12)
        column.addLayout(self._head())
        column.addLayout(self._bars)
        columns = (self.setup.area, self.run_panel)
        column.addWidget(TwoColumns(self.setup, self.run_panel, columns), 1)

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(text_label("Training", "title"))
        head.addWidget(self._name)
        head.addStretch(1)
        label = text_label("Skill &level")
        info = settings_index()["training.skill_level"]
        skill = ChoiceField(info, "")
        label.setBuddy(skill.editor)
        skill.editor.setMinimumWidth(120)
        self.setup.form.adopt(skill)
        head.addWidget(label)
        head.addWidget(skill)
        head.addWidget(self._save)
        self._show_name()
        return head
