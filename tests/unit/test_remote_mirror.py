"""The pod's growing files here: what was taken is taken once, wherever either side was cut."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from services.remote.mirror import EVENTS, LOG, Mirror
from services.run_files import RunFolder
from services.runpod.agent_client import AgentRefusalError, Tail

if TYPE_CHECKING:
    from pathlib import Path


class PodFile:
    """A file on the pod, read as the agent gives it."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.data = b""
        self.most = most

    def read(self, offset: int, wait: float) -> Tail:
        if offset > len(self.data):
            raise AgentRefusalError(416, {"size": len(self.data)})
        piece = self.data[offset : offset + self.most]
        return Tail(piece, offset + len(piece), len(self.data))


class Killed(Exception):  # noqa: N818 - as if the program were gone
    pass


def events(first: int, last: int, word: str = "") -> bytes:
    lines = (json.dumps({"seq": n, "type": "progress", "word": word}) for n in range(first, last))
    return b"".join(line.encode() + b"\n" for line in lines)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path, "run-1")
    made.path.mkdir(parents=True)
    return made


def drain(folder: RunFolder, name: str, pod: PodFile, source: str = "a") -> bytes:
    with Mirror(folder) as mirror:
        while mirror.pull(name, source, pod.read):
            pass
    path = folder.path / name
    return path.read_bytes() if path.exists() else b""


@pytest.mark.parametrize("seed", range(20))
def test_whoever_is_killed_at_any_moment_nothing_is_lost_or_doubled(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    log, told = PodFile(chance.randrange(50, 500)), PodFile(chance.randrange(200, 500))
    keep = Mirror._keep

    def may_be_killed(self: Mirror, *args: object) -> None:
        if chance.random() < 0.3:
            raise Killed
        keep(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Mirror, "_keep", may_be_killed)
    number = 0
    for _ in range(60):
        log.data += chance.randbytes(chance.randrange(300))
        whole = told.data.rfind(b"\n") + 1
        torn = told.data[whole:]
        more = events(number, number + chance.randrange(1, 5))
        number += more.count(b"\n")
        told.data = told.data[:whole] + more + (b'{"seq": 9' if chance.random() < 0.5 else b"")
        assert torn in {b"", b'{"seq": 9'}
        try:
            with Mirror(folder) as mirror:
                for _ in range(chance.randrange(1, 4)):
                    mirror.pull(LOG, "a", log.read)
                    mirror.pull(EVENTS, "a", told.read)
        except Killed:
            pass
    monkeypatch.setattr(Mirror, "_keep", keep)
    assert drain(folder, LOG, log) == log.data
    assert drain(folder, EVENTS, told) == told.data[: told.data.rfind(b"\n") + 1]


def test_the_next_pod_on_the_same_volume_goes_on_in_the_same_files(folder: RunFolder) -> None:
    log, told = PodFile(), PodFile()
    log.data, told.data = b"one\n" * 3000, events(0, 300)
    drain(folder, LOG, log, "a")
    drain(folder, EVENTS, told, "a")
    log.data += b"two\n"
    told.data += events(300, 310)
    assert drain(folder, LOG, log, "b") == log.data
    assert drain(folder, EVENTS, told, "b") == told.data


def test_a_fresh_disk_that_was_told_the_history_goes_on_behind_it(folder: RunFolder) -> None:
    before, after = PodFile(), PodFile()
    before.data = events(0, 50)
    drain(folder, EVENTS, before, "a")
    after.data = before.data + events(50, 60, "anew")
    assert drain(folder, EVENTS, after, "b") == after.data
    log = PodFile()
    log.data = b"first pod\n"
    drain(folder, LOG, log, "a")
    log.data = b"second pod\n"
    assert drain(folder, LOG, log, "b") == b"first pod\nsecond pod\n"


def test_what_was_here_before_there_was_a_pod_stays(folder: RunFolder) -> None:
    folder.log.write_bytes(b"local\n")
    folder.events.write_bytes(events(0, 3) + b'{"torn')
    pod = PodFile()
    pod.data = b"pod\n"
    assert drain(folder, LOG, pod) == b"local\npod\n"
    pod.data = events(0, 5)
    assert drain(folder, EVENTS, pod) == events(0, 5)


def test_a_volume_that_lost_the_end_of_a_file_gives_no_number_twice(folder: RunFolder) -> None:
    log, told = PodFile(), PodFile()
    log.data, told.data = b"x" * 5000 + b"lost", events(0, 100)
    drain(folder, LOG, log)
    drain(folder, EVENTS, told)
    log.data = b"x" * 5000
    told.data = events(0, 90)
    drain(folder, LOG, log)
    drain(folder, EVENTS, told)
    log.data += b"again"
    told.data += events(90, 120, "again")
    assert drain(folder, LOG, log) == b"x" * 5000 + b"lost" + b"again"
    seqs = [json.loads(line)["seq"] for line in drain(folder, EVENTS, told).splitlines()]
    assert seqs == list(range(120))


def test_bytes_that_a_power_cut_took_are_fetched_again(folder: RunFolder) -> None:
    pod = PodFile()
    pod.data = b"0123456789" * 1000
    drain(folder, LOG, pod)
    folder.log.write_bytes(pod.data[:7000])
    pod.data += b"more"
    assert drain(folder, LOG, pod) == pod.data


def test_a_damaged_note_is_no_end(folder: RunFolder) -> None:
    pod = PodFile()
    pod.data = events(0, 50)
    drain(folder, EVENTS, pod)
    (folder.path / "mirror.json").write_text("{")
    pod.data += events(50, 60)
    assert drain(folder, EVENTS, pod) == pod.data


def test_only_one_program_writes(folder: RunFolder) -> None:
    with Mirror(folder), pytest.raises(AppError, match="Another program") as caught:
        Mirror(folder).__enter__()
    assert caught.value.kind == "conflict"
