"""The questions of the Datasets page: each is opened, and its answer leaves as a signal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from views.dialogs.file_dialogs import save_dialog
from views.dialogs.merge_dialog import MergeDialog
from views.dialogs.name_dialog import RENAME_DATASET, NameDialog
from views.dialogs.split_dialog import SplitDialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from models.domain.dataset import DatasetSession
    from models.qt.datasets_model import DatasetsModel

JSON_FILTER = "JSON lines (*.jsonl)"
PARQUET_FILTER = "Parquet (*.parquet)"
_ENDINGS = {JSON_FILTER: "jsonl", PARQUET_FILTER: "parquet"}
_LONGEST_FILE_NAME = 80
_MOST_NAMES = 3


class DatasetDialogs(QObject):
    """Questions about datasets of the library, none of which stops the program.

    Signals:
        renamed: a DatasetSession and its new name.
        export_path_chosen: a DatasetSession and the Path (payloads) for its rows.
        merge_confirmed: the MergePlan (payload).
        split_confirmed: the SplitPlan (payload).
    """

    renamed = Signal(object, str)
    export_path_chosen = Signal(object, object)
    merge_confirmed = Signal(object)
    split_confirmed = Signal(object)

    def __init__(self, datasets: DatasetsModel, window: QWidget) -> None:
        super().__init__(window)
        self._datasets = datasets
        self._window = window
        self._session: DatasetSession | None = None

    @Slot(object)
    def ask_name(self, session: DatasetSession) -> None:
        """Which name shall it have?"""
        self._session = session
        dialog = NameDialog(
            self._datasets, session.name, self._window, use=RENAME_DATASET, renamed=session.name
        )
        dialog.named.connect(self._on_named)
        dialog.open()

    @Slot(object)
    def ask_export_path(self, session: DatasetSession) -> None:
        """Where to write its rows, and how?"""
        self._session = session
        dialog = save_dialog(
            self._window,
            "export.dialog",
            f"Export {session.name}",
            ";;".join(_ENDINGS),
            f"{_file_name(session.name)}.jsonl",
        )
        dialog.setDefaultSuffix(_ENDINGS[JSON_FILTER])
        dialog.filterSelected.connect(self._on_filter)
        dialog.fileSelected.connect(self._on_path)
        dialog.open()

    @Slot(object)
    def ask_merge(self, sessions: Sequence[DatasetSession]) -> None:
        """How much of each?"""
        names = [session.name for session in sessions[:_MOST_NAMES]]
        more = len(sessions) - _MOST_NAMES
        name = " + ".join(names) + (f" + {more} more" if more > 0 else "")
        dialog = MergeDialog(sessions, name[:120], self._window)
        dialog.confirmed.connect(self.merge_confirmed)
        dialog.open()

    @Slot(object)
    def ask_split(self, session: DatasetSession) -> None:
        """How much of it?"""
        dialog = SplitDialog(session, self._window)
        dialog.confirmed.connect(self.split_confirmed)
        dialog.open()

    @Slot(str)
    def _on_named(self, name: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            self.renamed.emit(session, name)

    @Slot(str)
    def _on_filter(self, chosen: str) -> None:
        """Give the name that stands there the ending that was chosen."""
        from PySide6.QtWidgets import QFileDialog

        dialog = self.sender()
        if isinstance(dialog, QFileDialog) and chosen in _ENDINGS:
            dialog.setDefaultSuffix(_ENDINGS[chosen])
            for file in dialog.selectedFiles()[:1]:
                dialog.selectFile(Path(file).with_suffix(f".{_ENDINGS[chosen]}").name)

    @Slot(str)
    def _on_path(self, path: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            self.export_path_chosen.emit(session, Path(path))


def _file_name(name: str) -> str:
    """A name that every file system takes, as close to the dataset's as it can be."""
    kept = "".join(letter if letter.isalnum() or letter in " -_().," else "-" for letter in name)
    return kept.strip(" .")[:_LONGEST_FILE_NAME] or "dataset"
