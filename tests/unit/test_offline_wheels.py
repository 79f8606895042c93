"""Wheels made of what is installed are those that it came from, but for what installers write."""

from __future__ import annotations

import base64
import csv
import hashlib
import zipfile
from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from services.offline_bundle.wheels import build_wheels
from services.progress import CancelToken

if TYPE_CHECKING:
    from pathlib import Path

_INSTALLED = {
    "some_thing/__init__.py": b"print('here')\n",
    "some_thing/scripts/tool.py": b"#!/usr/bin/env python\n",
    "some_thing/data.bin": bytes(range(256)) * 50,
    "some_thing-1.2+cpu.dist-info/METADATA": b"Name: some-thing\nVersion: 1.2+cpu\n",
    "some_thing-1.2+cpu.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\n"
    b"Tag: cp311-cp311-manylinux2014_x86_64\n",
    "some_thing-1.2+cpu.dist-info/entry_points.txt": b"[console_scripts]\nsay = some_thing:say\n",
    "some_thing-1.2+cpu.dist-info/INSTALLER": b"uv",
    "../../../bin/say": b"#!/there/venv/bin/python\n",
    "../../../bin/helper": b"#!/there/venv/bin/python\nhelp()\n",
    "../../../share/man/man1/say.1": b"manual",
}
_WHEEL = "some_thing-1.2+cpu-cp311-cp311-linux_x86_64.manylinux2014_x86_64.whl"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A package in an environment, as an installer leaves it."""
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    lines = []
    for name, content in _INSTALLED.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        lines.append((name, f"sha256={_hash(content)}", str(len(content))))
    with (site / "some_thing-1.2+cpu.dist-info" / "RECORD").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    (site / "some_thing" / "data.bin").chmod(0o755)
    return site


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _build(site: Path, target: Path) -> Path:
    (wheel,) = build_wheels(site, target, lambda _progress: None, CancelToken())
    return wheel


def test_a_wheel_has_the_files_their_hashes_and_the_scripts(site: Path, tmp_path: Path) -> None:
    wheel = _build(site, tmp_path / "wheels")
    assert wheel.name == _WHEEL
    with zipfile.ZipFile(wheel) as packed:
        content = {name: packed.read(name) for name in packed.namelist()}
        assert packed.getinfo("some_thing/data.bin").external_attr >> 16 & 0o111
    record = content.pop("some_thing-1.2+cpu.dist-info/RECORD").decode()
    for name, digest, size in csv.reader(record.splitlines()):
        if digest:
            assert (digest, int(size)) == (f"sha256={_hash(content[name])}", len(content[name]))
    expected = {
        name: data
        for name, data in _INSTALLED.items()
        if not name.startswith("..") and not name.endswith("INSTALLER")
    }
    assert content == expected | {
        "some_thing-1.2+cpu.data/scripts/helper": b"#!python\nhelp()\n",
        "some_thing-1.2+cpu.data/data/share/man/man1/say.1": b"manual",
    }


def test_the_same_packages_make_the_same_wheel(site: Path, tmp_path: Path) -> None:
    first, second = (_build(site, tmp_path / name).read_bytes() for name in ("a", "b"))
    assert first == second


def test_a_package_that_was_changed_does_not_travel(site: Path, tmp_path: Path) -> None:
    (site / "some_thing" / "__init__.py").write_bytes(b"print('there')")
    with pytest.raises(AppError) as failure:
        _build(site, tmp_path / "wheels")
    assert failure.value.kind == "environment_damaged"
    assert not list((tmp_path / "wheels").glob("*.whl"))
