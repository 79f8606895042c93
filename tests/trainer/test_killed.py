"""A trainer that is killed at any moment goes on to the very same bytes, and says all of it once.

``make soak`` kills twenty; the seed is printed, and nothing else is random.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.trainer.uploads import OWNER
from trainer_image.contract import Event, ExitCode, Result, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Lab

    from tests.emulators.hub_repos import HubRepos, Repo
    from tests.trainer.forked import Forker

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("TEMPER_SOAK_TRAINER_KILLS", "3"))
SEED = int(os.environ.get("TEMPER_SOAK_SEED", "20261126"))
HP: dict[str, Any] = {
    "epochs": 2.0,
    "save_steps": 3,
    "eval_steps": 4,
    "lora_dropout": 0.1,
    "packing": False,
    "save_total_limit": 1,
}
"""20 rows, batch 2: 20 steps, a checkpoint after each third, an evaluation after each fourth."""
ASKED = "asked for "
MOMENTS = (
    '"phase": "preparing"',
    '"phase": "tokenizing"',
    '"step": 1,',
    '"phase": "saving"',
    '"type": "checkpoint"',
    '"step": 20,',
    '"phase": "pushing"',
    ASKED + "/preupload/",
    ASKED + "/lfs-upload/",
    ASKED + "/commit/",
    "result.json",
)
"""What a kill waits for; between them lie loading, evaluating and writing checkpoints. What begins
with ``ASKED`` is a request to the Hub, which takes ``LAG`` seconds to answer."""
LAG = 0.1


@dataclass(frozen=True)
class Ended:
    """A run's folder after its last boot."""

    folder: Path
    output: Path

    @property
    def events(self) -> list[Event]:
        lines = (self.folder / "events.jsonl").read_text().splitlines()
        return [Event.model_validate_json(line) for line in lines]

    @property
    def adapter(self) -> bytes:
        return (self.output / "adapter" / "adapter_model.safetensors").read_bytes()

    @property
    def result(self) -> Result:
        return Result.model_validate_json((self.folder / "result.json").read_bytes())

    def values(self, type_: str, name: str) -> dict[int, set[float]]:
        """Everything that was ever said of each step."""
        found: dict[int, set[float]] = {}
        for event in self.events:
            if event.type == type_:
                found.setdefault(event.get("step"), set()).add(event.get(name))
        return found


def run(fork: Forker, lab: Lab, name: str, hp: dict[str, Any], **fields: Any) -> Ended:
    """A run to its end."""
    ended = Ended(lab.job(name, hp=hp, **fields), lab.root / "outputs" / name)
    code = fork.wait(fork.start(lab.root, ended.folder))
    assert code == ExitCode.FINISHED, (ended.folder / "train.log").read_text()
    return ended


def kill_once(
    fork: Forker, lab: Lab, ended: Ended, moment: str, delay: float, hub: HubRepos | None = None
) -> int:
    """Kill a boot so many seconds after the moment; how it ended."""
    before = len(hub.requests) if hub else 0
    number = fork.start(lab.root, ended.folder)
    wait_for(ended, lambda: has_come(ended, moment, hub, before))
    time.sleep(delay)
    with contextlib.suppress(ProcessLookupError):  # it was faster
        os.kill(number, signal.SIGKILL)
    return fork.wait(number)


def has_come(ended: Ended, moment: str, hub: HubRepos | None, before: int) -> bool:
    """Whether the events, or the requests after the first ``before``, hold a moment."""
    if hub and moment.startswith(ASKED):
        wanted = moment.removeprefix(ASKED)
        return any(wanted in request.target for request in hub.requests[before:])
    events = ended.folder / "events.jsonl"
    return events.exists() and moment in events.read_text()


def wait_for(ended: Ended, has_come: Callable[[], bool]) -> None:
    """Until the moment has come, or the run has its result."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (ended.folder / "result.json").exists():
        if has_come():
            return
        time.sleep(0.001)


def assert_whole(ended: Ended, whole: Ended, *, in_the_end: bool) -> None:
    """What is there under its final name is whole; at the end it is all that ``whole`` is."""
    weights = ended.output / "adapter" / "adapter_model.safetensors"
    if in_the_end or weights.parent.exists():
        assert weights.read_bytes() == whole.adapter
        json.loads((weights.parent / "adapter_config.json").read_bytes())
    state = ended.folder / "state.json"
    if state.exists():
        RunState.model_validate_json(state.read_bytes())


def pushing(number: int) -> dict[str, Any]:
    """What is uploaded, and whereto, by the run of this number."""
    return {"push_to_hub": True, "hub_repo": f"{OWNER}/run-{number}"}


def assert_uploaded(repo: Repo | None, ended: Ended, *, in_the_end: bool) -> None:
    """The repository has one commit with all of the adapter, or before the end none at all."""
    if not in_the_end and (repo is None or not repo.commits):
        assert repo is None or not repo.files
        return
    assert repo is not None
    assert len(repo.commits) == 1
    adapter = ended.output / "adapter"
    assert {*repo.files} == {path.name for path in adapter.iterdir()}
    for name in repo.files.keys() - {"adapter_config.json"}:  # which names the base in its own way
        assert repo.files[name] == (adapter / name).read_bytes(), name


@pytest.fixture
def hub(hub_of_forks: HubRepos) -> Iterator[HubRepos]:
    """The forks' Hub, slow enough to be in the middle of something."""
    hub_of_forks.lag = LAG
    hub_of_forks.stored.clear()
    yield hub_of_forks
    hub_of_forks.lag = 0.0


@pytest.mark.timeout(1800)
def test_wherever_it_is_killed_it_ends_the_same_and_loses_no_event(
    fork: Forker, lab: Lab, hub: HubRepos
) -> None:
    dice = random.Random(SEED)
    print(f"seed {SEED}, {KILLS} kills")
    whole = run(fork, lab, "whole", HP)
    killed = 0
    for number in range(KILLS):
        hub.stored.clear()  # what another run uploaded would not be uploaded again
        hp, repo = HP | pushing(number), f"{OWNER}/run-{number}"
        folder = lab.job(f"run-{number}", hp=hp, offline=False)
        ended = Ended(folder, lab.root / "outputs" / f"run-{number}")
        moment = MOMENTS[4 * number % len(MOMENTS)]
        delay = dice.choice((0.0, dice.uniform(0, 0.02), dice.uniform(0, 1.0)))
        code = kill_once(fork, lab, ended, moment, delay, hub)
        killed += code == -signal.SIGKILL
        commits = len(hub.repos[repo].commits) if repo in hub.repos else 0
        print(f"{number}: {moment} + {delay:.3f} s: {code}, {commits} commits")
        assert_whole(ended, whole, in_the_end=False)
        assert_uploaded(hub.repos.get(repo), ended, in_the_end=False)
        if code == -signal.SIGKILL:
            assert fork.wait(fork.start(lab.root, ended.folder)) == ExitCode.FINISHED
        assert_whole(ended, whole, in_the_end=True)
        assert_uploaded(hub.repos.get(repo), ended, in_the_end=True)
        assert_told_once(ended, whole)
    assert killed > KILLS // 2


def assert_told_once(ended: Ended, whole: Ended) -> None:
    """Events are numbered without a gap; each step and evaluation was told, and whenever it was
    told again after a resume, with the same number."""
    events = ended.events
    assert [event.seq for event in events] == list(range(len(events)))
    assert events[-1].type == "finished"
    assert sum(event.type == "finished" for event in events) == 1
    for type_, name in (("progress", "loss"), ("eval", "eval_loss")):
        assert ended.values(type_, name) == whole.values(type_, name)
    steps = [event.get("step") for event in events if event.type == "checkpoint"]
    assert {*steps} >= {event.get("step") for event in whole.events if event.type == "checkpoint"}
    for name in (
        "steps",
        "trained_tokens",
        "processed_tokens",
        "eval_loss_after",
        "adapter_sha256",
    ):
        assert getattr(ended.result, name) == getattr(whole.result, name)


@pytest.mark.timeout(900)
def test_killed_again_and_again_it_still_gets_there(fork: Forker, lab: Lab) -> None:
    """Each boot is killed after the next checkpoint: only steps that are lost are made again."""
    hp = HP | {"epochs": 1.0}
    whole = run(fork, lab, "whole", hp)
    ended = Ended(lab.job("often", hp=hp), lab.root / "outputs" / "often")
    for step in (3, 6, 9):
        kill_once(fork, lab, ended, f'"type": "checkpoint", "step": {step},', 0.0)
    assert fork.wait(fork.start(lab.root, ended.folder)) == ExitCode.FINISHED
    assert_whole(ended, whole, in_the_end=True)
    assert_told_once(ended, whole)


def test_a_run_that_stopped_early_is_not_trained_on_after_a_kill(fork: Forker, lab: Lab) -> None:
    """Nothing is left to do but to save; its last checkpoint is not that of the last step."""
    ruin = {"learning_rate": 1.0, "scheduler": "constant", "lora_alpha": 128}
    patience = {"epochs": 4.0, "eval_steps": 1, "early_stopping": 2, "load_best": False}
    hp = HP | ruin | patience
    whole = run(fork, lab, "whole", hp)
    assert whole.result.steps < 40
    ended = Ended(lab.job("killed", hp=hp), lab.root / "outputs" / "killed")
    last = f'"type": "checkpoint", "step": {whole.result.steps},'
    assert kill_once(fork, lab, ended, last, 0.0) == -signal.SIGKILL
    assert fork.wait(fork.start(lab.root, ended.folder)) == ExitCode.FINISHED
    assert_whole(ended, whole, in_the_end=True)
    assert_told_once(ended, whole)


def test_a_run_goes_on_on_another_computer(fork: Forker, lab: Lab, tmp_path: Path) -> None:
    """Its folder, its output and its rows are copied to another data root, with the model in
    another place of the same name; nothing in them says where they lay."""
    whole = run(fork, lab, "whole", HP)
    ended = Ended(lab.job("moved", hp=HP), lab.root / "outputs" / "moved")
    kill_once(fork, lab, ended, '"type": "checkpoint", "step": 6,', 0.0)
    there = tmp_path / "other computer"
    for name in ("runs/moved", "outputs/moved", "datasets"):
        shutil.copytree(lab.root / name, there / name)
    shutil.copytree(lab.root / "models" / "tiny", there / "models" / "tiny")
    shutil.rmtree(lab.root / "outputs" / "moved")
    moved = Ended(there / "runs" / "moved", there / "outputs" / "moved")
    assert fork.wait(fork.start(there, moved.folder)) == ExitCode.FINISHED
    assert moved.adapter == whole.adapter
    assert_told_once(moved, whole)


def test_another_model_in_the_same_place_is_not_taken_for_the_same(fork: Forker, lab: Lab) -> None:
    ended = Ended(lab.job("run", hp=HP), lab.root / "outputs" / "run")
    kill_once(fork, lab, ended, '"type": "checkpoint", "step": 3,', 0.0)
    place = lab.root / "models" / "tiny"
    model = place.resolve()
    place.unlink()
    shutil.copytree(model, place)
    weights = place / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert fork.wait(fork.start(lab.root, ended.folder)) == ExitCode.REFUSED
    assert "its files have changed since" in ended.events[-1].get("message")
