"""From a rented pod to an agent that answers; a pod that does not come up makes room for another.

RUNNING says nothing: it is said while an image is still pulled, and of containers that can never
start. So the machine's own log and the container's uptime are judged, and all of it by time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.pod_boot import BootPhase
from models.domain.remote_run import AGAIN, FAILED, LOST, RemotePhase
from services.docker.image_needs import parts_of
from services.remote.boot_log import BootLog
from services.remote.pod_lines import PodLines
from services.remote.presence import STOPPED, why_gone
from services.remote.renting import given_up
from services.runpod.agent_client import UNREACHABLE

if TYPE_CHECKING:
    from models.domain.pod import Pod
    from models.domain.pod_boot import PodBoot
    from models.domain.remote_run import RemoteAttempt
    from services.remote.work import Work
    from services.runpod.agent_client import AgentClient
    from services.runpod.client import RunpodClient

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""Between looks at the pod: Runpod lets an account ask 60 times a minute."""
PULL_SECONDS = 20 * 60.0
"""For machine and image, as other tools of the field allow (dstack 20, overbrainer 15 minutes)."""
START_SECONDS = 180.0
"""For a container to run once its image is there."""
ANSWER_SECONDS = 300.0
"""For the agent to answer once its container runs: the proxy alone takes up to a minute."""
PROOF_SECONDS = 120.0
"""For the agent to find out whether it can end its pod."""
MOST_PODS = 4
"""So many pods in a row may fail to come up; then the image is at fault, or the account."""
_HOPELESS = frozenset({"image_denied", "image_missing", "disk_full"})
"""Troubles that another machine has, too."""


@dataclass(slots=True)
class _Watch:
    """What was seen of the container so far."""

    there_since: float | None = None
    """When the image was first known to be there."""
    up_since: float | None = None
    seen: float | None = None
    """When it was last known to run."""
    uptime: int = 0
    is_quiet: bool = False
    restarts: int = 0

    def see(self, pod: Pod, boot: PodBoot, now: float) -> None:
        """Take in what is there now."""
        if self.there_since is None and boot.phase in {BootPhase.PULLED, BootPhase.STARTING}:
            self.there_since = now
        if pod.uptime is None:
            # No container runs, or its host did not say so in time: what is said next tells which.
            self.is_quiet = True
            return
        ran = now - self.seen if self.is_quiet and self.seen is not None else 0.0
        self.restarts += pod.uptime < max(self.uptime, ran)
        self.up_since = self.up_since or (now if pod.uptime else None)
        self.seen, self.uptime, self.is_quiet = now, pod.uptime, False

    def blame(self, log: BootLog, waited: float, now: float) -> str:
        """Why this pod is given up, in a sentence; empty while it may still come up."""
        boot = log.boot
        if log.failing.failures > 1 and self.up_since is None:
            return log.failing.words()
        if self.restarts > 1:
            return "Its container ends again and again."
        if self.up_since is not None:
            is_late = now - self.up_since > ANSWER_SECONDS
            return "Its container runs, but its agent does not answer." if is_late else ""
        if self.there_since is not None and now - self.there_since > START_SECONDS:
            return "Its image is there, but its container does not start."
        if waited > PULL_SECONDS:
            return f"It was not ready after {PULL_SECONDS / 60:.0f} minutes. {boot.words()}"
        return ""


def boot(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Wait until the pod's agent answers and can end its pod. A pod that is given up ends."""
    watch, began = _Watch(), attempt.rented_at or work.now()
    lines = PodLines(work.folder, attempt.number)
    with (
        work.client("the pod cannot be looked at") as client,
        BootLog(client, attempt.pod_id, lines) as log,
    ):
        while True:
            attempt = work.check()
            if _answers(attempt, work):
                end_twins(client, attempt)
                return _checked(attempt, work)
            pod = client.pod(attempt.pod_id)
            if pod is None or pod.status in STOPPED:
                gone = why_gone(client, pod, attempt, work.now())
                return work.save(phase=RemotePhase.ENDING, outcome=LOST, **gone.fields())
            now = work.now()
            watch.see(pod, log.boot, now)
            reason = watch.blame(log, now - began, now)
            if reason:
                return _give_up(attempt, work, reason, log.failing.trouble)
            _tell(attempt, work, _words(watch, log.boot))
            work.pause(LOOK_SECONDS)


def end_twins(client: RunpodClient, attempt: RemoteAttempt) -> None:
    """End pods of the same name: asking again after no answer may have made two. It is tried here,
    and once more when the attempt ends."""
    try:
        for pod in client.pods():
            if pod.name == attempt.name and pod.id != attempt.pod_id:
                logger.warning("a second pod %s was made by a call without an answer", pod.id)
                client.end_pod(pod.id)
    except AppError as error:
        logger.info("whether there is a second pod is not known: %s", error)


def _answers(attempt: RemoteAttempt, work: Work) -> bool:
    with work.agent(attempt, tries=1) as agent:
        return agent.is_listening()


def _checked(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Nothing is trained on a pod that could not end itself when this computer is off."""
    until = work.now() + PROOF_SECONDS
    with work.agent(attempt, tries=3) as agent:
        while True:
            try:
                status = agent.status()
            except AppError as error:
                if error.kind != UNREACHABLE:
                    raise
                return work.look()  # it went away again: the boot is watched on
            if status.self_delete:
                lacks = _lacks(agent, work)
                if lacks:
                    return _unfit(work, lacks)
                return work.save(phase=RemotePhase.DELIVERING, doing="The pod is ready.")
            if status.self_delete_tried and work.now() > until:
                raise AppError(
                    "no_self_delete",
                    "The pod could not end itself, so a lost connection would cost without limit.",
                    "Try again later, or another cloud or data centre.",
                    status.self_delete_detail,
                )
            work.pause(LOOK_SECONDS)


def _lacks(agent: AgentClient, work: Work) -> tuple[str, ...]:
    """What the image lacks, asked before anything is uploaded that would be of no use in it."""
    needs = work.tools.image_needs
    facts = None if needs is None else agent.image(needs.names)
    if needs is None or facts is None:
        return ()
    return needs.lacks(facts, parts_of(work.run.config, on_gpu=True))


def _unfit(work: Work, lacks: tuple[str, ...]) -> RemoteAttempt:
    """End the pod: every other one would have the same image."""
    image = work.run.config.runpod.image.strip()
    return work.save(
        phase=RemotePhase.ENDING, outcome=FAILED, trouble_kind="bad_image",
        trouble=f"The image {image} cannot train: {'; '.join(lacks)}.",
        trouble_hint="Choose another Runpod image, such as Temper's own in your registry.",
    )  # fmt: skip


def _give_up(attempt: RemoteAttempt, work: Work, reason: str, trouble: str) -> RemoteAttempt:
    """End this pod, and try the next GPU unless that could not help."""
    begin = given_up(attempt.gpu, attempt.cloud, attempt.data_center)
    earlier = work.tools.store.of_run(work.run_id)
    pods = [one for one in earlier if one.outcome == AGAIN and one.created_at >= _begin(earlier)]
    if trouble in _HOPELESS or len(pods) + 1 >= MOST_PODS:
        return work.save(
            phase=RemotePhase.ENDING, outcome=FAILED, trouble_kind="pod_not_ready",
            trouble=f"The pod did not come up. {reason}",
            trouble_hint="Check the Runpod image and the container disk, then start again.",
        )  # fmt: skip
    return work.save(
        phase=RemotePhase.ENDING,
        outcome=AGAIN,
        tried=(*attempt.tried, f"{begin}{reason}"),
        doing=f"Given up: {reason}",
    )


def _begin(earlier: tuple[RemoteAttempt, ...]) -> float:
    """When the newest row of attempts began: those before it ended otherwise."""
    begin = 0.0
    for one in earlier:
        if one.outcome not in ("", AGAIN):
            begin = one.created_at + 1e-6
    return begin


def _tell(attempt: RemoteAttempt, work: Work, words: str) -> None:
    if words != attempt.doing:
        work.save(doing=words)


def _words(watch: _Watch, boot: PodBoot) -> str:
    return "Waiting for the pod's agent." if watch.up_since is not None else boot.words()
