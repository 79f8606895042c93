"""What an image holds, asked from inside it and told as one line of JSON.

Handed as text to ``python3 -c`` in a container of any image, so it is of the standard library
alone, Python 3.8 can read it, and it imports none of what it looks for: a library that is broken,
or takes ten seconds to load, must not keep it from answering. The pod's agent asks it as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MARK = "temper-image-facts:"
"""Begins the line: images may print greetings of their own."""
COMPAT = Path("/usr/local/cuda/compat")
"""Where NVIDIA's images hold the libraries that let data-centre GPUs use this CUDA with an older
driver ("CUDA Compatibility", forward compatibility)."""
_CUDA = re.compile(r"^cuda(?:\s*:[^=]+)?\s*=\s*['\"]([\d.]+)['\"]", re.MULTILINE)


def image_facts(names: Iterable[str]) -> dict[str, Any]:
    """The versions of these distributions, and what else decides whether a training can run."""
    versions = {name: _version(name) for name in names}
    there = {name: version for name, version in versions.items() if version}
    return {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "packages": there,
        "broken": [name for name in there if _folder(name) is None],
        "unreadable": [place for place in sys.path if _is_shut(place)],
        "cuda": _cuda(_folder("torch")),
        "user": f"{os.getuid()}:{os.getgid()}",
        "compiler": any(shutil.which(name) for name in ("cc", "gcc", "clang")),
        "compat": any(COMPAT.glob("libcuda.so*")),
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except Exception:  # noqa: BLE001 - somebody else's files: whatever is wrong, it is not there
        return ""


def _folder(name: str) -> Path | None:
    """Where the library's own code lies; None where Python does not find it."""
    try:
        found = util.find_spec(name)
    except Exception:  # noqa: BLE001 - a finder of the image's own may raise anything
        return None
    if found is None or not found.origin or not os.access(found.origin, os.R_OK):
        return None
    return Path(found.origin).parent


def _cuda(folder: Path | None) -> str:
    """The CUDA that torch was built with, as its ``version.py`` says; empty for the processor."""
    try:
        text = "" if folder is None else (folder / "version.py").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    said = _CUDA.search(text)
    return said.group(1) if said else ""


def _is_shut(place: str) -> bool:
    return bool(place) and Path(place).is_dir() and not os.access(place, os.R_OK | os.X_OK)


if __name__ == "__main__":
    print(MARK + json.dumps(image_facts(sys.argv[1:])))  # noqa: T201
