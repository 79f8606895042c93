"""A fresh home made only from a bundle, in a network namespace in which nothing leads anywhere.

``TEMPER_SOAK_BUNDLE=1`` (make soak) carries everything: the real small model and the training
environment, which takes some minutes. Without it the model is a tiny one, and the environment is
the one that the tests have.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.conftest import ROOT, TEST_HOME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TrainerHome

IS_WHOLE = bool(os.environ.get("TEMPER_SOAK_BUNDLE"))
pytestmark = [
    pytest.mark.timeout(1800 if IS_WHOLE else 900),
    pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's"),
]
_TURNED_ON = 'ip link set lo up; "$@"; code=$?; cat /proc/net/dev >&2; exit $code'
"""Runs a program and says afterwards what went over each interface of its namespace."""


class Island:
    """Runs the program where there is no network; keeps what it counted."""

    def __init__(self, home: Path) -> None:
        self.home = home
        rights = () if os.geteuid() == 0 else ("--map-root-user",)
        self._words = ["unshare", "--net", *rights, "sh", "-c", _TURNED_ON, "sh"]
        if subprocess.run([*self._words, "true"], check=False, capture_output=True).returncode:
            if os.environ.get("CI"):
                pytest.fail("CI can make no network namespace")
            pytest.skip("making a network namespace is not allowed here")

    def temper(self, *arguments: str, out_of: Path | None = None) -> str:
        """One command of the program; what it printed. Not one packet may have gone anywhere."""
        kept = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
        done = subprocess.run(
            [*self._words, sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env=kept | {"TEMPER_HOME": str(out_of or self.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-4000:])
        assert "Traceback" not in done.stderr
        assert _packets(done.stderr) == {"lo": 0}, done.stderr[-2000:]
        return done.stdout


def _packets(said: str) -> dict[str, int]:
    """Packets by interface, both ways, of what /proc/net/dev says."""
    lines = said[said.rindex("Inter-|") :].splitlines()[2:]
    fields = {name.strip(): rest.split() for name, _, rest in (one.partition(":") for one in lines)}
    return {name: int(numbers[1]) + int(numbers[9]) for name, numbers in fields.items()}


@pytest.fixture
def source(tmp_path: Path, trainer_home: TrainerHome, tiny_model: Path) -> Path:
    """The home that the bundle is made in."""
    home = tmp_path / "source"
    home.mkdir()
    (home / "runtime").symlink_to(trainer_home.environment.root)
    if IS_WHOLE:  # packing takes most of the time, and packs the same again
        (home / "offline" / "export").mkdir(parents=True)
        kept = TEST_HOME / "wheels"
        kept.mkdir(exist_ok=True)
        (home / "offline" / "export" / "wheels").symlink_to(kept)
    rows = tmp_path / "rows.jsonl"
    lines = ({"question": f"What is {n}?", "answer": f"It is {n}. " * 3} for n in range(24))
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return home


def test_a_home_made_from_a_bundle_trains_answers_and_exports_with_no_packet(
    tmp_path: Path, source: Path, trainer_home: TrainerHome, tiny_model: Path
) -> None:
    island, bundle = Island(tmp_path / "home"), tmp_path / "x.temper"
    setup = tmp_path / "setup.yaml"
    model = trainer_home.model if IS_WHOLE else tiny_model
    setup.write_text(yaml.safe_dump(_setup(model)))
    island.temper("data", "import", str(tmp_path / "rows.jsonl"), out_of=source)
    island.temper("config", "save", "Away", str(setup), out_of=source)
    carried = () if IS_WHOLE else ("--without-environment",)
    island.temper("offline", "export", str(bundle), *carried, out_of=source)
    island.home.mkdir()
    if not IS_WHOLE:
        (island.home / "runtime").symlink_to(trainer_home.environment.root)

    brought = json.loads(island.temper("offline", "import", str(bundle), "--json"))
    assert brought == {
        "configs": ["Away"],
        "models": [model.name],
        "datasets": ["rows"],
        "images": [],
        "has_environment": True,
    }
    island.temper("--offline", "train", "Away")
    asked = ("--prompt", "What is 3?", "--max-new-tokens", "8", "--json")
    answered: dict[str, Any] = json.loads(island.temper("--offline", "chat", "last", *asked))
    assert answered["answers"]
    island.temper("config", "export", "Away", str(tmp_path / "again.yaml"))
    island.temper("offline", "export", str(tmp_path / "again.temper"), "--without-environment")
    island.temper("--offline", "export", "last", str(tmp_path / "adapter"))
    adapter = island.home / "data" / "outputs" / "away" / "adapter"
    exported, trained = _content(tmp_path / "adapter"), _content(adapter)
    description = json.loads(exported.pop("adapter_config.json"))
    seen_there = json.loads(trained.pop("adapter_config.json"))
    base = island.home / "data" / "models" / model.name
    assert description == seen_there | {"base_model_name_or_path": str(base)}
    assert exported == trained
    assert {"adapter_model.safetensors", "tokenizer.json", "README.md"} <= exported.keys()
    merged = tmp_path / "merged"
    island.temper("--offline", "export", "last", str(merged), "--to", "merged")
    assert (merged / "model.safetensors").stat().st_size > 1000
    assert not (merged / "adapter_config.json").exists()
    assert "A model fine-tuned from" in (merged / "README.md").read_text()
    assert not list(tmp_path.glob(".*")), "something half-made was left"


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _setup(model: Path) -> dict[str, Any]:
    steps = {"max_steps": 2, "max_seq_length": 64, "packing": False}
    return {
        "version": 1,
        "hp": {"base_model": str(model), "batch_size": 1, "grad_accum": 1, **steps},
        "dataset": {"session": "rows"},
        "local": {"use_gpu": False},
        "output": {"directory": "/data/outputs/away"},
    }
