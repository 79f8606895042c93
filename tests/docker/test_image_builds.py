"""Our image built on a real engine: streamed, failing, cancelled, on a base that is pulled."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from models.domain.docker import TRAINER_LABEL
from models.domain.errors import AppError
from services.progress import Cancelled, CancelToken
from services.redaction import redact
from tests.docker import image_steps
from tests.docker.image_steps import PASSWORD, USER, Reports, remove_all
from tests.emulators.registry import TOKEN, Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.docker.images import ImageService
    from tests.docker.engine import RealEngine

engine, make, registry = image_steps.engine, image_steps.make, image_steps.registry

pytestmark = pytest.mark.slow


def _context(tmp_path: Path, base: str, *lines: str) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "kept.txt").write_text("kept")
    (folder / "left-out.txt").write_text("left out")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("x")
    (folder / ".dockerignore").write_text("# not these\nleft-*\n")
    head = (f"ARG BASE_IMAGE={base}", "FROM ${BASE_IMAGE}", "ARG VARIANT=none")
    (folder / "Dockerfile").write_text("\n".join((*head, *lines)) + "\n")


def test_ours_is_built_with_its_arguments_and_streamed_lines(
    make: Callable[..., ImageService], docker_engine: RealEngine, small_image: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("http_proxy", f"http://me:{PASSWORD}@127.0.0.1:9")
    redact.learn(PASSWORD)
    _context(
        tmp_path, "nothing/here:none", "COPY . /ctx/", "ENV CHOSEN=$VARIANT",
        "RUN echo variant is $VARIANT && ls -A /ctx && echo proxy is $http_proxy",
    )  # fmt: skip
    service, reports = make(), Reports()
    tag = "temper-test-build:1"
    found = service.build(tag, "cpu", reports, reports.cancel, base_image=small_image)
    assert found.has_code
    assert found.is_ours
    assert found.labels[TRAINER_LABEL] == "cpu"
    assert "variant is cpu" in reports.lines
    assert "kept.txt" in reports.lines
    assert "left-out.txt" not in reports.lines
    assert "__pycache__" not in reports.lines
    assert any(line.startswith("proxy is http://") for line in reports.lines)
    steps = [(one.done, one.total) for one in reports.seen if one.total]
    assert steps == sorted(steps)
    assert steps[-1] == (6, 7), "six lines, and the label that marks it as ours"
    assert tag in [one.tag for one in service.list()]
    with contextlib.closing(docker_engine.client()) as client:
        attributes = str(client.images.get(tag).attrs)
        history = str(client.images.get(tag).history())
    assert PASSWORD not in attributes + history + str(reports.lines)
    assert "CHOSEN=cpu" in attributes
    service.remove(tag)


def test_a_build_that_fails_names_the_step_and_has_the_last_lines(
    make: Callable[..., ImageService], small_image: str, tmp_path: Path
) -> None:
    _context(tmp_path, small_image, "RUN echo the reason is this; exit 7")
    with pytest.raises(AppError) as caught:
        make().build("temper-test-build:2", "cpu", Reports(), CancelToken(), base_image=small_image)
    assert caught.value.kind == "build_failed"
    assert "step 4 of 5" in caught.value.message
    assert "exit 7" in caught.value.message
    assert "the reason is this" in caught.value.details


def test_a_base_image_that_cannot_be_had_is_told_like_a_pull(
    make: Callable[..., ImageService], registry: Registry, tmp_path: Path
) -> None:
    _context(tmp_path, f"{registry.host}/no/base:1")
    with pytest.raises(AppError) as caught:
        make().build("temper-test-build:3", "cuda", Reports(), CancelToken())
    assert caught.value.kind == "image_not_found"
    assert f"{registry.host}/no/base:1" in caught.value.message


def test_a_private_base_image_is_pulled_with_the_login(
    make: Callable[..., ImageService], docker_engine: RealEngine, tmp_path: Path
) -> None:
    with Registry(TOKEN, USER, PASSWORD) as private:
        private.push("base", (1000,), seed=10)
        _context(tmp_path, f"{private.host}/base:latest")
        service = make()
        service.login(private.host, USER, PASSWORD)
        found = service.build("temper-test-build:4", "cuda", Reports(), CancelToken())
        assert found.labels[TRAINER_LABEL] == "cuda"
        service.remove("temper-test-build:4")
        remove_all(docker_engine, private.host)


def test_a_build_is_cancelled_at_once_and_leaves_no_container(
    make: Callable[..., ImageService], small_image: str, tmp_path: Path,
    docker_engine: RealEngine,
) -> None:  # fmt: skip
    _context(tmp_path, small_image, "RUN echo begun && sleep 120")
    reports = Reports(lambda progress: progress.line == "begun")
    began = time.monotonic()
    with pytest.raises(Cancelled):
        make().build("temper-test-build:5", "cpu", reports, reports.cancel, base_image=small_image)
    assert time.monotonic() - began < 60
    with contextlib.closing(docker_engine.client()) as client:
        deadline = time.monotonic() + 60
        while client.api.containers(all=True) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert client.api.containers(all=True) == []
    assert make().find("temper-test-build:5") is None
