"""The licences of everything that travels in the frozen program, as one text."""

from __future__ import annotations

import platform
import re
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import contents

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """Temper contains the following software by others, each under its own licence.
Qt and PySide6 are used under the GNU LGPL, version 3: their libraries lie as separate files
in the folder PySide6 and may be replaced by modified ones. Their wheels bring no text of it;
it stands at the end, after the others, with the GNU GPL that it refers to.
"""
_GNU = ("LGPL-3.0.txt", "GPL-3.0.txt")
_LINE = "=" * 78


def write_notices(path: Path) -> int:
    """Write name, version, licence and licence texts of each distribution; returns how many."""
    sections = [_python(), *map(_section, _shipped())]
    licences = Path(__file__).with_name("licences")
    gnu = [f"\n{_LINE}\n{(licences / name).read_text(encoding='utf-8')}" for name in _GNU]
    path.write_text(_HEAD + "".join(sections + gnu), encoding="utf-8")
    return len(sections)


def licence_name(package: metadata.PackageMetadata) -> str:
    """The licence in a few words: the expression, else the classifiers, else the free text."""
    if "License-Expression" in package:
        return package["License-Expression"]
    classified = [
        line.rpartition(" :: ")[2]
        for line in package.get_all("Classifier", [])
        if line.startswith("License :: ")
    ]
    free = package["License"].strip() if "License" in package else ""
    return ", ".join(classified) or free.partition("\n")[0] or "see the text"


def _shipped() -> Iterator[metadata.Distribution]:
    left_out = {"temper", "hf-xet"}
    for name in sorted(contents.runtime_distributions() - left_out):
        try:
            yield metadata.distribution(name)
        except metadata.PackageNotFoundError:  # for another system
            continue


def _section(distribution: metadata.Distribution) -> str:
    package = distribution.metadata
    head = f"\n{_LINE}\n{package['Name']} {distribution.version}: {licence_name(package)}\n"
    return head + "".join(f"\n{text.strip()}\n" for text in _texts(distribution))


def _texts(distribution: metadata.Distribution) -> Iterator[str]:
    for file in distribution.files or ():
        if ".dist-info" in file.parts[0] and re.match(
            r"(?i)(licen[cs]e|copying|notice|authors)", file.name
        ):
            yield Path(str(file.locate())).read_text(encoding="utf-8", errors="replace")


def _python() -> str:
    licence = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"  # Debian's Python has none there
    text = licence.read_text(encoding="utf-8") if licence.exists() else sys.copyright
    return f"\n{_LINE}\nPython {platform.python_version()}: PSF-2.0\n\n{text.strip()}\n"
