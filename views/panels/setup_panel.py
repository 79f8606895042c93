"""The left column of the Training page: the whole setup, and the buttons that start and stop."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from views.panels.dataset_field import DatasetField
from views.panels.model_field import ModelField
from views.panels.setup_form import SetupForm
from views.widgets.buttons import push_button
from views.widgets.card import Card, text_label
from views.widgets.page_column import ScrollColumn

if TYPE_CHECKING:
    from models.qt.datasets_model import DatasetsModel
    from models.qt.form_model import FormModel

Box = TypeVar("Box", QHBoxLayout, QVBoxLayout)
_BATCH = ("hp.learning_rate", "hp.batch_size", "hp.grad_accum", "hp.max_steps")
_SEQUENCE = ("hp.max_seq_length", "hp.seed", "hp.scheduler", "hp.warmup_ratio")
_LORA = ("hp.lora_r", "hp.lora_alpha", "hp.lora_dropout", "hp.lora_variant")


class SetupPanel(QWidget):
    """Cards of settings that scroll, above a foot that stays.

    Signals:
        start_requested, stop_requested: the buttons.
    """

    start_requested = Signal()
    stop_requested = Signal()

    def __init__(self, model: FormModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._data_root = Path()
        self.form = SetupForm(model, self)
        self.dataset = DatasetField()
        self.base_model = ModelField("&Base model")
        self._estimate = text_label("", "muted", wrap=True)
        self._estimate.setObjectName("hp.estimate")
        self._folder = text_label("", "muted", wrap=True)
        self._folder.setObjectName("output.folder")
        self.start = push_button("&Start Local Training", "primary")
        self.start.setObjectName("local.start")
        self.stop = push_button("S&top")
        self.stop.setObjectName("local.stop")
        self.area = ScrollColumn()
        self._build()
        self._connect()

    def complete(self, datasets: DatasetsModel) -> None:
        """Build what beginners do not see; called once, after the first frame."""
        self.dataset.attach(datasets)
        datasets.modelReset.connect(self._show_estimate)
        datasets.rowsInserted.connect(self._show_estimate)
        self._fill_held_out()
        self._fill_hyperparameters()
        self._fill_advanced()
        self._show_estimate()

    def set_data_root(self, folder: Path) -> None:
        """Say which real folder the trainer sees as /data."""
        self._data_root = folder
        self._show_folder()

    def show_running(self, *, is_live: bool, is_stopping: bool, can_start: bool) -> None:
        """Enable what can be done now."""
        self.start.setEnabled(can_start and not is_live)
        self.stop.setEnabled(is_live)
        self.stop.setText("End now" if is_stopping else "S&top")

    def show_first_problem(self) -> None:
        """Bring the first field that is wrong into view and give it the focus."""
        field = self.form.first_wrong_field()
        if field is not None:
            self.area.ensureWidgetVisible(field)
            field.editor.setFocus()

    def _build(self) -> None:
        column = self.area.column
        for card in (self._dataset_card(), self._model_card(), self._output_card()):
            column.addWidget(card)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.area, 1)
        outer.addWidget(self._foot())
        self.setMinimumWidth(360)

    def _dataset_card(self) -> Card:
        card = Card("Dataset")
        self._dataset_body = card.body
        self.form.adopt(self.dataset)
        card.body.addWidget(self.dataset)
        return card

    def _model_card(self) -> Card:
        card = Card("Model and training")
        self.form.adopt(self.base_model)
        card.body.addWidget(self.base_model)
        self._grid = _grid()
        self._grid.addWidget(self.form.add("hp.epochs", "&Epochs"), 0, 0)
        card.body.addLayout(self._grid)
        switches = QHBoxLayout()
        switches.setSpacing(12)
        switches.addWidget(self.form.add("hp.packing", "Pac&king"), 1)
        switches.addWidget(self.form.add("hp.auto_resume", "&Auto-resume"), 1)
        card.body.addLayout(switches)
        self._model_body = card.body
        return card

    def _output_card(self) -> Card:
        card = Card("Output")
        card.body.addWidget(self.form.add("output.directory", "&Output directory"))
        card.body.addWidget(self._folder)
        return card

    def _foot(self) -> QFrame:
        foot = QFrame()
        foot.setProperty("role", "footer")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.start, 1)
        row.addWidget(self.stop)
        column = QVBoxLayout(foot)
        column.setContentsMargins(2, 10, 6, 2)
        column.setSpacing(8)
        column.addWidget(self._estimate)
        column.addLayout(row)
        self._estimate.hide()
        self.stop.setEnabled(False)
        return foot

    def _fill_held_out(self) -> None:
        part, row = _expert_part(self.form, QHBoxLayout())
        row.setSpacing(12)
        for path in ("dataset.eval_percent", "dataset.eval_split"):
            row.addWidget(self.form.add(path), 1)
        self._dataset_body.addWidget(part)

    def _fill_hyperparameters(self) -> None:
        for place, path in enumerate(_BATCH, start=1):
            self._grid.addWidget(self.form.add(path), place // 2, place % 2)

    def _fill_advanced(self) -> None:
        part, column = _expert_part(self.form, QVBoxLayout())
        column.setSpacing(12)
        for title, paths in (("Sequence and schedule", _SEQUENCE), ("LoRA", _LORA)):
            column.addSpacing(4)
            column.addWidget(text_label(title, "heading"))
            grid = _grid()
            for place, path in enumerate(paths):
                grid.addWidget(self.form.add(path), place // 2, place % 2)
            column.addLayout(grid)
            if paths is _SEQUENCE:
                column.addWidget(self.form.add("hp.assistant_only_loss"))
        self._model_body.addWidget(part)

    def _connect(self) -> None:
        self.start.clicked.connect(self.start_requested)
        self.stop.clicked.connect(self.stop_requested)
        self._model.reset.connect(self._on_reset)
        self._model.value_changed.connect(self._on_value_changed)

    @Slot()
    def _on_reset(self) -> None:
        self._show_folder()
        self._show_estimate()

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path == "output.directory":
            self._show_folder()
        self._show_estimate()

    @Slot()
    def _show_estimate(self) -> None:
        from models.qt.step_estimate import estimate_steps  # not needed for the first frame

        estimate = estimate_steps(self._model.config, self.dataset.session)
        self._estimate.setText("" if estimate is None else estimate.sentence())
        self._estimate.setVisible(estimate is not None)

    def _show_folder(self) -> None:
        directory = PurePosixPath(self._model.config.output.directory)
        inside = directory.is_relative_to("/data") and ".." not in directory.parts
        folder = self._data_root.joinpath(*directory.parts[2:]) if inside else None
        self._folder.setText(f"On this computer: {folder}" if folder else "")
        self._folder.setVisible(folder is not None)


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(12)
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(1, 1)
    return grid


def _expert_part(form: SetupForm, layout: Box) -> tuple[QWidget, Box]:
    part = QWidget()
    layout.setContentsMargins(0, 0, 0, 0)
    part.setLayout(layout)
    form.expert_only(part)
    return part, layout
