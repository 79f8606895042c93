"""Why a registry or its network did not give an image, from the engine's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.docker.references import HUB
from services.redaction import redact

if TYPE_CHECKING:
    from services.docker.references import ImageReference

_DETAILS = 2000
_ABSENT = r"manifest unknown|manifest for .* not found|name unknown|not found: manifest"
_DENIED = (
    r"pull access denied|unauthorized|no basic auth credentials|denied:|authentication required"
    r"|incorrect username or password|repository does not exist|403 forbidden"
)
_OFTEN = r"toomanyrequests|too many requests|rate limit"
_OTHER_PROCESSOR = r"no matching manifest for|does not match the specified platform"
_CERTIFICATE = r"x509|certificate"
_PLAIN = r"server gave http response to https client|does not look like a tls handshake"
_FULL = r"no space left on device"
_NETWORK = (
    r"dial tcp|no such host|i/o timeout|connection refused|connection reset|handshake timeout"
    r"|\beof\b|deadline exceeded|proxyconnect|network is unreachable|temporary failure"
    r"|client\.timeout|broken pipe|50[0234] |unexpected status|download failed|http/1.x transport"
)


def image_error(words: str, image: ImageReference, *, has_login: bool = False) -> AppError:
    """The error for a person. Kinds: ``image_not_found``, ``image_denied``, ``rate_limited``,
    ``image_architecture``, ``certificate``, ``disk_full``, ``network``, ``docker``."""
    details = redact(words)[:_DETAILS]
    registry = "Docker Hub" if image.registry == HUB else image.registry
    for pattern, kind, message, hint in _KNOWN:
        if re.search(pattern, words, re.IGNORECASE):
            if kind == "image_denied":
                hint = _ANOTHER_LOGIN if has_login else _LOGIN
            names = {"image": str(image), "registry": registry, "host": image.registry}
            return AppError(kind, message.format(**names), hint.format(**names), details)
    said = details.partition("\n")[0]
    return AppError("docker", f"{image} could not be pulled: {said}", "", details)


def login_error(words: str, registry: str) -> AppError:
    """Why a registry did not accept a user and password."""
    details = redact(words)[:_DETAILS]
    name = "Docker Hub" if registry == HUB else registry
    if re.search(_DENIED, words, re.IGNORECASE):
        return AppError(
            "login_refused",
            f"{name} does not accept this name and password.",
            "Check both. Where two-factor login is on, registries want an access token instead.",
            details,
        )
    if re.search(_CERTIFICATE, words, re.IGNORECASE):
        message, hint = _CERTIFICATE_WORDS
        return AppError("certificate", message.format(registry=name), hint, details)
    if re.search(_PLAIN, words, re.IGNORECASE):
        message, hint = _PLAIN_WORDS
        return AppError("insecure_registry", message.format(registry=name), hint, details)
    return AppError(
        "network",
        f"{name} could not be asked.",
        "Check its address, the network connection and the proxy of the Docker engine.",
        details,
    )


_CERTIFICATE_WORDS = (
    "The Docker engine does not trust the certificate of {registry}.",
    "Give the engine the registry's certificate (/etc/docker/certs.d), and restart it.",
)
_PLAIN_WORDS = (
    "{registry} speaks plain HTTP, which the engine refuses.",
    "If you trust it, name it among the insecure registries in the engine's settings.",
)
_LOGIN = (
    "It is private, or its name is wrong. Log in: under Tools, Manage Docker images, or in a "
    "terminal: temper image login {host}"
)
_ANOTHER_LOGIN = (
    "The login that is kept for it may not see this image: check its name, or log in as another "
    "user."
)

_KNOWN = (
    (_FULL, "disk_full", "The disk with Docker's data became full while {image} was pulled.",
     "Free some space there, for example with: docker system prune"),
    (_OFTEN, "rate_limited", "{registry} lets nobody pull that often without a login.",
     "Log in (temper image login {host}), or wait some hours."),
    (_ABSENT, "image_not_found", "{registry} has no image {image}.",
     "Check its name and what is after the colon."),
    (_DENIED, "image_denied", "{registry} does not give out {image}.", _LOGIN),
    (_OTHER_PROCESSOR, "image_architecture", "There is no {image} for this computer's processor.",
     "Choose another image, or build ours."),
    (_PLAIN, "insecure_registry", *_PLAIN_WORDS),
    (_CERTIFICATE, "certificate", *_CERTIFICATE_WORDS),
    (_NETWORK, "network", "The connection to {registry} broke or never came about.",
     "Try again: what is complete is kept. The engine has a proxy setting of its own."),
)  # fmt: skip
"""The first that matches wins, so causes come before their consequences."""
