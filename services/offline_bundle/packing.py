"""The trainer's environment as it travels: its wheels, and its Python where that is ours."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zlib
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.environment.lock_file import fingerprint, read_pins
from services.environment.runtime_check import inspect_python
from services.environment.uv_tool import UvTool
from services.offline_bundle.computer import platform_word, spoken
from services.offline_bundle.manifest import PYTHON, WHEELS, BundledEnvironment
from services.offline_bundle.wheels import build_wheels
from services.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from services.environment.runtime_check import Interpreter
    from services.environment.runtime_env import RuntimeEnvironment
    from services.progress import CancelToken, Reporter


_UNREADABLE = (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, TypeError)
"""Of an archive; before Python 3.11.4 there is no filter for what leads out of its folder."""


class EnvironmentPacker:
    """Takes an environment apart, and makes one of what was brought. ``runtime`` is this one's."""

    def __init__(self, runtime: RuntimeEnvironment, requirements: Path, lock: Path) -> None:
        self.runtime = runtime
        self._requirements = requirements
        self._lock = lock

    def pack(
        self, scratch: Path, report: Reporter, cancel: CancelToken
    ) -> tuple[BundledEnvironment, dict[str, Path]]:
        """What the environment is, and its files by their names in the bundle.

        Raises AppError: ``runtime_missing``, ``environment_damaged``; Cancelled.
        """
        interpreter = inspect_python(self.runtime.python, cancel)
        if interpreter is None or not self.runtime.is_ready():
            raise AppError(
                "runtime_missing",
                "The training environment is not set up, so it cannot travel.",
                "Run temper offline prepare first, or temper demo.",
            )
        wheels = build_wheels(interpreter.site, scratch / "wheels", report, cancel)
        sources = {f"{WHEELS}/{path.name}": path for path in wheels}
        python = self._own_python()
        if python is not None:
            report(Progress(None, "Packing Python"))
            sources[PYTHON] = _packed(python, scratch / "python.tar.gz", cancel)
        return self._word(interpreter), sources

    def refuse_other(self, packed: BundledEnvironment, where: str) -> None:
        """Raise AppError("other_computer") where these packages cannot run here."""
        reason = ""
        if packed.platform != platform_word():
            theirs, ours = spoken(packed.platform), spoken(platform_word())
            reason = f"is for {theirs}, and this computer has {ours}"
        elif packed.pins != self._pins():
            reason = "is of another version of Temper, which trains with other packages"
        if reason:
            raise AppError(
                "other_computer",
                f"The training environment in {where} {reason}.",
                "Make the bundle on a computer like this one with the same Temper, or add "
                "--without-environment to import everything else.",
            )

    def make(
        self, packed: BundledEnvironment, folder: Path, report: Reporter, cancel: CancelToken
    ) -> None:
        """Make the environment of the wheels in ``folder``, without a network. AppError."""
        root = self.runtime.root
        python = folder / "python.tar.gz"
        if python.exists():
            report(Progress(None, "Unpacking Python"))
            _unpacked(python, root / "python")
        uv = UvTool(root, environ=_only_from(folder / "wheels"))
        self.runtime.with_uv(uv, packed.python).create(report, cancel, offline=True)

    def _own_python(self) -> Path | None:
        """The folder of the Python that uv fetched for this environment; None: the system's."""
        folder = (self.runtime.root / "python").resolve()
        used = self.runtime.python.resolve()
        return folder if used.is_relative_to(folder) else None

    def _word(self, interpreter: Interpreter) -> BundledEnvironment:
        return BundledEnvironment(
            python=interpreter.minor,
            platform=platform_word(),
            accelerator=self.runtime.accelerator.value,
            pins=self._pins(),
        )

    def _pins(self) -> str:
        pins = read_pins(self._lock.read_text(encoding="utf-8"))
        return fingerprint(pins, self._requirements.read_text(encoding="utf-8"))


def needs_python(packed: BundledEnvironment, *, brings_one: bool) -> str:
    """A sentence where the other computer must have a Python of its own; else nothing."""
    if brings_one:
        return ""
    return (
        f"The other computer needs Python {packed.python} of its own: this one's belongs to its "
        "system and cannot travel."
    )


def _only_from(folder: Path) -> dict[str, str]:
    """An environment in which uv finds packages in this folder and nowhere else."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))
    }
    return kept | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "UV_FIND_LINKS": str(folder),
        "UV_NO_CONFIG": "1",
        "UV_OFFLINE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }


def _packed(folder: Path, target: Path, cancel: CancelToken) -> Path:
    """A folder as a compressed tar, the same for the same files."""
    temporary = target.with_suffix(".tmp")
    with (
        temporary.open("wb") as file,
        gzip.GzipFile("", "wb", 1, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            cancel.raise_if_cancelled()
            if "__pycache__" not in path.parts and path.name != ".lock":
                _add(tar, path, folder)
    temporary.replace(target)
    return target


def _add(tar: tarfile.TarFile, path: Path, folder: Path) -> None:
    info = tar.gettarinfo(path, path.relative_to(folder).as_posix())
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    if info.issym():  # uv's link to the newest of a minor version is absolute
        info.linkname = os.path.relpath(path.parent / info.linkname, path.parent)
    if not info.isreg():
        tar.addfile(info)
        return
    with path.open("rb") as content:
        tar.addfile(info, content)


def _unpacked(file: Path, target: Path) -> None:
    """Unpack it beside other Pythons, each as a whole, and leave those alone that are there.
    AppError("bad_bundle") where it leads out of its folder; OSError where the disk refuses."""
    temporary = target.with_name(".python.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with tarfile.open(file, "r:gz") as tar:
            tar.extractall(temporary, filter="data")
    except _UNREADABLE as error:
        raise AppError(
            "bad_bundle",
            "The Python in the bundle cannot be unpacked.",
            "Make the bundle again, or install Python here.",
            str(error),
        ) from error
    target.mkdir(exist_ok=True)
    for one in sorted(temporary.iterdir(), key=lambda path: path.is_symlink()):  # which name others
        place = target / one.name
        if not place.exists():
            place.unlink(missing_ok=True)  # a link that leads nowhere
            one.replace(place)
    shutil.rmtree(temporary)
