"""Turns what uv says when it fails into an error a person can act on."""

from __future__ import annotations

import errno
import re

from models.domain.errors import AppError

_MAX_DETAILS = 8000


def uv_error(stderr: str, doing: str, *, offline: bool = False) -> AppError:
    """The AppError for uv's own words; ``doing`` is what was tried ("installing torch").

    ``offline``: uv was told to stay off the network, so what it did not find was not looked for.
    """
    for pattern, kind, message, hint in _KNOWN:
        if re.search(pattern, stderr, re.IGNORECASE):
            if offline and kind in {"not_found", "network"}:
                kind, message, hint = _OFFLINE
            return AppError(kind, message.format(doing=doing), hint, _details(stderr))
    return AppError(
        "install_failed",
        f"{doing.capitalize()} failed.",
        "Try again; what was downloaded is kept. The details say more.",
        _details(stderr),
    )


def os_failure(error: OSError, doing: str) -> AppError:
    """The AppError for a file operation of ours that failed."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return uv_error(f"no space left on device: {error}", doing)
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return uv_error(f"permission denied: {error}", doing)
    return uv_error(str(error), doing)


def disk_full(need: int, free: int, where: str) -> AppError:
    """The error for a disk that cannot hold what is about to be downloaded."""
    return AppError(
        "disk_full",
        f"{where} has {free / 1e9:.1f} GB free, and {need / 1e9:.1f} GB are needed.",
        "Free some space, or start the program with TEMPER_HOME on a larger disk, and try again.",
    )


def _details(stderr: str) -> str:
    return stderr.strip()[-_MAX_DETAILS:]


_RESUMES = "What was downloaded is kept: trying again goes on from there."
_OFFLINE = (
    "offline",
    "Offline mode is on, and {doing} needs files that are not on this computer yet.",
    "Turn offline mode off and try again.",
)

# The first that matches wins, so causes come before their consequences.
_KNOWN: tuple[tuple[str, str, str, str], ...] = (
    (
        r"no space left on device|os error 28\b|os error 112\b|disk quota exceeded",
        "disk_full",
        "The disk became full while {doing}.",
        f"Free some space and try again. {_RESUMES}",
    ),
    (r"network was disabled|network connectivity is disabled|offline mode|--offline", *_OFFLINE),
    (
        r"no interpreter found|no download found|no managed python|requires-python",
        "no_python",
        "No suitable Python was found on this computer.",
        "Install Python 3.11, 3.12 or 3.13 and try again.",
    ),
    (
        r"invalid peer certificate|certificate verify|unknownissuer|unknown issuer",
        "network",
        "The package server's certificate is not trusted ({doing}).",
        "Behind a company proxy, set SSL_CERT_FILE (or pip's `cert`) to its certificates.",
    ),
    (
        r"\b40[13] (unauthorized|forbidden)|missing credentials",
        "auth",
        "The package server refused access while {doing}.",
        "Check the address and the credentials of the index in your pip or uv settings.",
    ),
    (
        r"permission denied|os error 13\b|access is denied|os error 5\b|read-only file system",
        "permission",
        "A file could not be written while {doing}.",
        "Check that TEMPER_HOME belongs to you, that no other program uses it, and try again.",
    ),
    (
        r"dns error|failed to fetch|error sending request|connection (refused|reset|closed)"
        r"|timed? ?out|network is unreachable|request failed|failed to download",
        "network",
        "The package server could not be reached while {doing}.",
        f"Check the connection and try again. {_RESUMES}",
    ),
    (
        r"no solution found|was not found in the|no version of|has no wheels|not found in",
        "not_found",
        "The package index does not have what is needed ({doing}).",
        "If pip or uv is set to a mirror, see that it holds the versions named in the details.",
    ),
)
