"""Connects the dialog of rented pods, and the words in the status bar that lead to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from controllers.pods_list import PodsList
from models.qt.pod_words import end_text, indicator_words, pod_title
from views.dialogs.question_dialog import QuestionDialog
from views.main_window import RUNS
from views.widgets.buttons import push_button

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.pods_controller import PodsController
    from controllers.ports import RemotePort
    from models.domain.pod_rows import PodRow
    from views.dialogs.pods_dialog import PodsDialog
    from views.main_window import MainWindow
    from views.panels.runs_panel import RunsPanel

_LOOK_MS = 5000
"""While a pod may cost, the record is looked at so often: its end is confirmed by the driver."""


class PodListConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self, window: MainWindow, desk: Desk, remote: RemotePort, controller: PodsController
    ) -> None:
        super().__init__(window)
        self._window = window
        self._remote = remote
        self._controller = controller
        self._dialog: PodsDialog | None = None
        self._to_end: PodRow | None = None
        self.list = PodsList(desk, window.models, remote.pods, controller, self)
        self._indicator = push_button("", "link")
        self._indicator.setObjectName("pods.indicator")
        self._indicator.setToolTip("Show the rented pods, which cost money")
        self._indicator.hide()
        window.statusBar().addPermanentWidget(self._indicator)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(controller.refresh)
        self._connect()

    @Slot()
    def show_pods(self) -> None:
        """Show the dialog; it stands beside the window, which can be used meanwhile."""
        if self._dialog is None:
            self._dialog = self._make_dialog()
        self._dialog.show()
        self._dialog.activateWindow()
        self.list.refresh()

    def _connect(self) -> None:
        self._controller.changed.connect(self._on_changed)
        self._indicator.clicked.connect(self.show_pods)
        self._window.actions_.pods.triggered.connect(self.show_pods)
        self._window.training.run_panel.pod.manage_requested.connect(self.show_pods)
        self._window.when_made(RUNS, self._connect_page)
        self._window.closed.connect(self._on_closed)

    def _connect_page(self, page: RunsPanel) -> None:
        page.run_panel.pod.manage_requested.connect(self.show_pods)

    def _make_dialog(self) -> PodsDialog:
        from views.dialogs.pods_dialog import PodsDialog  # when it is wanted

        dialog = PodsDialog(self._window.models.pods, self._window)
        dialog.refresh_requested.connect(self.list.refresh)
        dialog.end_requested.connect(self._on_end)
        dialog.console_requested.connect(self._on_console)
        dialog.copied.connect(self._on_copied)
        return dialog

    @Slot(object)
    def _on_changed(self, rows: tuple[PodRow, ...]) -> None:
        self._indicator.setText(indicator_words(rows))
        self._indicator.setVisible(bool(rows))
        if not rows:
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()

    @Slot(object)
    def _on_end(self, row: PodRow) -> None:
        self._to_end = row
        name = self._window.models.pods.name_of(row)
        dialog = QuestionDialog(
            pod_title(name), end_text(row), (("end", "End pod"),), self._dialog, risky=True
        )
        dialog.answered.connect(self._on_end_confirmed)
        dialog.open()

    @Slot(str)
    def _on_end_confirmed(self, _answer: str) -> None:
        if self._to_end is not None:
            self.list.end(self._to_end)

    @Slot(object)
    def _on_console(self, row: PodRow) -> None:
        QDesktopServices.openUrl(QUrl(self._remote.pods.page(row.id)))

    @Slot()
    def _on_copied(self) -> None:
        self._window.show_message("The SSH command is on the clipboard")

    @Slot()
    def _on_closed(self) -> None:
        self._timer.stop()
        if self._dialog is not None:
            self._dialog.close()
