"""Fixtures of a real Docker engine and real images; ``tests/conftest.py`` offers them to all tests.

- ``docker_engine``: the session's engine, running, with DOCKER_HOST set for the test and for the
  programs it starts. It may be stopped, killed and restarted: the next test finds it running again,
  without containers. Use ``docker_engine.client()`` for a client of the SDK.
- ``second_engine``: another engine with the same images, to remove images from or to fill its disk.
- ``small_image``: a tag with a shell and nothing else; there in a second.
- ``python_image``: a tag with Python's standard library; made in half a minute, once.
- ``trainer_image``: the tag of the real image, built from ``trainer_image/Dockerfile``.

Where no engine can run, CI fails and another machine skips these tests with the reason.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from tests.docker import images
from tests.docker.engine import why_impossible
from tests.docker.engine_store import EngineStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.docker.engine import RealEngine


@pytest.fixture(scope="session")
def engine_store() -> Iterator[EngineStore]:
    """The images of the tests, kept between runs."""
    reason = why_impossible()
    if reason and os.environ.get("CI"):
        pytest.fail(f"CI can start no Docker engine: {reason}")
    if reason:
        pytest.skip(reason)
    store = EngineStore()
    yield store
    store.close()


@pytest.fixture(scope="session")
def session_engine(engine_store: EngineStore) -> Iterator[RealEngine]:
    """The engine of the whole session; tests take ``docker_engine``."""
    engine = engine_store.open()
    try:
        engine.start()
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def docker_engine(
    session_engine: RealEngine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RealEngine]:
    """The session's engine, running, found by DOCKER_HOST; its containers end with the test."""
    session_engine.start()
    _point_to(session_engine, monkeypatch)
    yield session_engine
    session_engine.start()
    session_engine.remove_containers()


@pytest.fixture
def docker_client(docker_engine: RealEngine) -> Iterator[DockerClient]:
    """A client of the SDK for ``docker_engine``."""
    with contextlib.closing(docker_engine.client()) as client:
        yield client


@pytest.fixture
def second_engine(
    session_engine: RealEngine,
    engine_store: EngineStore,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RealEngine]:
    """An engine of the test's own with the images made so far; found by DOCKER_HOST."""
    engine = engine_store.clone(session_engine)
    try:
        engine.start()
        _point_to(engine, monkeypatch)
        yield engine
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def small_image(session_engine: RealEngine) -> str:
    """A tag of a few megabytes: busybox."""
    session_engine.start()
    with contextlib.closing(session_engine.client()) as client:
        return images.small_image(client)


@pytest.fixture(scope="session")
def python_image(session_engine: RealEngine) -> str:
    """A tag of Debian with Python, for trainers that only write a run's files."""
    session_engine.start()
    with contextlib.closing(session_engine.client(timeout=300)) as client:
        return images.python_image(client)


@pytest.fixture(scope="session")
def trainer_image(session_engine: RealEngine, pytestconfig: pytest.Config) -> str:
    """A tag of the real image, CPU variant; made anew only when something that it is made of has.

    The first time takes minutes, which are said.
    """
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    session_engine.start()
    with (
        capture.global_and_fixture_disabled(),
        contextlib.closing(session_engine.client(timeout=900)) as client,
    ):
        return images.trainer_image(client)


def _point_to(engine: RealEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"):
        monkeypatch.delenv(name, raising=False)
