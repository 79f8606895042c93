"""How a container ended, from what engines say."""

from __future__ import annotations

from typing import Any

import pytest

from services.runners.container_end import (
    NEVER_STARTED,
    REMOVED,
    RESTARTED,
    START_SECONDS,
    ContainerEnd,
    container_end,
)


def details(status: str, code: int = 0, **state: Any) -> dict[str, Any]:
    labels = {"org.temper.started": "1000.000"}
    return {"State": {"Status": status, "ExitCode": code, **state}, "Config": {"Labels": labels}}


@pytest.mark.parametrize(
    ("found", "end"),
    [
        (details("running", Running=True), None),
        (details("paused", Running=True), None),
        (details("restarting"), None),
        (details("exited"), ContainerEnd(0)),
        (details("exited", 1), ContainerEnd(1)),
        (details("exited", 130), ContainerEnd(130)),
        (details("exited", 137), ContainerEnd(137)),
        (details("exited", 137, OOMKilled=True), ContainerEnd(137, oom_killed=True)),
        # A worker of its own was killed, and it went on.
        (details("exited", 0, OOMKilled=True), ContainerEnd(0)),
        (details("exited", 255), ContainerEnd(lost=RESTARTED)),
        (details("dead", 0), ContainerEnd(lost=RESTARTED)),
        (details("removing", 137), ContainerEnd(lost=REMOVED)),
    ],
)
def test_each_end_has_its_meaning(found: dict[str, Any], end: ContainerEnd | None) -> None:
    assert container_end(found) == end


def test_one_that_was_only_made_is_being_started_for_a_while() -> None:
    made = details("created")
    assert container_end(made, now=1000 + START_SECONDS - 1) is None
    assert container_end(made, now=1000 + START_SECONDS + 1) == ContainerEnd(lost=NEVER_STARTED)


def test_one_that_the_engine_could_not_start_says_why() -> None:
    end = container_end(details("created", 127, Error="exec: python3: not found."), now=1000)
    assert end is not None
    assert end.lost == "The container could not be started: exec: python3: not found."
