"""Connects the buttons beside what is missing for a start with what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QComboBox

from models.domain.start_fixes import (
    CHOOSE_DATASET,
    CHOOSE_FOLDER,
    CHOOSE_MODEL,
    GO_ONLINE,
    OPEN_MODELS,
    OPEN_SETTINGS,
)
from views.main_window import DATASETS, MODELS, SETTINGS
from views.widgets.folder_field import FolderField

if TYPE_CHECKING:
    from controllers.settings_controller import SettingsController
    from models.domain.errors import Problem
    from views.main_window import MainWindow

_NOTHING_ELSE = "Nothing else is in the way: start again"


class FixConnection(QObject):
    """Lives as long as the window. A button mends one thing; the others stay as they are shown."""

    def __init__(self, window: MainWindow, settings: SettingsController, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self._settings = settings
        self._form = window.models.form
        window.training.setup.form.fix_requested.connect(self._on_fix)
        window.training.banner.action_requested.connect(self._on_action)

    @Slot(object)
    def _on_fix(self, problem: Problem) -> None:
        fix = problem.fix
        if fix is None:
            return
        if fix.values:
            self._change(problem, dict(fix.values))
        elif fix.does == GO_ONLINE:
            self._settings.set_offline(False)
        elif fix.does == OPEN_SETTINGS:
            self._window.show_page(SETTINGS)
        elif fix.does == OPEN_MODELS:
            self._window.show_page(MODELS)
        elif fix.does == CHOOSE_DATASET and not self._window.models.datasets.rowCount():
            self._window.show_page(DATASETS)
        elif fix.does in (CHOOSE_DATASET, CHOOSE_MODEL):
            self._open_list(problem.field)
        elif fix.does == CHOOSE_FOLDER:
            self._browse(problem.field)

    @Slot(str)
    def _on_action(self, action: str) -> None:
        """The button of a notice, on whatever page it is shown."""
        if action == OPEN_SETTINGS:
            self._window.show_page(SETTINGS)

    def _change(self, problem: Problem, values: dict[str, object]) -> None:
        """Every edit takes away what a service found, and only this of it is mended now."""
        mended = {problem.field, *values}
        rest = [one for one in self._form.problems() if one.field not in mended]
        self._form.apply(values)
        if rest:
            self._form.show_problems([*rest, *self._form.problems()])
        elif not self._form.problems():
            self._window.show_message(_NOTHING_ELSE)

    def _open_list(self, path: str) -> None:
        editor = self._window.training.setup.form.fields[path].editor
        editor.setFocus()
        if isinstance(editor, QComboBox):
            editor.showPopup()

    def _browse(self, path: str) -> None:
        field = self._window.training.setup.form.fields[path]
        if isinstance(field, FolderField):
            field.browse()
