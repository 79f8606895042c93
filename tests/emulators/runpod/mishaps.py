"""What can befall a remote run, by name: each can strike in any step of its life.

Only what happens at Runpod's end, or on the way there, is here. What happens to the program, or to
the computer that it runs on, is done to it by whoever tests it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.emulators.runpod.faults import Boot

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.runpod.emulator import RunpodEmulator

ALWAYS = 1_000_000
CREATE = "POST /v2/pods$"
_UP, _DOWN = "PUT /proxy/.*/inputs/", "GET /proxy/.*/artifacts/"


@dataclass(frozen=True)
class Mishap:
    """``strike`` makes it so; ``mend`` ends it after ``lasts`` emulated seconds, 0: never."""

    what: str
    strike: Callable[[RunpodEmulator], object]
    mend: Callable[[RunpodEmulator], object] = lambda _: None
    lasts: float = 0.0


def _fault(where: str, **how: object) -> Callable[[RunpodEmulator], object]:
    return lambda runpod: runpod.broken.add(where, **how)


def _boot(kind: Boot, pods: int = 1) -> Callable[[RunpodEmulator], object]:
    return lambda runpod: runpod.broken.boots.extend([kind] * pods)


def _calm(runpod: RunpodEmulator) -> None:
    runpod.broken.calm()


def _each_pod(do: Callable[[RunpodEmulator, str], object]) -> Callable[[RunpodEmulator], object]:
    def strike(runpod: RunpodEmulator) -> None:
        for pod_id in list(runpod.cloud.pods):
            do(runpod, pod_id)

    return strike


def _restart(runpod: RunpodEmulator, pod_id: str) -> None:
    with runpod.cloud.lock:
        pod = runpod.cloud.pods[pod_id]
        if pod.container_since is not None:
            pod.restart()


def _keys(*, restricted: bool = False, expired: bool = False) -> Callable[[RunpodEmulator], object]:
    def strike(runpod: RunpodEmulator) -> None:
        for key in list(runpod.cloud.keys.values()):
            if not key.pod:
                key.is_restricted, key.is_expired = restricted, expired

    return strike


def _fill(runpod: RunpodEmulator) -> None:
    for volume in runpod.cloud.volumes.values():
        volume.full_at = volume.used()


def _balance(dollars: float) -> Callable[[RunpodEmulator], object]:
    return lambda runpod: setattr(runpod.cloud, "balance", dollars)


def _own_key_refused(runpod: RunpodEmulator) -> None:
    runpod.broken.own_key_refused = True


MISHAPS: dict[str, Mishap] = {
    "create: 500, made": Mishap("A pod is made and the answer is 500", _fault(CREATE, after=True)),
    "create: 500, not made": Mishap("No pod is made and the answer is 500", _fault(CREATE)),
    "create: silence, made": Mishap(
        "A pod is made and no answer comes", _fault(CREATE, after=True, silence=60.0)
    ),
    "create: silence, not made": Mishap(
        "No pod is made and no answer comes", _fault(CREATE, silence=60.0)
    ),
    "no capacity": Mishap("Every GPU is sold out", lambda runpod: runpod.cloud.stock.sell_out()),
    "402": Mishap("The balance does not pay for an hour", _balance(0.05)),
    "403": Mishap("The key may do nothing with pods for 20 minutes", _keys(restricted=True),
                  _keys(), 1200),
    "429 storm": Mishap("The next 30 calls are told to wait",
                        lambda runpod: runpod.broken.storm(30)),
    "API down": Mishap("The API answers 500 for ten minutes",
                       _fault(" /v2/", times=ALWAYS), _calm, 600),
    "stuck pull": Mishap("The image's pull stops in the middle", _boot(Boot.STUCK_PULL)),
    "pulls refused": Mishap("The registry refuses pulls", _boot(Boot.TOO_MANY_PULLS)),
    "old driver": Mishap("The host's driver is too old", _boot(Boot.OLD_DRIVER)),
    "crash loop": Mishap("The container ends as soon as it has started", _boot(Boot.CRASH_LOOP)),
    "never starts": Mishap("Nothing follows the pull", _boot(Boot.NEVER)),
    "proxy gone": Mishap("The agent can never be reached again",
                         _fault(" /proxy/", times=ALWAYS, status=502)),
    "proxy away": Mishap("The agent cannot be reached for four minutes",
                         _fault(" /proxy/", times=ALWAYS, status=502), _calm, 240),
    "cut upload": Mishap("Five uploads break off", _fault(_UP, times=5, cut_request=1000)),
    "cut download": Mishap("Five downloads break off", _fault(_DOWN, times=5, cut_reply=1000)),
    "corrupt upload": Mishap("A piece arrives changed", _fault(_UP, corrupt_request=True)),
    "corrupt download": Mishap("A piece comes back changed", _fault(_DOWN, corrupt_reply=True)),
    "volume full": Mishap("The network volume takes nothing more", _fill),
    "console": Mishap("Somebody deletes the pod in the console",
                      _each_pod(lambda runpod, pod_id: runpod.end_in_console(pod_id))),
    "host dies": Mishap("The pod's host is dead, and nobody says so",
                        _each_pod(lambda runpod, pod_id: runpod.host_dies(pod_id))),
    "restart": Mishap("The pod's container is started anew", _each_pod(_restart)),
    "delete refused": Mishap("Five deletions are refused",
                             _fault("DELETE /v2/pods", times=5)),
    "balance gone": Mishap("The balance is used up", _balance(-0.01)),
    "expired key": Mishap("The key is invalid for 20 minutes", _keys(expired=True), _keys(), 1200),
    "own key refused": Mishap("The pod's own key may do nothing", _own_key_refused),
}  # fmt: skip
