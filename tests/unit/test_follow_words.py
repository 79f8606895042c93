"""What a terminal says of a run's progress reads as in the window."""

from __future__ import annotations

import pytest

from app.cli.follow import beat_text, progress_text
from models.domain.run import RunEvent


def test_the_time_left_is_told_as_people_tell_it() -> None:
    fields = {"step": 7, "total_steps": 900, "loss": 1.25, "tokens_per_second": 2890.4}
    event = RunEvent(0, 1.0, "progress", {**fields, "eta_seconds": 7800.0})
    words = "step 7/900  loss 1.2500  2,890 tokens/s  about 2 h 10 min left"
    assert progress_text(event) == words


def test_after_the_last_step_it_saves() -> None:
    fields = {"step": 900, "total_steps": 900, "loss": 1.25, "eta_seconds": 3.0}
    assert progress_text(RunEvent(0, 1.0, "progress", fields)) == (
        "step 900/900  loss 1.2500  saving"
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"done": 3 * 1024**3, "total": 5 * 1024**3, "unit": "bytes"}, "3.0 GB of 5.0 GB"),
        ({"done": 4 * 1024**2, "unit": "bytes"}, "4 MB so far"),
        ({"done": 1200, "total": 4200, "unit": "rows"}, "1,200 of 4,200 rows"),
        ({"phase": "training", "step": 8, "seconds": 95.0}, "still working: 1 min 35 s in step 9"),
        ({"phase": "tokenizing", "seconds": 16.0}, "still working: 16 s in preparing the dataset"),
    ],
)
def test_what_goes_on_is_told_in_sizes_and_times(fields: dict[str, object], words: str) -> None:
    assert beat_text(RunEvent(0, 1.0, "heartbeat", fields)) == words
