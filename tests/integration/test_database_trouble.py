"""Locked, full, forbidden and damaged while in use; several threads and processes at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from models.db import run_repository
from models.db.database import Database
from models.db.tables import RunRow
from models.domain.config import TrainingConfig
from models.domain.errors import AppError
from models.domain.run import (
    IllegalTransitionError,
    Run,
    RunEvent,
    RunState,
    check_transition,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
SHORT = 0.2
EVENTS = [RunEvent(seq, 1.0, "warning", {"text": "x" * 1000}) for seq in range(3000)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "temper.db", busy_timeout=SHORT)
    with opened.unit_of_work() as uow:
        uow.runs.add(a_run("r"))
        uow.commit()
    yield opened
    opened.close()


@pytest.fixture
def small_disk(tmp_path: Path, mount: Callable[..., Path]) -> Path:
    return mount(tmp_path / "disk", "size=1m")


def a_run(run_id: str, state: RunState = RunState.RUNNING) -> Run:
    return Run(run_id, run_id, TrainingConfig(), state, "python", "/data", 1.0, "/data/o")


def state_of(database: Database, run_id: str) -> RunState:
    with database.unit_of_work() as uow:
        return uow.runs.get(run_id).state


# Units of work


def test_leaving_without_commit_stores_nothing(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.configs.save("Mine", TrainingConfig())
        uow.app_state.set("k", 1)
    with pytest.raises(ZeroDivisionError), database.unit_of_work() as uow:
        print(uow.configs.save("Mine", TrainingConfig()).id / 0)
    with database.unit_of_work() as uow:
        assert uow.configs.list() == []
        assert uow.app_state.get("k") is None


def test_a_unit_of_work_that_ended_is_of_no_more_use(database: Database) -> None:
    with database.unit_of_work() as uow:
        pass
    with pytest.raises(InvalidRequestError):
        uow.configs.list()


def test_foreign_keys_are_enforced(database: Database) -> None:
    orphan = "INSERT INTO metrics (run_id, seq, time, type, fields) VALUES ('gone', 0, 0, 'x', '')"
    with database._engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(orphan))


def test_a_change_by_another_unit_of_work_is_seen_before_a_transition(database: Database) -> None:
    with database.unit_of_work() as slow:
        # The row stays in memory, as one that a traceback holds would.
        row = slow._session.get(RunRow, "r")
        assert row is not None
        assert row.state == RunState.RUNNING
        with database.unit_of_work() as fast:
            fast.runs.transition("r", RunState.FINISHED)
            fast.commit()
        with pytest.raises(IllegalTransitionError):
            slow.runs.transition("r", RunState.STOPPING)
    assert state_of(database, "r") is RunState.FINISHED


def test_only_one_of_two_threads_wins_a_transition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.open(tmp_path / "temper.db")
    barrier = threading.Barrier(2)

    def check_slowly(old: RunState, new: RunState) -> None:
        check_transition(old, new)
        time.sleep(0.02)  # time for the other thread to read the old state, if it may

    monkeypatch.setattr(run_repository, "check_transition", check_slowly)

    def finish(run_id: str, state: RunState) -> bool:
        with database.unit_of_work() as uow:
            uow.runs.get(run_id)
            barrier.wait()
            try:
                uow.runs.transition(run_id, state)
            except IllegalTransitionError:
                return False
            uow.commit()
            return True

    with ThreadPoolExecutor(2) as pool:
        for number in range(5):
            with database.unit_of_work() as uow:
                uow.runs.add(a_run(str(number)))
                uow.commit()
            states = (RunState.FINISHED, RunState.CANCELLED)
            assert sorted(pool.map(finish, [str(number)] * 2, states)) == [False, True]
    database.close()


def test_threads_write_at_the_same_time(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "temper.db")

    def write(thread: int) -> None:
        for number in range(25):
            with database.unit_of_work() as uow:
                uow.configs.list()  # a reader that becomes a writer must wait, not fail
                uow.configs.save(f"{thread}-{number}", TrainingConfig())
                uow.commit()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with database.unit_of_work() as uow:
        assert len(uow.configs.list()) == 100
    database.close()


OPEN_AND_WRITE = """
import pathlib, sys, time
from models.db.database import Database
time.sleep(max(0.0, float(sys.argv[2]) - time.time()))
database = Database.open(pathlib.Path(sys.argv[1]))
with database.unit_of_work() as uow:
    uow.app_state.set(sys.argv[3], 1)
    uow.commit()
database.close()
"""


def test_processes_may_make_the_same_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "temper.db"
    command = [sys.executable, "-c", OPEN_AND_WRITE, str(path), str(time.time() + 2)]
    processes = [subprocess.Popen([*command, str(number)]) for number in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    database = Database.open(path)
    with database.unit_of_work() as uow:
        assert [uow.app_state.get(str(number)) for number in range(4)] == [1] * 4
    database.close()


# Locked


def test_a_locked_database_says_so_and_can_still_be_read(database: Database) -> None:
    with closing(sqlite3.connect(database.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with database.unit_of_work() as uow:
            assert uow.runs.get("r").id == "r"
            with pytest.raises(AppError) as raised:
                uow.configs.save("Mine", TrainingConfig())
        assert raised.value.kind == "database_locked"
        assert str(database.path) in raised.value.message
        other.rollback()
    with database.unit_of_work() as uow:
        uow.configs.save("Mine", TrainingConfig())
        uow.commit()


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
connection.execute("INSERT INTO app_state VALUES ('held', '1')")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_file_that_another_process_keeps_for_itself_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "temper.db"
    Database.open(path).close()
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AppError) as raised:
            Database.open(path, busy_timeout=SHORT)
        holder.communicate("")
    assert raised.value.kind == "database_locked"
    Database.open(path).close()


# Full, forbidden, damaged


def test_a_full_database_says_so_and_keeps_what_it_has(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow._session.execute(text("PRAGMA max_page_count = 40"))
        with pytest.raises(AppError) as raised:
            uow.metrics.add("r", EVENTS)
        uow._session.execute(text("PRAGMA max_page_count = 1000000"))
    assert raised.value.kind == "disk_full"
    with database.unit_of_work() as uow:
        assert uow.metrics.list("r") == []
        uow.metrics.add("r", EVENTS)
        uow.commit()


def test_a_full_disk_says_so_and_keeps_what_it_has(small_disk: Path) -> None:
    database = Database.open(small_disk / "temper.db")
    with database.unit_of_work() as uow:
        uow.runs.add(a_run("r"))
        uow.commit()
    with database.unit_of_work() as uow, pytest.raises(AppError) as raised:
        uow.metrics.add("r", EVENTS)
    assert raised.value.kind == "disk_full"
    assert "Free some space" in raised.value.hint
    with database.unit_of_work() as uow:
        for number in range(300):  # few enough to stay in memory until they are committed
            uow.app_state.set(str(number), "x" * 3500)
        with pytest.raises(AppError) as raised:
            uow.commit()
    assert raised.value.kind == "disk_full"
    with database.unit_of_work() as uow:
        assert uow.runs.list() == [a_run("r")]
        assert uow.app_state.get("0") is None
        assert uow.metrics.list("r") == []
        uow.runs.transition("r", RunState.FINISHED)
        uow.commit()
    database.close()


@pytest.mark.parametrize("left", [0, 4096, 8192, 20_000, 40_000])
def test_no_room_for_a_new_database(small_disk: Path, left: int) -> None:
    filler = small_disk / "filler"
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    filler.write_bytes(b"x" * (free - left))
    with pytest.raises(AppError) as raised:
        Database.open(small_disk / "temper.db", busy_timeout=SHORT)
    assert raised.value.kind == "disk_full"
    filler.unlink()
    Database.open(small_disk / "temper.db").close()


def test_a_folder_that_cannot_be_written(tmp_path: Path, mount: Callable[..., Path]) -> None:
    folder = mount(tmp_path / "disk", "size=1m,ro")
    for path in (folder / "temper.db", folder / "inside" / "temper.db"):
        with pytest.raises(AppError) as raised:
            Database.open(path)
        assert raised.value.kind == "no_permission"
        assert str(path) in raised.value.message


def test_a_folder_that_is_a_file_or_a_database_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.db").mkdir()
    for path in (tmp_path / "file" / "temper.db", tmp_path / "folder.db"):
        with pytest.raises(AppError) as raised:
            Database.open(path)
        assert raised.value.kind == "no_permission"


def test_damage_met_later_is_told_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "temper.db"
    database = Database.open(path)
    with database.unit_of_work() as uow:
        uow.runs.add(a_run("r"))
        uow.metrics.add("r", EVENTS)
        uow.commit()
    database.close()
    with path.open("r+b") as file:  # the head stays whole, so opening cannot notice
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * (path.stat().st_size // 3))
    database = Database.open(path)
    with database.unit_of_work() as uow, pytest.raises(AppError) as raised:
        uow.metrics.list("r")
    database.close()
    assert raised.value.kind == "database_damaged"
    assert "temper.db-wal" in raised.value.hint
