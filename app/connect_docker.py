"""Connects the container engine and its images with the Local section, the menu and the dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Slot

from controllers.docker_controller import DockerController
from controllers.runtime_default import RuntimeDefault
from models.domain.config import RUNTIME_DOCKER, TARGET_LOCAL
from models.qt.wording import size
from views.dialogs.question_dialog import QuestionDialog

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from controllers.training_controller import TrainingController
    from models.domain.docker import ImageInfo
    from models.qt.notice import Notice
    from views.dialogs.images_dialog import ImagesDialog
    from views.main_window import MainWindow


class DockerConnection(QObject):
    """Lives as long as the window. A pull goes on whatever is shown."""

    def __init__(
        self,
        window: MainWindow,
        desk: Desk,
        services: WindowServices,
        training: TrainingController,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._form = window.models.form
        self._dialog: ImagesDialog | None = None
        self._to_remove = ""
        self.controller = DockerController(
            desk, window.models, services.docker, services.images, self
        )
        self.default = RuntimeDefault(window.models, self.controller, self)
        self._training = training
        self._connect_section()
        window.actions_.images.triggered.connect(self.show_images)
        window.actions_.refresh_configs.triggered.connect(self.controller.look_if_wanted)
        training.problems_found.connect(self._on_problems)
        desk.notices.noticed.connect(self._on_noticed)
        self.controller.start_wanted.connect(training.start)
        window.installEventFilter(self)
        window.closed.connect(self._on_closed)

    def begin(self) -> None:
        """Look for an engine where it matters; the window is filled by now."""
        self.default.begin()

    @Slot()
    def show_images(self) -> None:
        """Show the dialog of images; it stands beside the window, which can be used meanwhile."""
        if self._dialog is None:
            self._dialog = self._make_dialog()
        self._dialog.show()
        self._dialog.activateWindow()
        self.controller.refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.WindowActivate:
            self.controller.look_after_trouble()
        return super().eventFilter(watched, event)

    def _connect_section(self) -> None:
        section, controller = self._window.training.setup.local, self.controller
        section.seen.connect(controller.look_if_old)
        section.engine.check_requested.connect(controller.look)
        image = section.image
        image.pull_requested.connect(controller.pull)
        image.build_requested.connect(controller.build)
        image.start_requested.connect(controller.get_and_start)
        image.manage_requested.connect(self.show_images)
        image.building_requested.connect(self._on_building)
        image.progress.cancel_requested.connect(controller.cancel)

    def _make_dialog(self) -> ImagesDialog:
        from views.dialogs.images_dialog import ImagesDialog  # when it is wanted

        controller, models = self.controller, self._window.models
        dialog = ImagesDialog(models.docker, models.hardware, models.form, self._window)
        dialog.help_requested.connect(self._window.help_requested)
        dialog.engine.check_requested.connect(controller.refresh)
        dialog.pull_requested.connect(controller.pull)
        dialog.build_requested.connect(controller.build)
        dialog.use_requested.connect(self._on_use)
        dialog.remove_requested.connect(self._on_remove)
        dialog.progress.cancel_requested.connect(controller.cancel)
        dialog.registries.login_requested.connect(controller.login)
        dialog.registries.logout_requested.connect(controller.logout)
        return dialog

    @Slot()
    def _on_building(self) -> None:
        self.show_images()
        if self._dialog is not None:
            self._dialog.show_building()

    @Slot(str)
    def _on_use(self, tag: str) -> None:
        if self._form.value("training.target") != TARGET_LOCAL:
            self._form.edit("training.target", TARGET_LOCAL)  # which brings its own values back
        self._form.apply({"local.runtime": RUNTIME_DOCKER, "local.image": tag})
        self._window.show_message(f"Trainings of this setup run in {tag}")

    @Slot(object)
    def _on_remove(self, image: ImageInfo) -> None:
        self._to_remove = image.tag
        if image.partial_of:
            title, what = "Remove what was pulled?", f"Pulling {image.partial_of} begins anew then."
        else:
            title, what = f"Remove {image.tag}?", "To have it again it must be pulled or built."
        text = f"It takes up to {size(image.size)} of this computer's disk. {what}"
        answers = (("yes", "Remove"),)
        dialog = QuestionDialog(title, text, answers, self._dialog or self._window, risky=True)
        dialog.answered.connect(self._on_remove_confirmed)
        dialog.open()

    @Slot(str)
    def _on_remove_confirmed(self, _word: str) -> None:
        self.controller.remove(self._to_remove)

    @Slot()
    def _on_problems(self) -> None:
        """A start was refused: what it found of engine and image is shown as it is now."""
        if any(problem.field.startswith("local.") for problem in self._form.problems()):
            self.controller.start_afterwards()
            self.controller.look_if_wanted()

    @Slot(object)
    def _on_noticed(self, notice: Notice) -> None:
        if notice.topic.startswith("docker_"):
            self.controller.look_if_wanted()

    @Slot()
    def _on_closed(self) -> None:
        """While the window is taken apart it is still told of events, and half of it is gone."""
        self._window.removeEventFilter(self)
        if self._dialog is not None:
            self._dialog.close()
