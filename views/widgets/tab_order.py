"""The Tab key follows the layout: what was built later still comes where it is seen."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QScrollArea, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QLayout

_TAB_FOCUS = 1  # Qt.FocusPolicy.TabFocus, see card.PLAIN_TEXT


def order_tabs(page: QWidget, after: QWidget | None = None) -> None:
    """Chain everything in ``page`` that takes the focus with Tab, in the order of its layouts;
    with ``after``, behind that widget."""
    before = () if after is None else (after,)
    for first, second in pairwise((*before, *tab_stops(page))):
        QWidget.setTabOrder(first, second)


def tab_stops(widget: QWidget) -> Iterator[QWidget]:
    """What takes the focus with Tab, in the order of the layouts."""
    if int(widget.property("focusPolicy").value) & _TAB_FOCUS:
        yield widget
    inside = widget.widget() if isinstance(widget, QScrollArea) else None
    layout = widget.layout()
    if inside is not None:
        yield from tab_stops(inside)
    elif layout is not None:
        yield from _in_layout(layout)


def _in_layout(layout: QLayout) -> Iterator[QWidget]:
    for place in range(layout.count()):
        item = layout.itemAt(place)
        widget = item.widget() if item is not None else None
        inner = item.layout() if item is not None else None
        if widget is not None:
            yield from tab_stops(widget)
        elif inner is not None:
            yield from _in_layout(inner)
