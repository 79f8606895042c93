"""Collects Python's cyclic garbage after tests that use Qt, never within one.

As in the program (app/collector.py): collected in a thread, or from within a destructor that holds
one of Qt's locks, QObjects in cycles crash or hang the process. After a test nothing of it is left
for the tests of the services, which have threads.

A hook, and no fixture: until all of a test's fixtures have ended, pytest itself holds their values
(``item.funcargs``), and with them the window and its loop.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_settled: list[bool] = []
"""Whether what was there before the first of these tests is set aside."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """For tests that use Qt."""
    if "qapp" not in getattr(item, "fixturenames", ()):
        return (yield)
    if not _settled:
        gc.collect()
        gc.freeze()
        _settled.append(True)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.enable()
