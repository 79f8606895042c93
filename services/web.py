"""HTTP for our own calls: one way to build a client, and one to say what went wrong.

The proxy comes from the environment, where the proxy setting puts it (:mod:`services.proxy`).
"""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from models.domain.errors import AppError
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
TIMEOUT = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)


@cache
def program_version() -> str:
    """This program's version as it was installed; ``0`` where it was not."""
    try:
        return version("temper")
    except PackageNotFoundError:
        return "0"


def user_agent() -> str:
    """Our own: Runpod's network refuses the names of common libraries (error code 1010)."""
    return f"Temper/{program_version()}"


def http_client() -> httpx.Client:
    """A client with our name, our limits and the environment's proxy; close it."""
    return new_client(timeout=TIMEOUT, headers={"User-Agent": user_agent()})


def new_client(**how: Any) -> httpx.Client:
    """A client of httpx; close it. AppError("certificate"), AppError("proxy") where the environment
    names what it cannot use, AppError("auth") for a key that no header can hold."""
    try:
        return httpx.Client(**how)
    except UnicodeError as error:
        raise AppError(
            "auth",
            "The key or token has characters that none has.",
            "Copy it again and set it anew, under Settings or in its variable.",
            type(error).__name__,  # its text would quote the key
        ) from None
    except OSError as error:
        named = " or ".join(name for name in _CERTIFICATES if os.environ.get(name))
        raise AppError(
            "certificate",
            f"The certificates in {named or 'this system'} cannot be read: {_why(error)}.",
            "Correct the variable, and start Temper again.",
            redact(str(error)),
        ) from error
    except (ValueError, ImportError) as error:
        raise AppError(
            "proxy", "The proxy of the environment cannot be used: it must begin with http:// or "
            "https://.",
            "Set one under Settings, or correct HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, and start "
            "Temper again.",
            redact(str(error)),
        ) from None  # fmt: skip


_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__


def anything_goes() -> None:
    """A guard that lets every call be made."""


def hooks(guard: Callable[[], None]) -> dict[str, list[Callable[[httpx.Request], None]]]:
    """For httpx: ``guard`` before each request of a client, also of one that was opened before it
    began to raise."""

    def ask(_request: httpx.Request) -> None:
        guard()

    return {"request": [ask]}


def proxy_for(url: str) -> str:
    """The proxy that the environment wants for this address; the empty string for none."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return ""
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all") or ""


def unreachable(error: Exception, url: str, service: str) -> AppError:
    """What a request that got no answer means, for ``service`` at ``url``."""
    host, proxy = urlsplit(url).hostname or url, redact(proxy_for(url))
    details = redact(f"{type(error).__name__}: {error}")
    if isinstance(error, httpx.TimeoutException):
        return AppError(
            "timeout",
            f"{service} ({host}) did not answer in time.",
            "Try again; if it goes on, check the network connection and the proxy.",
            details,
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return AppError(
            "certificate",
            f"The certificate of {host} is not one that this computer trusts.",
            "A company network may put its own in between: name its file in SSL_CERT_FILE.",
            details,
        )
    if proxy:
        return AppError(
            "proxy",
            f"{service} ({host}) cannot be reached through the proxy {proxy}.",
            "Check the proxy under Settings.",
            details,
        )
    return AppError(
        "network",
        f"{service} ({host}) cannot be reached.",
        "Check the network connection, or set a proxy under Settings.",
        details,
    )


def refused(status: int, service: str, details: str = "") -> AppError:
    """What an answer with an error status means, where nothing more is known."""
    details = redact(details)[:2000]
    if status == 407:
        return AppError(
            "proxy", "The proxy wants a name and a password.",
            "Put its address with both into the variable HTTPS_PROXY, and start Temper again.",
            details,
        )  # fmt: skip
    if status == 429:
        return AppError(
            "rate_limited", f"{service} was asked too often.", "Wait a minute, then try again.",
            details,
        )  # fmt: skip
    if status >= 500:
        return AppError(
            "server", f"{service} has trouble of its own (HTTP {status}).", "Try again later.",
            details,
        )  # fmt: skip
    return AppError(
        "bad_answer", f"{service} gave an answer that Temper does not understand (HTTP {status}).",
        "Check the address and the proxy: something else may have answered.", details,
    )  # fmt: skip
