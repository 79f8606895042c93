"""Where packages come from: what the user told pip, said again in uv's words.

uv does not read pip's configuration, yet a company mirror or a folder of wheels is usually set
there. Only settings that uv has not been given itself are translated.
"""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_SECTIONS = ("global", "install")  # in pip, the section of the command beats [global]
_TRUE = frozenset({"1", "true", "yes", "on"})


def pip_config_files(
    environ: Mapping[str, str], *, platform: str = sys.platform, prefix: Path | None = None
) -> list[Path]:
    """The files pip would read, least important first; ``prefix`` is the running Python's."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    files = _machine_files(environ, platform)
    if not (named and Path(named).exists()):
        files += _user_files(environ, platform, home)
    if prefix is not None:
        files.append(prefix / _file_name(platform))
    return [*files, Path(named)] if named else files


def read_pip_settings(environ: Mapping[str, str], files: Iterable[Path]) -> dict[str, str]:
    """Pip's options as pip would see them: files, then ``PIP_*`` variables, names with dashes."""
    parsers = [parser for file in files if (parser := _parsed(file)) is not None]
    merged: dict[str, str] = {}
    for section in _SECTIONS:
        for parser in parsers:
            if parser.has_section(section):
                merged |= {_option(name): value for name, value in parser.items(section)}
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            merged[_option(name.removeprefix("PIP_"))] = value
    return merged


def uv_variables(environ: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """The ``UV_*`` variables that say the same; one the user has set already is left alone."""
    found: dict[str, str] = {}
    for option, rivals, variable, convert in _TRANSLATIONS:
        if pip.get(option, "").strip() and not any(environ.get(rival) for rival in rivals):
            found[variable] = convert(pip[option])
    if "UV_INDEX" in found and not environ.get("UV_INDEX_STRATEGY"):
        # pip takes the best version of all its indexes; uv by default stops at the first that
        # knows the name, and would not see the others.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return found


def uv_arguments(pip: Mapping[str, str]) -> tuple[str, ...]:
    """Arguments for pip options that uv has no variable for."""
    return ("--no-index",) if pip.get("no-index", "").strip().lower() in _TRUE else ()


def find_links_folders(variables: Mapping[str, str]) -> list[Path]:
    """The local folders of wheels among uv's find-links."""
    entries = (entry.strip() for entry in variables.get("UV_FIND_LINKS", "").split(","))
    paths = [Path(entry.removeprefix("file://")) for entry in entries if entry]
    return [path for path in paths if path.is_dir()]


def uv_config(environ: Mapping[str, str], *, platform: str = sys.platform) -> dict[str, str]:
    """Point uv at the user's own uv.toml, and never at a project's that happens to be around."""
    if environ.get("UV_CONFIG_FILE"):
        return {}
    for path in _uv_config_files(environ, platform):
        if path.is_file():
            return {"UV_CONFIG_FILE": str(path)}
    return {"UV_NO_CONFIG": "1"}


def _machine_files(environ: Mapping[str, str], platform: str) -> list[Path]:
    if platform == "win32":
        return [_folder(environ, "PROGRAMDATA", "C:/ProgramData") / "pip" / "pip.ini"]
    if platform == "darwin":
        return [Path("/Library/Application Support/pip/pip.conf")]
    shared = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    return [*(Path(folder) / "pip" / "pip.conf" for folder in shared), Path("/etc/pip.conf")]


def _user_files(environ: Mapping[str, str], platform: str, home: Path) -> list[Path]:
    if platform == "win32":
        roaming = _folder(environ, "APPDATA", str(home / "AppData" / "Roaming"))
        return [home / "pip" / "pip.ini", roaming / "pip" / "pip.ini"]
    files = [home / ".pip" / "pip.conf", _xdg_home(environ, home) / "pip" / "pip.conf"]
    library = home / "Library" / "Application Support" / "pip"
    if platform == "darwin" and library.is_dir():
        files[1] = library / "pip.conf"
    return files


def _uv_config_files(environ: Mapping[str, str], platform: str) -> list[Path]:
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    if platform == "win32":
        roaming = _folder(environ, "APPDATA", str(home / "AppData" / "Roaming"))
        machine = _folder(environ, "PROGRAMDATA", "C:/ProgramData")
        return [folder / "uv" / "uv.toml" for folder in (roaming, machine)]
    shared = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    folders = [_xdg_home(environ, home), *map(Path, shared), Path("/etc")]
    return [folder / "uv" / "uv.toml" for folder in folders]


def _xdg_home(environ: Mapping[str, str], home: Path) -> Path:
    return _folder(environ, "XDG_CONFIG_HOME", str(home / ".config"))


def _folder(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    return Path(environ.get(variable) or otherwise)


def _file_name(platform: str) -> str:
    return "pip.ini" if platform == "win32" else "pip.conf"


def _parsed(file: Path) -> configparser.RawConfigParser | None:
    """The file's content; one that is absent or broken counts as empty, as a tool of ours must."""
    parser = configparser.RawConfigParser()
    try:
        found = parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return None
    return parser if found else None


def _option(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _with_commas(value: str) -> str:
    return ",".join(_expanded(entry) for entry in value.split())


def _with_spaces(value: str) -> str:
    return " ".join(value.split())


def _expanded(entry: str) -> str:
    return str(Path(entry).expanduser()) if entry.startswith("~") else entry


_TRANSLATIONS: tuple[tuple[str, tuple[str, ...], str, Callable[[str], str]], ...] = (
    ("index-url", ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), "UV_DEFAULT_INDEX", str.strip),
    ("extra-index-url", ("UV_INDEX", "UV_EXTRA_INDEX_URL"), "UV_INDEX", _with_spaces),
    ("find-links", ("UV_FIND_LINKS",), "UV_FIND_LINKS", _with_commas),
    ("trusted-host", ("UV_INSECURE_HOST",), "UV_INSECURE_HOST", _with_spaces),
    ("cert", ("SSL_CERT_FILE",), "SSL_CERT_FILE", str.strip),
    ("proxy", ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"), "ALL_PROXY", str.strip),
    ("default-timeout", ("UV_HTTP_TIMEOUT",), "UV_HTTP_TIMEOUT", str.strip),
    ("timeout", ("UV_HTTP_TIMEOUT",), "UV_HTTP_TIMEOUT", str.strip),
)
