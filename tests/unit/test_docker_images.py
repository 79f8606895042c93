"""Names of images, the arithmetic of a pull, room on the disk: all without an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.domain.docker import (
    IMAGE_VERSION,
    OUR_IMAGE_CPU,
    OUR_IMAGE_CUDA,
    EngineInfo,
    GpuSupport,
    our_image,
)
from models.domain.errors import AppError
from services.docker.build import BuildProxy, proxy_for_build
from services.docker.image_errors import image_error
from services.docker.image_space import ImageSpace
from services.docker.logins import HUB_ADDRESS
from services.docker.pull_progress import PullProgress
from services.docker.references import parse_image, parse_registry
from services.redaction import redact
from services.web import program_version

PASSWORD = "planted-registry-password-1"


def engine(**changes: Any) -> EngineInfo:
    known: dict[str, Any] = {
        "version": "27.0", "api_version": "1.44", "kind": "Docker Engine", "endpoint": "unix:///x",
        "is_rootless": False, "is_local": True, "architecture": "x86_64", "cpus": 2, "memory": 1,
        "data_root": "/", "gpu": GpuSupport(False),
    }  # fmt: skip
    return EngineInfo(**(known | changes))


def test_our_images_are_of_this_version() -> None:
    assert program_version() == IMAGE_VERSION
    assert (our_image("cuda"), our_image("cpu")) == (OUR_IMAGE_CUDA, OUR_IMAGE_CPU)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("user/image:1", "docker.io/user/image:1"),
        ("docker.io/sbussiso/unsloth-trainer:latest", "docker.io/sbussiso/unsloth-trainer:latest"),
        ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
        ("ghcr.io/a/b/c:x", "ghcr.io/a/b/c:x"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("localhost/a:5", "localhost/a:5"),
        ("a/b@sha256:" + "0" * 64, "docker.io/a/b@sha256:" + "0" * 64),
        ("a/b:tag@sha256:" + "0" * 64, "docker.io/a/b@sha256:" + "0" * 64),
    ],
)
def test_names_are_read_as_docker_reads_them(name: str, full: str) -> None:
    assert str(parse_image(name)) == full


@pytest.mark.parametrize(
    "name",
    ["", "UPPER/x", "https://x/y", "a b", "x:", "x:ta g", "x@sha256:1", "x@", "-/a", "a" * 300],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(AppError, match="not the name of an image") as caught:
        parse_image(name)
    assert caught.value.kind == "bad_name"


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("docker.io", "docker.io"),
        (HUB_ADDRESS, "docker.io"),
        ("GHCR.io/v2/", "ghcr.io"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
    ],
)
def test_registries_are_their_hosts(typed: str, host: str) -> None:
    assert parse_registry(typed) == host


def event(layer: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    detail = {"current": current, "total": total} if total else {}
    return {"id": layer, "status": status, "progressDetail": detail}


def test_with_the_registrys_sizes_the_whole_is_known_before_the_first_byte() -> None:
    progress = PullProgress({"a": 100, "b": 300})
    now = progress.now()
    assert (now.done, now.total, len(now.layers)) == (0, 400, 2)
    assert now.fraction == 0.0


def test_bytes_add_up_over_all_layers() -> None:
    progress = PullProgress({"a": 100, "b": 300})
    for one in (
        event("a", "Pulling fs layer"),
        event("b", "Pulling fs layer"),
        event("a", "Downloading", 50, 100),
        event("b", "Downloading", 100, 300),
    ):
        progress.take(one)
    assert (progress.now().done, progress.now().total) == (150, 400)
    progress.take(event("a", "Download complete"))
    progress.take(event("a", "Extracting", 10, 100))  # of the same bytes, not further ones
    assert progress.now().done == 200
    progress.take(event("a", "Pull complete"))
    assert progress.now().done == 200
    assert [layer.is_complete for layer in progress.now().layers] == [True, False]
    progress.take(event("b", "Download complete"))
    progress.take(event("b", "Pull complete"))
    assert progress.now().fraction == 1.0


def test_without_sizes_the_whole_is_known_once_every_layer_has_begun() -> None:
    progress = PullProgress()
    progress.take(event("a", "Pulling fs layer"))
    progress.take(event("b", "Pulling fs layer"))
    progress.take(event("a", "Downloading", 50, 100))
    assert (progress.now().done, progress.now().total) == (50, None)
    assert progress.now().fraction is None
    progress.take(event("b", "Downloading", 10, 300))
    assert (progress.now().done, progress.now().total) == (60, 400)


def test_layers_that_are_here_count_as_done_and_are_not_fetched() -> None:
    progress = PullProgress({"a": 100, "b": 300})
    progress.take(event("a", "Already exists"))
    progress.take(event("b", "Pulling fs layer"))
    assert progress.to_fetch() == 300
    assert (progress.now().done, progress.now().total) == (100, 400)
    assert progress.is_complete("a")


def test_a_layer_that_breaks_off_begins_anew_in_the_count_too() -> None:
    progress = PullProgress({"a": 100})
    progress.take(event("a", "Downloading", 90, 100))
    progress.take(event("a", "Retrying in 5 seconds"))
    assert progress.now().done == 0


def test_a_layer_that_comes_in_one_piece_is_counted_whole() -> None:
    progress = PullProgress({"a": 100})
    progress.take(event("a", "Download complete"))
    assert progress.now().done == 100


def test_podman_counts_the_configuration_as_a_layer_and_completes_none() -> None:
    progress = PullProgress({"a": 100})
    progress.take(event("a", "Download complete"))
    progress.take(event("config", "Download complete"))
    assert [layer.id for layer in progress.now().layers] == ["a"]
    progress.finish()
    assert progress.now().message == "All layers are here"
    assert progress.is_complete("a")


def test_what_is_not_about_a_layer_changes_nothing() -> None:
    progress = PullProgress()
    assert not progress.take({"status": "Pulling from a/b", "id": "latest"})
    assert not progress.take({"status": "Digest: sha256:abc"})
    assert not progress.take({"status": "Status: Downloaded newer image for x"})
    assert progress.now().layers == ()
    assert progress.digest == "sha256:abc"


def test_a_disk_without_room_is_refused_with_both_numbers() -> None:
    space = ImageSpace(free=lambda _folder: 5_000_000_000)
    space.check_pull(engine(), "x", 1_000_000_000)
    with pytest.raises(AppError) as caught:
        space.check_pull(engine(), "x", 2_000_000_000)
    assert caught.value.kind == "disk_full"
    assert "5.0 GB free" in caught.value.message
    assert "6.0 GB are needed" in caught.value.message


def test_where_sizes_are_unknown_the_default_image_has_a_rule_of_thumb() -> None:
    space = ImageSpace(free=lambda _folder: 10_000_000_000)
    space.check_pull(engine(), "docker.io/library/small:1", None)
    with pytest.raises(AppError):
        space.check_pull(engine(), "docker.io/sbussiso/unsloth-trainer:latest", None)
    space.check_build(engine(), "cpu")
    with pytest.raises(AppError):
        space.check_build(engine(), "cuda")


def test_the_disk_of_an_engine_elsewhere_cannot_be_seen() -> None:
    space = ImageSpace(free=lambda _folder: 0)
    space.check_pull(engine(is_local=False), "x", 10**12)
    space.check_pull(engine(data_root="/no/such/folder"), "x", 10**12)


def test_docker_desktops_images_lie_on_the_users_disk() -> None:
    asked: list[Path] = []

    def free(folder: Path) -> int:
        asked.append(folder)
        return 10**15

    ImageSpace(free).check_pull(engine(kind="Docker Desktop", data_root="/nowhere"), "x", 1)
    assert asked == [Path.home()]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("manifest for a/b:1 not found: manifest unknown: manifest unknown", "image_not_found"),
        ("pull access denied for a/b, repository does not exist or may require 'docker login': "
         "denied: requested access to the resource is denied", "image_denied"),
        ("Get https://x/v2/: unauthorized: authentication required", "image_denied"),
        ("toomanyrequests: You have reached your pull rate limit", "rate_limited"),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries",
         "image_architecture"),
        ("Get https://x/v2/: x509: certificate signed by unknown authority", "certificate"),
        ("Get https://x/v2/: http: server gave HTTP response to HTTPS client",
         "insecure_registry"),
        ("dial tcp: lookup x on 1.1.1.1:53: no such host", "network"),
        ("unexpected EOF", "network"),
        ("failed to register layer: write /x: no space left on device", "disk_full"),
        ("something new", "docker"),
    ],
)  # fmt: skip
def test_what_registries_say_becomes_a_sentence(words: str, kind: str) -> None:
    found = image_error(words, parse_image("ghcr.io/a/b:1"))
    assert found.kind == kind
    assert "ghcr.io/a/b:1" in found.message or "ghcr.io" in found.message
    assert found.hint or kind == "docker"
    assert found.details == words


def test_a_refusal_despite_a_login_does_not_say_log_in_only() -> None:
    image = parse_image("ghcr.io/a/b:1")
    assert "temper image login ghcr.io" in image_error("denied: x", image).hint
    assert "may not see this image" in image_error("denied: x", image, has_login=True).hint


def test_a_proxy_on_this_computer_is_reached_through_the_hosts_network() -> None:
    environ = {"HTTPS_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "localhost", "OTHER": "x"}
    found = proxy_for_build(environ, engine())
    assert found.network == "host"
    assert dict(found.variables) == {
        "HTTPS_PROXY": "http://127.0.0.1:3128",
        "NO_PROXY": "localhost",
    }
    on_desktop = proxy_for_build(environ, engine(kind="Docker Desktop"))
    assert on_desktop.network == ""
    assert ("HTTPS_PROXY", "http://host.docker.internal:3128") in on_desktop.variables
    assert proxy_for_build({}, engine()) == BuildProxy()
    far = proxy_for_build({"http_proxy": f"http://me:{PASSWORD}@proxy.lan:3128"}, engine())
    assert far.network == ""
    assert PASSWORD not in redact(f"POST /build?{far.variables[0][1]}")
