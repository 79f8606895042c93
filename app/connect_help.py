"""Connects help: the guide at F1 and the "?" buttons, the welcome at the first start, the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from app.paths import guide_folder
from controllers.demo_controller import TRY_DEMO, TRY_MODEL, DemoController
from controllers.welcome_controller import WelcomeController
from models.domain.guide import Guide, load_guide
from models.qt.notice import Notice
from views.main_window import DATASETS, DOCTOR, RUNS, SETTINGS, STORAGE, TRAINING
from views.widgets.help_button import help_topics

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from app.wiring import Wiring
    from controllers.desk import Desk
    from services.progress import Progress
    from views.dialogs.guide_window import GuideWindow
    from views.main_window import MainWindow

_PAGE_TOPICS = {
    TRAINING: "quick-start",
    RUNS: "runs",
    DATASETS: "datasets",
    STORAGE: "storage",
    DOCTOR: "doctor",
    SETTINGS: "settings",
}


class GuideDesk(QObject):
    """Opens the guide for a window; needs no services, so it is there when they are not."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._guide: Guide | None = None
        self._reader: GuideWindow | None = None
        window.help_requested.connect(self.show_guide)
        window.actions_.guide.triggered.connect(self.show_here)

    @Slot(str)
    def show_guide(self, topic: str) -> None:
        """Open the guide at a setting, a control, a page or ``page#anchor``."""
        guide = self._read()
        if guide is None:
            return
        if self._reader is None:
            from views.dialogs.guide_window import GuideWindow  # when it is wanted

            self._reader = GuideWindow(guide, guide_folder(), self._window)
            self._reader.link_activated.connect(self._on_link)
            self._window.closed.connect(self._reader.close)
        self._reader.show_topic(topic)

    @Slot()
    def show_here(self) -> None:
        """Open the guide at what has the focus, or at what the shown page is about."""
        guide = self._read()
        topics = help_topics(QApplication.focusWidget())
        page = _PAGE_TOPICS.get(self._window.page, "")
        known = (topic for topic in topics if guide is not None and guide.near(topic))
        self.show_guide(next(known, page))

    def _read(self) -> Guide | None:
        """All pages: 45 kB, read and parsed in 5 ms, so the window may wait for them."""
        if self._guide is None:
            try:
                self._guide = load_guide(guide_folder())
            except OSError as error:
                title = "The guide cannot be read"
                text = f"{error}. Install Temper again to have it back."
                self._window.show_notice(Notice(title, text, "bad"))
        return self._guide

    @Slot(str)
    def _on_link(self, address: str) -> None:
        if self._reader is None:
            return
        if self._window.models.form.circumstances.offline:
            self._reader.say(f"Offline mode: {address} was not opened.")
        else:
            QDesktopServices.openUrl(QUrl(address))


class HelpConnection(QObject):
    """Guide, welcome and demo of a window; lives as long as it."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, wiring: Wiring
    ) -> None:
        super().__init__(wiring)
        self._window = window
        self._wiring = wiring
        self.guide = GuideDesk(window)
        self.welcome = WelcomeController(desk, services.welcome, self)
        self.demo = DemoController(
            desk,
            window.models,
            services.demo,
            wiring.environment,
            wiring.configs,
            wiring.training,
        )
        self.welcome.wanted.connect(self.show_welcome)
        window.actions_.welcome.triggered.connect(self.show_welcome)
        window.actions_.try_model.triggered.connect(self._on_try_shown)
        self._connect_demo()

    async def greet(self) -> None:
        """Welcome whoever starts the program for the first time."""
        await self.welcome.greet()

    @Slot()
    def show_welcome(self) -> None:
        """Show the three ways to begin."""
        from views.dialogs.welcome_dialog import WelcomeDialog  # seldom shown

        offline = self._window.models.form.circumstances.offline
        dialog = WelcomeDialog(offline=offline, parent=self._window)
        dialog.demo_requested.connect(self.demo.try_it)
        dialog.import_requested.connect(self._wiring.importing.choosers.ask_files)
        dialog.guide_requested.connect(self._on_guide)
        dialog.finished.connect(self._on_welcome_closed)
        dialog.open()

    def _connect_demo(self) -> None:
        demo, bar = self.demo, self._window.training.environment
        demo.began.connect(bar.begin)
        demo.progressed.connect(self._on_progress)
        demo.ended.connect(bar.end)
        bar.cancel_requested.connect(demo.cancel)
        demo.prepared.connect(self._wiring.datasets.refresh)
        demo.loaded.connect(self._on_loaded)
        self._window.training.banner.action_requested.connect(self._on_action)

    @Slot()
    def _on_guide(self) -> None:
        self.guide.show_guide("quick-start")

    @Slot(int)
    def _on_welcome_closed(self, _result: int) -> None:
        self.welcome.dismiss()

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        self._window.training.environment.show_progress(progress.fraction, progress.message)

    @Slot()
    def _on_loaded(self) -> None:
        self._window.show_page(TRAINING)

    @Slot(str)
    def _on_action(self, action: str) -> None:
        if action == TRY_DEMO:
            self.demo.try_it()
        elif action == TRY_MODEL:
            self._on_try_model()

    @Slot()
    def _on_try_shown(self) -> None:
        runs = self._window.runs
        if self._window.page == RUNS and runs is not None:
            runs.run_panel.show_inference()
        else:
            self._on_try_model()

    @Slot()
    def _on_try_model(self) -> None:
        self._window.show_page(TRAINING)
        self._window.training.run_panel.show_inference()
