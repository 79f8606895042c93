"""What the user says of a run: its name, tags and notes, each edited where it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit

from models.domain.run_history import dataset_name, model_name
from models.qt.runs_model import name_of
from models.qt.wording import when
from views.widgets.card import Card, text_label
from views.widgets.notes_field import NotesField
from views.widgets.tags_field import TagsField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.run import Run


_TOP = Qt.AlignmentFlag.AlignTop


class RunDetails(Card):
    """Over one run at a time. What was typed belongs to the run it was typed for, whatever is
    shown when it is reported.

    Signals:
        renamed: the run's id and its new name.
        notes_edited: the run's id and its new notes.
        tags_edited: the run's id and its new tags (a tuple).
    """

    renamed = Signal(str, str)
    notes_edited = Signal(str, str)
    tags_edited = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self._run: Run | None = None
        self.name = QLineEdit()
        self.facts = text_label("", "muted", wrap=True)
        self.tags = TagsField()
        self.notes = NotesField()
        self._name_parts()
        self._build()
        self.name.editingFinished.connect(self.finish_name)
        self.tags.tags_edited.connect(self._on_tags)
        self.notes.notes_edited.connect(self._on_notes)
        self.hide()

    def show_run(self, run: Run | None) -> None:
        """Show this run; what is being edited of the same run stays as it is."""
        if self._run is None or run is None or run.id != self._run.id:
            self.finish()
            self._run = run
            self._show_all()
            return
        self._run = run
        if not self.name.hasFocus():
            self._show_name()
        if not self.tags.hasFocus():
            self.tags.show_tags(run.tags)
        if not self.notes.hasFocus() and not self.notes.is_edited:
            self.notes.show_notes(run.notes)
        self._show_facts()

    def set_known_tags(self, tags: Sequence[str]) -> None:
        """Offer the tags of other runs."""
        self.tags.set_known(tags)

    def edit_name(self) -> None:
        """Put the cursor into the name, all of it selected."""
        self.name.setFocus()
        self.name.selectAll()

    @Slot()
    def finish(self) -> None:
        """Report everything that was typed and not reported yet."""
        self.finish_name()
        self.tags.finish()
        self.notes.finish()

    @Slot()
    def finish_name(self) -> None:
        """Report the name if it is another; an empty one is not taken."""
        if self._run is None:
            return
        name = " ".join(self.name.text().split())
        if name and name != name_of(self._run):
            self._run = replace(self._run, name=name)  # asked once, though left twice
            self.renamed.emit(self._run.id, name)
        elif not name:
            self._show_name()

    def _show_all(self) -> None:
        run = self._run
        self.setVisible(run is not None)
        self._show_name()
        self._show_facts()
        self.tags.show_tags(run.tags if run is not None else ())
        self.notes.show_notes(run.notes if run is not None else "")

    def _show_name(self) -> None:
        self.name.setText(name_of(self._run) if self._run is not None else "")
        self.name.setCursorPosition(0)

    def _show_facts(self) -> None:
        run = self._run
        if run is None:
            return
        begun = f"Started {when(run.started_at)}" if run.started_at else ""
        place = f"{run.runtime}: {run.image}" if run.image else run.runtime
        parts = (model_name(run), dataset_name(run), place, begun)
        self.facts.setText(" · ".join(part for part in parts if part))

    def _name_parts(self) -> None:
        named = {
            "name": (self.name, "Name of the run"),
            "tags": (self.tags, "Tags of the run"),
            "notes": (self.notes, "Notes on the run"),
        }
        for name, (widget, words) in named.items():
            widget.setObjectName(f"runs.{name}")
            widget.setAccessibleName(words)
        self.facts.setObjectName("runs.about")
        self.name.setProperty("role", "heading-edit")
        self.name.setToolTip("The run's name; F2 begins to change it")
        self.name.setMaxLength(120)
        self.name.setTextMargins(-2, 0, 0, 0)  # in line with what is beneath
        self.tags.setToolTip("Words to find this run by, separated by commas")
        self.notes.setToolTip("Kept by themselves as you write")

    def _build(self) -> None:
        self.body.setContentsMargins(16, 12, 16, 14)
        self.body.setSpacing(4)
        self.body.addWidget(self.name)
        self.body.addWidget(self.facts)
        grid = QGridLayout()
        grid.setContentsMargins(0, 6, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        for row, (text, widget) in enumerate((("Tags", self.tags), ("Notes", self.notes))):
            label = QLabel(text)
            label.setBuddy(widget)
            label.setProperty("role", "muted")
            label.setContentsMargins(0, 7, 0, 0)
            grid.addWidget(label, row, 0, _TOP)
            grid.addWidget(widget, row, 1)
        self.body.addLayout(grid)

    @Slot(object)
    def _on_tags(self, tags: object) -> None:
        if self._run is not None:
            self.tags_edited.emit(self._run.id, tags)

    @Slot(str)
    def _on_notes(self, notes: str) -> None:
        if self._run is not None:
            self.notes_edited.emit(self._run.id, notes)
