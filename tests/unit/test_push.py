"""How long an upload tries, and when it gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainer_image.contract import FailureKind
from trainer_image.failures import StoppedError, TrainerError
from trainer_image.push import patiently
from trainer_image.stopping import StopRequest

if TYPE_CHECKING:
    from pathlib import Path

GONE = TrainerError(FailureKind.NETWORK, "Hugging Face could not be reached.")
REFUSED = TrainerError(FailureKind.AUTH, "No.")


class Line:
    """Answers with each of the errors given, then with an address."""

    def __init__(self, *errors: TrainerError) -> None:
        self._errors = list(errors)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self._errors:
            raise self._errors.pop(0)
        return "there"


def test_a_line_that_comes_back_is_waited_for(tmp_path: Path) -> None:
    said: list[str] = []
    line = Line(GONE, GONE)
    stop = StopRequest(tmp_path / "stop")
    assert patiently(line, stop, said.append, (0.01, 0.02, 0.03)) == "there"
    assert line.tries == 3
    assert said == [
        f"Hugging Face could not be reached; the upload is tried again in {wait} seconds."
        for wait in (0.01, 0.02)
    ]


def test_in_the_end_it_gives_up(tmp_path: Path) -> None:
    line = Line(*[GONE] * 9)
    with pytest.raises(TrainerError, match="could not be reached"):
        patiently(line, StopRequest(tmp_path / "stop"), print, (0.01, 0.01))
    assert line.tries == 3


def test_a_refusal_is_not_asked_again(tmp_path: Path) -> None:
    line = Line(REFUSED)
    with pytest.raises(TrainerError, match="No"):
        patiently(line, StopRequest(tmp_path / "stop"), print)
    assert line.tries == 1


def test_a_stop_ends_the_waiting(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    with pytest.raises(StoppedError):
        patiently(Line(GONE), StopRequest(stop), lambda _: stop.touch())
