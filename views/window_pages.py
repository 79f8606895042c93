"""The pages of the window by their numbers; some are built when they are first shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QStackedWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from models.qt.app_models import AppModels
    from views.panels.doctor_panel import DoctorPanel
    from views.panels.settings_panel import SettingsPanel
    from views.panels.storage_panel import StoragePanel


class WindowPages(QStackedWidget):
    """A page that is built late has missed nothing: what it shows is in its model."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[int, QWidget] = {}
        self._makers: dict[int, Callable[[], QWidget]] = {}
        self._waiting: dict[int, list[Callable[[Any], None]]] = {}

    @property
    def page(self) -> int:
        """The number of the page that is shown."""
        shown = self.currentWidget()
        return next(number for number, widget in self._made.items() if widget is shown)

    def has(self, page: int) -> bool:
        """Whether a page can be shown."""
        return page in self._made or page in self._makers

    def add(self, page: int, widget: QWidget) -> None:
        """Take a page, and connect it with what waits for it."""
        self._made[page] = widget
        self.addWidget(widget)
        for connect in self._waiting.pop(page, ()):
            connect(widget)

    def add_later(self, page: int, make: Callable[[], QWidget]) -> None:
        """Take what builds a page."""
        self._makers[page] = make

    def when_made(self, page: int, connect: Callable[[Any], None]) -> None:
        """Call with the page once it is there: at once, or when it is first shown."""
        if page in self._made:
            connect(self._made[page])
        else:
            self._waiting.setdefault(page, []).append(connect)

    def make(self, page: int) -> QWidget:
        """The page, which is built now unless it was before."""
        if page not in self._made:
            from views.widgets.tab_order import order_tabs, tab_stops  # after the first frame

            first = next(iter(self._made.values()))
            self.add(page, self._makers.pop(page)())
            # Else Tab would come to it behind all that the window has; what is hidden it passes.
            order_tabs(self._made[page], next(tab_stops(first)))
        return self._made[page]


def make_storage(models: AppModels) -> StoragePanel:
    """The Storage page; its module is imported no sooner either."""
    from views.panels.storage_panel import StoragePanel

    return StoragePanel(models.storage)


def make_doctor(models: AppModels) -> DoctorPanel:
    """The Doctor page."""
    from views.panels.doctor_panel import DoctorPanel

    return DoctorPanel(models.doctor)


def make_settings(models: AppModels) -> SettingsPanel:
    """The Settings page."""
    from views.panels.settings_panel import SettingsPanel

    return SettingsPanel(models.settings)
