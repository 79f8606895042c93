"""Which folders a container is given, and why others are not."""

from __future__ import annotations

import json
import os
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from services import host_folder
from services.host_folder import User, extra_group, folder_problems, is_refused_place
from tests.unit.test_container_spec import ENGINE

DESKTOP = replace(ENGINE, kind="Docker Desktop")


@pytest.fixture
def user(tmp_path: Path) -> User:
    home = tmp_path / "home"
    home.mkdir()
    return replace(User.caller(), home=home)


def messages(folder: Path, user: User, info: object = ENGINE) -> list[str]:
    found = folder_problems(folder, info, user)  # type: ignore[arg-type]
    assert all(problem.field == "local.host_data_dir" and problem.remedy for problem in found)
    return [problem.message for problem in found]


def test_a_folder_of_ones_own_is_fine_and_one_that_can_be_made_too(
    user: User, tmp_path: Path
) -> None:
    assert messages(tmp_path, user) == []
    assert messages(tmp_path / "new" / "deeper", user) == []
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("place", "word"),
    [
        ("/", "root of a disk"),
        ("/etc/temper", "system"),
        ("/usr/lib", "system"),
        ("/home", "system"),
        ("/var", "system"),
        ("/var/lib/docker/volumes", "system"),
        ("/proc/1", "system"),
        ("/home/me", "whole home"),
        ("/home/me/data", ""),
        ("/mnt/disk/data", ""),
        ("/run/media/me/disk", ""),
        ("/run/user/1000", "system"),
        ("/Users/me/data", ""),
        ("/Applications/x", "system"),
    ],
)
def test_places_that_are_not_for_data(place: str, word: str) -> None:
    said = is_refused_place(PurePosixPath(place), PurePosixPath("/home/me"))
    assert (word in said) if word else said == ""


@pytest.mark.parametrize(
    ("place", "word"),
    [
        ("C:\\", "root of a disk"),
        ("D:\\", "root of a disk"),
        ("C:\\Windows\\x", "system"),
        ("C:\\Program Files\\x", "system"),
        ("C:\\Users\\me", "whole home"),
        ("C:\\Users\\me\\data", ""),
        ("D:\\data", ""),
    ],
)
def test_places_of_windows(place: str, word: str) -> None:
    said = is_refused_place(PureWindowsPath(place), PureWindowsPath("C:\\Users\\me"))
    assert (word in said) if word else said == ""


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links take a right there")
def test_links_are_followed_and_what_they_hide_is_said(user: User, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/etc")
    (message,) = messages(link, user)
    assert message == "leads to /etc, which belongs to the system."

    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert messages(circle, user) == ["is a symbolic link that leads nowhere."]


def test_a_file_is_no_folder(user: User, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert messages(tmp_path / "file" / "x", user) == [f"cannot be: {tmp_path / 'file'} is a file."]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives files away")
def test_roots_container_may_write_only_what_is_roots(user: User, tmp_path: Path) -> None:
    folder = tmp_path / "anothers"
    folder.mkdir()
    os.chown(folder, 1234, 1234)
    assert messages(folder, user) == ["cannot be written by you."]
    folder.chmod(0o777)
    assert messages(folder, user) == []
    (folder / "outputs").mkdir()
    os.chown(folder / "outputs", 1234, 1234)
    assert messages(folder, user) == ["holds outputs, which you cannot write."]


def test_a_full_disk_is_said(user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(host_folder.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 10**8))
    (message,) = messages(tmp_path, user)
    assert message.startswith("has 0.1 GB free")


def test_docker_desktop_sees_only_what_is_shared(user: User, tmp_path: Path) -> None:
    settings = user.home / ".docker" / "desktop" / "settings-store.json"
    assert messages(tmp_path, user, DESKTOP) == []  # nothing is known of its settings
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"FilesharingDirectories": ["/home"]}))
    (message,) = messages(tmp_path, user, DESKTOP)
    assert "not shared with Docker Desktop" in message
    settings.write_text(json.dumps({"FilesharingDirectories": [str(tmp_path)]}))
    assert messages(tmp_path / "data", user, DESKTOP) == []


def test_selinux_and_a_colon_do_not_go_together(user: User, tmp_path: Path) -> None:
    info = replace(ENGINE, security=("selinux",))
    assert messages(tmp_path, user, info) == []
    (message,) = messages(tmp_path / "a:b", user, info)
    assert "SELinux" in message


def test_the_group_that_opens_a_folder_is_found(tmp_path: Path) -> None:
    owner, group = tmp_path.stat().st_uid, tmp_path.stat().st_gid
    other = User(owner + 1, group + 1, (group,), tmp_path)
    assert extra_group(tmp_path, other) == group
    assert extra_group(tmp_path, replace(other, groups=())) is None
    assert extra_group(tmp_path, replace(other, uid=owner or 1, maps_owner=True)) is None
