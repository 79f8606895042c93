"""Choosing a dataset of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from models.domain.config_io import settings_index
from views.widgets.buttons import IconButton, push_button
from views.widgets.card import text_label
from views.widgets.fields import CalmComboBox, Field

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMenu

    from models.domain.dataset import DatasetSession
    from models.qt.datasets_model import DatasetsModel

PATH = "dataset.session"


class DatasetField(Field):
    """A combo box over the library, what the chosen dataset is, and what to do without one.

    Signals:
        import_requested, sample_requested, refresh_requested: the buttons.
        preview_requested: show the rows of this DatasetSession (payload).
        learning_requested: show what the model would learn from this DatasetSession (payload).
    """

    import_requested = Signal()
    sample_requested = Signal()
    refresh_requested = Signal()
    preview_requested = Signal(object)
    learning_requested = Signal(object)

    def __init__(self) -> None:
        self._combo = CalmComboBox()
        super().__init__(settings_index()[PATH], self._combo)
        self._model: DatasetsModel | None = None
        self._reference = ""
        self._empty: QWidget | None = None
        self._combo.setPlaceholderText("Reading the library…")
        self._refresh = IconButton("refresh", "Read the list of datasets again")
        self._refresh.setObjectName("dataset.refresh")
        self._import = push_button("&Import…")
        self._import.setObjectName("dataset.import")
        self._caption = text_label("", "muted", wrap=True)
        self._caption.setObjectName("dataset.caption")
        self._rows = push_button("Show rows", "link")
        self._rows.setObjectName("dataset.rows")
        self._rows.setToolTip("Look at the rows of the chosen dataset")
        self._learning = push_button("What it will learn…", "link")
        self._learning.setObjectName("dataset.preview")
        self._learning.setToolTip(
            "See which tokens of each row this model would learn, and what stands in the way"
        )
        self._chooser = QWidget()
        self._build_chooser()
        self._caption.hide()
        self._rows.hide()
        self._learning.hide()

    def attach(self, model: DatasetsModel) -> None:
        """Offer the datasets of this model."""
        self._model = model
        self._build_empty()
        self._build_links()
        self._combo.setModel(model)
        self._combo.setModelColumn(0)
        self._combo.activated.connect(self._on_activated)
        self._refresh.clicked.connect(self.refresh_requested)
        self._rows.clicked.connect(self._on_show_rows)
        self._learning.clicked.connect(self._on_show_learning)
        model.modelReset.connect(self._on_list_changed)
        model.rowsInserted.connect(self._on_list_changed)
        model.rowsRemoved.connect(self._on_list_changed)

    def set_import_menu(self, menu: QMenu) -> None:
        """Let the button offer all ways to import; it does nothing else: a click opens a menu."""
        self._import.setMenu(menu)

    def summary(self, value: object) -> str:
        """The name: the reference is a number that nobody knows."""
        return self._combo.currentText() if value else ""

    def show_value(self, value: object) -> None:
        self._reference = str(value)
        self._select()

    @property
    def session(self) -> DatasetSession | None:
        """The dataset that is chosen, where the library has it."""
        return None if self._model is None else self._model.by_reference(self._reference)

    @Slot()
    def _on_list_changed(self) -> None:
        has_any = self._has_any()
        self._chooser.setVisible(has_any)
        if self._empty is not None:
            if has_any and self._empty.isAncestorOf(self._empty.window().focusWidget()):
                self._combo.setFocus()  # what was pressed goes, and the eye with it
            self._empty.setVisible(not has_any)
        self._select()

    @Slot(int)
    def _on_activated(self, row: int) -> None:
        session = self._model.item(row) if self._model is not None else None
        if session is not None:
            from models.qt.datasets_model import reference_of  # not in the first frame

            self._reference = reference_of(session)
            self._select()
            self.edited.emit(PATH, self._reference)

    @Slot()
    def _on_show_rows(self) -> None:
        if self.session is not None:
            self.preview_requested.emit(self.session)

    @Slot()
    def _on_show_learning(self) -> None:
        if self.session is not None:
            self.learning_requested.emit(self.session)

    def _has_any(self) -> bool:
        return self._model is not None and self._model.rowCount() > 0

    def _select(self) -> None:
        if self._model is None:
            return
        from models.qt.datasets_model import describe  # not needed for the first frame

        session = self.session
        self._combo.setCurrentIndex(-1 if session is None else self._model.row_of(session.id))
        missing = self._reference and self._has_any() and session is None
        self._combo.setPlaceholderText(
            f"“{self._reference}” is not in the library" if missing else "Choose a dataset"
        )
        self._caption.setText("" if session is None else describe(session))
        self._caption.setVisible(session is not None)
        self._rows.setVisible(session is not None)
        self._learning.setVisible(session is not None)

    def _build_chooser(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._combo, 1)
        row.addWidget(self._refresh)
        row.addWidget(self._import)
        column = QVBoxLayout(self._chooser)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self._caption)
        self.column.insertWidget(0, self._chooser)

    def _build_links(self) -> None:
        from views.widgets.flow_row import FlowRow  # not needed for the first frame

        holder = QWidget()
        links = FlowRow(holder, spacing=4)
        links.addWidget(self._learning)
        links.addWidget(self._rows)
        layout = self._chooser.layout()
        if layout is not None:
            layout.addWidget(holder)

    def _build_empty(self) -> None:
        from views.widgets.flow_row import FlowRow  # not needed for the first frame

        self._empty = QWidget()
        column = QVBoxLayout(self._empty)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        sentence = "No dataset yet. Import a file of yours, or begin with the sample."
        column.addWidget(text_label(sentence, "muted", wrap=True))
        row = FlowRow()
        first_import = push_button("&Import a file…")
        first_import.setObjectName("dataset.import_first")
        sample = push_button("Use the sample")
        sample.setObjectName("dataset.use_sample")
        row.addWidget(first_import)
        row.addWidget(sample)
        column.addLayout(row)
        first_import.clicked.connect(self.import_requested)
        sample.clicked.connect(self.sample_requested)
        self._empty.hide()
        self.column.insertWidget(1, self._empty)
