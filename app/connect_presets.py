"""Connects the Beginner presets with the page, and asks before a preset changes the base model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.preset_controller import PresetController
from views.dialogs.question_dialog import QuestionDialog

if TYPE_CHECKING:
    from views.main_window import MainWindow


class PresetConnection(QObject):
    """Lives as long as the window."""

    def __init__(self, window: MainWindow, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self.controller = PresetController(window.models, self)
        self._suggested = ""
        again = window.training.setup.target.preset_again_requested
        again.connect(self.controller.apply_again)
        self.controller.model_suggested.connect(self._on_model_suggested)

    @Slot(str, str)
    def _on_model_suggested(self, repo: str, reason: str) -> None:
        if repo == self._window.models.form.value("hp.base_model"):
            return
        self._suggested = repo
        name = repo.rsplit("/", 1)[-1]
        dialog = QuestionDialog(
            f"Use {name} instead?",
            reason,  # which ends with the model that would fit
            (("use", f"Use {name}"), ("keep", "Keep the chosen model")),
            self._window,
        )
        dialog.answered.connect(self._on_answered)
        dialog.open()

    @Slot(str)
    def _on_answered(self, word: str) -> None:
        if word == "use":
            self._window.models.form.apply({"hp.base_model": self._suggested})
            self.controller.apply_again()
