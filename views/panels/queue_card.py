"""The queue on the Runs page: what waits, in which order, for what; hidden while nothing does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot

from models.qt.wording import counted
from views.widgets.buttons import push_button
from views.widgets.card import Card, restyle, text_label
from views.widgets.queue_table import QueueTable

if TYPE_CHECKING:
    from models.domain.run import Run
    from models.qt.queue_model import QueueModel, Waiting

_HELP = "The next one starts by itself when nothing trains on this computer."


class QueueCard(Card):
    """Move and remove act on the selected run, or on the only one there is.

    Signals:
        run_selected: the selected Run (payload), or None.
        move_requested: a run's id, and ``up`` or ``down``.
        remove_requested: a run's id.
        retry_requested: try to start the next one now.
    """

    run_selected = Signal(object)
    move_requested = Signal(str, str)
    remove_requested = Signal(str)
    retry_requested = Signal()

    def __init__(self, queue: QueueModel) -> None:
        super().__init__("Queue")
        self.setObjectName("runs.queue")
        self._queue = queue
        self._wanted = ""
        self.table = QueueTable(queue)
        self._up = push_button("Move up", "link")
        self._down = push_button("Move down", "link")
        self._remove = push_button("Remove", "link")
        self._retry = push_button("Try now", "link")
        self._note = text_label(_HELP, "muted", wrap=True)
        self._build()
        self._connect()
        self._show_queue()

    def selected_run(self) -> Run | None:
        """The run that is selected here."""
        chosen: Waiting | None = self.table.selected_item()  # type: ignore[assignment]
        return None if chosen is None else chosen.run

    def select(self, run_id: str) -> None:
        """Select a run that waits, or one that is about to."""
        self._wanted = run_id
        row = self._queue.row_of(run_id)
        if row >= 0:
            self.table.select_source_row(row)

    def clear_selection(self) -> None:
        """Select none."""
        self._wanted = ""
        self.table.clearSelection()

    def _build(self) -> None:
        self.body.setContentsMargins(14, 10, 14, 12)
        self.body.setSpacing(6)
        names = {"up": self._up, "down": self._down, "remove": self._remove, "retry": self._retry}
        for name, button in names.items():
            button.setObjectName(f"runs.queue.{name}")
            self.tools.addWidget(button)
        self._up.setToolTip("Let it start earlier (Alt+Up)")
        self._down.setToolTip("Let it start later (Alt+Down)")
        self._remove.setToolTip("Take it out of the queue (Del)")
        self._note.setObjectName("runs.queue.note")
        self.body.addWidget(self.table)
        self.body.addWidget(self._note)

    def _connect(self) -> None:
        self.table.item_selected.connect(self._on_selected)
        self.table.move_requested.connect(self._move)
        self.table.remove_requested.connect(self._on_remove)
        self._up.clicked.connect(self._on_up)
        self._down.clicked.connect(self._on_down)
        self._remove.clicked.connect(self._on_remove)
        self._retry.clicked.connect(self.retry_requested)
        self._queue.changed.connect(self._show_queue)

    @Slot()
    def _show_queue(self) -> None:
        waiting = self._queue.rowCount()
        self.setVisible(waiting > 0)
        self.heading.setText(f"Queue: {counted(waiting, 'run')}")
        self._note.setText(self._queue.held or _HELP)
        restyle(self._note, "role", "warning" if self._queue.held else "muted")
        self._retry.setVisible(bool(self._queue.held))
        if self._wanted and self._queue.row_of(self._wanted) >= 0:
            self.table.select_source_row(self._queue.row_of(self._wanted))
        self._show_buttons()

    def _show_buttons(self) -> None:
        row = self._row()
        self._up.setEnabled(row > 0)
        self._down.setEnabled(0 <= row < self._queue.rowCount() - 1)
        self._remove.setEnabled(row >= 0)

    @Slot(object)
    def _on_selected(self, waiting: object) -> None:
        run = self.selected_run()
        if waiting is not None and run is not None:
            self._wanted = run.id  # and stays selected when the order changes
        self._show_buttons()
        self.run_selected.emit(run)

    @Slot()
    def _on_up(self) -> None:
        self._move("up")

    @Slot()
    def _on_down(self) -> None:
        self._move("down")

    @Slot()
    def _on_remove(self) -> None:
        waiting = self._queue.item(self._row())
        if waiting is not None:
            self.remove_requested.emit(waiting.run.id)

    @Slot(str)
    def _move(self, where: str) -> None:
        waiting = self._queue.item(self._row())
        if waiting is not None:
            self._wanted = waiting.run.id
            self.move_requested.emit(waiting.run.id, where)

    def _row(self) -> int:
        run = self.selected_run()
        if run is None:
            return 0 if self._queue.rowCount() == 1 else -1
        return self._queue.row_of(run.id)
