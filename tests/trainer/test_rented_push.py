"""Push to Hub from a rented pod: the token is in memory there, and nowhere else."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.remote_run import RemotePhase
from models.domain.run import RunState
from services.run_files import RunFolder
from tests.emulators.hub_repos import HubRepos
from tests.emulators.runpod.machines import ProcessMachine, processes_of
from tests.integration.remote_world import remote_world

if TYPE_CHECKING:
    from tests.emulators.runpod.emulator import RunpodEmulator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]
TOKEN = "hf_" + "q" * 30
REPO = "me/tuned"


def holding(folder: Path) -> list[str]:
    """The files that have the token."""
    found = []
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and TOKEN.encode() in path.read_bytes():
                found.append(str(path.relative_to(folder)))
    return found


class SearchedMachine(ProcessMachine):
    """Its disk, which goes with the container, is searched before."""

    def __init__(self, python: str, env: dict[str, str], found: list[str]) -> None:
        super().__init__(python, env)
        self._found = found

    def stop(self) -> None:
        if self._disk is not None:
            self._found += holding(self._disk)
        super().stop()


class Watch:
    """What the pods' processes show to others while they run."""

    def __init__(self, runpod: RunpodEmulator) -> None:
        self._runpod = runpod
        self.with_token: set[str] = set()
        self.seen: set[str] = set()

    def look(self) -> None:
        for pod_id, pod in list(self._runpod.cloud.pods.items()):
            assert TOKEN not in str((pod.env, pod.record))
            for pid in processes_of(pod_id):
                with suppress(OSError):
                    self._look_at(Path(f"/proc/{pid}"))

    def _look_at(self, process: Path) -> None:
        command = (process / "cmdline").read_bytes()
        assert TOKEN.encode() not in command
        who = "agent" if b"trainer_image.agent" in command else "trainer"
        self.seen.add(who)
        if TOKEN.encode() in (process / "environ").read_bytes():
            self.with_token.add(who)


@pytest.mark.spec("Optionally push adapters/weights to the Hub when training completes.")
def test_an_adapter_goes_from_the_pod_to_the_hub_and_the_token_is_nowhere_but_in_memory(
    trainer_python: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disks: list[str] = []
    with (
        HubRepos({TOKEN: ("me", "write")}) as hub,
        remote_world(tmp_path, monkeypatch, speed=10) as there,
    ):
        env = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
        there.runpod.cloud.machine = lambda: SearchedMachine(trainer_python, env, on_disks)
        there.environ["HF_TOKEN"] = TOKEN
        (there.data_root / "models").mkdir(parents=True)
        (there.data_root / "models" / "tiny").symlink_to(tiny_model)
        runs, watch = there.service(there.program()), Watch(there.runpod)
        setup = {
            "hp.base_model": "/data/models/tiny", "hp.max_steps": 2, "hp.quantization": "none",
            "hp.max_seq_length": 128, "hp.push_to_hub": True, "hp.hub_repo": REPO,
        }  # fmt: skip
        run = runs.start(there.config(**setup))
        until = time.monotonic() + 240
        while not run.state.is_over and time.monotonic() < until:
            watch.look()
            run = runs.poll(run.id).run
            time.sleep(0.1)
        log = RunFolder(there.data_root, run.id).log.read_text()
        assert run.state is RunState.FINISHED, (run.failure, log[-2000:])
        there.wait(run, 1, RemotePhase.OVER)

        repo = hub.repos[REPO]
        weights = (Path(run.adapter_path) / "adapter_model.safetensors").read_bytes()
        assert (repo.private, repo.files["adapter_model.safetensors"]) == (True, weights)
        assert run.hub_url == f"{hub.url}/{REPO}"

        assert watch.seen == {"agent", "trainer"}
        assert watch.with_token == {"trainer"}, "its own variable, by which its libraries find it"
        assert on_disks == []
        (volume,) = there.runpod.cloud.volumes.values()
        assert holding(volume.folder) == []
        assert holding(there.home) == []
        carrying = [
            one.target.rpartition("/")[2]
            for one in there.runpod.requests
            if TOKEN in f"{one.target}{one.headers}" or TOKEN.encode() in one.body
        ]
        assert set(carrying) == {"secrets"}
