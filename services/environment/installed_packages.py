"""What a site-packages folder really holds: versions by name, and packages with files missing.

An installation that was killed leaves packages that look installed and are not. Every package
carries the list of its files (RECORD), so that looking is enough; no journal has to be trusted.
"""

from __future__ import annotations

import csv
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.environment.lock_file import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIX = ".dist-info"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a package. ``changed``: a file has another size, not just a missing one.

    Files are shared with uv's cache (hard links), so a changed one is as bad in there.
    """

    message: str
    changed: bool = False

    def __str__(self) -> str:
        return self.message


def installed_versions(site: Path) -> dict[str, str]:
    """Name to version of everything that claims to be installed in ``site``."""
    return {name: version for name, version, _ in _claims(site)}


def broken_packages(site: Path) -> dict[str, Fault]:
    """Name to what is wrong, for each package that misses files, or has files of another size."""
    found: dict[str, Fault] = {}
    seen: set[str] = set()
    for name, _, folder in _claims(site):
        fault = Fault("installed twice") if name in seen else _first_fault(site, folder)
        seen.add(name)
        if fault is not None:
            found[name] = fault
    return found


def forget_package(site: Path, name: str) -> None:
    """Remove a broken package: the files it lists and its claim, which goes last."""
    for claimed, _, folder in list(_claims(site)):
        if claimed == name:
            for relative, _ in _record(folder):
                with suppress(OSError):
                    (site / relative).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)


def _claims(site: Path) -> Iterator[tuple[str, str, Path]]:
    for folder in sorted(site.glob(f"*{_SUFFIX}")):
        name, _, version = folder.name.removesuffix(_SUFFIX).partition("-")
        if version:
            yield canonical(name), version, folder


def _first_fault(site: Path, folder: Path) -> Fault | None:
    if not (folder / "METADATA").is_file() or not (folder / "RECORD").is_file():
        return Fault(f"{folder.name} is incomplete")
    for relative, size in _record(folder):
        try:
            actual = (site / relative).stat().st_size
        except OSError:
            return Fault(f"{relative} is missing")
        if size and actual != int(size):
            return Fault(f"{relative} has {actual} bytes instead of {size}", changed=True)
    return None


def _record(folder: Path) -> Iterator[tuple[str, str]]:
    """Path and size (empty: unknown) of each listed file that is not made anew by Python."""
    try:
        text = (folder / "RECORD").read_text(encoding="utf-8")
    except OSError:
        return
    for row in csv.reader(text.splitlines()):
        if len(row) == 3 and not row[0].endswith((".pyc", "/RECORD")):
            yield row[0], row[2]
