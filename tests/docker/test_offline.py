"""Offline mode, seen on the wire: in a whole session of the window no packet leaves it or its
containers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from models.domain.config import RUNTIME_DOCKER
from tests.conftest import ROOT
from tests.docker.island import Island
from tests.docker.programs import containers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import TrainerHome
    from tests.docker.engine import RealEngine
    from tests.docker.engine_store import EngineStore


class Away:
    """An island with an engine, and the program on it."""

    def __init__(self, island: Island, engine: RealEngine, home: Path) -> None:
        self.island = island
        self.engine = engine
        self.home = home

    def python(self, *arguments: str) -> str:
        """Run one of our programs there; what it prints."""
        # A proxy of this computer would be reached by its loopback, which is not listened to.
        kept = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
        done = subprocess.run(
            self.island.command(sys.executable, "-m", *arguments), cwd=ROOT,
            env=kept | {"TEMPER_HOME": str(self.home), "DOCKER_HOST": self.engine.host},
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-4000:], self.packets())
        assert "Traceback" not in done.stderr
        return done.stdout

    def packets(self) -> list[str]:
        """What was seen of them."""
        return self.island.packets()


@pytest.fixture
def away(
    tmp_path: Path, session_engine: RealEngine, engine_store: EngineStore,
    trainer_home: TrainerHome, trainer_image: str, small_image: str,
) -> Iterator[Away]:  # fmt: skip
    home = tmp_path / "home"
    home.mkdir()
    (home / "runtime").symlink_to(trainer_home.environment.root)
    engine = engine_store.clone(session_engine)
    try:
        with Island(tmp_path) as island:
            engine.inside = island.network
            engine.start()
            yield Away(island, engine, home)
            engine.stop()
    finally:
        engine.dispose()


def test_a_whole_offline_session_sends_no_packet_from_window_or_container(
    away: Away, tiny_model: Path, tmp_path: Path, trainer_image: str, small_image: str
) -> None:
    rows = tmp_path / "rows.jsonl"
    lines = ({"question": f"What is {n}?", "answer": f"It is {n}. " * 3} for n in range(24))
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    given = {"rows": str(rows), "model": str(tiny_model), "image": trainer_image}

    said = away.python("tests.docker.sessions", "without_network", json.dumps(given))
    away.python("app", "--offline", "doctor")

    assert away.packets() == []
    left = [line for line in away.island.processes() if not line.startswith(("docker", "contain"))]
    assert left == [], "the session left programs behind"
    seen: dict[str, Any] = json.loads(said.splitlines()[-1])
    for place in ("docker", "python"):
        assert seen[place]["answers"].keys() == {"adapter", "base"}
    assert seen["docker"]["answers"] == seen["python"]["answers"]
    with closing(away.engine.client()) as client:
        assert containers(client) == []
        # What would have left is seen: of the program, and of a container.
        away.python("app", "doctor", "--json")
        away.island.await_packet(r"> 198\.51\.100\.53\.53: .*huggingface\.co")
        ping = ["sh", "-c", "ping -c 1 -W 1 198.51.100.9 || true"]
        client.containers.run(small_image, ping, remove=True)
        away.island.await_packet(r"> 198\.51\.100\.9: ICMP echo request")


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_an_image_that_came_in_a_bundle_is_trained_in_and_no_packet_leaves(
    away: Away, tiny_model: Path, tmp_path: Path, trainer_image: str
) -> None:
    rows, setup, bundle = tmp_path / "rows.jsonl", tmp_path / "box.yaml", tmp_path / "x.temper"
    lines = ({"question": f"What is {n}?", "answer": f"It is {n}. " * 3} for n in range(24))
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    setup.write_text(yaml.safe_dump(_in_docker(tiny_model, trainer_image)))
    for arguments in (
        ("data", "import", str(rows)),
        ("config", "save", "Box", str(setup)),
        ("offline", "export", str(bundle)),
    ):
        away.python("app", "--offline", *arguments)
    with closing(away.engine.client()) as client:
        image = client.images.get(trainer_image).id
        client.images.remove(image, force=True)
        assert image not in {one.id for one in client.images.list()}

        fresh = Away(away.island, away.engine, tmp_path / "fresh")
        said = fresh.python("app", "--offline", "offline", "import", str(bundle), "--json")
        bundle.unlink()  # it is as large as the image
        brought: dict[str, Any] = json.loads(said)
        assert brought["images"] == [trainer_image]
        assert not brought["has_environment"]
        assert client.images.get(trainer_image).id == image
        fresh.python("app", "--offline", "train", "Box")
        assert containers(client) == []
    adapter = fresh.home / "data" / "outputs" / "box" / "adapter" / "adapter_model.safetensors"
    assert adapter.is_file()
    assert fresh.packets() == []


def _in_docker(model: Path, image: str) -> dict[str, Any]:
    steps = {"max_steps": 2, "max_seq_length": 64, "packing": False}
    return {
        "version": 1,
        "hp": {"base_model": str(model), "batch_size": 1, "grad_accum": 1, **steps},
        "dataset": {"session": "rows"},
        "local": {"runtime": RUNTIME_DOCKER, "image": image, "use_gpu": False},
        "output": {"directory": "/data/outputs/box"},
    }
