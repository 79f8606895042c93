"""A card whose content folds away under its heading."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from views.widgets.card import SPACING, Card
from views.widgets.elided_label import ElidedLabel
from views.widgets.fold_button import FoldButton


class FoldCard(Card):
    """Heading, help and tools stay; ``body`` folds. Folded, ``summary`` says what is inside.

    Signals:
        folded: whether the content is hidden now.
    """

    folded = Signal(bool)

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setObjectName(f"section.{name}")
        self._fold = FoldButton(f"section.{name}.fold", title, is_open=True)
        self._summary = ElidedLabel("muted")
        self._summary.setObjectName(f"section.{name}.summary")
        self._outer = self.body
        self._content = QWidget()
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(0, 10, 0, 6)
        self.body.setSpacing(SPACING)
        self._build_head()
        self._fold.toggled.connect(self._on_toggled)

    @property
    def is_open(self) -> bool:
        """Whether the content is shown."""
        return self._fold.isChecked()

    def set_open(self, is_open: bool) -> None:
        """Show or hide the content."""
        self._fold.setChecked(is_open)

    def set_summary(self, text: str) -> None:
        """What the folded card says of its content."""
        self._summary.setText(text)

    def _build_head(self) -> None:
        self._outer.setContentsMargins(10, 10, 16, 10)
        self._outer.setSpacing(0)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._fold)
        head.addWidget(self._summary, 1)
        head.addLayout(self.tools)
        self._outer.addLayout(head)
        inset = QHBoxLayout()
        inset.setContentsMargins(6, 0, 0, 0)
        inset.addWidget(self._content)
        self._outer.addLayout(inset)

    @Slot(bool)
    def _on_toggled(self, is_open: bool) -> None:
        self._content.setVisible(is_open)
        if is_open:
            self._summary.setText("")
        self.folded.emit(not is_open)
