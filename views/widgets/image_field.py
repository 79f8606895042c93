"""Choosing the image to train in: whether it is here, and how to get it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from models.domain.availability import disabled_reason
from models.domain.config_io import settings_index
from models.qt.docker_model import EngineState, ImageState
from models.qt.docker_words import KNOWN_IMAGES, VARIANTS, image_words
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.fields import CalmComboBox, Field
from views.widgets.image_progress import ImageProgressView

if TYPE_CHECKING:
    from PySide6.QtWidgets import QPushButton

    from models.domain.errors import Problem
    from models.qt.docker_model import DockerModel
    from models.qt.form_model import FormModel

PATH = "local.image"
_BUILD_HELP = "Build an image on this computer instead of fetching one"
_LEAST_LIST = 460
"""Pixels that an image's name and what it is need in the list."""


class ImageField(Field):
    """An editable combo box of images, with its state, its buttons and its progress beneath.

    Signals:
        pull_requested, build_requested: the tag to fetch or to build.
        start_requested: get the image, then start the training.
        manage_requested: show all images; building_requested: there, how ours are built.
    """

    pull_requested = Signal(str)
    build_requested = Signal(str)
    start_requested = Signal()
    manage_requested = Signal()
    building_requested = Signal()

    def __init__(self, form: FormModel, model: DockerModel) -> None:
        combo = CalmComboBox()
        line = QLineEdit()
        combo.setLineEdit(line)
        combo.setInsertPolicy(CalmComboBox.InsertPolicy.NoInsert)
        super().__init__(settings_index()[PATH], combo, "Docker image")
        self._combo = combo
        self._line = line
        self._form = form
        self._model = model
        self._offered: tuple[str, ...] = ()
        self._has_problem = False
        self._state = text_label("", "muted", wrap=True)
        self._state.setObjectName(f"{PATH}.state")
        self._get = self._button("get")
        self._other = self._button("build")
        self._manage = self._button("manage")
        self._note = text_label("", wrap=True)
        self._note.setObjectName(f"{PATH}.note")
        self.progress = ImageProgressView(f"{PATH}.task", model)
        self._build_below()
        self._connect()
        self._offer()
        self.show_state()

    @property
    def tag(self) -> str:
        """The image that is named."""
        return self._line.text().strip()

    def summary(self, value: object) -> str:
        return str(value)

    def show_value(self, value: object) -> None:
        text = str(value)
        self._combo.setCurrentIndex(self._combo.findText(text))
        if self._line.text() != text:
            self._line.setText(text)
        self._line.setCursorPosition(0)
        self.show_state()

    def show_problem(self, problem: Problem | None) -> None:
        super().show_problem(problem)
        if self._message is not None:  # above the buttons, which may mend it
            self.column.insertWidget(self.column.indexOf(self._state), self._message)
        if self._fix is not None:
            self.column.removeWidget(self._fix)
            self.place_below_message(self._fix)
        self._has_problem = problem is not None
        self.show_state()

    @Slot()
    def show_state(self) -> None:
        """Show what is known of the image, and what can be done."""
        state, reason = self._state_words(), self._reason_words()
        self._state.setText(state)
        self._state.setVisible(bool(state) and not (self._has_problem and self._is_missing))
        is_there = self._model.image_state is ImageState.THERE
        restyle(self._state, "tone", "good" if is_there else "")
        self._show_buttons(is_there=is_there, reason=reason)
        outcome = self._model.outcome
        offline = disabled_reason("docker.pull", self._form.circumstances)
        note = offline if offline and not is_there else outcome.text
        self._note.setText(note)
        self._note.setVisible(bool(note))
        restyle(self._note, "tone", "" if note == offline else outcome.tone)
        restyle(self._note, "role", "muted" if note == offline else "")

    @property
    def _is_missing(self) -> bool:
        return self._model.image_state is ImageState.MISSING

    def _button(self, name: str) -> QPushButton:
        button = push_button("")
        button.setObjectName(f"{PATH}.{name}")
        return button

    def _build_below(self) -> None:
        self._line.setAccessibleName(self.info.rule.label)
        self._line.setPlaceholderText("registry/name:tag")
        self._other.setText("Build ours…")
        self._manage.setText("Manage…")
        self._manage.setToolTip("All images: sizes, removing, other tags, registries")
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 2, 0, 4)
        row.setSpacing(8)
        for button in (self._get, self._other, self._manage):
            row.addWidget(button)
        row.addStretch(1)
        for widget in (self._state, buttons, self._note, self.progress):
            self.add_below(widget)

    def _connect(self) -> None:
        self._line.textEdited.connect(self._on_text_edited)
        self._combo.activated.connect(self._on_activated)
        self._get.clicked.connect(self._on_get)
        self._other.clicked.connect(self.building_requested)
        self._manage.clicked.connect(self.manage_requested)
        self._model.changed.connect(self._on_changed)
        self._form.circumstances_changed.connect(self.show_state)

    def _state_words(self) -> str:
        model = self._model
        if model.image is not None and model.image_state is ImageState.THERE:
            return image_words(model.image, time.time())
        if model.is_interrupted(model.chosen) and self._is_missing:
            return "Not on this computer: pulling it was interrupted."
        if self._is_missing:
            return "Not on this computer."
        return "Looking…" if model.is_looking else ""

    def _reason_words(self) -> str:
        """Why no image can be got just now; empty where it can."""
        model = self._model
        if model.engine_state is EngineState.PROBLEM and model.problem is not None:
            return model.problem.message
        if model.engine is None:
            return "No container engine has answered yet."
        if model.task is not None:
            return "One image at a time."
        return disabled_reason("docker.pull", self._form.circumstances)

    def _show_buttons(self, *, is_there: bool, reason: str) -> None:
        is_ours = self._model.chosen in VARIANTS
        does, help_ = _get_words(
            is_ours=is_ours,
            is_there=is_there,
            resumes=self._model.is_interrupted(self._model.chosen),
        )
        starts = self._has_problem and self._is_missing
        self._get.setText(f"{does} and start" if starts else does)
        self._get.setToolTip(reason or help_)
        self._get.setEnabled(not reason and self._model.image_state is not ImageState.UNKNOWN)
        restyle(self._get, "role", "primary" if starts and not reason else "")
        self._other.setVisible(not is_ours)
        self._other.setEnabled(not reason)
        self._other.setToolTip(reason or _BUILD_HELP)

    @Slot()
    def _on_changed(self) -> None:
        self._offer()
        self.show_state()

    def _offer(self) -> None:
        """The known images, and those of this computer that have the trainer in them."""
        there = {image.tag: image for image in self._model.images.items}
        more = (tag for tag, one in there.items() if one.has_code or one.is_ours)
        wanted = tuple(dict.fromkeys((*KNOWN_IMAGES, *more)))
        if wanted == self._offered:
            return
        from views.widgets.model_delegate import LABEL_ROLE, ModelDelegate

        text, place = self._line.text(), self._line.cursorPosition()
        self._offered = wanted
        self._combo.clear()
        for tag in wanted:
            self._combo.addItem(tag)
            label = KNOWN_IMAGES.get(tag, "An image of this computer with the trainer in it")
            self._combo.setItemData(self._combo.count() - 1, label, LABEL_ROLE)
        self._combo.setItemDelegate(ModelDelegate(self._combo))
        self._combo.view().setMinimumWidth(_LEAST_LIST)
        self._combo.setCurrentIndex(self._combo.findText(text))
        self._line.setText(text)
        self._line.setCursorPosition(place)

    @Slot(str)
    def _on_text_edited(self, text: str) -> None:
        self.typed.emit(PATH, text)

    @Slot(int)
    def _on_activated(self, row: int) -> None:
        self.edited.emit(PATH, self._combo.itemText(row))

    @Slot()
    def _on_get(self) -> None:
        if self._has_problem and self._is_missing:
            self.start_requested.emit()
        elif self._model.chosen in VARIANTS:
            self.build_requested.emit(self._model.chosen)
        else:
            self.pull_requested.emit(self._model.chosen)


def _get_words(*, is_ours: bool, is_there: bool, resumes: bool) -> tuple[str, str]:
    """The button's label and what it does."""
    if is_ours:
        does = "Rebuild" if is_there else "Build"
        return does, "Build this image on this computer; it fetches a few gigabytes"
    if is_there:
        return "Update", "Fetch it again, if the registry has a newer one"
    if resumes:
        return "Resume pull", "Go on with fetching this image"
    return "Pull", "Fetch this image from its registry"
