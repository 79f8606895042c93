"""A pod that comes up is judged by its container, of which Runpod does not always hear in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.remote_run import RemotePhase
from tests.integration.remote_world import RemoteWorld, remote_world
from tests.integration.runpod_world import wait_for
from tests.integration.test_remote_life import STAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.emulators.runpod.clock import Clock
    from tests.emulators.runpod.machines import Container

pytestmark = pytest.mark.slow


class ShortLived:
    """A container that ends after 20 seconds, each time that it is started."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = 0.0

    def start(self, container: Container, say: Callable[[str], None]) -> None:
        self._began = self._clock.now()

    def exit_code(self) -> int | None:
        return 1 if self._clock.now() - self._began > 20 else None

    def address(self, port: int) -> None:
        return None

    def stop(self) -> None:
        self._began = 0.0


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteWorld]:
    # Slow enough that a busy machine's looks are not longer apart than a container lives.
    with remote_world(tmp_path, monkeypatch, speed=20) as made:
        made.runpod.broken.quiet_hosts = 2
        yield made


def test_a_pod_whose_host_does_not_always_tell_of_its_container_is_not_given_up(
    there: RemoteWorld,
) -> None:
    """The agent comes to be reached two minutes after its container has begun to run."""
    there.runpod.cloud.delays.warm_up = 120
    run = there.add_run()
    there.attempt(run)
    there.program(STAYS).wake(run.id)
    found = there.wait(run, 1, RemotePhase.DELIVERING)
    assert found.tried == ()
    assert list(there.runpod.cloud.pods) == [found.pod_id]


def test_a_container_that_ends_again_and_again_is_told_as_that(there: RemoteWorld) -> None:
    there.runpod.cloud.machine = lambda: ShortLived(there.runpod.cloud.clock)
    run = there.add_run()
    there.attempt(run)
    there.program(STAYS).wake(run.id)
    wait_for(lambda: len(there.store.of_run(run.id)) > 1)
    line = there.store.of_run(run.id)[1].tried[0]
    assert line.endswith(": Its container ends again and again.")
