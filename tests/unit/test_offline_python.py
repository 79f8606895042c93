"""The Python that travels with an environment: whole, with its links, never out of its folder."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from services.offline_bundle.packing import _packed, _unpacked
from services.progress import CancelToken

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A folder as uv leaves it: a version, an absolute link to it, programs and byte code."""
    version = tmp_path / "python" / "cpython-3.11.7"
    for name in ("bin", "lib/__pycache__"):
        (version / name).mkdir(parents=True)
    (version / "bin" / "python3.11").write_bytes(b"program")
    (version / "bin" / "python3.11").chmod(0o755)
    (version / "bin" / "python3").symlink_to("python3.11")
    (version / "lib" / "__pycache__" / "x.pyc").write_bytes(b"old")
    (tmp_path / "python" / "cpython-3.11").symlink_to(version)
    return tmp_path / "python"


def test_it_arrives_with_its_links_inside_the_new_place(python: Path, tmp_path: Path) -> None:
    packed = _packed(python, tmp_path / "python.tar.gz", CancelToken())
    there = tmp_path / "there"
    _unpacked(packed, there)
    program = there / "cpython-3.11" / "bin" / "python3"
    assert program.read_bytes() == b"program"
    assert os.access(program, os.X_OK)
    assert program.resolve() == there / "cpython-3.11.7" / "bin" / "python3.11"
    assert not list(there.rglob("*.pyc"))


def test_it_arrives_beside_another_python_and_what_a_try_without_it_has_left(
    python: Path, tmp_path: Path
) -> None:
    packed = _packed(python, tmp_path / "python.tar.gz", CancelToken())
    there = tmp_path / "there"
    (there / "cpython-3.12.1" / "bin").mkdir(parents=True)
    (there / ".temp").mkdir()
    (there / ".lock").touch()
    _unpacked(packed, there)
    assert (there / "cpython-3.11" / "bin" / "python3").read_bytes() == b"program"
    assert (there / "cpython-3.12.1" / "bin").is_dir()
    (there / "cpython-3.11.7" / "own").touch()
    _unpacked(packed, there)
    assert (there / "cpython-3.11.7" / "own").exists(), "one that is there stays as it is"
    assert [one.name for one in tmp_path.glob(".python*")] == []


def test_a_full_disk_is_not_said_to_be_a_bad_bundle(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = _packed(python, tmp_path / "python.tar.gz", CancelToken())

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extractall", full)
    with pytest.raises(OSError, match="No space left"):
        _unpacked(packed, tmp_path / "there")
    packed.write_bytes(packed.read_bytes()[:100])
    monkeypatch.undo()
    with pytest.raises(AppError, match="cannot be unpacked"):
        _unpacked(packed, tmp_path / "there")


def test_the_same_files_are_the_same_bytes(python: Path, tmp_path: Path) -> None:
    first, second = (
        _packed(python, tmp_path / f"{name}.tar.gz", CancelToken()).read_bytes() for name in "ab"
    )
    assert first == second


@pytest.mark.parametrize("evil", ["../up", "link/up"])
def test_what_leads_out_of_its_folder_is_refused(tmp_path: Path, evil: str) -> None:
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, ".."
        tar.addfile(link)
        info = tarfile.TarInfo(evil)
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(AppError) as failure:
        _unpacked(tmp_path / "evil.tar.gz", tmp_path / "there" / "python")
    assert failure.value.kind == "bad_bundle"
    assert not (tmp_path / "there" / "python").exists()
    assert not list(tmp_path.rglob("up"))
