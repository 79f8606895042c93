"""All images that trainings can run in: pull, build, remove, and the registries behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from models.domain.availability import disabled_reason
from models.domain.config import DEFAULT_IMAGE
from models.domain.container_rules import image_problem
from models.domain.docker import OUR_IMAGE_CPU, OUR_IMAGE_CUDA, ImageInfo
from models.qt.docker_model import EngineState
from views.dialogs.dialog_size import fit_to_screen
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import Card, restyle, text_label
from views.widgets.empty_state import EmptyState
from views.widgets.engine_row import EngineRow
from views.widgets.fields import CalmComboBox, problem_text
from views.widgets.fold_card import FoldCard
from views.widgets.help_button import HelpButton
from views.widgets.image_progress import ImageProgressView
from views.widgets.item_table import ItemTable
from views.widgets.log_view import LogTable
from views.widgets.page_column import ScrollColumn, reveal
from views.widgets.registry_box import RegistryBox

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from models.qt.docker_model import DockerModel
    from models.qt.form_model import FormModel
    from models.qt.hardware_model import HardwareModel

_VARIANTS = (("For NVIDIA GPUs (CUDA)", OUR_IMAGE_CUDA), ("For the processor", OUR_IMAGE_CPU))
_SIZE = QSize(880, 720)
_TABLE_ROWS = 5
_LOG_ROWS = 10


class ImagesDialog(QDialog):
    """Shows the model; every wish leaves as a signal. Closing it ends nothing.

    Signals:
        pull_requested, build_requested: a tag.
        use_requested: the tag to train in.
        remove_requested: the ImageInfo (payload) to take away, once asked about.
        help_requested: the topic to open the guide at.
    """

    pull_requested = Signal(str)
    build_requested = Signal(str)
    use_requested = Signal(str)
    remove_requested = Signal(object)
    help_requested = Signal(str)

    def __init__(
        self,
        model: DockerModel,
        hardware: HardwareModel,
        form: FormModel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("docker.images_dialog")
        self.setWindowTitle("Docker images")
        self._model = model
        self._form = form
        self.engine = EngineRow("images.engine", model, hardware)
        self.progress = ImageProgressView("images.task", model)
        self.registries = RegistryBox(model, form)
        self.table = ItemTable("images.table", "Images of this computer", model.images)
        self._empty = EmptyState("")
        self._pages = QStackedWidget()
        self._use = self._button("use", "Use for training")
        self._remove = self._button("remove", "Remove…")
        self._line = QLineEdit(DEFAULT_IMAGE)
        self._pull = self._button("pull", "Pull")
        self._variant = CalmComboBox()
        self._build_it = self._button("build", "Build")
        self._note = text_label("", wrap=True)
        self._output = LogTable(model.output)
        self._name_parts()
        self._build()
        self._connect()
        self.show_state()
        fit_to_screen(self, _SIZE)  # of a size hint Qt takes two thirds of the screen at most

    def _button(self, name: str, text: str) -> QPushButton:
        button = push_button(text)
        button.setObjectName(f"images.{name}")
        return button

    def _name_parts(self) -> None:
        self._line.setObjectName("images.tag")
        self._line.setAccessibleName("Image to pull")
        self._line.setPlaceholderText("registry/name:tag")
        self._variant.setObjectName("images.variant")
        self._variant.setAccessibleName("What our image is built for")
        for words, tag in _VARIANTS:
            self._variant.addItem(words, tag)
        self._note.setObjectName("images.note")
        self._note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._output.setObjectName("images.output")
        self._output.setAccessibleName("Output of the build")
        self._empty.sentence.setObjectName("images.empty")

    def _build(self) -> None:
        content = ScrollColumn()
        for card in (self._engine_card(), self._table_card(), self._get_card()):
            content.column.addWidget(card)
        registries = FoldCard("registries", "Registry logins")
        registries.tools.addWidget(HelpButton("docker#registry-logins", "registry logins"))
        registries.body.addWidget(self.registries)
        registries.set_open(False)
        content.column.addWidget(registries)
        content.column.addStretch(1)
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 14, 16)
        column.setSpacing(14)
        column.addWidget(text_label("Docker images", "title"))
        column.addWidget(content, 1)
        column.addWidget(box)

    def _engine_card(self) -> Card:
        card = Card()
        card.body.addWidget(self.engine)
        return card

    def _table_card(self) -> Card:
        card = Card("On this computer")
        card.tools.addWidget(HelpButton("docker#images", "images"))
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.table)
        card.body.addWidget(self._pages)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._use)
        row.addWidget(self._remove)
        row.addStretch(1)
        card.body.addLayout(row)
        return card

    def _get_card(self) -> Card:
        card = Card("Get an image")
        lines = QGridLayout()
        lines.setHorizontalSpacing(10)
        lines.setVerticalSpacing(8)
        lines.setColumnStretch(1, 1)
        for row, (words, editor, button) in enumerate(
            (
                ("&From a registry", self._line, self._pull),
                ("&Build ours", self._variant, self._build_it),
            )
        ):
            label = QLabel(words)
            label.setBuddy(editor)
            for column, widget in enumerate((label, editor, button)):
                lines.addWidget(widget, row, column)
        card.body.addLayout(lines)
        card.body.addWidget(self._note)
        card.body.addWidget(self.progress)
        card.body.addWidget(self._output)
        return card

    def _connect(self) -> None:
        self.table.item_selected.connect(self._on_selected)
        self._use.clicked.connect(self._on_use)
        self._remove.clicked.connect(self._on_remove)
        self._line.textChanged.connect(self._on_text)
        self._line.returnPressed.connect(self._on_pull)
        self._pull.clicked.connect(self._on_pull)
        self._build_it.clicked.connect(self._on_build)
        self._model.changed.connect(self.show_state)
        self._model.output.rowsInserted.connect(self._show_output)
        self._model.output.modelReset.connect(self._show_output)
        self._form.circumstances_changed.connect(self.show_state)
        current_theme().changed.connect(self._fit)
        # The window's own keys do not reach a window of its own.
        QShortcut(QKeySequence("F5"), self).activated.connect(self.engine.check_requested)
        QShortcut(QKeySequence("F1"), self).activated.connect(self._on_help)

    @Slot()
    def show_state(self) -> None:
        """Show what is known, and enable what can be done."""
        has_rows = bool(self._model.images.items)
        self._pages.setCurrentWidget(self.table if has_rows else self._empty)
        self._empty.sentence.setText(self._empty_words())
        self._fit()
        self._show_selected()
        reason = self._reason()
        problem = problem_text(image_problem(self._line.text().strip()))
        self._pull.setEnabled(not reason and not problem)
        self._pull.setToolTip(reason or problem or "Fetch this image from its registry")
        self._build_it.setEnabled(not reason)
        self._build_it.setToolTip(
            reason or "Build an image on this computer; it fetches a few gigabytes"
        )
        offline = disabled_reason("docker.pull", self._form.circumstances)
        outcome = self._model.outcome
        self._note.setText(offline or outcome.text)
        self._note.setVisible(bool(self._note.text()))
        restyle(self._note, "tone", "" if offline else outcome.tone)
        self._show_output()

    def show_building(self) -> None:
        """Go where ours are built."""
        reveal(self._variant)
        self._variant.setFocus()

    def _empty_words(self) -> str:
        if self._model.engine is None:
            is_looking = self._model.engine_state is EngineState.LOOKING
            return "Looking…" if is_looking else "Images show once an engine answers."
        return "No image is on this computer yet. Pull the default one, or build ours."

    def _reason(self) -> str:
        if self._model.engine is None:
            return self._model.problem.message if self._model.problem else "No engine answers yet."
        if self._model.task is not None:
            return "One image at a time."
        return disabled_reason("docker.pull", self._form.circumstances)

    def _selected(self) -> ImageInfo | None:
        item = self.table.selected_item()
        return item if isinstance(item, ImageInfo) else None

    def _show_selected(self) -> None:
        image = self._selected()
        nothing = "" if image else "Choose an image in the table first"
        used_by = ", ".join(image.used_by) if image else ""
        used = f"In use by {used_by}" if used_by else ""
        partial = "It is not complete" if image and image.partial_of else ""
        self._use.setEnabled(image is not None and not partial)
        self._use.setToolTip(nothing or partial or "Trainings of this setup run in it")
        self._remove.setEnabled(image is not None and not used)
        self._remove.setToolTip(nothing or used or "Take it off this computer")

    @Slot()
    def _show_output(self) -> None:
        self._output.setVisible(self._model.output.rowCount() > 0)

    @Slot()
    def _fit(self) -> None:
        """As many rows as there are, up to a few: the rest scrolls."""
        rows = max(2, min(len(self._model.images.items), _TABLE_ROWS))
        height = self.table.verticalHeader().defaultSectionSize() * rows
        self._pages.setFixedHeight(height + self.table.horizontalHeader().sizeHint().height() + 6)
        self._output.setFixedHeight(self._output.verticalHeader().defaultSectionSize() * _LOG_ROWS)

    @Slot(object)
    def _on_selected(self, _item: object) -> None:
        self._show_selected()

    @Slot(str)
    def _on_text(self, _text: str) -> None:
        self.show_state()

    @Slot()
    def _on_help(self) -> None:
        self.help_requested.emit("docker#managing-images")

    @Slot()
    def _on_pull(self) -> None:
        if self._pull.isEnabled():
            self.pull_requested.emit(self._line.text().strip())

    @Slot()
    def _on_build(self) -> None:
        self.build_requested.emit(str(self._variant.currentData()))

    @Slot()
    def _on_use(self) -> None:
        image = self._selected()
        if image is not None:
            self.use_requested.emit(image.tag)

    @Slot()
    def _on_remove(self) -> None:
        image = self._selected()
        if image is not None:
            self.remove_requested.emit(image)

    def showEvent(self, event: QShowEvent) -> None:
        """Tab begins with the images, and no button looks chosen before it."""
        super().showEvent(event)
        if not event.spontaneous():
            (self.table if self._model.images.items else self._line).setFocus()
