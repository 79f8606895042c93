"""Each reason why no engine can be used has its own sentence, with the next step on this system."""

from __future__ import annotations

import contextlib
import grp
import os
import shutil
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from services.docker.advice import no_engine
from services.docker.endpoints import LINUX, MAC, WINDOWS, Computer
from services.docker.engine import DockerEngine
from services.docker.errors import explanation, is_unreachable, translate
from tests.emulators.unix_engine import UnixEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = {"Version": "27.0", "ApiVersion": "1.44", "Os": "linux", "Arch": "amd64"}
INFO: dict[str, Any] = {
    "OperatingSystem": "Debian", "NCPU": 4, "MemTotal": 8_000_000_000, "Architecture": "x86_64",
    "DockerRootDir": "/var/lib/docker", "Runtimes": {"runc": {}}, "CgroupVersion": "2",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless", "name=selinux"],
}  # fmt: skip
NOBODY = 65534


def nothing(_program: str) -> None:
    return None


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder that every user may enter: a socket's path has at most 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="temper-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def computer(place: Path) -> Computer:
    """Linux with nothing on it."""
    return Computer({}, place / "home", LINUX, place, user=1000, which=nothing)


@pytest.fixture
def default_socket(place: Path) -> Path:
    """Where Docker's own socket lies on that computer."""
    path = place / "var/run/docker.sock"
    path.parent.mkdir(parents=True)
    return path


def problem(computer: Computer) -> AppError:
    engine = DockerEngine(computer=computer)
    with pytest.raises(AppError) as caught:
        engine.client()
    return caught.value


@contextlib.contextmanager
def left_behind(path: Path) -> Iterator[None]:
    """A socket that nobody listens on, as a dead engine leaves it."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as bound:
        bound.bind(str(path))
    yield


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may use every socket, so for a moment we are somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_not_installed(computer: Computer) -> None:
    found = problem(computer)
    assert found.kind == "docker_missing"
    assert found.message == "Docker is not installed on this computer."
    assert "apt install docker.io" in found.hint
    assert "Python on this computer" in found.hint


@pytest.mark.parametrize("system", [MAC, WINDOWS])
def test_elsewhere_docker_desktop_is_what_is_installed(computer: Computer, system: str) -> None:
    found = no_engine(replace(computer, system=system))
    assert "Install Docker Desktop" in found.hint
    assert "apt" not in found.hint


def test_installed_and_not_started(computer: Computer) -> None:
    with_docker = replace(computer, which=lambda name: name if name == "dockerd" else None)
    found = problem(with_docker)
    assert (found.kind, found.message) == ("docker_stopped", "The Docker engine is not running.")
    assert "sudo service docker start" in found.hint
    (computer.root / "run/systemd/system").mkdir(parents=True)
    assert "sudo systemctl start docker" in problem(with_docker).hint


def test_docker_desktop_and_podman_are_started_in_their_own_ways(computer: Computer) -> None:
    podman = replace(computer, which=lambda name: name if name == "podman" else None)
    assert "systemctl --user start podman.socket" in problem(podman).hint
    (computer.root / "opt/docker-desktop").mkdir(parents=True)
    found = problem(computer)
    assert found.message == "Docker Desktop is not running."
    assert "systemctl --user start docker-desktop" in found.hint
    (computer.root / "Applications/Docker.app").mkdir(parents=True)
    found = problem(replace(computer, system=MAC))
    assert "Start Docker Desktop and wait" in found.hint


def test_a_socket_that_a_dead_engine_left(computer: Computer, default_socket: Path) -> None:
    with left_behind(default_socket):
        found = problem(computer)
    assert (found.kind, found.message) == ("docker_stopped", "The Docker engine is not running.")


def test_a_socket_without_permission(computer: Computer, default_socket: Path) -> None:
    with UnixEngine(default_socket, {"/version": VERSION}):
        default_socket.chmod(0)
        with as_nobody():
            found = problem(computer)
    assert found.kind == "docker_denied"
    assert str(default_socket) in found.message
    assert "root" in found.hint or "usermod -aG" in found.hint


def test_without_permission_the_group_is_named(computer: Computer, default_socket: Path) -> None:
    group = next(one for one in grp.getgrall() if one.gr_name not in ("root",) and not one.gr_mem)
    with UnixEngine(default_socket, {"/version": VERSION}):
        if os.geteuid() == 0:
            os.chown(default_socket, 0, group.gr_gid)
        default_socket.chmod(0)
        with as_nobody():
            hint = problem(computer).hint
    if os.geteuid() == 0:
        assert f"sudo usermod -aG {group.gr_name} $USER, then log out and in again" in hint


def test_too_old(computer: Computer, default_socket: Path) -> None:
    answers = {"/version": VERSION | {"Version": "19.03.15", "ApiVersion": "1.40"}}
    with UnixEngine(default_socket, answers):
        found = problem(computer)
    assert found.kind == "docker_old"
    assert "Docker 19.03.15 is too old" in found.message
    assert "1.40" in found.message
    assert "20.10" in found.hint


def test_an_old_podman_is_called_podman(computer: Computer, default_socket: Path) -> None:
    podman = {"Version": "3.0.1", "ApiVersion": "1.40", "Components": [{"Name": "Podman Engine"}]}
    with UnixEngine(default_socket, {"/version": podman}):
        found = problem(computer)
    assert "Podman 3.0.1 is too old" in found.message


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b"{}"])
def test_something_that_is_no_engine(computer: Computer, default_socket: Path, body: bytes) -> None:
    with UnixEngine(default_socket, {"/version": body}):
        found = problem(computer)
    assert found.kind == "docker_address"
    assert f"What answers at unix://{default_socket} is no Docker engine." in found.message


def test_docker_desktop_that_is_still_starting(computer: Computer, default_socket: Path) -> None:
    with UnixEngine(default_socket, {"/version": {"message": "starting"}}, status=503):
        assert problem(computer).kind == "docker_stopped"


def test_windows_containers(computer: Computer, default_socket: Path) -> None:
    with UnixEngine(default_socket, {"/version": VERSION | {"Os": "windows"}}):
        found = problem(computer)
    assert "Switch to Linux containers" in found.hint


def test_the_four_sentences_differ(computer: Computer, default_socket: Path) -> None:
    found = {problem(computer).message}
    with left_behind(default_socket):
        found.add(problem(computer).message)
    default_socket.unlink()
    with UnixEngine(default_socket, {"/version": VERSION | {"ApiVersion": "1.30"}}):
        found.add(problem(computer).message)
    with UnixEngine(default_socket, {"/version": VERSION}):
        default_socket.chmod(0)
        with as_nobody():
            found.add(problem(computer).message)
    assert len(found) == 4


def test_what_was_chosen_is_not_replaced_by_another(
    computer: Computer, default_socket: Path, place: Path
) -> None:
    chosen = replace(computer, environ={"DOCKER_HOST": f"unix://{place}/gone.sock"})
    with UnixEngine(default_socket, {"/version": VERSION}) as engine:
        found = problem(chosen)
    assert found.kind == "docker_stopped"
    assert f"unix://{place}/gone.sock, which DOCKER_HOST names" in found.message
    assert engine.requests == []


def test_without_a_choice_the_first_that_answers_is_used(
    computer: Computer, default_socket: Path
) -> None:
    podman = computer.runtime / "podman/podman.sock"
    podman.parent.mkdir(parents=True)
    answers = {"/version": VERSION | {"Components": [{"Name": "Podman Engine"}]}, "/info": INFO}
    with left_behind(default_socket), UnixEngine(podman, answers):
        engine = DockerEngine(computer=computer)
        info = engine.info()
        engine.forget()
    assert (info.kind, info.endpoint) == ("Podman", f"unix://{podman}")


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("ssh://me@far", "docker_ssh"),
        ("tcp://127.0.0.1", "docker_address"),
        ("fd://", "docker_address"),
        ("nonsense://x", "docker_address"),
        ("tcp://127.0.0.1:99999", "docker_address"),
        ("tcp://127.0.0.1:1", "docker_stopped"),
        ("unix:///dev/null", "docker_stopped"),
    ],
)
def test_addresses_that_cannot_be_used(computer: Computer, host: str, kind: str) -> None:
    found = problem(replace(computer, environ={"DOCKER_HOST": host}))
    assert found.kind == kind
    assert "DOCKER_HOST" in str(found)
    assert found.hint


def test_certificates_that_are_not_there(computer: Computer, place: Path) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        environ = {
            "DOCKER_HOST": f"tcp://127.0.0.1:{server.getsockname()[1]}",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(place),
        }
        (place / "cert.pem").write_text("not a certificate")
        (place / "key.pem").write_text("not a key")
        found = problem(replace(computer, environ=environ))
    assert found.kind == "docker_tls"


def test_what_an_engine_says_of_itself(computer: Computer, default_socket: Path) -> None:
    with UnixEngine(default_socket, {"/version": VERSION, "/info": INFO}):
        engine = DockerEngine(computer=computer)
        info = engine.info()
        engine.forget()
    assert (info.version, info.api_version, info.kind) == ("27.0", "1.44", "Docker Engine")
    assert info.is_rootless
    assert info.has_selinux
    assert info.is_local
    assert (info.cpus, info.memory, info.cgroup_version) == (4, 8_000_000_000, 2)
    assert not info.gpu.can_pass
    assert "NVIDIA Container Toolkit" in info.gpu.reason


@pytest.mark.parametrize(
    "says",
    [
        {"Runtimes": {"runc": {}, "nvidia": {}}},
        {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]},
    ],
)
def test_gpus_that_an_engine_can_pass(
    computer: Computer, default_socket: Path, says: dict[str, Any]
) -> None:
    with UnixEngine(default_socket, {"/version": VERSION, "/info": INFO | says}):
        engine = DockerEngine(computer=computer)
        assert engine.info().gpu.can_pass
        engine.forget()


def test_an_engine_that_went_away_is_unreachable_and_leaves_no_socket_open(
    computer: Computer, default_socket: Path
) -> None:
    engine = DockerEngine(computer=computer)
    with UnixEngine(default_socket, {"/version": VERSION, "/info": INFO}):
        client = engine.client()
        assert engine.client() is client
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK's own, whichever it is
        client.info()
    assert is_unreachable(caught.value)
    assert translate(caught.value, "list its images").kind == "docker_stopped"
    with pytest.raises(AppError, match="does not answer"):
        engine.info()
    engine.forget()
    with UnixEngine(default_socket, {"/version": VERSION, "/info": INFO}):
        assert engine.info().version == "27.0"
        assert engine.client_at(f"unix://{default_socket}") is engine.client()
        engine.forget()


GPU_REFUSALS = {
    'could not select device driver "" with capabilities: [[gpu]]': "NVIDIA Container Toolkit",
    "failed to create task: OCI runtime create failed: nvidia-container-cli: initialization error: "
    "load library failed: libnvidia-ml.so.1: cannot open shared object file": "nvidia-smi",
    "nvidia-container-cli: device error: 7: unknown device: unknown": "nvidia-smi -L",
    "nvidia-container-cli: mount error: failed to add device rules: bpf_prog_query(BPF_CGROUP_"
    "DEVICE) failed: operation not permitted": "no-cgroups",
}


@pytest.mark.parametrize("said", GPU_REFUSALS)
def test_a_gpu_that_is_refused_has_a_next_step(said: str) -> None:
    found = translate(_api_error(said, 500), "start the container")
    assert found.kind == "docker_no_gpu"
    assert GPU_REFUSALS[said] in found.hint
    assert said in found.details


def test_errors_never_carry_the_requests_address() -> None:
    error = _api_error("it is broken", 500)
    assert "secret-in-address" in str(error)
    found = translate(error, "start the container")
    assert found.message == "The Docker engine could not start the container: it is broken."
    assert "secret-in-address" not in f"{found}{found.details}{explanation(error)}"


def _api_error(said: str, status: int) -> Exception:
    import requests
    from docker.errors import APIError

    response = requests.Response()
    response.status_code = status
    response.url = "http+docker://localhost/build?buildargs=secret-in-address"
    return APIError("HTTP", response=response, explanation=said)
