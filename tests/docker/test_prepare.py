"""Prepare for offline with a real engine: the image is pulled, and tried without a network."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import RUNTIME_DOCKER, TrainingConfig
from models.domain.config_io import with_values
from services.offline import OfflinePolicy
from services.progress import CancelToken
from tests.docker.programs import containers
from tests.emulators.registry import Base, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from services.progress import Progress
    from tests.docker.engine import RealEngine


@pytest.fixture
def client(second_engine: RealEngine) -> Iterator[DockerClient]:
    with closing(second_engine.client()) as found:
        yield found


def test_an_image_is_pulled_tried_without_a_network_and_ready_until_it_is_taken_away(
    tmp_path: Path, tiny_model: Path, trainer_image: str, second_engine: RealEngine,
    client: DockerClient,
) -> None:  # fmt: skip
    with Registry() as registry:
        pushed = registry.push("me/box", (1000,), base=_base(second_engine, client, trainer_image))
        tag = f"{registry.host}/me/box:latest"
        with closing(build_services(AppPaths(tmp_path / "home"), OfflinePolicy())) as services:
            _save(services, tmp_path, tiny_model, tag)
            readiness = services.bundles.readiness
            assert [one.what for one in readiness.status("Box").missing] == ["Image"]

            began = int(time.time())
            assert readiness.prepare("Box", _quiet, CancelToken()).is_ready
            assert registry.served(pushed.layers[0]).requests == 1
            assert _networks(client, began) == {"none"}
            assert containers(client) == []
            assert not (tmp_path / "home" / "runtime").exists(), "who has Docker needs nothing else"

            services.images.remove(tag)
            assert [one.what for one in readiness.status("Box").missing] == ["Image"]
            services.images.pull(tag, lambda _seen: None, CancelToken())
            assert readiness.status("Box").is_ready, "it is the very same again"


def _save(services: Services, folder: Path, model: Path, tag: str) -> None:
    rows = folder / "rows.jsonl"
    lines = ({"question": f"What is {n}?", "answer": f"It is {n}. " * 3} for n in range(8))
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    services.datasets.import_file(rows, name="FAQ")
    values = {
        "hp.base_model": str(model), "hp.max_seq_length": 64, "hp.batch_size": 1,
        "hp.packing": False, "dataset.session": "FAQ", "local.runtime": RUNTIME_DOCKER,
        "local.image": tag, "local.use_gpu": False,
    }  # fmt: skip
    services.configs.save("Box", with_values(TrainingConfig(), values))


def _base(engine: RealEngine, client: DockerClient, tag: str) -> Base:
    """An image of this engine as one of which it has pulled every layer before: it keeps which
    digest of a registry each layer came under, and does not ask for those again."""
    records = engine.root / "image" / "overlay2"
    image = str(client.images.get(tag).id).removeprefix("sha256:")
    config = json.loads((records / "imagedb" / "content" / "sha256" / image).read_bytes())
    known = records / "distribution" / "diffid-by-digest" / "sha256"
    known.mkdir(parents=True, exist_ok=True)
    digests = []
    for layer in config["rootfs"]["diff_ids"]:
        name = hashlib.sha256(layer.encode()).hexdigest()
        (known / name).write_text(layer)
        digests.append(f"sha256:{name}")
    return Base(config, digests)


def _networks(client: DockerClient, since: int) -> set[str]:
    """The networks that containers were connected to since then."""
    wanted = {"type": "network", "event": "connect"}
    seen = client.events(since=since, until=int(time.time()) + 1, filters=wanted, decode=True)
    return {event["Actor"]["Attributes"]["name"] for event in seen}


def _quiet(_progress: Progress) -> None:
    """Nobody looks."""
