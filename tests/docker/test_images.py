"""Images on a real engine: pulled from a registry in all its moods, listed, removed."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from models.domain.secrets import MEMORY
from services.progress import Cancelled, CancelToken
from tests.docker import image_steps
from tests.docker.image_steps import PASSWORD, USER, Reports
from tests.emulators.registry import BASIC, TOKEN, Registry, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.docker import ImageProgress
    from services.docker.engine import DockerEngine
    from services.docker.images import ImageService
    from tests.docker.engine import RealEngine

engine, make, registry = image_steps.engine, image_steps.make, image_steps.registry

pytestmark = pytest.mark.slow

SIZES = (300_000, 200_000, 400_000, 900_000)


def pull(service: ImageService, tag: str, reports: Reports | None = None) -> Any:
    reports = reports or Reports()
    return service.pull(tag, reports, reports.cancel)


def complete_layers(progress: ImageProgress) -> int:
    return sum(layer.is_complete for layer in progress.layers)


@pytest.mark.parametrize("in_list", [False, True])
def test_a_public_image_comes_with_progress_for_each_layer(
    make: Callable[..., ImageService], registry: Registry, in_list: bool
) -> None:
    pushed = registry.push("a/b", SIZES, in_list=in_list)
    tag, reports = f"{registry.host}/a/b:latest", Reports()
    found = pull(make(), tag, reports)
    assert (found.tag, found.digest) == (tag, pushed.digest)
    assert found.created_at > 0
    assert found.size > 0
    assert not found.has_code
    totals = {one.total for one in reports.seen if one.total is not None}
    assert totals == {sum(pushed.sizes)}, "the registry said the whole before the first byte"
    dones = [one.done for one in reports.seen]
    assert dones == sorted(dones)
    last = reports.seen[-1]
    assert (last.fraction, complete_layers(last), len(last.layers)) == (1.0, 4, 4)
    assert {layer.total for layer in last.layers} == set(pushed.sizes)
    statuses = {layer.status for one in reports.seen for layer in one.layers}
    assert {"Waiting", "Downloading", "Unpacking", "Complete"} <= statuses


def test_cancelled_in_the_middle_and_resumed_only_what_was_missing_is_fetched(
    make: Callable[..., ImageService], registry: Registry
) -> None:
    service, tag = make(), f"{registry.host}/a/b:latest"
    pushed = registry.push("a/b", SIZES, seed=2)
    registry.trouble[pushed.layers[3]] = Trouble(speed=300_000)
    reports = Reports(lambda progress: complete_layers(progress) == 3)
    with pytest.raises(Cancelled):
        pull(service, tag, reports)
    assert service.find(tag) is None
    _wait_until_quiet(registry, pushed.layers[3])
    assert _interrupted(service) == [tag]
    registry.trouble.clear()
    pull(service, tag)
    assert [registry.served(layer).requests for layer in pushed.layers] == [1, 1, 1, 2]
    assert service.find(tag) is not None
    assert _interrupted(service) == []


def test_a_cancel_is_heard_while_the_registry_is_silent(
    make: Callable[..., ImageService], registry: Registry
) -> None:
    pushed = registry.push("a/b", (900_000,), seed=3)
    registry.trouble[pushed.layers[0]] = Trouble(speed=1)  # 16 kB, then nothing for hours
    reports = Reports()
    timer = threading.Timer(0.7, reports.cancel.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        pull(make(), f"{registry.host}/a/b:latest", reports)
    assert time.monotonic() - began < 30
    timer.join()


def test_what_a_cancelled_pull_left_can_be_removed(
    make: Callable[..., ImageService], registry: Registry, docker_engine: RealEngine
) -> None:
    service, tag = make(), f"{registry.host}/a/b:latest"
    pushed = registry.push("a/b", SIZES, seed=4)
    registry.trouble[pushed.layers[3]] = Trouble(speed=300_000)
    with pytest.raises(Cancelled):
        pull(service, tag, Reports(lambda progress: complete_layers(progress) >= 2))
    before = _image_ids(docker_engine)
    service.remove(tag)
    assert _interrupted(service) == []
    assert _image_ids(docker_engine) < before
    with pytest.raises(AppError, match="has no image"):
        service.remove(tag)


def test_a_connection_that_breaks_is_taken_up_again(
    make: Callable[..., ImageService], registry: Registry
) -> None:
    pushed = registry.push("a/b", (300_000, 900_000), seed=5)
    registry.trouble[pushed.layers[1]] = Trouble(drops=1)  # at which the engine waits five seconds
    found = pull(make(), f"{registry.host}/a/b:latest")
    assert found.digest == pushed.digest
    traffic = registry.served(pushed.layers[1])
    assert traffic.requests == 2
    assert any(traffic.ranges), "the engine asked for the rest only"
    assert registry.served(pushed.layers[0]).requests == 1


@pytest.mark.parametrize("access", [BASIC, TOKEN])
def test_a_private_image_wants_a_login_and_comes_with_one(
    make: Callable[..., ImageService], docker_engine: RealEngine, access: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(0)
    with Registry(access, USER, PASSWORD) as private:
        service, tag = make(), f"{private.host}/a/b:latest"
        pushed = private.push("a/b", (200_000,), seed=6)
        with pytest.raises(AppError) as caught:
            pull(service, tag)
        assert caught.value.kind == "image_denied"
        assert f"temper image login {private.host}" in caught.value.hint
        with pytest.raises(AppError) as caught:
            service.login(private.host, USER, "not-the-password-at-all")
        assert caught.value.kind == "login_refused"
        assert "not-the-password" not in f"{caught.value}{caught.value.details}"
        assert service.logins() == []
        state = service.login(f"http://{private.host}/", USER, f"{PASSWORD}\n")
        assert (state.registry, state.user, state.where) == (private.host, USER, MEMORY)
        reports = Reports()
        found = pull(service, tag, reports)
        assert found.digest == pushed.digest
        assert reports.seen[-1].total == sum(pushed.sizes), "the size, too, was asked with it"
        service.logout(private.host)
        service.remove(tag)
        with pytest.raises(AppError, match="does not give out"):
            pull(service, tag)
    assert PASSWORD not in caplog.text
    assert PASSWORD not in docker_engine.log.read_text()


@pytest.mark.parametrize("name", ["a/b:none", "a/none:latest"])
def test_an_image_that_is_not_there(
    make: Callable[..., ImageService], registry: Registry, name: str
) -> None:
    registry.push("a/b", (1000,))
    with pytest.raises(AppError) as caught:
        pull(make(), f"{registry.host}/{name}")
    assert caught.value.kind == "image_not_found"
    assert f"{registry.host}/{name}" in caught.value.message


def test_a_registry_that_nobody_answers_for(make: Callable[..., ImageService]) -> None:
    with pytest.raises(AppError) as caught:
        pull(make(), "127.0.0.1:1/a/b:latest")
    assert caught.value.kind == "network"


def test_a_disk_without_room_is_refused_before_the_download(
    make: Callable[..., ImageService], registry: Registry
) -> None:
    pushed = registry.push("a/b", (200_000, 900_000), seed=7)
    for layer in pushed.layers:
        registry.trouble[layer] = Trouble(speed=100_000)
    tag = f"{registry.host}/a/b:latest"
    with pytest.raises(AppError) as caught:
        pull(make(free=3_000_000), tag)
    assert caught.value.kind == "disk_full"
    assert sum(registry.served(layer).bytes for layer in pushed.layers) < 500_000
    registry.trouble.clear()
    found = pull(make(free=4_000_000), tag)
    assert found.digest == pushed.digest
    pull(make(free=0), tag)  # nothing is missing, so nothing is needed


def test_offline_pulls_and_builds_are_refused_and_nothing_is_asked(
    make: Callable[..., ImageService], registry: Registry
) -> None:
    registry.push("a/b", (1000,))
    service = make(offline=True)
    for work in (
        lambda: pull(service, f"{registry.host}/a/b:latest"),
        lambda: service.build("", "cpu", lambda _: None, CancelToken()),
        lambda: service.login(registry.host, USER, PASSWORD),
    ):
        with pytest.raises(AppError) as caught:
            work()
        assert caught.value.kind == "offline"
    assert registry.traffic == {}
    assert registry.authorizations == []
    assert isinstance(service.list(), list)  # what is here can still be looked at


def test_listed_are_ours_and_what_is_wanted_with_size_age_and_users(
    make: Callable[..., ImageService], registry: Registry, docker_engine: RealEngine
) -> None:
    registry.push("a/wanted", (100_000,), seed=8)
    registry.push("a/other", (100_000,), seed=9)
    wanted, other = f"{registry.host}/a/wanted:latest", f"{registry.host}/a/other:latest"
    service = make(wanted=(wanted, "not there/at all"))
    pull(service, wanted)
    pull(service, other)
    host = registry.host
    assert [one.tag for one in service.list() if host in one.tag] == [wanted]
    assert {one.tag for one in service.list([other]) if host in one.tag} == {wanted, other}
    with contextlib.closing(docker_engine.client()) as client:
        client.containers.create(wanted, name="temper-test-user")
    (found,) = (one for one in service.list() if one.tag == wanted)
    assert found.used_by == ("temper-test-user",)
    assert found.size >= 100_000
    with pytest.raises(AppError, match="temper-test-user") as caught:
        service.remove(wanted)
    assert caught.value.kind == "image_in_use"
    service.remove(wanted, force=True)
    assert service.find(wanted) is None


def test_a_gpu_that_the_engine_cannot_pass_is_refused_in_a_sentence(
    engine: DockerEngine, small_image: str, docker_engine: RealEngine
) -> None:
    found = engine.try_gpu(small_image)
    if found.can_pass:
        pytest.skip("this engine has GPUs")
    assert "cannot pass a GPU" in found.reason
    assert "NVIDIA Container Toolkit" in found.reason
    with contextlib.closing(docker_engine.client()) as client:
        assert client.containers.list(all=True) == []
    with pytest.raises(AppError) as caught:
        engine.try_gpu("no/such:image")
    assert caught.value.kind == "image_missing"


def test_an_engine_that_stops_in_the_middle_of_a_pull_is_told(
    make: Callable[..., ImageService], registry: Registry, docker_engine: RealEngine
) -> None:
    pushed = registry.push("a/b", (900_000,), seed=11)
    registry.trouble[pushed.layers[0]] = Trouble(speed=100_000)
    crash = threading.Timer(1.0, docker_engine.kill)
    crash.start()
    with pytest.raises(AppError) as caught:
        pull(make(), f"{registry.host}/a/b:latest")
    assert caught.value.kind == "docker_stopped"
    crash.join()
    docker_engine.start()
    registry.trouble.clear()
    assert pull(make(), f"{registry.host}/a/b:latest").digest == pushed.digest


def _interrupted(service: ImageService) -> list[str]:
    return [one.partial_of for one in service.list() if one.partial_of]


def _wait_until_quiet(registry: Registry, layer: str) -> None:
    """Until the engine has hung up: a registry that is asked no longer sends no longer."""
    for _ in range(60):
        before = registry.served(layer).bytes
        time.sleep(1)
        if registry.served(layer).bytes == before:
            return
    raise AssertionError("the engine goes on after a cancel")


def _image_ids(engine: RealEngine) -> set[str]:
    with contextlib.closing(engine.client()) as client:
        return {str(one["Id"]) for one in client.api.images()}
