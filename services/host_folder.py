"""Whether a folder of this computer may and can be given to a container as its data folder."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from models.domain.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.docker import EngineInfo

FIELD = "local.host_data_dir"
LEAST_FREE = 1_000_000_000
"""Bytes: an adapter with two checkpoints of a small model; larger ones are said by the trainer."""
_OURS = ("runs", "outputs", "cache", "datasets")
_CHOOSE = "Choose a folder of your own, such as ~/temper-data."
_SYSTEM_ALONE = (
    "/home", "/Users", "/root", "/var", "/mnt", "/media", "/opt", "/srv", "/tmp",  # noqa: S108
)  # fmt: skip
"""Holding other things than ours; a folder inside them may be used."""
_SYSTEM = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr",
    "/run", "/var/lib/docker", "/var/run", "/var/log", "/System", "/Library", "/Applications",
    "/private/etc", "/private/var/db", "/private/var/run",
    "C:/Windows", "C:/Program Files", "C:/Program Files (x86)", "C:/ProgramData",
)  # fmt: skip
_ALLOWED = ("/run/media", "/usr/local/share", "/usr/share/temper")
"""Inside those, and yet the user's: removable disks lie in the first."""
_DESKTOP = "Docker Desktop"
_SHARES_FILES = (
    "Library/Group Containers/group.com.docker/settings-store.json",
    "Library/Group Containers/group.com.docker/settings.json",
    ".docker/desktop/settings-store.json",
    ".docker/desktop/settings.json",
)
_SHARES_KEYS = ("filesharingDirectories", "FilesharingDirectories")


@dataclass(frozen=True, slots=True)
class User:
    """Whom the container's process is outside of it. ``is_root_inside`` with all powers dropped."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: Path
    maps_owner: bool = False  # the engine gives every file of the caller's to the container's user

    @classmethod
    def caller(cls, *, maps_owner: bool = False) -> User:
        """Whoever runs this program."""
        if sys.platform == "win32":
            return cls(0, 0, (), Path.home(), maps_owner=True)
        return cls(os.getuid(), os.getgid(), tuple(os.getgroups()), Path.home(), maps_owner)


def folder_problems(given: Path, info: EngineInfo, user: User) -> list[Problem]:
    """What keeps this folder from being mounted and written; nothing is made or changed."""
    try:
        folder = given.resolve()
    except (OSError, RuntimeError):  # a link to itself
        return [_problem(given, "is a symbolic link that leads nowhere.", "Choose another one.")]
    found = _wrong_place(given, folder, user) or _wrong_kind(given, folder)
    if found is not None:
        return [found]
    checks = (
        _unwritable(given, folder, user),
        _full(given, folder),
        _unshared(given, folder, info, user),
        _unlabelled(given, folder, info),
    )
    return [problem for problem in checks if problem is not None]


def extra_group(folder: Path, user: User) -> int | None:
    """The group through which alone the folder is open to the user; the container needs it too."""
    if user.uid == 0 or user.maps_owner:
        return None
    try:
        status = _nearest(folder).stat()
    except OSError:
        return None
    is_through_group = status.st_uid != user.uid and status.st_gid != user.gid
    return status.st_gid if is_through_group and status.st_gid in user.groups else None


def is_refused_place(folder: PurePath, home: PurePath) -> str:
    """Why a place is not for data, in words that follow its name; empty for one that is."""
    text = folder.as_posix()
    if folder == type(folder)(folder.anchor):
        return "is the root of a disk."
    if folder == home:
        return "is your whole home folder, and a container may write everything in it."
    if text in _SYSTEM_ALONE:
        return "belongs to the system."
    inside = any(_is_in(text, system) for system in _SYSTEM)
    return "belongs to the system." if inside and not any(_is_in(text, a) for a in _ALLOWED) else ""


def shared_folders(home: Path) -> Sequence[str]:
    """The folders that Docker Desktop is set to share; none where its settings do not say."""
    for name in _SHARES_FILES:
        try:
            settings: Any = json.loads((home / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        for key in _SHARES_KEYS:
            folders = settings.get(key) if isinstance(settings, dict) else None
            if isinstance(folders, list):
                return [str(folder) for folder in folders]
    return ()


def _wrong_place(given: Path, folder: Path, user: User) -> Problem | None:
    reason = is_refused_place(folder, user.home)
    through = "" if folder == given else f" leads to {folder}, which"
    return _problem(given, f"{through} {reason}".strip(), _CHOOSE) if reason else None


def _wrong_kind(given: Path, folder: Path) -> Problem | None:
    if folder.is_symlink() or (given.is_symlink() and not folder.exists()):
        return _problem(given, "is a symbolic link that leads nowhere.", "Choose another one.")
    if not _nearest(folder).is_dir():
        return _problem(given, f"cannot be: {_nearest(folder)} is a file.", "Choose another one.")
    return None


def _unwritable(given: Path, folder: Path, user: User) -> Problem | None:
    if not folder.exists():
        nearest = _nearest(folder)
        if not _may_write(nearest, user):
            return _problem(given, f"cannot be made: you may not write in {nearest}.", _CHOOSE)
        return None
    if not _may_write(folder, user):
        return _problem(given, "cannot be written by you.", _own(folder, user))
    for name in _OURS:
        inside = folder / name
        if inside.is_dir() and not _may_write(inside, user):
            return _problem(given, f"holds {name}, which you cannot write.", _own(inside, user))
    return None


def _full(given: Path, folder: Path) -> Problem | None:
    try:
        free = shutil.disk_usage(_nearest(folder)).free
    except OSError:
        return None
    if free >= LEAST_FREE:
        return None
    return _problem(
        given,
        f"has {free / 1e9:.1f} GB free; a training needs {LEAST_FREE / 1e9:.0f} GB and more.",
        "Free some space, or choose a folder on another disk.",
    )


def _unshared(given: Path, folder: Path, info: EngineInfo, user: User) -> Problem | None:
    """Docker Desktop is a virtual machine, and sees only what it is set to share."""
    if info.kind != _DESKTOP:
        return None
    if str(folder).startswith(("\\\\", "//")):
        remedy = "Choose a folder on a disk of this computer."
        return _problem(given, "is on another computer; Docker Desktop cannot share it.", remedy)
    shared = shared_folders(user.home)
    if not shared or any(_is_in(folder.as_posix(), one) for one in shared):
        return None
    return _problem(
        given,
        "is not shared with Docker Desktop, so containers cannot see it.",
        "Add it in Docker Desktop under Settings, Resources, File sharing, or choose a folder in "
        f"{shared[0]}.",
    )


def _unlabelled(given: Path, folder: Path, info: EngineInfo) -> Problem | None:
    """Under SELinux the folder is given a label with a notation that a colon would break."""
    if not info.has_selinux or ":" not in str(folder):
        return None
    return _problem(
        given,
        "has a colon in its path. SELinux guards this computer, so the folder has to be labelled "
        "for containers, and Docker cannot do that for such a path.",
        "Choose a folder without a colon.",
    )


def _may_write(folder: Path, user: User) -> bool:
    """As the container's user may. One that is root there has lost the right to write anything."""
    if user.maps_owner or user.uid != 0:
        return os.access(folder, os.W_OK | os.X_OK)
    status = folder.stat()
    if status.st_uid == 0:
        bits = status.st_mode >> 6
    else:
        bits = status.st_mode >> 3 if status.st_gid == 0 else status.st_mode
    return bits & 0b011 == 0b011  # to write, and to enter


def _own(folder: Path, user: User) -> str:
    if sys.platform == "win32":
        return "Give yourself the right to write there, or choose another folder."
    who = "root" if user.uid == 0 else "$USER"
    return f"Make it yours: sudo chown -R {who} '{folder}', or choose another folder."


def _nearest(folder: Path) -> Path:
    """The folder, or what there is of the way to it."""
    return next((one for one in (folder, *folder.parents) if one.exists()), Path(folder.anchor))


def _is_in(path: str, folder: str) -> bool:
    return PurePath(path).is_relative_to(PurePath(folder))


def _problem(folder: Path, message: str, remedy: str) -> Problem:
    return Problem(FIELD, str(folder), message, remedy)
