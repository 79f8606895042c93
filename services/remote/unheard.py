"""An agent that is silent while its results are to be fetched: told, started anew, given up.

On a network volume the results are safe, and a container that is started anew serves them again. So
the pod is restarted once, and ended where that does not help: it costs, and another pod brings
them. Without a volume the pod alone has them, and a restart would wipe its disk: then its limit is
waited for, which is said.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.remote_money import clock_words
from models.domain.remote_run import FINISHED
from services.remote.presence import STOPPED, Gone, Looked, why_gone
from services.runpod.agent_client import UNREACHABLE

if TYPE_CHECKING:
    from models.domain.pod import Pod
    from models.domain.remote_run import RemoteAttempt
    from services.remote.work import Work
    from services.runpod.client import RunpodClient

logger = logging.getLogger(__name__)

RESTART_SECONDS = 300.0
"""Of silence, after which the pod's container is started anew."""
GIVE_UP_SECONDS = 900.0
"""Of silence, after which a pod is ended whose results are on a network volume: the container had
ten minutes to come up again, which takes one."""
_SILENT = "The pod's agent cannot be reached just now."
_SAFE = "What the training made is safe on the network volume."


class Unheard:
    """The silence of one pod, for as long as the step lasts. A program that takes over counts anew,
    and may restart the pod once more, which harms nothing; what this computer sleeps counts not."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._looked: Looked | None = None
        self._restarted = False

    def heard(self) -> None:
        """The agent has answered."""
        if self._looked is not None:
            self._looked, self._restarted = None, False
            self._tell("", "")

    def look(self, attempt: RemoteAttempt, volume: AppError | None = None) -> Gone | None:
        """Tell of it, and do what can be done; why it is not worth waiting any more, or None.

        ``volume`` is why its S3 service does not answer just now: that is waited for, too, when the
        pod is gone. AppError where Runpod cannot be asked."""
        now = self._work.now()
        self._looked = looked = Looked(now) if self._looked is None else self._looked
        silent = looked.look(now)
        with self._work.client("the pod cannot be looked at") as client:
            pod = client.pod(attempt.pod_id)
            if pod is None or pod.status in STOPPED:
                if volume is None or silent >= GIVE_UP_SECONDS:
                    return why_gone(client, pod, attempt, now)
                self._tell(volume.message, volume.hint)
                return None
            if attempt.volume_id and silent >= GIVE_UP_SECONDS:
                return self._given_up()
            if attempt.volume_id and silent >= RESTART_SECONDS:
                self._restart(client, pod, now - looked.began)
        self._tell(_SILENT, self._prospect(attempt, now, silent))
        return None

    def _restart(self, client: RunpodClient, pod: Pod, since: float) -> None:
        """Once, and never a container that was started since the silence began, in seconds."""
        if self._restarted or (pod.uptime is not None and pod.uptime < since):
            return
        try:
            client.restart_pod(pod.id)
        except AppError as error:  # it is looked at, and asked for, again
            logger.info("the pod %s could not be restarted: %s", pod.name, error)
            return
        self._restarted = True

    def _given_up(self) -> Gone:
        minutes = f"{GIVE_UP_SECONDS / 60:.0f} minutes"
        tried = f"{minutes}, also after a restart" if self._restarted else minutes
        return Gone(
            "pod_silent",
            f"The pod did not answer for {tried}, so it is ended.",
            "Resume: another pod brings what was made from the network volume.",
        )

    def _prospect(self, attempt: RemoteAttempt, now: float, silent: float) -> str:
        """What will become of it, and when; a sleep of this computer puts it off."""
        began = now - silent
        if not attempt.volume_id:
            limit = f", {clock_words(attempt.ends_at, now)}" if attempt.ends_at else ""
            return (
                "What the training made is on the pod alone, so Temper keeps trying until the pod "
                f"ends at its limit{limit}."
            )
        end = clock_words(min(began + GIVE_UP_SECONDS, attempt.ends_at or float("inf")), now)
        if self._restarted:
            return f"{_SAFE} The pod was started anew; if it stays silent, it is ended at {end}."
        again = clock_words(began + RESTART_SECONDS, now)
        plan = f"The pod is started anew at {again} and, if that does not help, ended at {end}."
        return f"{_SAFE} {plan}"

    def _tell(self, trouble: str, hint: str) -> None:
        """Beside why the run has ended, where there is a reason."""
        attempt = self._work.look()
        if attempt.outcome != FINISHED:
            words = f"{trouble} {hint}".strip()
            if words != attempt.doing:
                self._work.save(doing=words)
        elif (trouble, hint) != (attempt.trouble, attempt.trouble_hint):
            kind = UNREACHABLE if trouble else ""
            self._work.save(trouble_kind=kind, trouble=trouble, trouble_hint=hint)
