"""A run of several processes: torchrun starts them, and this process watches over them.

It is the run's process for everybody outside: it has the number that ``state.json`` tells, hears
the request to stop, ends when all have ended, and says how. It never imports torch itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from trainer_image import worker_reports, world
from trainer_image.agent_child import LEADER_VARIABLE, memory_kills
from trainer_image.checks import check, read_job
from trainer_image.contract import ExitCode, FailureKind, Phase
from trainer_image.failures import Failure, StoppedError, TrainerError, sentence_of, understand
from trainer_image.remedies import Situation, remedies_for
from trainer_image.reporter import Reporter
from trainer_image.run_folder import EventWriter, RunFolder, StateWriter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer_image.contract import Job
    from trainer_image.world import Cluster

_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 20
"""After one process has ended badly the others are waited for so long: they may be amid a step
that needs it, which NCCL does not notice, and have nothing left to save."""


def launch(job_path: Path) -> int | None:
    """Do a job that is for several processes, and return its exit code; None where this process
    is to train itself: the job is for one, or cannot be done, which it then says as ever."""
    if world.is_worker():
        return None
    try:
        job = read_job(job_path)
        if job.crew == 1:
            return None
        check(job)
    except (TrainerError, OSError):
        return None
    return Watch(job, job_path, world.cluster()).run()


def command(job: Job, job_path: Path, cluster: Cluster) -> list[str]:
    """The argument list that starts this machine's processes."""
    # Not by the machine's own name, which nobody knows where it has no network.
    meeting = ["--standalone", "--nnodes", "1", "--local-addr", "127.0.0.1"]
    if cluster.machines > 1:
        meeting = [
            "--nnodes", str(cluster.machines), "--node-rank", str(cluster.number),
            "--master-addr", cluster.address, "--master-port", cluster.port,
        ]  # fmt: skip
    return [
        sys.executable, "-m", "torch.distributed.run", *meeting,
        "--nproc-per-node", str(job.processes),
        "--max-restarts", "0", "--monitor-interval", "0.2",
        "-m", "trainer_image.train", "--job", str(job_path),
    ]  # fmt: skip


def environment(own: Mapping[str, str], job: Job, cluster: Cluster) -> dict[str, str]:
    """The variables of torchrun and of what it starts."""
    result = dict(own) | {LEADER_VARIABLE: str(os.getpid())}
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        result.pop(name, None)  # a cluster may set them for its own counting
    # As an option an older torchrun does not know it, and would refuse to start anything.
    result["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"] = str(_GRACE_SECONDS)
    # Each process its part of the cores; more threads than cores would wait for each other.
    result.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // job.processes)))
    if cluster.machines == 1 and sys.platform.startswith("linux"):
        result.setdefault("GLOO_SOCKET_IFNAME", "lo")
    return result


class Watch:
    """Starts a machine's processes, passes a request to stop on, and finds out how they ended."""

    def __init__(self, job: Job, job_path: Path, cluster: Cluster) -> None:
        self._job = job
        self._path = job_path
        self._cluster = cluster
        self._folder = RunFolder(job_path.parent)
        self._asked = self._passed_on = False
        self._seen: set[int] = set()
        self._give_up_at = float("inf")
        self._memory_kills = memory_kills()

    def run(self) -> int:
        """From start to end; the exit code is one of ``ExitCode``."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        self._folder.stop_request.unlink(missing_ok=True)
        if self._writes:
            worker_reports.clear(self._folder.path)
        process = subprocess.Popen(
            command(self._job, self._path, self._cluster),
            env=environment(os.environ, self._job, self._cluster),
            start_new_session=True,  # a terminal's Ctrl+C is for us to pass on
        )
        try:
            while process.poll() is None:
                self._look(process)
                time.sleep(_LOOK_SECONDS)
        finally:
            self._end_all(process)
        return self._end(process.returncode)

    @property
    def _writes(self) -> bool:
        """Whether this machine's watch tells the run's end: that with the first process."""
        return self._cluster.number == 0

    def _on_signal(self, number: int, frame: Any) -> None:
        self._asked = True

    def _look(self, process: subprocess.Popen[bytes]) -> None:
        self._asked = self._asked or self._folder.stop_request.exists()
        workers = _workers(process.pid)
        self._seen |= {worker.pid for worker in workers}
        if self._asked and not self._passed_on:
            # Not to torchrun, which would kill those that take longer to save than it waits.
            for one in workers or [process]:
                with contextlib.suppress(OSError):
                    os.kill(one.pid, signal.SIGTERM)
            self._passed_on = True
        reports = worker_reports.read(self._folder.path)
        if any(report["code"] != ExitCode.FINISHED for report in reports):
            self._give_up_at = min(self._give_up_at, time.monotonic() + _GRACE_SECONDS)
        if time.monotonic() > self._give_up_at:
            self._end_all(process)

    def _end_all(self, process: subprocess.Popen[bytes]) -> None:
        """Leave no process behind; each worker leads a session of its own."""
        import psutil

        with contextlib.suppress(psutil.Error):
            for one in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    one.kill()
        process.kill()
        process.wait()

    def _end(self, code: int) -> int:
        reports = worker_reports.read(self._folder.path)
        codes = {report["rank"]: report["code"] for report in reports}
        told = not self._writes or 0 in codes
        if code == 0 and told and set(codes.values()) <= {int(ExitCode.FINISHED)}:
            exit_code = int(ExitCode.FINISHED)
        else:
            exit_code, fields = self._failure(reports)
            if self._writes:
                self._tell(exit_code, fields)
        if self._writes:
            worker_reports.clear(self._folder.path)
        return exit_code

    def _failure(self, reports: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        """Exit code and fields of the one ``failed`` event."""
        stopped = any(report["code"] == ExitCode.CANCELLED for report in reports)
        found = worker_reports.cause(reports)
        if found is not None:
            return int(found["code"]), found["fields"]
        if self._asked or (stopped and not self._missing(reports)):
            failure = understand(StoppedError())
        else:
            failure = self._untold(reports)
            print(failure.message, file=sys.stderr, flush=True)  # noqa: T201
        return failure.exit_code, _fields(failure, self._job)

    def _missing(self, reports: list[dict[str, Any]]) -> bool:
        return len(reports) < self._job.crew

    def _untold(self, reports: list[dict[str, Any]]) -> Failure:
        """Nobody says why: somebody was killed, or nothing was ever started."""
        if not self._seen:
            return Failure(
                FailureKind.INTERNAL,
                f"The {self._job.processes} processes of the run could not be started.",
                "The log has the details.",
            )
        if memory_kills() > self._memory_kills:
            return Failure(FailureKind.HOST_OOM, *sentence_of(FailureKind.HOST_OOM))
        gone = sorted(set(range(self._job.crew)) - {report["rank"] for report in reports})
        which = f"Process {gone[0] + 1}" if len(gone) == 1 else "One"
        return Failure(
            FailureKind.KILLED,
            f"{which} of the {self._job.crew} processes that train together was killed from "
            "outside, most often because the computer ran out of memory.",
            "Resume it to go on from the last checkpoint.",
        )

    def _tell(self, exit_code: int, fields: dict[str, Any]) -> None:
        phase = Phase.CANCELLED if exit_code == ExitCode.CANCELLED else Phase.FAILED
        # On a disk that is still full, the exit code alone must tell.
        with contextlib.suppress(OSError), EventWriter(self._folder.events) as events:
            state = StateWriter.of_this_boot(self._folder.state, self._job.run_id)
            Reporter(events, state).end(phase, exit_code, "failed", **fields)


def _fields(failure: Failure, job: Job) -> dict[str, Any]:
    return {
        "kind": failure.kind,
        "message": failure.message,
        "hint": failure.hint,
        "details": failure.details,
        "remedies": remedies_for(failure.kind, Situation(job)),
    }


def _workers(torchrun: int) -> list[Any]:
    """The processes that torchrun has started and that are still there."""
    import psutil

    try:
        return [
            child
            for child in psutil.Process(torchrun).children()
            if child.status() != psutil.STATUS_ZOMBIE
        ]
    except psutil.Error:
        return []
