"""A container's output in the run's log: whole lines, each once, whatever happens in between."""

from __future__ import annotations

import errno
import os
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.errors import AppError
from models.domain.run import ContainerHandle
from services.run_files import RunFolder, read_log
from services.runners import log_pump
from services.runners.container_end import ContainerEnd
from services.runners.log_book import UNWRITABLE, LogBook, note_file, read_note
from services.runners.log_lines import (
    LONGEST_LINE,
    LineJoiner,
    Position,
    as_since,
    split_entry,
)
from services.runners.log_pump import LogPump

if TYPE_CHECKING:
    from collections.abc import Iterator

OUT, ERR = 1, 2
Entry = tuple[int, bytes]


def stamp(nanoseconds: int) -> bytes:
    return f"2026-11-25T10:00:{nanoseconds // 10**9:02}.{nanoseconds % 10**9:09}Z ".encode()


def entries(*texts: str, step: int = 1000) -> list[Entry]:
    """As an engine tells them: odd ones are errors, every third has the time of the one before."""
    return [
        (OUT if number % 2 == 0 else ERR, stamp((number - number % 3 // 2) * step) + text.encode())
        for number, text in enumerate(texts)
    ]


SOME = entries(
    "one\n", "two\n", "three begins, ", "four\n", "goes on", " and ends\n", "10 %\r20 %", "five\n",
    "\r30 %\n", "\n", "last without an end",
)  # fmt: skip


class Engine:
    """What an engine keeps of a container, and how it tells of it from a position on."""

    def __init__(self, kept: list[Entry]) -> None:
        self.kept = kept

    def tell(self, position: Position) -> Iterator[Entry]:
        for stream, entry in self.kept:
            time, _ = split_entry(entry)
            if not position.since or (time is not None and time >= position.since):
                yield stream, entry


def folder(path: Path) -> RunFolder:
    found = RunFolder(path, "run")
    found.path.mkdir(parents=True, exist_ok=True)
    return found


def whole_log(path: Path, kept: list[Entry]) -> bytes:
    """The log of a program that nothing happens to."""
    target = folder(path)
    book = LogBook(target, "c")
    for stream, entry in Engine(kept).tell(book.open()):
        book.take(stream, entry)
    book.finish(ContainerEnd(0))
    return target.log.read_bytes()


def test_lines_are_joined_and_redrawn_ones_keep_their_last_state(tmp_path: Path) -> None:
    kept = [
        (OUT, stamp(1) + b"begun "),
        (ERR, stamp(2) + b"an error between\n"),
        (OUT, stamp(1) + b"and ended\n"),
        (OUT, stamp(3) + b"\r 1 %\r 50 %"),
        (OUT, stamp(3) + b"\r100 %\r\n"),
        (ERR, stamp(4) + b"no end"),
    ]
    assert whole_log(tmp_path, kept) == b"an error between\nbegun and ended\n100 %\nno end\n"


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    joiner = LineJoiner()
    written = b"".join(joiner.feed(OUT, b"x" * 16_384) for _ in range(200)) + joiner.end()
    assert written.replace(b"\n", b"") == b"x" * 16_384 * 200
    assert written.count(b"\n") == 200 * 16_384 // LONGEST_LINE + 1


@given(st.lists(st.binary(max_size=12).filter(lambda part: b"\n" not in part), max_size=8))
def test_how_a_line_is_cut_does_not_change_it(parts: list[bytes]) -> None:
    cut, whole = LineJoiner(), LineJoiner()
    pieces = b"".join(cut.feed(OUT, part) for part in [*parts, b"\n"])
    assert pieces == whole.feed(OUT, b"".join(parts) + b"\n")


@pytest.mark.parametrize(
    ("text", "seconds", "fraction"),
    [
        (b"2026-11-25T10:00:01.123456789Z x", 1, 123_456_789),
        (b"2026-11-25T10:00:01.5Z x", 1, 500_000_000),
        (b"2026-11-25T10:00:01Z x", 1, 0),
        (b"2026-11-25T12:00:01.000000007+02:00 x", 1, 7),
    ],
)
def test_times_are_read_to_the_nanosecond(text: bytes, seconds: int, fraction: int) -> None:
    began = int(datetime.fromisoformat("2026-11-25T10:00:00+00:00").timestamp())
    time, rest = split_entry(text)
    assert (time, rest) == ((began + seconds) * 10**9 + fraction, b"x")
    assert as_since(time or 0) == f"{began + seconds}.{fraction:09}"


def test_an_entry_without_a_time_is_taken_whole() -> None:
    assert split_entry(b"no time here\n") == (None, b"no time here\n")


def test_a_log_that_held_something_before_goes_on_behind_it(tmp_path: Path) -> None:
    target = folder(tmp_path)
    target.log.write_text("of the boot before\n")
    assert whole_log(tmp_path, SOME).startswith(b"of the boot before\none\n")


@pytest.mark.parametrize("taken", range(len(SOME) + 1))
@pytest.mark.parametrize("noted", [True, False])
def test_whoever_goes_on_loses_and_doubles_nothing(tmp_path: Path, taken: int, noted: bool) -> None:
    expected = whole_log(tmp_path / "whole", SOME)
    target, engine = folder(tmp_path / "cut"), Engine(SOME)
    book = LogBook(target, "c")
    told = engine.tell(book.open())
    for _ in range(taken):
        book.take(*next(told))
    if noted:
        book.note()
    reader = read_log(target.log, 0)

    later = LogBook(target, "c")
    for entry in engine.tell(later.open()):
        later.take(*entry)
    later.finish(ContainerEnd(0))

    assert target.log.read_bytes() == expected
    assert reader[0] + read_log(target.log, reader[1])[0] == expected.decode()
    note = read_note(note_file(target))
    assert note is not None
    assert note.end == ContainerEnd(0)


class CrashError(Exception):
    """The program is killed at this very moment."""


@pytest.mark.parametrize("at", range(24))
def test_a_crash_at_any_step_of_writing_is_mended(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that changes a file is the last one once, before and after it has its effect."""
    expected = whole_log(tmp_path / "whole", SOME)
    target, engine = folder(tmp_path / "cut"), Engine(SOME)
    steps = iter(range(1000))

    def killed(change: Any) -> Any:
        def step(*args: Any, **kwargs: Any) -> Any:
            number = next(steps)
            if number == at and number % 2 == 0:
                raise CrashError
            done = change(*args, **kwargs)
            if number == at:
                raise CrashError
            return done

        return step

    def go_on() -> None:
        book = LogBook(target, "c")
        for entry in engine.tell(book.open()):
            book.take(*entry)
            book.note()
        book.finish(ContainerEnd(0))

    with monkeypatch.context() as patch:
        for name in ("write_bytes", "replace", "touch"):
            patch.setattr(Path, name, killed(getattr(Path, name)))
        patch.setattr(LogBook, "_append", killed(LogBook._append))
        patch.setattr(os, "truncate", killed(os.truncate))
        with pytest.raises(CrashError):
            go_on()
    go_on()

    assert target.log.read_bytes() == expected


@pytest.mark.parametrize("taken", range(9))
def test_a_clock_that_is_set_back_loses_nothing(
    tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [10, 20, 20, 5, 6, 6, 30, 7]
    kept = [(OUT, stamp(time) + f"line {n}\n".encode()) for n, time in enumerate(times)]
    target = folder(tmp_path)
    book = LogBook(target, "c")
    told = Engine(kept).tell(book.open())
    for _ in range(taken):
        book.take(*next(told))
    book.note()

    monkeypatch.setattr(log_pump, "LogStream", partial(Told, Engine(kept)))
    pump = LogPump(EndedEngine(), ContainerHandle("c", "name", "unix:///x"), target)  # type: ignore[arg-type]
    look = pump.look()

    assert (look.is_alive, look.exit_code) == (False, 3)
    assert target.log.read_text().splitlines() == [f"line {n}" for n in range(8)]


class Told:
    """What stands in for the engine's stream."""

    def __init__(
        self, engine: Engine, client: object, container: str, position: Position, *, follow: bool
    ) -> None:
        self._entries = list(engine.tell(position))

    def entries(self) -> list[Entry]:
        return self._entries

    def count(self) -> int:
        return len(self._entries)

    def close(self) -> None:
        pass


class EndedEngine:
    """An engine with a container that has ended."""

    api = property(lambda self: self)

    def client_at(self, url: str) -> EndedEngine:
        return self

    def inspect_container(self, container: str) -> dict[str, Any]:
        return {"State": {"Status": "exited", "ExitCode": 3}}


def test_after_a_power_cut_that_took_the_logs_end_all_is_there_again(tmp_path: Path) -> None:
    expected = whole_log(tmp_path, SOME)
    target = folder(tmp_path)
    os.truncate(target.log, 5)
    book = LogBook(target, "c")
    for entry in Engine(SOME).tell(book.open()):
        book.take(*entry)
    book.finish(ContainerEnd(0))
    assert target.log.read_bytes() == expected


def test_a_damaged_note_is_as_none(tmp_path: Path) -> None:
    for damage in (b"", b"{", b"[]", b'{"container": 1}', b'{"end": null, "position": {"x": 1}}'):
        note_file(folder(tmp_path)).write_bytes(damage)
        assert read_note(note_file(folder(tmp_path))) is None


def test_a_full_disk_is_said_and_nothing_is_lost_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, engine = folder(tmp_path / "full"), Engine(SOME)
    expected = whole_log(tmp_path / "whole", SOME)
    book = LogBook(target, "c")
    told = engine.tell(book.open())
    book.take(*next(told))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(AppError) as caught:
            book.note()
    assert caught.value.kind == UNWRITABLE
    assert "disk is full" in caught.value.message
    for entry in engine.tell(book.open()):
        book.take(*entry)
    book.finish(ContainerEnd(0))
    assert target.log.read_bytes() == expected
