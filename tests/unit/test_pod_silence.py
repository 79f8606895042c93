"""How long a pod's silence is taken to last: only as long as somebody looked."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.pod import PodStatus
from models.domain.remote_run import FINISHED, RemotePhase
from services.remote.presence import GIVEN_UP_SECONDS, Silence
from services.remote.unheard import GIVE_UP_SECONDS, RESTART_SECONDS, Unheard

if TYPE_CHECKING:
    from services.remote.presence import Gone

_LOOK = 10.0


class Pod:
    """A pod with a network volume whose agent says nothing, and this computer's clock."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.restarts = 0
        self.attempt = SimpleNamespace(
            pod_id="p", volume_id="v", ends_at=self.now + 86_400, outcome=FINISHED, trouble="",
            trouble_hint="", doing="",
        )  # fmt: skip
        client = SimpleNamespace(pod=lambda _: self._pod(), restart_pod=self._restart)
        self.work: Any = SimpleNamespace(
            now=lambda: self.now,
            client=lambda _: nullcontext(client),
            look=lambda: self.attempt,
            save=lambda **changes: vars(self.attempt).update(changes),
        )
        self.unheard = Unheard(self.work)

    def _pod(self) -> SimpleNamespace:
        return SimpleNamespace(
            id="p", name="pod", status=PodStatus.RUNNING, uptime=int(self.now - 990_000)
        )

    def _restart(self, _: str) -> None:
        self.restarts += 1

    def look(self, seconds: float, after: float = 0.0) -> Gone | None:
        """Look every ten seconds for so long; what came of the last look."""
        self.now += after
        gone = self.unheard.look(self.attempt)  # type: ignore[arg-type]
        for _ in range(int(seconds / _LOOK)):
            if gone is not None:
                break
            self.now += _LOOK
            gone = self.unheard.look(self.attempt)  # type: ignore[arg-type]
        return gone


def test_silence_that_was_looked_at_ends_the_pod_after_a_restart() -> None:
    pod = Pod()
    assert pod.look(RESTART_SECONDS - _LOOK) is None
    assert pod.restarts == 0
    assert pod.look(_LOOK, _LOOK) is None
    assert pod.restarts == 1
    gone = pod.look(GIVE_UP_SECONDS)
    assert gone is not None
    assert gone.kind == "pod_silent"
    assert pod.now - 1_000_000.0 == pytest.approx(GIVE_UP_SECONDS, abs=2 * _LOOK)


@pytest.mark.parametrize("before", [0.0, RESTART_SECONDS - _LOOK])
def test_what_this_computer_sleeps_is_no_silence_of_the_pod(before: float) -> None:
    pod = Pod()
    assert pod.look(before) is None
    assert pod.look(0, after=8 * 3600.0) is None
    assert pod.restarts == 0
    assert pod.look(RESTART_SECONDS) is None
    assert pod.restarts == 1, "looked at for long enough since"
    assert pod.look(GIVE_UP_SECONDS) is not None


def test_a_failed_look_is_no_look() -> None:
    pod = Pod()
    pod.look(100)
    pod.now += 8 * 3600.0  # awake, but Runpod could not be asked in all that time
    assert pod.look(0) is None
    assert pod.restarts == 0


def test_an_agent_that_was_heard_begins_anew() -> None:
    pod = Pod()
    pod.look(RESTART_SECONDS - 2 * _LOOK)
    pod.unheard.heard()
    assert pod.look(RESTART_SECONDS - 2 * _LOOK, after=_LOOK) is None
    assert pod.restarts == 0


def test_neither_is_it_while_a_training_goes_on() -> None:
    pod = Pod()
    pod.attempt.phase = RemotePhase.TRAINING
    silence = Silence(pod.work)
    assert silence.seconds() == 0
    pod.now += _LOOK
    assert silence.seconds() == _LOOK
    pod.now += 8 * 3600.0
    assert silence.seconds() == _LOOK
    pod.now += _LOOK
    assert silence.seconds() < GIVEN_UP_SECONDS / 2
    silence.ends()
    pod.now += 8 * 3600.0
    assert silence.seconds() == 0
