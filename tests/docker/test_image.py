"""The trainer's image, as its Dockerfile makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import DockerClient


def test_small_image_runs(docker_client: DockerClient, small_image: str) -> None:
    assert docker_client.containers.run(small_image, ["echo", "here"], remove=True) == b"here\n"


def test_trainer_image_is_not_root(docker_client: DockerClient, trainer_image: str) -> None:
    said = docker_client.containers.run(trainer_image, ["-u"], entrypoint="id", remove=True)
    assert said == b"10001\n"
