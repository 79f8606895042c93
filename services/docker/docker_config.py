"""What the user told the docker command: its configuration and contexts, read and never written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_CONTEXT = {"", "default"}
_TLS_NAMES = ("ca.pem", "cert.pem", "key.pem")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """How to speak with an engine over TLS; paths are empty where a file is not there."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class ContextEndpoint:
    """Where a docker context points."""

    name: str
    url: str
    tls: TlsFiles | None


def config_folder(environ: Mapping[str, str], home: Path) -> Path:
    """The docker command's own folder."""
    given = environ.get("DOCKER_CONFIG", "")
    return Path(given) if given else home / ".docker"


def read_config(folder: Path) -> dict[str, Any]:
    """Its configuration; empty where there is none or it cannot be read (docker warns of that)."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def chosen_context(environ: Mapping[str, str], folder: Path) -> ContextEndpoint | None:
    """The context the user chose, by variable or ``docker context use``; None for the default.

    AppError("docker_context") where it is not there or says nothing of an engine.
    """
    name = environ.get("DOCKER_CONTEXT") or str(read_config(folder).get("currentContext") or "")
    return None if name in _NO_CONTEXT else _read_context(folder / "contexts", name)


def tls_folder(folder: Path, *, verify: bool) -> TlsFiles:
    """The files of a folder as ``DOCKER_CERT_PATH`` names one."""
    paths = (folder / name for name in _TLS_NAMES)
    ca, cert, key = (str(path) if path.is_file() else "" for path in paths)
    return TlsFiles(ca, cert, key, verify)


def _read_context(contexts: Path, name: str) -> ContextEndpoint:
    key = hashlib.sha256(name.encode()).hexdigest()  # docker's own way to name the folder
    try:
        document = json.loads((contexts / "meta" / key / "meta.json").read_text(encoding="utf-8"))
        engine = document["Endpoints"]["docker"]
        url = str(engine["Host"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise AppError(
            "docker_context",
            f"Docker's context “{name}” is chosen, but it cannot be read.",
            "Choose another one with: docker context use default",
            type(error).__name__,
        ) from error
    files = tls_folder(contexts / "tls" / key / "docker", verify=not engine.get("SkipTLSVerify"))
    has_tls = bool(files.ca or files.cert) or not files.verify
    return ContextEndpoint(name, url, files if has_tls and url.startswith("tcp") else None)
