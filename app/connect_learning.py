"""Connects "What it will learn" with whoever opens it, and with what its remedies do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.learning_controller import LearningController
from models.domain.data_gate import Remedy, RemedyKind
from models.domain.doctor import SET_UP_PYTHON
from models.qt.learning_model import LearningModel, Refusal
from models.qt.learning_words import refusal_words
from views.main_window import SETTINGS, TRAINING
from views.widgets.page_column import reveal

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from app.wiring import Wiring
    from controllers.desk import Desk
    from models.domain.data_gate import DataRefusedError
    from models.domain.data_report import Finding
    from models.domain.dataset import DatasetSession
    from models.domain.errors import AppError
    from services.progress import Progress
    from views.dialogs.learning_dialog import LearningDialog
    from views.main_window import MainWindow


class LearningConnection(QObject):
    """Lives as long as the window; its dialog is made when it is first wanted."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, wiring: Wiring
    ) -> None:
        super().__init__(wiring)
        self._window = window
        self._desk = desk
        self._environment = wiring.environment
        self._dialog: LearningDialog | None = None
        self.model = LearningModel(self)
        self.controller = LearningController(
            desk, window.models, self.model, services.learning, services.datasets, self
        )
        self._training = wiring.training
        data = window.training.setup.data
        data.library.learning_requested.connect(self.show_learning)
        data.hub.import_requested.connect(wiring.importing.ask_hub_for)
        if window.datasets is not None:
            window.datasets.learning_requested.connect(self.show_learning)
        wiring.training.data_refused.connect(self.show_refused)
        window.models.run.status.changed.connect(self._on_run_changed)
        window.closed.connect(self._on_window_closed)

    @property
    def dialog(self) -> LearningDialog:
        """The dialog, made when it is first wanted."""
        if self._dialog is None:
            self._dialog = self._make_dialog()
        return self._dialog

    @Slot(object)
    def show_learning(self, session: DatasetSession) -> None:
        """Show what the form's model would learn from a dataset."""
        self._show(session, None)

    @Slot(object)
    def show_refused(self, error: DataRefusedError) -> None:
        """Show why a training on a dataset of the library was not started, and the remedies."""
        if error.session is not None:
            words = refusal_words(error.report.findings)
            self._show(error.session, Refusal(words, error.may_start))

    def _show(self, session: DatasetSession, refusal: Refusal | None) -> None:
        dialog = self.dialog
        dialog.task.end()
        self.controller.look(session, refusal)
        if dialog.isMinimized():
            dialog.showNormal()
        dialog.show()
        dialog.activateWindow()

    def _make_dialog(self) -> LearningDialog:
        from views.dialogs.learning_dialog import LearningDialog  # when it is wanted

        dialog, controller = LearningDialog(self.model, self._window), self.controller
        dialog.row_requested.connect(controller.rows.show)
        dialog.random_requested.connect(controller.rows.show_random)
        dialog.trouble_requested.connect(controller.rows.show_next_trouble)
        dialog.count_requested.connect(controller.count)
        dialog.stop_requested.connect(controller.stop_counting)
        dialog.again_requested.connect(controller.look_again)
        dialog.template_chosen.connect(controller.use_template)
        dialog.own_template_requested.connect(controller.use_own_template)
        dialog.remedy_requested.connect(self._on_remedy)
        dialog.start_anyway_requested.connect(self._on_start_anyway)
        dialog.start_requested.connect(self._on_start)
        dialog.trouble_action_requested.connect(self._on_trouble)
        dialog.help_requested.connect(self._window.help_requested)
        dialog.closed.connect(controller.close)
        dialog.task_cancel_requested.connect(self._on_cancel)
        controller.template_refused.connect(dialog.head.show_problem)
        controller.failed.connect(self._on_failed)
        controller.task_began.connect(dialog.task.begin)
        controller.task_progressed.connect(self._on_progress)
        controller.task_ended.connect(dialog.task.end)
        self._environment.progressed.connect(self._on_progress)
        return dialog

    @Slot(object, object)
    def _on_remedy(self, _finding: Finding | None, remedy: Remedy) -> None:
        if remedy.kind is RemedyKind.DROP:
            self.controller.drop(remedy.codes)
        elif remedy.kind is RemedyKind.CHANGE:
            self._window.models.form.apply(dict(remedy.values))
            self._desk.notices.withdrawn.emit("data_refused")
            self.controller.look_again()
        else:
            self._choose(remedy.kind)

    def _choose(self, kind: RemedyKind) -> None:
        """Go to the field where another dataset or model is chosen; the dialog stays beside it."""
        self._window.show_page(TRAINING)
        setup = self._window.training.setup
        field = setup.data.library if kind is RemedyKind.DATASET else setup.model_card.base_model
        reveal(field)
        self._window.activateWindow()
        field.editor.setFocus()

    @Slot()
    def _on_run_changed(self) -> None:
        """A start looks at all rows itself, and does not wait for us."""
        if self._window.models.run.status.is_starting:
            self.controller.stop_counting()

    @Slot()
    def _on_start(self) -> None:
        self.dialog.close()
        self._window.show_page(TRAINING)
        self._training.start()

    @Slot()
    def _on_start_anyway(self) -> None:
        self.dialog.close()
        self._window.show_page(TRAINING)
        self._training.start_anyway()

    @Slot(str)
    def _on_trouble(self, kind: str) -> None:
        if kind == "runtime_missing":
            self._desk.tasks.start(self._set_up())
        elif kind in ("image_missing", "docker"):
            self._window.actions_.images.trigger()
        elif kind == "auth":
            self._window.show_page(SETTINGS)
            self._window.activateWindow()
        elif kind == "no_model":
            self._choose(RemedyKind.MODEL)

    async def _set_up(self) -> None:
        self.dialog.task.begin("Setting up the training environment")
        try:
            is_ready = await self._environment.ensure(SET_UP_PYTHON)
        finally:
            self.dialog.task.end()
        if is_ready:
            self.controller.look_again()

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        self.dialog.task.show_progress(progress.fraction, progress.message)

    @Slot()
    def _on_cancel(self) -> None:
        self.controller.cancel_task()
        self._environment.cancel()

    @Slot(object)
    def _on_failed(self, error: AppError) -> None:
        self.dialog.notes.show_problem(str(error))

    @Slot()
    def _on_window_closed(self) -> None:
        """The workers end with the services, and no task could be awaited any more."""
        self.controller.cancel()
        if self._dialog is not None:
            self._dialog.closed.disconnect(self.controller.close)
            self._dialog.close()
