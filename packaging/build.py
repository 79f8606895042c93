"""Builds the frozen program and, on Linux, its Debian package: ``python packaging/build.py``.

Fails when the program is too large, holds what it must not, or lacks what it must have.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import contents
import debian
import icu_data
import notices

_SPEC = Path(__file__).with_name("temper.spec")
# Not touched: they are stripped already, or patchelf has moved their headers, which strip breaks.
_NOT_STRIPPED = ("numpy", "PySide6", "shiboken6", "tools")
_MUST_HAVE = (
    "resources/icons/temper.svg", "trainer_image/train.py", "trainer_image/requirements.lock",
    "models/db/migrations/env.py", "docs/guide/index.md",
)  # fmt: skip


def main() -> None:
    """Build into ``--dist``, with PyInstaller's own files in ``--work``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dist", type=Path, default=contents.ROOT / "dist")
    parser.add_argument("--work", type=Path, default=contents.ROOT / "build")
    options = parser.parse_args()
    began = time.monotonic()
    program = freeze(options.dist.resolve(), options.work.resolve())
    say(f"frozen in {time.monotonic() - began:.0f} s")
    finish(program)
    check(program)
    if shutil.which("dpkg-deb") is None:
        say("no Debian package: there is no dpkg here")
    else:
        began = time.monotonic()
        package = debian.build_package(program, options.dist.resolve())
        size = package.stat().st_size / 1e6
        say(f"{package} in {time.monotonic() - began:.0f} s: {size:.0f} MB")


def freeze(dist: Path, work: Path) -> Path:
    """Run PyInstaller and return the program's folder."""
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN",
               f"--distpath={dist}", f"--workpath={work}", str(_SPEC)]  # fmt: skip
    with (work / "pyinstaller.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(command, cwd=contents.ROOT, stdout=log, stderr=log, check=False)
    if done.returncode != 0:
        sys.exit((work / "pyinstaller.log").read_text(encoding="utf-8")[-4000:])
    return dist / "temper"


def finish(program: Path) -> None:
    """Add the licences, and take away what only a debugger or another program reads."""
    shutil.copyfile(contents.ROOT / "LICENSE", program / "LICENSE.txt")
    count = notices.write_notices(program / "THIRD-PARTY.txt")
    say(f"licences of {count} distributions")
    if sys.platform == "linux":
        before = installed_bytes(program)
        strip(program / "_internal")
        for library in (program / "_internal/PySide6/Qt/lib").glob("libicudata.so.*"):
            icu_data.shrink_library(library)
        say(f"trimmed: {before / 1e6:.1f} to {installed_bytes(program) / 1e6:.1f} MB")


def strip(folder: Path) -> None:
    """Strip Python's and the extension modules' libraries of symbols nobody links with."""
    files = [
        str(path)
        for path in folder.rglob("*.so*")
        if not path.is_symlink() and not path.relative_to(folder).parts[0].startswith(_NOT_STRIPPED)
    ]
    subprocess.run(["strip", "--strip-unneeded", *files], check=True)


def check(program: Path) -> None:
    """Say the size by parts, and end with 1 when the program is not as it must be."""
    inside = program / "_internal"
    size = installed_bytes(program)
    for part, share in largest_parts(inside):
        say(f"  {share / 1e6:6.1f} MB  {part}")
    say(f"installed size {size / 1e6:.1f} MB of at most {contents.LIMIT_BYTES / 1e6:.0f} MB")
    faults = [f"{name} is missing" for name in _MUST_HAVE if not (inside / name).is_file()]
    faults += [f"{name} leads nowhere" for name in dangling_links(program)]
    if size > contents.LIMIT_BYTES:
        faults.append("it is too large: see the parts above and packaging/contents.py")
    if faults:
        sys.exit("The program is not as it must be: " + "; ".join(faults))


def installed_bytes(folder: Path) -> int:
    """What a folder's files take, links not counted."""
    files = (path for path in folder.rglob("*") if not path.is_symlink() and path.is_file())
    return sum(path.stat().st_size for path in files)


def largest_parts(folder: Path, count: int = 12) -> list[tuple[str, int]]:
    """The largest entries of a folder with their sizes in bytes."""
    sizes = [
        (path.name, installed_bytes(path) if path.is_dir() else path.stat().st_size)
        for path in folder.iterdir()
        if not path.is_symlink()
    ]
    return sorted(sizes, key=lambda part: -part[1])[:count]


def dangling_links(folder: Path) -> list[str]:
    """Links to files that were left out."""
    return [path.name for path in folder.rglob("*") if path.is_symlink() and not path.exists()]


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
