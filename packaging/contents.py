"""What goes into the frozen program, and what is left out of it on purpose.

Run by path or loaded by the spec; never a package (an ``__init__.py`` here would hide PyPI's).
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
IDENTIFIER = "org.temper.Temper"
LIMIT_BYTES = 200_000_000
"""The most that an installed program may take on disk."""

OUR_PACKAGES = ("app", "controllers", "models", "services", "views")
INPUTS = (*OUR_PACKAGES, "trainer_image", "resources", "docs/guide", "docs/images",
          "packaging",
          "pyproject.toml", "requirements.lock", "LICENSE")  # fmt: skip
"""Whatever can change the frozen program: tests build it again only when one of these changes."""

_DATA = (
    ("resources", "**/*"),
    ("trainer_image", "**/*"),
    ("docs/guide", "**/*"),
    ("docs/images", "*-light.png"),
    ("docs/images", "*-dark.png"),
    ("models/db/migrations", "**/*.py"),  # Alembic runs them as files
)

UNUSED_MODULES = (
    # Python's own, wanted by nothing that runs here
    "tkinter", "_tkinter", "curses", "_curses", "_curses_panel", "nis", "dbm", "_dbm", "_gdbm",
    "lib2to3", "idlelib", "ensurepip", "turtle", "turtledemo", "pydoc_data", "distutils",
    "xmlrpc", "cgi", "test",
    # Qt beyond core, gui, widgets and svg
    "PySide6.QtNetwork", "PySide6.QtTest", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtSql",
    "PySide6.QtPrintSupport", "PySide6.QtDesigner", "PySide6.QtUiTools", "PySide6.QtHelp",
    "PySide6.QtOpenGL", "PySide6.QtOpenGLWidgets", "PySide6.QtDBus",
    # parts of libraries for other programs than this one
    "numpy.f2py", "numpy.testing", "numpy.random", "numpy._pyinstaller",
    "pydantic.v1", "pydantic.mypy", "sqlalchemy.ext.mypy", "sqlalchemy.testing",
    "pyqtgraph.examples", "pyqtgraph.opengl", "pyqtgraph.flowchart", "pyqtgraph.console",
    "PIL", "IPython", "scipy", "matplotlib", "cupy", "numba", "OpenGL", "h5py", "psycopg2",
    # Docker's SDK over SSH, and what its HTTP has for browsers and other TLS libraries
    "paramiko", "docker.transport.sshconn", "OpenSSL", "urllib3.contrib.emscripten",
    "urllib3.contrib.pyopenssl",
    # the Hub's fast transfer: models are moved by the trainer, in its own environment
    "hf_xet",
    # the trainer's libraries, which only its own environment has
    "torch", "transformers", "datasets", "trl", "peft", "accelerate", "bitsandbytes", "unsloth",
)  # fmt: skip

STAND_INS = {
    f"PySide6.{name}": str(Path(__file__).parent / "stand_ins" / f"{name}.py")
    for name in ("QtOpenGL", "QtOpenGLWidgets")
}
"""Modules in whose place a few lines of ours go in; the originals are among the unused."""

_LEXERS_KEPT = frozenset({"pygments.lexers", "pygments.lexers._mapping", "pygments.lexers.python"})

_QT_PLUGINS = {
    "platforms": {"qxcb", "qwayland", "qoffscreen", "qwindows", "qcocoa"},
    "platformthemes": {"qgtk3", "qxdgdesktopportal"},
    "platforminputcontexts": {
        "composeplatforminputcontextplugin", "ibusplatforminputcontextplugin",
    },
    "wayland-shell-integration": {"xdg-shell"},
    "wayland-decoration-client": {"adwaita", "bradient"},
    "iconengines": {"qsvgicon"},
    "imageformats": {"qsvg", "qjpeg"},
}  # fmt: skip
"""Plugins that are kept; widgets are painted by the processor, so none for OpenGL is among them."""

_QT_LIBRARIES_UNUSED = ("Qt6EglF", "Qt6Network", "Qt6OpenGL", "Qt6Pdf", "Qt6Qml", "Qt6Quick",
                        "Qt6Sql", "Qt6Test", "Qt6VirtualKeyboard")  # fmt: skip
_FILES_UNUSED = ("PySide6/Qt/translations/", "PySide6/translations/", "PySide6/Qt/qml/",
                 "PySide6/qml/", "pyqtgraph/icons/peegee/", "pyqtgraph/colors/maps/",
                 "numpy/_core/_multiarray_tests")  # fmt: skip
_OWN_METADATA = ("temper.egg-info/", "temper-")
"""An editable install's, with the folder of the building computer in it; ours is written anew."""

_IGNORE_FILE = ".dockerignore"
"""Hidden, and still part of what an image is built from."""

_SYSTEM_FOLDERS = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")


def program_version() -> str:
    """The version in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def data_files() -> list[tuple[str, str]]:
    """Source file and destination folder of all data."""
    found: list[tuple[str, str]] = []
    for folder, pattern in _DATA:
        for path in sorted((ROOT / folder).glob(pattern)):
            if path.is_file() and not _is_cache(path):
                found.append((str(path), str(path.parent.relative_to(ROOT))))
    return found


def write_own_metadata(folder: Path) -> Path:
    """Metadata by which the program knows its version."""
    target = folder / f"temper-{program_version()}.dist-info"
    target.mkdir(parents=True, exist_ok=True)
    text = f"Metadata-Version: 2.1\nName: temper\nVersion: {program_version()}\n"
    (target / "METADATA").write_text(text, encoding="utf-8")
    return target


def excluded_modules() -> list[str]:
    """Modules that PyInstaller shall not follow: the unused, and all of the tools we build with."""
    ours = runtime_distributions()
    owners = metadata.packages_distributions()
    foreign = {
        module
        for module, names in owners.items()
        if module.isidentifier() and not {canonicalize_name(name) for name in names} & ours
    }
    return sorted({*UNUSED_MODULES, *foreign})


def runtime_distributions() -> set[str]:
    """Canonical names of what the program depends on here, directly or not, and of itself."""
    found: set[str] = set()
    pending = ["temper"]
    while pending:
        name = canonicalize_name(pending.pop())
        if name not in found:
            found.add(name)
            pending.extend(_requirements(name))
    return found


def keeps_file(destination: str, source: str, kind: str) -> bool:
    """Whether a library, an extension module, a link or a file of data goes in."""
    path = PurePosixPath(destination.replace("\\", "/"))
    if "plugins" in path.parts:
        return path.stem.removeprefix("lib") in _QT_PLUGINS.get(path.parent.name, ())
    if path.name.removeprefix("lib").startswith(_QT_LIBRARIES_UNUSED):
        return False
    if str(path).startswith((*_FILES_UNUSED, *_OWN_METADATA)):
        return False
    return kind != "BINARY" or not _is_the_systems(path, source)


def keeps_module(name: str) -> bool:
    """Whether a pure module goes in: of 250 lexers none but Python's colours anything here."""
    return not name.startswith("pygments.lexers.") or name in _LEXERS_KEPT


def digest_of_inputs() -> str:
    """A hash over everything that can change the frozen program."""
    digest = hashlib.sha256(f"{sys.version} {sys.platform}".encode())
    for path in _input_files():
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _is_the_systems(path: PurePosixPath, source: str) -> bool:
    """Desktop libraries stay the system's, and are named as dependencies of the package.

    Copies of them break where they meet the system's own (fonts, drivers, themes), and go stale.
    Python itself may be the system's; it goes in.
    """
    if sys.platform != "linux" or path.name.startswith("libpython"):
        return False
    return len(path.parts) == 1 and source.startswith(_SYSTEM_FOLDERS)


def _requirements(name: str) -> Iterator[str]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def _input_files() -> Iterator[Path]:
    for name in INPUTS:
        path = ROOT / name
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and not _is_cache(file):
                yield file


def _is_cache(file: Path) -> bool:
    parts = file.relative_to(ROOT).parts
    hidden = (part for part in parts if part.startswith("."))
    return "__pycache__" in parts or any(part != _IGNORE_FILE for part in hidden)
