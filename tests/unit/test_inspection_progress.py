"""How far a look at all rows is, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services import data_inspection
from services.data_inspection import _Meter

if TYPE_CHECKING:
    import pytest


def told(rows: int, read: int) -> dict[str, object]:
    return {"type": "progress", "rows": rows, "bytes": read, "total_bytes": 1000}


def test_how_long_the_other_rows_take_is_said_once_that_can_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(data_inspection.time, "monotonic", lambda: now[0])
    meter = _Meter()
    assert meter.progress(told(1, 0)).message == "Looking at the rows: 1"
    now[0] += 2
    assert meter.progress(told(50, 50)).message == "Looking at the rows: 50"
    now[0] += 2
    half = meter.progress(told(1500, 100))
    assert half.message == "Looking at the rows: 1,500, about 36 s left"
    assert half.fraction == 0.1
    assert meter.progress(told(9000, 1000)).message == "Looking at the rows: 9,000"
