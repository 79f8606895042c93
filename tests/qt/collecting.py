"""Collects Python's cyclic garbage between tests, never within one.

As in the program (app/collector.py): collected in a thread, or from within a destructor that holds
one of Qt's locks, QObjects in cycles crash or hang the process. After a test nothing of it is left
for the tests of the services, which have threads.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def settled_memory() -> None:
    """What is there before the first test of the window need not be looked at after each."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def collect_between_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """For tests that use Qt."""
    if "qapp" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("settled_memory")
    gc.disable()
    yield
    gc.collect()
    gc.enable()
