"""What is known of the selected model, beneath the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout

from models.domain.cached_model import ModelState
from models.qt.model_words import facts, trouble
from views.widgets.card import restyle, text_label
from views.widgets.elided_label import ElidedLabel

if TYPE_CHECKING:
    from models.domain.cached_model import CachedModel

_SEPARATOR = "  ·  "
_TONES = {ModelState.DAMAGED: "bad", ModelState.PARTIAL: "warning"}


class ModelStrip(QFrame):
    """Its name, its facts, where it is, and what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setObjectName("models.details")
        self._name = ElidedLabel("heading")
        self._name.setObjectName("models.name")
        self._facts = text_label("", "muted", wrap=True)
        self._facts.setObjectName("models.facts")
        self._place = ElidedLabel("muted")
        self._place.setObjectName("models.place")
        self._trouble = text_label("", wrap=True)
        self._trouble.setObjectName("models.trouble")
        for label in (self._facts, self._trouble):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 10)
        column.setSpacing(4)
        for widget in (self._name, self._facts, self._place, self._trouble):
            column.addWidget(widget)
        self.show_model(None)

    def show_model(self, model: CachedModel | None) -> None:
        """Show one model, or nothing."""
        self.setVisible(model is not None)
        if model is None:
            return
        pairs = [pair for pair in facts(model) if pair[0] != "Where"]
        self._name.setText(model.repo_id_or_path)
        self._facts.setText(_SEPARATOR.join(f"{label} {words}" for label, words in pairs))
        self._place.setText(model.place)
        # A folder's name is its place already.
        self._place.setVisible(bool(model.place) and model.place != model.repo_id_or_path)
        words = trouble(model)
        self._trouble.setText(words)
        self._trouble.setVisible(bool(words))
        restyle(self._trouble, "tone", _TONES.get(model.state, ""))
