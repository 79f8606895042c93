"""Hugging Face's own library at an emulated Hub, with waits that a test can afford."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from services import hub_client
from services.process_environment import tell_hub_library

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

_AWAY = (
    "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy",
    "HF_HUB_OFFLINE",
)  # fmt: skip


@contextmanager
def hub_at(url: str, monkeypatch: pytest.MonkeyPatch, seconds: float = 30.0) -> Iterator[None]:
    """The Hub is there, and no proxy of whoever runs the test before it. A busy machine answers
    late, too: a short limit is for a Hub that is to be given up."""
    for name in _AWAY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", url)
    with short_waits(monkeypatch, seconds):
        yield


@contextmanager
def short_waits(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """The library follows the environment of now; all that was patched is undone afterwards."""
    monkeypatch.setattr(hub_client, "TIMEOUT", httpx.Timeout(seconds))
    _follow_environment()
    yield
    monkeypatch.undo()
    _follow_environment()


def _follow_environment() -> None:
    hub_client._limit_waiting.cache_clear()
    tell_hub_library()
