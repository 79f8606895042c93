"""Which model learns from which dataset, and with which chat template one looks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from models.qt.learning_words import setup_words, template_words
from views.dialogs.file_dialogs import open_dialog
from views.widgets.card import text_label
from views.widgets.fields import CalmComboBox
from views.widgets.help_button import HelpButton

if TYPE_CHECKING:
    from models.domain.errors import AppError
    from models.qt.learning_model import LearningModel

HELP_TOPIC = "datasets#what-it-will-learn"
_TEMPLATES = "Chat templates (*.jinja *.jinja2 *.j2 *.json *.txt);;All files (*)"
_OWN, _FILE, _CHOOSE = range(3)


class LearningHead(QWidget):
    """The top of the dialog.

    Signals:
        template_chosen: the Path (payload) of a chat template to look with.
        own_template_requested: look with the model's own.
    """

    template_chosen = Signal(object)
    own_template_requested = Signal()

    def __init__(self, model: LearningModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._title = text_label("", "title", wrap=True)
        self._setup = text_label("", "muted", wrap=True)
        self._template = CalmComboBox()
        self._problem = text_label("", "error", wrap=True)
        for name, part in (
            ("title", self._title), ("setup", self._setup), ("template", self._template),
            ("template.message", self._problem),
        ):  # fmt: skip
            part.setObjectName(f"learning.{name}")
        self._template.setAccessibleName("Chat template")
        self._template.setToolTip(
            "Look with another template. A training always uses the model's own."
        )
        self._template.setSizeAdjustPolicy(CalmComboBox.SizeAdjustPolicy.AdjustToContents)
        self._build()
        self._template.activated.connect(self._on_template)
        model.subject_changed.connect(self.show_subject)
        self.show_subject()

    @Slot()
    def show_subject(self) -> None:
        """Show what is looked at."""
        subject = self._model.subject
        if subject is None:
            return
        model = subject.config.hp.base_model.strip().replace("\\", "/").rstrip("/").split("/")[-1]
        self._title.setText(f"What {model or 'a model'} will learn from {subject.session.name}")
        words = (setup_words(subject.config), template_words(subject.template_name))
        self._setup.setText("\n".join(filter(None, words)))
        self._show_templates(subject.template_name)

    @Slot(object)
    def show_problem(self, error: AppError) -> None:
        """Say why a file is no chat template."""
        self._problem.setText(str(error))
        self._problem.show()

    def _build(self) -> None:
        label = QLabel("Chat &template")
        label.setBuddy(self._template)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self._title, 1)
        help_ = HelpButton(HELP_TOPIC, "what it will learn")
        top.addWidget(help_, 0, Qt.AlignmentFlag.AlignVCenter)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._setup, 1)
        line.addWidget(label)
        line.addWidget(self._template)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addLayout(line)
        column.addWidget(self._problem)
        self._problem.hide()

    def _show_templates(self, name: str) -> None:
        self._problem.hide()
        self._template.clear()
        self._template.addItem("The model's own", _OWN)
        if name:
            self._template.addItem(name, _FILE)
        self._template.addItem("From a file…", _CHOOSE)
        self._template.setCurrentIndex(1 if name else 0)

    @Slot(int)
    def _on_template(self, _index: int) -> None:
        subject, chosen = self._model.subject, self._template.currentData()
        if subject is not None and chosen != _FILE:
            self._show_templates(subject.template_name)  # until it is another
        if chosen == _OWN:
            self.own_template_requested.emit()
        elif chosen == _CHOOSE:
            title = "Choose a chat template"
            dialog = open_dialog(self, "learning.template_dialog", title, _TEMPLATES)
            dialog.fileSelected.connect(self._on_file)
            dialog.open()

    @Slot(str)
    def _on_file(self, path: str) -> None:
        self._problem.hide()
        self.template_chosen.emit(Path(path))
