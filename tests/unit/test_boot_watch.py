"""How often a pod's container was started anew, by what Runpod says of it at each look."""

from __future__ import annotations

import pytest

from models.domain.pod import Pod, PodStatus
from models.domain.pod_boot import PodBoot
from services.remote.booting import _Watch


@pytest.mark.parametrize(
    ("seen", "restarts", "is_up"),
    [
        ([], 0, False),
        ([None, None, None], 0, False),
        ([0, 0], 0, False),
        ([3, 8, 13], 0, True),
        ([3, 3, 3], 0, True),
        ([3, None, 13, None, 23], 0, True),
        ([3, None, None, 18], 0, True),
        ([600, None, 605], 0, True),
        ([3, 8, 2], 1, True),
        ([3, None, 2], 1, True),
        ([600, None, None, 4, None, 3], 2, True),
        ([1, None, None, 3, None, None, 4], 2, True),
    ],
)
def test_a_look_at_which_nothing_is_said_is_no_restart(
    seen: list[int | None], restarts: int, is_up: bool
) -> None:
    """A look every five seconds. After silence a container that was not started anew has run since
    it was last seen; one that has run for less is another."""
    watch = _Watch()
    for number, uptime in enumerate(seen):
        pod = Pod("p", "p", PodStatus.RUNNING, 0.5, uptime=uptime)
        watch.see(pod, PodBoot(), number * 5.0)
    assert (watch.restarts, watch.up_since is not None) == (restarts, is_up)
