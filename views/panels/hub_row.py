"""What can be said of a Hugging Face dataset before it is in the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout

from models.domain.config import SOURCE_HUB
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.field_grid import GridRow

if TYPE_CHECKING:
    from models.qt.form_model import FormModel


class HubRow(GridRow):
    """Shown while the setup trains on a dataset of the Hub, whose rows are not here.

    Signals:
        import_requested: repo, config and split that stand in the form.
        changed: it is shown now, or no longer.
    """

    import_requested = Signal(str, str, str)
    changed = Signal()

    def __init__(self, form: FormModel) -> None:
        super().__init__()
        self._form = form
        words = text_label(
            "Import it to see what the model will learn from it.", "muted", wrap=True
        )
        self._button = push_button("Import it…", "link")
        self._button.setObjectName("dataset.hub_import")
        self._button.setToolTip("Bring this dataset into your library")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(words, 1)
        row.addWidget(self._button)
        self._button.clicked.connect(self._on_import)
        form.reset.connect(self._show)
        form.value_changed.connect(self._on_value_changed)
        self._show()

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path == "dataset.source":
            self._show()

    @Slot()
    def _show(self) -> None:
        shown = self._form.value("dataset.source") == SOURCE_HUB
        if shown is not self.is_shown:
            self.set_shown(shown)
            self.changed.emit()

    @Slot()
    def _on_import(self) -> None:
        names = ("hf_repo", "hf_config", "hf_split")
        values = (str(self._form.value(f"dataset.{name}")).strip() for name in names)
        self.import_requested.emit(*values)
