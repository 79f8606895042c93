"""Which events of a run the program keeps: all but those that only say that it goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def numbers_to_store(events: Path) -> list[int]:
    """The ``seq`` of each event that must be stored; fails where one is missing or there twice."""
    written = [json.loads(line) for line in events.read_text().splitlines()]
    assert [event["seq"] for event in written] == list(range(len(written)))
    return [event["seq"] for event in written if event["type"] != "heartbeat"]
