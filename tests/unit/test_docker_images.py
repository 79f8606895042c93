"""Names of images, the arithmetic of a pull, room on the disk, logins: all without an engine."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from models.domain.secrets import KEYCHAIN, MEMORY
from services.docker.build import BuildProxy, proxy_for_build
from services.docker.docker_logins import DockerLogins
from services.docker.image_errors import image_error
from services.docker.image_space import ImageSpace
from services.docker.logins import HUB_ADDRESS, Login, LoginStore
from services.docker.pull_progress import PullProgress
from services.docker.references import parse_image, parse_registry
from services.redaction import redact
from services.web import program_version

if TYPE_CHECKING:
    from collections.abc import Callable

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


class Keychain:
    """A keychain in memory; ``usable`` False is a system without one."""

    def __init__(self, *, usable: bool = True) -> None:
        self.kept: dict[str, str] = {}
        self.usable = usable

    def is_usable(self) -> bool:
        return self.usable

    def get(self, name: str) -> str | None:
        return self.kept.get(name)

    def set(self, name: str, value: str) -> None:
        self.kept[name] = value

    def remove(self, name: str) -> None:
        self.kept.pop(name, None)


def docker_config(home: Path, document: dict[str, Any]) -> Path:
    (home / ".docker").mkdir(parents=True, exist_ok=True)
    path = home / ".docker" / "config.json"
    path.write_text(json.dumps(document))
    return path


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def helper(tmp_path: Path) -> Callable[[str, dict[str, dict[str, str]]], None]:
    """Install ``docker-credential-NAME`` that knows these logins."""

    def install(name: str, known: dict[str, dict[str, str]]) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / f"docker-credential-{name}"
        listed = {address: entry["Username"] for address, entry in known.items()}
        program.write_text(
            "#!/usr/bin/env python3\nimport json, sys\n"
            f"known, listed = {known!r}, {listed!r}\n"
            "if sys.argv[1] == 'list':\n    print(json.dumps(listed))\n    sys.exit()\n"
            "found = known.get(sys.stdin.read().strip())\n"
            "print(json.dumps(found) if found else 'credentials not found')\n"
            "sys.exit(0 if found else 1)\n"
        )
        program.chmod(0o755)

    return install


def environ_of(home: Path) -> dict[str, str]:
    return {"PATH": f"{home / 'bin'}:/usr/local/bin:/usr/bin:/bin"}


def test_logins_of_the_docker_command_are_honoured_and_never_written(tmp_path: Path) -> None:
    entries = {
        HUB_ADDRESS: auth("hubuser", PASSWORD),
        "ghcr.io": {"identitytoken": "planted-token-22"},
    }
    path = docker_config(tmp_path, {"auths": entries})
    before = path.read_bytes()
    store = LoginStore(Keychain(), DockerLogins({}, tmp_path))
    hub, other = store.find("docker.io"), store.find("ghcr.io")
    assert hub is not None
    assert hub.header("docker.io") == {
        "username": "hubuser", "password": PASSWORD, "serveraddress": HUB_ADDRESS,
    }  # fmt: skip
    assert other is not None
    assert other.header("ghcr.io")["identitytoken"] == "planted-token-22"
    assert store.find("quay.io") is None
    assert {one.registry for one in store.list()} == {"docker.io", "ghcr.io"}
    store.keep("docker.io", Login("me", "another-password"))
    assert path.read_bytes() == before


def test_credential_helpers_of_the_docker_command_are_asked(
    tmp_path: Path, helper: Callable[[str, dict[str, dict[str, str]]], None]
) -> None:
    helper("desktop", {HUB_ADDRESS: {"Username": "u", "Secret": PASSWORD}})
    helper("cloud", {"eu.gcr.io": {"Username": "<token>", "Secret": "planted-token-33"}})
    docker_config(tmp_path, {"credsStore": "desktop", "credHelpers": {"eu.gcr.io": "cloud"}})
    logins = DockerLogins(environ_of(tmp_path), tmp_path)
    hub, cloud = logins.find("docker.io"), logins.find("eu.gcr.io")
    assert hub is not None
    assert (hub.user, hub.password) == ("u", PASSWORD)
    assert cloud is not None
    assert cloud.token == "planted-token-33"
    assert {(one.registry, one.where) for one in logins.list()} == {
        ("docker.io", "docker-credential-desktop"), ("eu.gcr.io", "docker-credential-cloud"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [
        {"credsStore": "gone"},
        {"auths": {"ghcr.io": {"auth": "%%%"}}},
        {"auths": {"ghcr.io": {}, "://": auth("u", "p")}},
        {"auths": [], "credHelpers": "x"},
    ],
)
def test_a_strange_configuration_of_docker_is_no_login(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    docker_config(tmp_path, document)
    logins = DockerLogins(environ_of(tmp_path), tmp_path)
    assert logins.find("ghcr.io") is None
    assert logins.list() == []


def test_a_kept_login_lies_in_the_keychain_alone_and_wins_over_dockers(tmp_path: Path) -> None:
    docker_config(tmp_path, {"auths": {"ghcr.io": auth("theirs", "their-password")}})
    keychain = Keychain()
    store = LoginStore(keychain, DockerLogins({}, tmp_path))
    assert store.keep("ghcr.io", Login("me", PASSWORD)).where == KEYCHAIN
    assert any(PASSWORD in value for value in keychain.kept.values())
    again = LoginStore(keychain, DockerLogins({}, tmp_path))  # the next start of the program
    found = again.find("ghcr.io")
    assert found is not None
    assert (found.user, found.password) == ("me", PASSWORD)
    assert [(one.user, one.where) for one in again.list()] == [("me", KEYCHAIN)]
    assert again.forget("ghcr.io")
    assert keychain.kept == {}
    assert not again.forget("ghcr.io")
    theirs = again.find("ghcr.io")
    assert theirs is not None
    assert theirs.user == "theirs"


def test_without_a_keychain_a_login_lives_as_long_as_the_session(tmp_path: Path) -> None:
    keychain = Keychain(usable=False)
    store = LoginStore(keychain, DockerLogins({}, tmp_path))
    assert store.keep("ghcr.io", Login("me", PASSWORD)).where == MEMORY
    assert store.find("ghcr.io") is not None
    assert LoginStore(keychain, DockerLogins({}, tmp_path)).find("ghcr.io") is None
    assert store.forget("ghcr.io")


def test_passwords_are_in_no_text_form_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    login = Login("me", PASSWORD)
    both = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    assert PASSWORD not in repr(login)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s", redact(f"{PASSWORD} Basic {both}"))
    assert PASSWORD not in caplog.text
    assert both not in caplog.text
