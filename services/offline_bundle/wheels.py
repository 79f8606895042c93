"""Makes wheels of what is installed, so that a bundle holds the very packages that were checked.

An environment cannot be moved: its scripts and links name its place. Its wheels can, and making
them needs no network, where downloading them again would and could bring another build.
"""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.offline_bundle.archive import CHUNK
from services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.progress import CancelToken, Reporter

_OF_THE_INSTALLER = frozenset(
    {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json"}
)
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can name; the same packages make the same wheel."""
_INTERPRETER = re.compile(rb"#!.*python.*")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A file of a package: where it is, its name in the wheel, its hash if one was noted."""

    path: Path
    name: str
    sha256: str = ""
    is_script: bool = False


def build_wheels(site: Path, target: Path, report: Reporter, cancel: CancelToken) -> list[Path]:
    """A wheel of each package in ``site``; those that are in ``target`` already are kept.

    Raises AppError("environment_damaged") where a file is not what was installed, and Cancelled.
    """
    target.mkdir(parents=True, exist_ok=True)
    folders = sorted(site.glob("*.dist-info"))
    made = []
    for number, folder in enumerate(folders):
        cancel.raise_if_cancelled()
        words = f"Packing {folder.name.partition('-')[0]} ({number} of {len(folders)} packages)"
        report(Progress(number / len(folders), words))
        wheel = target / wheel_name(folder)
        if not wheel.exists():
            temporary = wheel.with_suffix(".tmp")
            _write_wheel(temporary, site, folder, cancel)
            temporary.replace(wheel)
        made.append(wheel)
    return made


def wheel_name(folder: Path) -> str:
    """The file name of the wheel that a ``.dist-info`` folder came from."""
    lines = (folder / "WHEEL").read_text(encoding="utf-8").splitlines()
    tags = [line.partition(":")[2].strip().split("-") for line in lines if line.startswith("Tag:")]
    if not tags:
        raise _damaged(f"{folder.name} does not say what it is for")
    joined = (".".join(dict.fromkeys(parts)) for parts in zip(*tags, strict=True))
    return f"{folder.name.removesuffix('.dist-info')}-{'-'.join(joined)}.whl"


def _write_wheel(target: Path, site: Path, folder: Path, cancel: CancelToken) -> None:
    lines = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
        for listed in sorted(_listed(site, folder), key=lambda one: one.name):
            lines.append(_add(wheel, listed, cancel))
        name = f"{folder.name}/RECORD"
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([*lines, (name, "", "")])
        wheel.writestr(_entry(name, 0o644), text.getvalue())


def _listed(site: Path, folder: Path) -> Iterator[_Listed]:
    """The files that the wheel brought; those that an installer makes anew are left out."""
    generated = _entry_points(folder)
    prefix = site
    while prefix.parent != prefix and not (prefix / "pyvenv.cfg").is_file():
        prefix = prefix.parent
    data = folder.name.replace(".dist-info", ".data")
    for row in csv.reader((folder / "RECORD").read_text(encoding="utf-8").splitlines()):
        name, digest = row[0].replace("\\", "/"), row[1].removeprefix("sha256=")
        path = Path(os.path.normpath(site / name))
        if name.endswith(".pyc") or (path.parent == folder and path.name in _OF_THE_INSTALLER):
            continue
        if path.is_relative_to(site):
            yield _Listed(path, path.relative_to(site).as_posix(), digest)
        elif path.is_relative_to(prefix) and path.parent.name.lower() in {"bin", "scripts"}:
            if path.stem not in generated and path.name not in generated:
                yield _Listed(path, f"{data}/scripts/{path.name}", is_script=True)
        elif path.is_relative_to(prefix):
            yield _Listed(path, f"{data}/data/{path.relative_to(prefix).as_posix()}", digest)


def _entry_points(folder: Path) -> set[str]:
    """The scripts that an installer writes itself."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(folder / "entry_points.txt", encoding="utf-8")
    groups = ("console_scripts", "gui_scripts")
    return {name for group in groups if parser.has_section(group) for name in parser[group]}


def _add(wheel: zipfile.ZipFile, listed: _Listed, cancel: CancelToken) -> tuple[str, str, str]:
    """Put a file into the wheel; the line of its RECORD. A script gets its first line back."""
    digest, size = hashlib.sha256(), 0
    try:
        mode = listed.path.stat().st_mode
        with (
            listed.path.open("rb") as source,
            wheel.open(_entry(listed.name, mode), "w", force_zip64=True) as target,
        ):
            while chunk := source.read(CHUNK):
                cancel.raise_if_cancelled()
                if not size and listed.is_script:
                    chunk = _INTERPRETER.sub(b"#!python", chunk, count=1)
                digest.update(chunk)
                size += target.write(chunk)
    except OSError as error:
        raise _damaged(f"{listed.name} cannot be read", str(error)) from error
    found = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    if listed.sha256 and found != listed.sha256:
        raise _damaged(f"{listed.name} is not as it was installed")
    return listed.name, f"sha256={found}", str(size)


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EARLIEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100000 | (0o755 if mode & 0o100 else 0o644)) << 16
    return entry


def _damaged(what: str, details: str = "") -> AppError:
    return AppError(
        "environment_damaged",
        f"The Python environment cannot be packed: {what}.",
        "Set it up again: temper offline prepare does so.",
        details,
    )
