"""Exports that were killed: what they left is found and removed, and nothing else ever is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from services.export_folder import ExportFolder
from services.export_notes import ExportNotes, new_folder, old_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_EXPORT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from services.export_folder import ExportFolder
from services.export_notes import ExportNotes
home, out = Path(sys.argv[2]), Path(sys.argv[3])
place = ExportFolder(out, home / "adapter")
with ExportNotes(home / "exports").holding(place.path), place.filling() as new:
    (new / "config.json").write_text("{}")
    (new / "half.safetensors").write_bytes(bytes(1000))
    print("filling", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def notes(tmp_path: Path) -> ExportNotes:
    return ExportNotes(tmp_path / "exports")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine" / "tuned"


@pytest.fixture
def exporting(tmp_path: Path, out: Path) -> Iterator[subprocess.Popen[str]]:
    """A program in the middle of an export."""
    words = [sys.executable, "-c", _EXPORT, str(ROOT), str(tmp_path), str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "filling\n"
        yield child
        child.kill()


def killed(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    child.wait()


def noted(tmp_path: Path) -> list[str]:
    return [json.loads(one.read_text())["path"] for one in (tmp_path / "exports").glob("*.json")]


def test_what_a_killed_export_left_goes_and_what_lies_beside_it_stays(
    notes: ExportNotes, tmp_path: Path, out: Path, exporting: subprocess.Popen[str]
) -> None:
    others = out.with_name(".other.temper-export")
    others.mkdir()
    assert noted(tmp_path) == [str(out)]
    killed(exporting)
    assert new_folder(out).is_dir(), "a killed program removes nothing"
    notes.sweep()
    assert sorted(out.parent.iterdir()) == [others], "of that one nobody has said that it is ours"
    assert noted(tmp_path) == []


def test_an_export_that_goes_on_is_left_alone_and_not_joined(
    notes: ExportNotes, out: Path, exporting: subprocess.Popen[str]
) -> None:
    notes.sweep()
    assert (new_folder(out) / "half.safetensors").is_file()
    with pytest.raises(AppError, match="Another export to") as refused, notes.holding(out):
        pass
    assert refused.value.kind == "busy"
    assert exporting.poll() is None


def test_an_earlier_export_gets_its_place_back(notes: ExportNotes, out: Path) -> None:
    """Killed between the two renames: the earlier one is aside, the new one has no name yet."""
    with notes.holding(out):
        for folder in (new_folder(out), old_folder(out)):
            folder.mkdir()
        (old_folder(out) / "config.json").write_text("{}")
    notes.sweep()
    assert sorted(path.name for path in out.parent.iterdir()) == ["tuned"]
    assert (out / "config.json").is_file()


def test_of_two_the_one_that_has_the_name_counts(notes: ExportNotes, out: Path) -> None:
    """Killed while the earlier one was removed."""
    with notes.holding(out):
        for folder in (out, old_folder(out)):
            folder.mkdir()
        (out / "new").touch()
    notes.sweep()
    assert [path.name for path in out.parent.iterdir()] == ["tuned"]
    assert (out / "new").is_file()


def test_what_cannot_be_settled_now_is_tried_again(
    notes: ExportNotes, tmp_path: Path, out: Path, exporting: subprocess.Popen[str]
) -> None:
    killed(exporting)
    away = out.parent.rename(tmp_path / "unplugged")
    notes.sweep()
    assert noted(tmp_path) == [str(out)], "the disk may come back"
    away.rename(out.parent)
    notes.sweep()
    assert list(out.parent.iterdir()) == []
    assert noted(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"path": "relative"}', b'{"path": 1}'])
def test_a_damaged_note_harms_nothing(notes: ExportNotes, tmp_path: Path, content: bytes) -> None:
    note = tmp_path / "exports" / "x.json"
    note.parent.mkdir()
    note.write_bytes(content)
    notes.sweep()
    assert not note.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few people make links")
def test_a_link_in_the_place_of_a_leftover_is_not_followed(
    notes: ExportNotes, tmp_path: Path, out: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    with notes.holding(out):
        new_folder(out).symlink_to(kept)
    notes.sweep()
    assert (kept / "file").is_file()


def test_a_whole_export_leaves_no_note(notes: ExportNotes, tmp_path: Path, out: Path) -> None:
    place = ExportFolder(out, tmp_path / "adapter")
    with notes.holding(place.path), place.filling() as new:
        (new / "config.json").write_text("{}")
    assert [path.name for path in out.parent.iterdir()] == ["tuned"]
    assert noted(tmp_path) == []
