"""What the setup would cost at Runpod, and its volume and template made ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.field_grid import GridRow

if TYPE_CHECKING:
    from models.qt.runpod_model import RunpodModel


_TEMPLATE = (
    "Runpod's template holds image, disk and ports. GPU, region and volume cannot be in it: this "
    "setup holds them."
)


class QuoteRow(GridRow):
    """The quote line by line, then what can be made ready before.

    Signals:
        ensure_requested: find or make volume and template.
    """

    ensure_requested = Signal()

    def __init__(self, model: RunpodModel) -> None:
        super().__init__()
        self._model = model
        self._quote = text_label("", wrap=True)
        self._quote.setObjectName("runpod.quote.lines")
        self._said = text_label("", "muted", wrap=True)
        self._said.setObjectName("runpod.ensure.lines")
        self.ensure = push_button("Prepare volume and template")
        self.ensure.setObjectName("runpod.ensure")
        self.ensure.setToolTip(
            "Find or make both at Runpod now; a start does it, too. A volume costs by the month."
        )
        self._build()
        self.ensure.clicked.connect(self.ensure_requested)
        model.changed.connect(self.show_state)
        self.show_state()

    def set_usable(self, usable: bool) -> None:
        """Whether Runpod may be asked."""
        self.setEnabled(usable)

    def _build(self) -> None:
        links = QHBoxLayout()
        links.addWidget(self.ensure)
        links.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._quote)
        column.addLayout(links)
        column.addWidget(self._said)

    @Slot()
    def show_state(self) -> None:
        """Show what the model knows now."""
        model = self._model
        self._quote.setText("\n".join(model.lines))
        self._quote.setVisible(bool(model.lines))
        restyle(self._quote, "tone", "warning" if model.is_against else "")
        said = model.ensure_problem or "\n".join(model.ensured)
        said = "Looking for volume and template…" if model.is_ensuring else said
        self._said.setText(said or _TEMPLATE)
        restyle(self._said, "role", "error" if model.ensure_problem else "muted")
        self.ensure.setEnabled(not model.is_ensuring)
