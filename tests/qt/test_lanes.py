"""Lanes and tasks: results, errors, order, and the end."""

from __future__ import annotations

import asyncio
import threading
import weakref
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from app.collector import WindowCollector
from controllers.lanes import Lane, Lanes
from controllers.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Aio


def test_garbage_is_collected_in_the_window_and_nowhere_else(qtbot: QtBot) -> None:
    class Cycle:
        def __init__(self) -> None:
            self.me = self

    collector = WindowCollector()
    collector.start()
    threads: list[int] = []
    for _ in range(50):
        weakref.finalize(Cycle(), lambda: threads.append(threading.get_ident()))

    def allocate() -> None:
        kept = [[number] for number in range(50_000)]
        assert kept

    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert threads == []
    kept = [[number] for number in range(5_000)]  # so that a collection is due
    qtbot.waitUntil(lambda: len(threads) == 50)
    assert set(threads) == {threading.get_ident()}
    assert kept
    collector.stop()
    collector.deleteLater()


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("test")
    yield made
    assert made.close(60.0)


def test_a_lane_returns_raises_and_keeps_the_order(aio: Aio, lane: Lane) -> None:
    names: list[str] = []

    def work(number: int) -> int:
        names.append(threading.current_thread().name)
        if number == 2:
            raise ValueError("two")
        return number * 10

    async def ask() -> list[object]:
        calls = (lane.run(work, number) for number in range(4))
        return await asyncio.gather(*calls, return_exceptions=True)

    found = aio(ask())
    assert [str(one) for one in found] == ["0", "10", "two", "30"]
    assert set(names) == {"lane-test"}


def test_the_window_lives_while_a_lane_works(aio: Aio, lane: Lane) -> None:
    go = threading.Event()

    async def ask() -> int:
        waiting = asyncio.ensure_future(lane.run(go.wait, 60.0))
        turns = 0
        while not waiting.done():
            turns += 1
            if turns == 20:
                go.set()
            await asyncio.sleep(0)
        return turns

    assert aio(ask()) >= 20


def test_a_lane_that_hangs_does_not_hold_the_end_up(aio: Aio) -> None:
    lane, go = Lane("stuck"), threading.Event()

    async def ask() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lane.run(go.wait, 60.0), 0.05)

    aio(ask())
    assert not lane.close(0.05)
    go.set()
    for thread in threading.enumerate():
        if thread.name == "lane-stuck":
            thread.join(60.0)


def test_tasks_tell_bugs_and_end_together(aio: Aio) -> None:
    bugs: list[BaseException] = []
    tasks = Tasks(aio.loop, bugs.append)

    async def fail() -> None:
        raise ZeroDivisionError

    async def forever() -> None:
        await asyncio.sleep(60)

    tasks.start(fail())
    aio(tasks.settle())
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]
    task = tasks.start(forever())
    aio(tasks.close())
    assert task.cancelled()
    assert len(bugs) == 1


def test_a_call_that_raises_stop_iteration_is_a_bug_and_nobody_waits_for_ever(aio: Aio) -> None:
    lane = Lane("test")

    async def call() -> None:
        await lane.run(next, iter(()))

    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        aio(call())
    assert isinstance(caught.value.__cause__, StopIteration)
    lane.close(1.0)


def test_every_lane_takes_no_more_calls_once_they_are_closed() -> None:
    lanes = Lanes()
    each = [getattr(lanes, field.name) for field in fields(lanes)]
    for lane in each:
        lane._ensure_thread()

    lanes.close(10.0)

    assert [lane._name for lane in each if lane._thread is not None] == []
