"""How the window looks at other sizes, and where the eye and the focus land."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication

from views.widgets.page_column import ScrollColumn

if TYPE_CHECKING:
    from views.main_window import MainWindow


def settle() -> None:
    for _ in range(4):  # a layout's request may bring another one
        QCoreApplication.processEvents()


@pytest.mark.parametrize("width", [640, 920, 1000, 1280])
def test_nothing_of_the_columns_is_cut_at_the_right(window: MainWindow, width: int) -> None:
    window.resize(width, 700)
    settle()
    for column in window.training.findChildren(ScrollColumn):
        assert column.widget().width() <= column.viewport().width(), column
