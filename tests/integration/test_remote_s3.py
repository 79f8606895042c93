"""Our S3 client against the emulated service: whole files, whatever the service's quirks."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from services.progress import Cancelled, CancelToken, Progress
from services.remote.s3 import VolumeFiles
from services.remote.signature import S3Keys
from services.runpod.agent_client import Artifact
from services.runpod.agent_files import Watch
from tests.emulators.runpod.cloud import Cloud
from tests.emulators.runpod.s3 import PARTS, RunpodS3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.emulators.runpod.cloud import Volume

KEYS = S3Keys("user_" + "a" * 30, "rps_" + "s" * 40)
REGION = "EU-RO-1"
PART = 100_000


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunpodS3]:
    cloud = Cloud(s3_keys={KEYS.access: KEYS.secret})
    cloud.new_volume("v", 10, REGION)
    with RunpodS3(cloud) as emulator:
        monkeypatch.setenv("RUNPOD_S3_TEMPLATE", emulator.url)
        yield emulator
    cloud.close()


@pytest.fixture
def volume(s3: RunpodS3) -> Volume:
    (found,) = s3.cloud.volumes.values()
    return found


@pytest.fixture
def files(s3: RunpodS3, volume: Volume) -> Iterator[VolumeFiles]:
    with open_files(volume) as found:
        yield found


def open_files(volume: Volume, keys: S3Keys = KEYS, region: str = REGION) -> VolumeFiles:
    return VolumeFiles(keys, region, volume.id, pause=lambda _: None, part=PART)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(os.urandom(3 * PART + 17))
    return path


def artifact(key: str, content: bytes) -> Artifact:
    return Artifact(key, len(content), hashlib.sha256(content).hexdigest())


def test_small_files_are_written_seen_read_on_and_removed(
    files: VolumeFiles, volume: Volume
) -> None:
    key = "runs/r 1/train#log+ä.txt"
    assert (files.size(key), files.read(key)) == (None, None)
    files.write(key, b"one\n")
    assert (volume.folder / key).read_bytes() == b"one\n"
    assert files.size(key) == 4
    (volume.folder / key).write_bytes(b"one\ntwo\n")
    tail = files.tail(key, 4)
    assert (tail.data, tail.next_offset, tail.size) == (b"two\n", 8, 8)
    assert files.tail(key, 8).data == b""
    files.delete(key)
    files.delete(key)
    assert files.tail(key, 0).size == 0


def test_a_large_file_goes_in_parts_and_comes_home(
    files: VolumeFiles, volume: Volume, source: Path, tmp_path: Path
) -> None:
    reports: list[Progress] = []
    files.put(source, "datasets/a.jsonl", Watch(reports.append))
    assert (volume.folder / "datasets" / "a.jsonl").read_bytes() == source.read_bytes()
    assert len(reports) == 4
    assert not list((volume.folder / PARTS).iterdir())
    home = tmp_path / "home" / "a.jsonl"
    files.fetch(artifact("datasets/a.jsonl", source.read_bytes()), home, Watch())
    assert home.read_bytes() == source.read_bytes()


def test_a_join_whose_answer_is_late_is_done_all_the_same(
    s3: RunpodS3, files: VolumeFiles, source: Path
) -> None:
    s3.times_out = 1
    files.put(source, "a", Watch())
    assert files.size("a") == source.stat().st_size


def test_parts_that_the_service_has_forgotten_are_sent_again(
    s3: RunpodS3, files: VolumeFiles, volume: Volume, source: Path
) -> None:
    gone = b"<Error><Code>NoSuchUpload</Code></Error>"
    s3.cloud.faults.add("PUT /s3.*partNumber=3", status=404, body=gone.decode())
    files.put(source, "a", Watch())
    assert (volume.folder / "a").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("status", [500, 502, 503, 524, 429])
def test_troubles_of_the_service_are_waited_for(
    s3: RunpodS3, files: VolumeFiles, source: Path, status: int
) -> None:
    s3.cloud.faults.add("PUT /s3.*partNumber", times=3, status=status)
    s3.cloud.faults.add("HEAD /s3", times=2, status=status)
    files.put(source, "a", Watch())
    assert files.size("a") == source.stat().st_size


def test_a_service_that_stays_away_is_told(s3: RunpodS3, files: VolumeFiles) -> None:
    s3.cloud.faults.add(" /s3", times=100, status=502)
    with pytest.raises(AppError, match="cannot be reached just now") as caught:
        files.size("a")
    assert caught.value.kind == "volume_unreachable"


def test_a_full_volume_is_told_and_its_parts_are_given_back(
    files: VolumeFiles, volume: Volume, source: Path
) -> None:
    volume.full_at = 2 * PART
    with pytest.raises(AppError, match="volume is full") as caught:
        files.put(source, "a", Watch())
    assert (caught.value.kind, files.size("a")) == ("disk_full", None)
    assert not list((volume.folder / PARTS).iterdir())


def test_an_upload_is_left_when_nobody_wants_it_any_more(
    files: VolumeFiles, volume: Volume, source: Path
) -> None:
    token = CancelToken()
    with pytest.raises(Cancelled):
        files.put(source, "a", Watch(lambda _: token.cancel(), token))
    assert not list((volume.folder / PARTS).iterdir())


def test_parts_of_a_program_that_was_killed_are_given_back_by_the_next_try(
    s3: RunpodS3, volume: Volume, files: VolumeFiles, source: Path
) -> None:
    """They take room on the volume, and nobody else knows of them; those of other files stay."""
    for key in ("datasets/a.jsonl", "datasets/a.jsonl.old"):
        files._call("POST", key, query={"uploads": ""})
    assert len(list((volume.folder / PARTS).iterdir())) == 2
    files.put(source, "datasets/a.jsonl", Watch())
    assert (volume.folder / "datasets/a.jsonl").read_bytes() == source.read_bytes()
    assert len(list((volume.folder / PARTS).iterdir())) == 1
    s3.cloud.faults.add("GET /s3.*uploads=", times=100, status=501)
    files.put(source, "datasets/b.jsonl", Watch())
    assert files.size("datasets/b.jsonl") == source.stat().st_size


def test_lists_end_even_when_they_repeat_themselves(s3: RunpodS3, files: VolumeFiles) -> None:
    for name in ("a", "b & c", "d"):
        files.write(f"in/{name}", name.encode())
    expected = [("in/a", 1), ("in/b & c", 5), ("in/d", 1)]
    assert list(files.listed("in/")) == expected
    s3.page = 1
    assert list(files.listed("in/")) == expected
    s3.repeats_token = True
    assert next(files.listed("in/"))[0] == "in/a"


def test_what_was_changed_on_the_volume_is_not_brought_home(
    files: VolumeFiles, volume: Volume, tmp_path: Path
) -> None:
    files.write("a", b"as made")
    wanted = artifact("a", b"changed")
    with pytest.raises(AppError, match="arrived changed twice"):
        files.fetch(wanted, tmp_path / "a", Watch())
    with pytest.raises(AppError) as caught:
        files.fetch(artifact("b", b"b"), tmp_path / "b", Watch())
    assert caught.value.kind == "not_found"
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("keys", "region", "kind"),
    [
        (S3Keys("user_nobody", KEYS.secret), REGION, "auth"),
        (S3Keys(KEYS.access, "rps_wrong"), REGION, "auth"),
        (KEYS, "US-KS-2", "volume_gone"),
    ],
)
def test_wrong_keys_and_places_are_told_without_the_secret(
    volume: Volume, s3: RunpodS3, keys: S3Keys, region: str, kind: str
) -> None:
    with open_files(volume, keys, region) as files:
        with pytest.raises(AppError) as caught:
            files.read("a")
        assert caught.value.kind == kind
        assert keys.secret not in f"{caught.value} {caught.value.details}"
        if kind == "auth":
            with pytest.raises(AppError, match=caught.value.message):
                files.size("a")


def test_a_wrong_clock_is_told(s3: RunpodS3, files: VolumeFiles) -> None:
    s3.skew = 4000
    with pytest.raises(AppError, match="clock"):
        files.read("a")
