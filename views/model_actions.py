"""What can be done with the model that is selected, as one menu for the page and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot

from models.domain.cached_model import ModelPlace, ModelState
from views.action_menu import ActionMenu, enable

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from models.domain.cached_model import CachedModel

_CHOOSE = "Choose a model in the table first"
_BUSY = "Wait for what is going on, or cancel it"
_NOT_HERE = "Nothing of it is on this computer"
_OFFLINE = "Offline mode is on: nothing is downloaded"
_FOLDER = "A folder of yours: there is nothing to download"
_SHARED = "Other programs keep it in the Hugging Face cache; it is not Temper's to remove"
_DOWNLOAD_WORDS = {
    ModelState.MISSING: "&Download",
    ModelState.PARTIAL: "&Go on downloading",
    ModelState.DAMAGED: "&Repair",
    ModelState.COMPLETE: "Look for a newer &version",
}


class ModelActions(ActionMenu):
    """The actions by attribute; :meth:`show_model` says for which model they are.

    Signals:
        download_requested: the repo.
        use_requested, verify_requested, remove_requested, open_requested: the CachedModel.
        add_requested: choose a folder.
    """

    download_requested = Signal(str)
    use_requested = Signal(object)
    verify_requested = Signal(object)
    remove_requested = Signal(object)
    open_requested = Signal(object)
    add_requested = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__("models.menu", parent)
        self._model: CachedModel | None = None
        self._is_busy = self._is_offline = False
        self.download = self._make("&Download", "Fetch what is missing; it goes on where it was")
        self.use = self._make("&Train on it", "Choose it as the base model of the training")
        self.menu.addSeparator()
        self.verify = self._make("&Verify", "Compare every byte with the hashes of Hugging Face")
        self.open = self._make("&Open folder", "Show its files")
        self.menu.addSeparator()
        self.remove = self._make("Re&move…\tDel", "Take it off this computer")
        self.menu.addSeparator()
        self.add = self._make("&Add a folder…", "List a model's folder of yours; nothing is copied")
        self._connect()
        self.show_model(None)

    def show_model(self, model: CachedModel | None) -> None:
        """Enable what can be done with this model, and say why not with the others."""
        self._model = model
        chosen = "" if model else _CHOOSE
        here = chosen or ("" if model and model.is_here else _NOT_HERE)
        busy = _BUSY if self._is_busy else ""
        self.download.setText(self._download_words(model))
        enable(self.download, chosen or busy or self._why_no_download(model))
        enable(self.use, chosen)
        enable(self.verify, here or busy)
        enable(self.open, here)
        is_shared = model is not None and model.where is ModelPlace.SHARED
        enable(self.remove, here or busy or (_SHARED if is_shared else ""))

    def set_state(self, *, busy: bool | None = None, offline: bool | None = None) -> None:
        """Something long goes on, or the network may not be used."""
        self._is_busy = self._is_busy if busy is None else busy
        self._is_offline = self._is_offline if offline is None else offline
        self.show_model(self._model)

    def _download_words(self, model: CachedModel | None) -> str:
        if model is None or model.where is ModelPlace.SHARED:
            return "&Download"
        return _DOWNLOAD_WORDS[model.state] if model.is_repo else "&Download"

    def _why_no_download(self, model: CachedModel | None) -> str:
        if model is not None and not model.is_repo:
            return _FOLDER
        # Offline, what another program has can still be linked.
        can_link = model is not None and model.where is ModelPlace.SHARED
        return _OFFLINE if self._is_offline and not can_link else ""

    def _connect(self) -> None:
        self.download.triggered.connect(self._on_download)
        self.use.triggered.connect(self._on_use)
        self.verify.triggered.connect(self._on_verify)
        self.open.triggered.connect(self._on_open)
        self.remove.triggered.connect(self._on_remove)
        self.add.triggered.connect(self.add_requested)

    @Slot()
    def _on_download(self) -> None:
        if self._model is not None:
            self.download_requested.emit(self._model.repo_id_or_path)

    @Slot()
    def _on_use(self) -> None:
        if self._model is not None:
            self.use_requested.emit(self._model)

    @Slot()
    def _on_verify(self) -> None:
        if self._model is not None:
            self.verify_requested.emit(self._model)

    @Slot()
    def _on_open(self) -> None:
        if self._model is not None:
            self.open_requested.emit(self._model)

    @Slot()
    def _on_remove(self) -> None:
        if self._model is not None:
            self.remove_requested.emit(self._model)
