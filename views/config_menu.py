"""The Configuration menu: what can be done now, what can be loaded, and what was used last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.qt.configs_model import OFFLINE_MARK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QMenu

    from models.domain.dataset import SavedConfig
    from models.qt.app_models import AppModels
    from views.window_actions import WindowActions

MOST_LISTED = 20
"""A longer menu does not fit the screen; the list on the page has all."""


class ConfigMenu(QObject):
    """Keeps the menu as the models have it. Its actions are those of the window.

    Signals:
        load_requested: the SavedConfig (payload) to load.
        rename_requested, delete_requested, duplicate_requested: the SavedConfig (payload) that
            the setup came from.
        list_requested: show the list of all on the page.
    """

    load_requested = Signal(object)
    rename_requested = Signal(object)
    delete_requested = Signal(object)
    duplicate_requested = Signal(object)
    list_requested = Signal()

    def __init__(self, actions: WindowActions, models: AppModels, parent: QObject) -> None:
        super().__init__(parent)
        self._actions = actions
        self._configs = models.configs
        self._ready = False
        self._connect()
        self._fill_load()
        self._fill_recent()

    def set_ready(self, ready: bool) -> None:
        """The services are there: configurations may be read and saved."""
        self._ready = ready
        self._show_enabled()

    def _connect(self) -> None:
        actions, configs = self._actions, self._configs
        actions.load_menu.triggered.connect(self._on_chosen)
        actions.recent_menu.triggered.connect(self._on_chosen)
        actions.rename.triggered.connect(self._on_rename)
        actions.delete.triggered.connect(self._on_delete)
        actions.duplicate.triggered.connect(self._on_duplicate)
        configs.for_target.modelReset.connect(self._fill_load)
        configs.recent_changed.connect(self._fill_recent)
        configs.current_changed.connect(self._show_enabled)
        configs.offline_changed.connect(self._fill_load)
        configs.offline_changed.connect(self._fill_recent)

    @Slot()
    def _fill_load(self) -> None:
        menu, listed = self._actions.load_menu, self._configs.for_target.items
        menu.clear()
        self._add(menu, listed[:MOST_LISTED])
        if len(listed) > MOST_LISTED:
            menu.addSeparator()
            menu.addAction(f"All {len(listed):,} on the page…")
        self._show_enabled()

    @Slot()
    def _fill_recent(self) -> None:
        menu = self._actions.recent_menu
        menu.clear()
        self._add(menu, self._configs.recent, with_target=True)
        self._show_enabled()

    def _add(self, menu: QMenu, items: Iterable[SavedConfig], *, with_target: bool = False) -> None:
        for saved in items:
            target = f"  ·  {saved.target}" if with_target else ""
            mark = OFFLINE_MARK if self._configs.is_ready_offline(saved) else ""
            action = menu.addAction(f"{saved.name.replace('&', '&&')}{target}{mark}")
            action.setData(saved.id)

    @Slot()
    def _show_enabled(self) -> None:
        actions = self._actions
        for action in (
            actions.new, actions.save, actions.save_as, actions.import_config,
            actions.export_config, actions.refresh_configs,
        ):  # fmt: skip
            action.setEnabled(self._ready)
        has_current = self._ready and self._configs.current is not None
        for action in (actions.duplicate, actions.rename, actions.delete):
            action.setEnabled(has_current)
        for menu in (actions.load_menu, actions.recent_menu):
            menu.setEnabled(self._ready and not menu.isEmpty())

    @Slot("QAction*")
    def _on_chosen(self, action: QAction) -> None:
        if action.data() is None:
            self.list_requested.emit()
            return
        saved = self._configs.find(action.data())
        if saved is not None:
            self.load_requested.emit(saved)

    @Slot()
    def _on_rename(self) -> None:
        if self._configs.current is not None:
            self.rename_requested.emit(self._configs.current)

    @Slot()
    def _on_delete(self) -> None:
        if self._configs.current is not None:
            self.delete_requested.emit(self._configs.current)

    @Slot()
    def _on_duplicate(self) -> None:
        if self._configs.current is not None:
            self.duplicate_requested.emit(self._configs.current)
