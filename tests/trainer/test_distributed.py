"""Several processes train as one would: over gloo, with the tiny model, on this machine."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.trainer.conftest import Finished, Lab, assert_gapless, environment
from trainer_image.contract import ExitCode, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

HP: dict[str, Any] = {
    "epochs": 2.0,
    "batch_size": 2,
    "grad_accum": 1,
    "packing": False,
    "save_steps": 2,
    "eval_steps": 3,
    "max_seq_length": 64,
    "learning_rate": 1e-3,
}
"""20 rows: 5 steps in an epoch for two processes, or for one that takes two batches for each."""
ALONE = HP | {"grad_accum": 2}
LONG = HP | {"epochs": 200.0, "save_steps": 1000, "eval_steps": 1000}


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, trainer_python: str, tiny_model: Path
) -> Finished:
    """What one process makes of the same steps."""
    lab = Lab(tmp_path_factory.mktemp("alone"), trainer_python, tiny_model)
    done = lab.train(lab.job("alone", hp=ALONE))
    assert done.code == ExitCode.FINISHED, done.log[-2000:]
    return done


@pytest.fixture(autouse=True)
def _nobody_left(tmp_path: Path) -> Iterator[None]:
    """Whatever happened, no process of the run lives on, and none waits to be reaped."""
    yield
    deadline = time.monotonic() + 10
    while (left := workers(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left


def workers(root: Path) -> list[psutil.Process]:
    """Every process that has to do with a run below ``root``."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(root) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def curve(done: Finished) -> dict[int, float]:
    """The loss of each step, as it was told last."""
    return {event.get("step"): event.get("loss") for event in done.of_type("progress")}


def held_out(done: Finished) -> dict[int, float]:
    return {event.get("step"): event.get("eval_loss") for event in done.of_type("eval")}


def assert_same_training(done: Finished, alone: Finished) -> None:
    """The same losses within 1e-4, over the same steps, rows and tokens."""
    assert done.code == ExitCode.FINISHED, done.log[-2000:]
    assert curve(done) == pytest.approx(curve(alone), abs=1e-4)
    assert held_out(done) == pytest.approx(held_out(alone), abs=1e-4)
    one, other = done.events[-1], alone.events[-1]
    for name in ("trained_tokens", "processed_tokens", "steps", "fingerprint"):
        assert one.get(name) == other.get(name)
    assert_gapless(done.events)


def test_two_processes_learn_what_one_does(lab: Lab, alone: Finished) -> None:
    done = lab.train(lab.job(hp=HP, processes=2))
    assert_same_training(done, alone)
    assert "effective batch: 4 rows (2 x 1 x 2 processes)" in done.log[-2000:]
    assert done.log.count("phase: training") == alone.log.count("phase: training")
    assert [e.get("step") for e in done.of_type("checkpoint")] == [
        e.get("step") for e in alone.of_type("checkpoint")
    ]
    state = RunState.model_validate_json((done.folder / "state.json").read_bytes())
    assert (state.phase, state.exit_code, state.boot_count) == ("finished", 0, 1)
    assert not (done.folder / "workers").exists()


def test_a_killed_worker_ends_the_run_and_one_process_goes_on(lab: Lab, alone: Finished) -> None:
    """The other has nothing left to do; a resume may have another number of processes."""
    folder = lab.job(hp=HP, processes=2)
    leader = lab.start(folder)
    wait_for(folder, '"checkpoint", "step": 2')
    victim = [one for one in workers(lab.root) if one.pid != leader.pid and _rank(one) == 1]
    victim[0].kill()
    failed = lab.ended(leader, folder)
    assert failed.code == ExitCode.FAILED, failed.log[-2000:]
    assert [event.get("kind") for event in failed.of_type("failed")] == ["killed"]
    assert "of the 2 processes" in failed.failure.get("message")
    assert failed.events[-1].type == "failed"
    state = RunState.model_validate_json((folder / "state.json").read_bytes())
    assert (state.phase, state.exit_code, state.pid) == ("failed", 1, leader.pid)
    assert_gapless(failed.events)
    lab.job(hp=ALONE)
    resumed = lab.train(folder)
    told = [event.get("message") for event in resumed.of_type("warning")]
    assert not any("settings" in message for message in told)
    assert_same_training(resumed, alone)


def test_stopped_together_and_resumed_on_two_machines(lab: Lab, alone: Finished) -> None:
    """All stop after the same step, whose checkpoint a cluster of two goes on from."""
    folder = lab.job(hp=HP, processes=2)
    stopped = lab.train_until(folder, '"step": 3', signal.SIGTERM)
    assert stopped.code == ExitCode.CANCELLED, stopped.log[-2000:]
    assert [event.get("kind") for event in stopped.of_type("failed")] == ["cancelled"]
    last = stopped.of_type("progress")[-1].get("step")
    assert stopped.of_type("checkpoint")[-1].get("step") == last
    lab.job(hp=HP, machines=2)
    codes = [machine.wait(timeout=240) for machine in start_cluster(lab, folder)]
    resumed = lab.ended(finished_process(codes[0]), folder)
    assert codes == [ExitCode.FINISHED, ExitCode.FINISHED], resumed.log[-2000:]
    assert_same_training(resumed, alone)


def test_workers_end_when_their_starter_is_killed(lab: Lab) -> None:
    folder = lab.job(hp=LONG, processes=2)
    leader = lab.start(folder)
    while not any(_rank(one) == 1 for one in workers(lab.root)):
        time.sleep(0.05)
    leader.kill()
    leader.wait()


def test_a_job_that_cannot_be_done_starts_no_processes(light_lab: Lab) -> None:
    """The program's own Python has no torch: starting anything would fail."""
    folder = light_lab.job(hp={"optimizer": "adamw_8bit", "precision": "float16"}, processes=2)
    refused = light_lab.train(folder)
    assert refused.code == ExitCode.REFUSED
    assert "float16 needs a GPU" in refused.failure.get("message")
    folder = light_lab.job("other", machines=2)
    refused = light_lab.train(folder)
    assert "for 2 machines, and the cluster has 1" in refused.failure.get("message")


def _rank(process: psutil.Process) -> int | None:
    try:
        return int(process.environ().get("RANK", "-1"))
    except psutil.Error:
        return None


def wait_for(folder: Path, text: str) -> None:
    events, deadline = folder / "events.jsonl", time.monotonic() + 200
    while text not in (events.read_text() if events.exists() else ""):
        assert time.monotonic() < deadline, (folder / "train.log").read_text()
        time.sleep(0.01)


def start_cluster(lab: Lab, folder: Path) -> list[subprocess.Popen[bytes]]:
    """The same job on two machines, as Runpod's cluster names them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [lab.python, "-m", "trainer_image.train", "--job", str(folder / "job.json")]
    machines = []
    for number in ("1", "0"):  # the first comes last, and the others wait for it
        variables = {
            "NUM_NODES": "2", "NODE_RANK": number, "NUM_TRAINERS": "1", "WORLD_SIZE": "2",
            "PRIMARY_ADDR": "127.0.0.1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            "GLOO_SOCKET_IFNAME": "lo",
        }  # fmt: skip
        with (folder / "train.log").open("ab") as log:
            machines.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, env=environment(lab.root) | variables
                )
            )
    return machines[::-1]


def finished_process(code: int) -> Any:
    """A process that has ended already, for ``Lab.ended``."""

    class Ended:
        def wait(self, timeout: float) -> int:
            return code

    return Ended()


def test_a_full_fine_tune_is_divided_and_saved_whole(lab: Lab) -> None:
    """Weights, gradients and states are in parts; what is on the disk does not show it."""
    full = {"tuning": "full", "max_seq_length": 64, "save_steps": 3, "max_steps": 6}
    alone = lab.train(lab.job("alone", hp=ALONE | full))
    assert alone.code == ExitCode.FINISHED, alone.log[-2000:]
    folder = lab.job("two", hp=HP | full, processes=2)
    killed = lab.train_until(folder, '"checkpoint", "step": 3', signal.SIGKILL)
    assert killed.code == -signal.SIGKILL
    while workers(lab.root):
        time.sleep(0.1)
    done = lab.train(folder)
    assert_same_training(done, alone)
    names = [
        sorted(path.name for path in (one.output / "model").iterdir()) for one in (alone, done)
    ]
    assert names[0] == names[1]
