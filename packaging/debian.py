"""Makes the Debian package of the frozen program, without root and without a source package."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import contents
import icons

_LINUX = Path(__file__).with_name("linux")
_PACKAGE = "temper"
_INSTALLED = Path("usr/lib/temper")
_PNG_SIDES = (48, 128, 256)
_OPTIONAL = re.compile(r"libqgtk3\.so|libQt6W(ayland|lShell)\w+\.so.*|.*wayland.*")
"""Plugins and their libraries that are loaded when the desktop has what they need, else passed
over: its libraries are only recommended, and the building computer may lack them."""

_CONTROL = """Package: {package}
Version: {version}
Architecture: {architecture}
Maintainer: Temper developers <developers@temper.invalid>
Installed-Size: {kibibytes}
Depends: {depends}
Recommends: fonts-dejavu-core, libgtk-3-0, libwayland-client0, libwayland-cursor0,
 python3 (>= 3.11)
Suggests: docker.io, gnome-keyring
Section: science
Priority: optional
Description: fine-tunes language models on your own data
 A window and a command line to teach small language models from your own questions and answers,
 with LoRA and QLoRA, on this computer or elsewhere. The libraries that train are not in it: the
 program sets them up in your home folder when they are first needed.
"""
_COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Temper
Comment: {installed}/THIRD-PARTY.txt holds the licences of the software by others in
 this package, among it Qt and PySide6 (LGPL-3, see /usr/share/common-licenses/LGPL-3).

Files: *
Copyright: Temper developers
License: Apache-2.0
 See /usr/share/common-licenses/Apache-2.0
"""


def build_package(program: Path, dist: Path) -> Path:
    """Pack the frozen program's folder; returns the package."""
    architecture = _output("dpkg", "--print-architecture").strip()
    version = contents.program_version()
    package = dist / f"{_PACKAGE}_{version}_{architecture}.deb"
    with tempfile.TemporaryDirectory(dir=dist) as folder:
        root = Path(folder)
        _place_files(program, root)
        _set_modes(root)
        _write_control(root, version, architecture)
        # zstd: every system with the C library that this needs can unpack it, at a third of the
        # time of xz.
        _output("dpkg-deb", "--root-owner-group", "-Zzstd", "--build", str(root), str(package))
    return package


def _place_files(program: Path, root: Path) -> None:
    shutil.copytree(program, root / _INSTALLED, symlinks=True)
    share = root / "usr" / "share"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / _PACKAGE).symlink_to("../lib/temper/temper")
    _write(share / "applications" / "temper.desktop", (_LINUX / "temper.desktop").read_bytes())
    metainfo = share / "metainfo" / f"{contents.IDENTIFIER}.metainfo.xml"
    _write(metainfo, _metainfo().encode())
    hicolor = share / "icons" / "hicolor"
    _write(hicolor / "scalable" / "apps" / "temper.svg", icons.SOURCE.read_bytes())
    for side in _PNG_SIDES:
        _write(hicolor / f"{side}x{side}" / "apps" / "temper.png", icons.png(side))
    documents = share / "doc" / _PACKAGE
    _write(documents / "copyright", _COPYRIGHT.format(installed=f"/{_INSTALLED}").encode())
    changes = (contents.ROOT / "CHANGELOG.md").read_bytes()
    _write(documents / "changelog.gz", gzip.compress(changes, mtime=0))


def _metainfo() -> str:
    text = (_LINUX / "metainfo.xml.in").read_text(encoding="utf-8")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    values = {"IDENTIFIER": contents.IDENTIFIER, "VERSION": contents.program_version()}
    for name, value in {**values, "DATE": today}.items():
        text = text.replace(f"@{name}@", value)
    return text


def _set_modes(root: Path) -> None:
    """Modes that do not hang on the umask of whoever builds."""
    root.chmod(0o755)
    for path in root.rglob("*"):
        if path.is_symlink():
            continue
        runs = path.is_dir() or (path.parent == root / _INSTALLED and path.name == "temper")
        path.chmod(0o755 if runs or path.name == "uv" else 0o644)


def _write_control(root: Path, version: str, architecture: str) -> None:
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    folder = root / "DEBIAN"
    folder.mkdir(mode=0o755)
    sums = "".join(
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  "
        f"{path.relative_to(root)}\n"
        for path in files
    )
    (folder / "md5sums").write_text(sums, encoding="utf-8")
    control = _CONTROL.format(
        package=_PACKAGE,
        version=version,
        architecture=architecture,
        kibibytes=sum(-(-path.stat().st_size // 1024) for path in files),
        depends=_depends(root / _INSTALLED),
    )
    (folder / "control").write_text(control, encoding="utf-8")


def _depends(program: Path) -> str:
    """The packages of the libraries that are the system's, in the versions that are needed.

    Debian's own tool tells, from what this computer has installed; it wants a source package's
    control file in its folder.
    """
    libraries = [
        str(path)
        for path in program.rglob("*")
        if path.is_file() and not path.is_symlink() and _is_elf(path)
        and not _OPTIONAL.fullmatch(path.name)
        and not _OPTIONAL.fullmatch(path.parent.name)
    ]  # fmt: skip
    own = {str(Path(library).parent) for library in libraries}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "debian").mkdir()
        (Path(folder) / "debian" / "control").touch()
        command = ["dpkg-shlibdeps", "-O", *(f"-l{path}" for path in sorted(own)), *libraries]
        # It also takes every folder of this variable for one of system libraries.
        environment = {**os.environ, "LD_LIBRARY_PATH": "", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    found = re.search(r"^shlibs:Depends=(.+)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or found is None:
        sys.exit(f"dpkg-shlibdeps found no dependencies:\n{done.stderr[-4000:]}")
    return found.group(1)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is missing: it comes with Debian's dpkg-dev")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{command[0]} failed: {error.stderr[-2000:]}")
    return done.stdout
