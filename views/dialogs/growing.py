"""Dialogs whose words change: as high as what they say needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog


def grow_to_fit(dialog: QDialog) -> None:
    """Make a dialog that is shown as high as its wrapped texts need; it never shrinks.

    Qt gives a dialog two thirds of a low screen, and asks no more when a text gets longer.
    """
    layout = dialog.layout()
    if layout is None or not dialog.isVisible():
        return
    layout.activate()
    height = layout.totalHeightForWidth(dialog.width())
    if height > dialog.height():
        dialog.resize(dialog.width(), height)
