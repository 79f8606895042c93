"""The window: a rail of pages, the menus, and the dialogs that belong to them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from models.domain.dataset import IMPORT_SUFFIXES
from views.panels.training_panel import TrainingPanel
from views.theme import current_theme
from views.widgets.buttons import NavButton
from views.window_menus import PAGES, WindowMenus
from views.window_pages import WindowPages, make_doctor, make_settings, make_storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent

    from models.domain.run import Run
    from models.qt.app_models import AppModels
    from models.qt.notice import Notice
    from views.config_menu import ConfigMenu
    from views.panels.datasets_panel import DatasetsPanel
    from views.panels.models_panel import ModelsPanel
    from views.panels.runs_panel import RunsPanel
    from views.window_actions import WindowActions

TRAINING, RUNS, DATASETS, MODELS, STORAGE, DOCTOR, SETTINGS = range(7)
_ICONS = ("training", "runs", "datasets", "models", "storage", "doctor", "settings")
_NARROW = 760


class MainWindow(QMainWindow):
    """The frame. Every wish of the user leaves it as a signal.

    Signals:
        close_asked: closing was refused by ``may_close``; ask what to do about it.
        closed: the window is gone.
        file_dropped: the Path (payload) of a dataset file.
        help_requested: the topic to open the guide at.
        theme_chosen: system, light or dark.
        completed: all pages can be shown now.
    """

    close_asked = Signal()
    closed = Signal()
    file_dropped = Signal(object)
    help_requested = Signal(str)
    theme_chosen = Signal(str)
    completed = Signal()

    actions_: WindowActions
    config_menu: ConfigMenu

    def __init__(self, models: AppModels) -> None:
        super().__init__()
        current_theme().dress(self)
        self.models = models
        self.may_close: Callable[[], bool] | None = None
        self._share = ""
        self._menus = WindowMenus(self.menuBar())
        self.training = TrainingPanel(models.form)
        self.runs: RunsPanel | None = None
        self.datasets: DatasetsPanel | None = None
        self.base_models: ModelsPanel | None = None
        self._rail = QFrame()
        self._nav = [NavButton(icon, page) for icon, page in zip(_ICONS, PAGES, strict=True)]
        self._pages = WindowPages()  # its name is said when it gets the focus
        self._pages.setAccessibleName(PAGES[TRAINING])
        self._build()
        self._connect()
        self._show_title()
        self._is_ready = False

    def complete(self) -> None:
        """Build what the first frame does not show."""
        if self.datasets is not None:
            return
        from views.panels.datasets_panel import DatasetsPanel  # after the first frame
        from views.panels.models_panel import ModelsPanel

        models, pages = self.models, self._pages
        models.complete()
        self.training.complete(models)
        # These two show work that may begin elsewhere; the others only what is in their models.
        self.datasets = DatasetsPanel(models.datasets, models.rows)
        pages.add(DATASETS, self.datasets)
        self.base_models = ModelsPanel(models.base_library)
        pages.add(MODELS, self.base_models)
        pages.add_later(RUNS, self._make_runs)
        pages.add_later(STORAGE, partial(make_storage, models))
        pages.add_later(DOCTOR, partial(make_doctor, models))
        pages.add_later(SETTINGS, partial(make_settings, models))
        self.setWindowIcon(current_theme().program_icon())
        current_theme().changed.connect(self._fit_rail)
        self._make_actions()
        self.models.run.status.changed.connect(self._show_run_actions)
        for shown in (self.models.run, self.models.shown_run):
            shown.inference.adapter_changed.connect(self._show_run_actions)
        self._pages.currentChanged.connect(self._show_run_actions)
        self._show_run_actions()
        self._pages.setFocus()  # Tab begins with the page, and no button looks chosen before it
        self.completed.emit()

    def when_made(self, page: int, connect: Callable[[Any], None]) -> None:
        """Call with RUNS, STORAGE, DOCTOR or SETTINGS, which are built when they are first shown:
        now if that was before, or then."""
        self._pages.when_made(page, connect)

    def _make_runs(self) -> RunsPanel:
        from views.panels.runs_panel import RunsPanel

        models = self.models
        self.runs = RunsPanel(models.runs, models.queue, models.shown_run, models.compared)
        self.runs.actions_.changed.connect(self._show_run_actions)
        return self.runs

    def _make_actions(self) -> None:
        from views.config_menu import ConfigMenu
        from views.window_actions import WindowActions

        self.actions_ = WindowActions(self, self._menus)
        self.config_menu = ConfigMenu(self.actions_, self.models, self)
        for action in self.actions_.pages:
            action.triggered.connect(self._on_page_action)
        self.actions_.themes.triggered.connect(self._on_theme)
        self.actions_.quit.triggered.connect(self.close)
        self.actions_.shortcuts.triggered.connect(self._on_shortcuts)
        self.actions_.about.triggered.connect(self._on_about)

    def set_ready(self, ready: bool) -> None:
        """The services are there: everything may be used."""
        self.training.set_ready(ready)
        self._is_ready = ready
        self._show_run_actions()

    @Slot(object)
    def show_notice(self, notice: Notice) -> None:
        """Show a notice on the page that is shown; on the Training page where it has no place."""
        banner = self.training.banner
        if self.page == DATASETS and self.datasets is not None:
            banner = self.datasets.banner
        elif self.page == RUNS and self.runs is not None:
            banner = self.runs.banner
        elif self.page == MODELS and self.base_models is not None:
            banner = self.base_models.banner
        banner.show_notice(notice)

    @Slot(str)
    def show_message(self, text: str) -> None:
        """Say something in the status bar."""
        self.statusBar().showMessage(text, 15_000)

    def show_page(self, page: int) -> None:
        """Go to TRAINING, RUNS, DATASETS, MODELS, STORAGE, DOCTOR or SETTINGS."""
        self._nav[page].setChecked(True)
        if not self._pages.has(page):
            return
        leaves = page != self.page and self._pages.isAncestorOf(self.focusWidget())
        self._pages.setCurrentWidget(self._pages.make(page))
        self._pages.setAccessibleName(PAGES[page])
        if leaves:
            self._pages.setFocus()  # else it would land on some button of the new page

    @property
    def page(self) -> int:
        """The page that is shown."""
        return self._pages.page

    def shown_run(self) -> Run | None:
        """The run that the Run menu is about: the one of the page that is shown."""
        if self.page != RUNS or self.runs is None:
            return self.models.run.status.run
        selected = self.runs.selected_runs()
        return selected[0] if len(selected) == 1 else None

    def check_theme(self, mode: str) -> None:
        """Tick the theme that is used."""
        for action in self.actions_.themes.actions():
            action.setChecked(action.data() == mode)

    def _build(self) -> None:
        self._rail.setProperty("role", "rail")
        column = QVBoxLayout(self._rail)
        column.setContentsMargins(8, 12, 8, 12)
        column.setSpacing(6)
        for number, button in enumerate(self._nav):
            button.setObjectName(f"nav.{PAGES[number].lower()}")
            if number == DOCTOR:  # at the rail's foot, apart from the work
                column.addStretch(1)
            column.addWidget(button)
        self._nav[TRAINING].setChecked(True)
        self._pages.add(TRAINING, self.training)
        body = QWidget()
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._rail)
        row.addWidget(self._pages, 1)
        self.setCentralWidget(body)
        self.statusBar().setSizeGripEnabled(False)
        self.setAcceptDrops(True)
        self.setMinimumSize(560, 360)
        self.resize(self._first_size())
        self._fit_rail()

    @Slot()
    def _fit_rail(self) -> None:
        """Icons alone where the window is too narrow for words of this size."""
        scale = current_theme().scale
        compact = self.width() < _NARROW * scale
        self._rail.setFixedWidth(round(16 + (16 + 22 * scale if compact else 76 * scale)))
        for button in self._nav:
            button.set_compact(compact)

    def _first_size(self) -> QSize:
        wanted = QSize(1280, 800)
        if QGuiApplication.platformName() == "offscreen":  # its screen is 800 x 800
            return wanted
        return wanted.boundedTo(self.screen().availableSize())

    def _connect(self) -> None:
        for button in self._nav:
            button.clicked.connect(self._on_nav)
        self.models.form.title_changed.connect(self._show_title)

    def set_progress(self, share: str) -> None:
        """Show how far the training is at the title's begin, where a taskbar shows it; or not."""
        if share != self._share:
            self._share = share
            self._show_title()

    @Slot()
    def _show_title(self) -> None:
        name = self.models.form.name
        title = f"{name}[*] — Temper" if name else "Temper[*]"
        self.setWindowTitle(f"{self._share} · {title}" if self._share else title)
        self.setWindowModified(bool(name) and self.models.form.is_unsaved)

    @Slot()
    def _show_run_actions(self) -> None:
        if self.datasets is None:
            return
        self.config_menu.set_ready(self._is_ready)
        self.actions_.import_menu.setEnabled(self._is_ready)
        self.actions_.import_dataset.setEnabled(self._is_ready)
        status = self.models.run.status
        has_run = self.shown_run() is not None
        queues = status.is_live and not status.is_starting
        self.actions_.start.setEnabled(self._is_ready and not status.is_starting)
        self.actions_.start.setText("Add to &queue" if queues else "&Start training")
        self.actions_.stop.setEnabled(self._is_ready and status.is_live)
        self.actions_.reattach.setEnabled(self._is_ready and not status.is_live)
        shown = self.models.shown_run if self.page == RUNS else self.models.run
        self.actions_.try_model.setEnabled(shown.inference.tuned is not None)
        self.actions_.open_folder.setEnabled(has_run)
        self.actions_.download_logs.setEnabled(has_run)

    @Slot()
    def _on_nav(self) -> None:
        self.show_page(next(i for i, button in enumerate(self._nav) if button.isChecked()))

    @Slot()
    def _on_page_action(self) -> None:
        action = self.sender()
        number = self.actions_.pages.index(cast("QAction", action))
        self.show_page(number)

    @Slot("QAction*")
    def _on_theme(self, action: QAction) -> None:
        self.theme_chosen.emit(str(action.data()))

    @Slot()
    def _on_shortcuts(self) -> None:
        from views.dialogs.shortcuts_dialog import ShortcutsDialog

        ShortcutsDialog(self.actions_.all, self).open()

    @Slot()
    def _on_about(self) -> None:
        from views.dialogs.help_dialogs import AboutDialog

        AboutDialog(self.property("version") or "", self).open()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_rail()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._is_ready and _dataset_files(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for path in _dataset_files(event):
            self.file_dropped.emit(path)
        event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.may_close is not None and not self.may_close():
            event.ignore()
            self.close_asked.emit()
            return
        super().closeEvent(event)
        self.closed.emit()


def _dataset_files(event: QDropEvent) -> list[Path]:
    urls = event.mimeData().urls()
    files = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    return [file for file in files if file.is_dir() or file.suffix.lower() in IMPORT_SUFFIXES]
