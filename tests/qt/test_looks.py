"""How the window looks at other sizes, and where the eye and the focus land."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication

from views.main_window import SETTINGS
from views.widgets.page_column import ScrollColumn, TwoColumns

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from views.main_window import MainWindow


def settle() -> None:
    for _ in range(4):  # a layout's request may bring another one
        QCoreApplication.processEvents()


def body(page: QWidget | None) -> TwoColumns:
    assert page is not None
    return page.findChild(TwoColumns)


def test_the_columns_grow_with_the_page_at_once(window: MainWindow) -> None:
    window.show_page(SETTINGS)
    settle()
    page = body(window.settings)
    page.resize(page.width(), 300)
    page.resize(page.width(), 600)
    assert page.widget().height() == 600


@pytest.mark.parametrize("width", [640, 920, 1000, 1280])
def test_nothing_of_the_columns_is_cut_at_the_right(window: MainWindow, width: int) -> None:
    window.resize(width, 700)
    settle()
    for column in window.training.findChildren(ScrollColumn):
        assert column.widget().width() <= column.viewport().width(), column
