"""A dialog that asks for a plan with a seed, and says what comes of it before it is carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit

from views.dialogs.growing import grow_to_fit
from views.widgets.card import restyle, text_label
from views.widgets.number_text import seed_in

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


class Plan(Protocol):
    """What may be carried out."""

    @property
    def problem(self) -> str:
        """Why it cannot be; empty where it can."""

    @property
    def words(self) -> str:
        """What comes of it."""


class PlanDialog(QDialog):
    """A subclass says what its ``plan`` is now, and calls ``_show_plan`` at every change. ``name``
    begins the names of its widgets, ``does`` is what its button says.

    Signals:
        confirmed: the plan (payload).
    """

    confirmed = Signal(object)

    def __init__(self, name: str, title: str, does: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._seed = QLineEdit("0")
        self._seed.setObjectName(f"{name}.seed")
        self._words = text_label("", wrap=True)
        self._words.setObjectName(f"{name}.words")
        self._buttons = QDialogButtonBox()
        self._ok = self._buttons.addButton(QDialogButtonBox.StandardButton.Ok)
        self._buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self._ok.setText(does)
        self._ok.setObjectName(f"{name}.ok")
        restyle(self._ok, "role", "primary")
        self._ok.setDefault(True)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)

    @property
    def plan(self) -> Plan:
        """What is asked for now."""
        raise NotImplementedError

    @property
    def _seed_number(self) -> int:
        return seed_in(self._seed.text()) or 0

    def _show_plan(self) -> None:
        plan, seed = self.plan, seed_in(self._seed.text())
        problem = plan.problem or ("" if seed is not None else "The seed is a whole number.")
        self._words.setText(problem or plan.words)
        restyle(self._words, "role", "error" if problem else "")
        self._ok.setEnabled(not problem)
        grow_to_fit(self)

    @Slot()
    def _on_change(self) -> None:
        self._show_plan()

    @Slot()
    def _on_accepted(self) -> None:
        plan = self.plan
        self.accept()
        self.confirmed.emit(plan)
