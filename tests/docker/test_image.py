"""The trainer's image as its Dockerfile makes it, used alone and by hand (docs/docker-image.md)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.docker import IMAGE_VERSION, TRAINER_LABEL
from tests.trainer.conftest import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from docker.models.containers import Container

    from tests.docker.engine import RealEngine

TRAINER = Path(__file__).parents[2] / "trainer_image"
STACK = "torch, transformers, trl, peft, datasets, accelerate, bitsandbytes, gguf, pydantic"
STRANGER = "4321:4322"
"""A user and group that neither the image nor this machine knows."""


def python(client: DockerClient, image: str, code: str, **options: Any) -> str:
    """What some Python prints in a container that is gone afterwards."""
    said = client.containers.run(image, ["-c", code], entrypoint="python", remove=True, **options)
    return bytes(said).decode().strip()


def test_runs_as_a_user_of_its_own(docker_client: DockerClient, trainer_image: str) -> None:
    assert python(docker_client, trainer_image, "import os; print(os.getuid(), os.getgid())") == (
        "10001 10001"
    )


def test_says_what_it_is(docker_client: DockerClient, trainer_image: str) -> None:
    image = docker_client.images.get(trainer_image)

    assert image.labels[TRAINER_LABEL] == "cpu"
    assert image.labels["org.opencontainers.image.version"] == IMAGE_VERSION
    assert image.labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_explains_itself_when_started_without_a_job(
    docker_client: DockerClient, trainer_image: str
) -> None:
    assert b"--job" in docker_client.containers.run(trainer_image, remove=True)


def test_has_the_trainers_code_and_compiled_libraries(
    docker_client: DockerClient, trainer_image: str
) -> None:
    code = (
        "import hashlib, json, pathlib, torch, trainer_image;"
        "files = pathlib.Path(trainer_image.__file__).parent.glob('*.py');"
        "sums = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files};"
        "print(json.dumps([sums, torch.__version__, pathlib.Path(torch.__cached__).is_file()]))"
    )

    sums, torch, is_compiled = json.loads(python(docker_client, trainer_image, code))

    ours = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in TRAINER.glob("*.py")}
    assert sums == ours
    assert torch.endswith("+cpu")
    assert is_compiled


def test_a_mount_takes_the_place_of_its_code(
    docker_client: DockerClient, trainer_image: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "trainer_image").mkdir()
    (tmp_path / "trainer_image" / "__init__.py").write_text("")
    (tmp_path / "trainer_image" / "train.py").write_text("print('another version')")
    volumes = {str(tmp_path): {"bind": "/opt/temper", "mode": "ro"}}

    said = docker_client.containers.run(trainer_image, volumes=volumes, remove=True)

    assert said == b"another version\n"


def test_works_for_any_user_without_network_and_on_a_read_only_disk(
    docker_client: DockerClient, trainer_image: str
) -> None:
    said = python(
        docker_client,
        trainer_image,
        f"import {STACK}, getpass, pathlib; print(getpass.getuser(), pathlib.Path.home())",
        user=STRANGER,
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": "rw,exec,nosuid,nodev,size=64m"},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
    )

    assert said.splitlines()[-1] == "temper /tmp"


def test_no_layer_keeps_caches_tools_or_secrets(
    docker_client: DockerClient, session_engine: RealEngine, trainer_image: str
) -> None:
    base, ours = _layers(docker_client, session_engine, trainer_image)
    files = [file for layer in ours for file in layer.rglob("*") if file.is_file()]
    names = {f"/{file.relative_to(layer)}" for layer in ours for file in layer.rglob("*")}

    assert len(files) > 5000
    assert base
    unwanted = ("/tmp/", "/root/", "/var/lib/apt/lists/", "/var/cache/apt/", "/usr/bin/gcc")
    assert sorted(name for name in names if name.startswith(unwanted)) == []
    assert sorted(name for name in names if name.endswith((".whl", "/uv", "/pip", ".netrc"))) == []


def test_neither_history_nor_variables_tell_a_proxy_or_a_token(
    docker_client: DockerClient, trainer_image: str
) -> None:
    proxy = "http://somebody:planted-secret@127.0.0.1:9"
    arguments = {"HTTPS_PROXY": proxy, "http_proxy": proxy}
    # With these the layers come from the cache: an argument that the Dockerfile declared, and so
    # would keep, makes new ones, and with such a proxy the build fails.
    built, log = docker_client.images.build(
        path=str(TRAINER), buildargs={**_build_arguments(docker_client), **arguments}, rm=True
    )

    assert "planted-secret" not in json.dumps([built.attrs, built.history(), list(log)])
    assert built.id == docker_client.images.get(trainer_image).id
    variables = [entry.partition("=")[0].lower() for entry in built.attrs["Config"]["Env"]]
    assert not [name for name in variables if "proxy" in name or "token" in name]


def test_healthy_while_its_job_can_go_on(
    docker_client: DockerClient, trainer_image: str, tmp_path: Path
) -> None:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    tmp_path.chmod(0o755)

    with _waiting(docker_client, trainer_image, tmp_path) as container:
        assert _health(container) == ("healthy", "healthy")

        gone = {"pid": 99999, "phase": "training", "host": ""}
        (folder / "state.json").write_text(json.dumps(gone))
        assert _health(container, "unhealthy") == (
            "unhealthy",
            "the trainer (process 99999) is gone",
        )


def test_a_stranger_trains_by_hand_and_gets_the_same_adapter(
    docker_engine: RealEngine, trainer_image: str, tmp_path: Path, trainer_python: str,
    tiny_model: Path,
) -> None:  # fmt: skip
    by_hand = Lab(tmp_path / "by-hand", trainer_python, None)
    managed = Lab(tmp_path / "managed", trainer_python, tiny_model)
    shutil.copytree(tiny_model, by_hand.root / "models" / "tiny")
    job = by_hand.job(hp={"epochs": 1.0})
    owner, group = map(int, STRANGER.split(":"))
    for path in (by_hand.root, *by_hand.root.rglob("*")):
        os.chown(path, owner, group)
    tmp_path.chmod(0o755)

    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--user", STRANGER, "--read-only",
         "--tmpfs", "/tmp:rw,exec,size=256m", "-v", f"{by_hand.root}:/data", trainer_image,
         "--job", f"/data/runs/{job.name}/job.json"],
        env={**os.environ, "DOCKER_HOST": docker_engine.host},
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    weights = by_hand.root / "outputs" / job.name / "adapter" / "adapter_model.safetensors"
    assert (weights.stat().st_uid, weights.stat().st_gid) == (owner, group)
    ours = managed.train(managed.job(hp={"epochs": 1.0}))
    assert ours.code == 0, ours.log
    assert weights.read_bytes() == ours.adapter


def _layers(client: DockerClient, engine: RealEngine, image: str) -> tuple[list[Path], list[Path]]:
    """The folders of the image's layers: those of its base, and those of its Dockerfile."""
    places = client.images.get(image).attrs["GraphDriver"]["Data"]
    folders = [Path(places["UpperDir"]), *map(Path, places.get("LowerDir", "").split(":"))]
    below = client.images.get(_build_arguments(client)["BASE_IMAGE"]).attrs["RootFS"]["Layers"]
    folders.reverse()
    assert all(folder.is_relative_to(engine.root) for folder in folders)
    return folders[: len(below)], folders[len(below) :]


def _build_arguments(client: DockerClient) -> dict[str, str]:
    tags = [tag for image in client.images.list("temper-tests") for tag in image.tags]
    steps = [tag for tag in tags if tag.startswith(("temper-tests:torch-", "temper-tests:debian-"))]
    base = max(steps, key=lambda tag: "torch-" in tag)
    return {"BASE_IMAGE": base, "VARIANT": "cpu", "VERSION": IMAGE_VERSION}


@contextmanager
def _waiting(client: DockerClient, image: str, data: Path) -> Iterator[Container]:
    """A container that waits, with a job's command line."""
    container = client.containers.run(
        image,
        ["-c", "sleep 100", "--job", "/data/runs/one/job.json"],
        entrypoint="sh",
        detach=True,
        volumes={str(data): {"bind": "/data", "mode": "rw"}},
        healthcheck={"interval": 500_000_000, "retries": 1, "start_period": 1_000_000},
    )
    try:
        yield container
    finally:
        container.remove(force=True)


def _health(container: Container, wanted: str = "healthy") -> tuple[str, str]:
    """The state of health, once it is the wanted one, and the reason that was given last."""
    deadline = time.monotonic() + 60
    while True:
        container.reload()
        health = container.attrs["State"]["Health"]
        if health["Status"] == wanted:
            return wanted, str(health["Log"][-1]["Output"]).strip()
        if time.monotonic() > deadline:
            pytest.fail(f"still {health}")
        time.sleep(0.1)
