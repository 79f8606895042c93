"""What the doctor found, as its page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, Signal

from models.domain.doctor import CheckState, grouped, tally, worst_state

if TYPE_CHECKING:
    from models.domain.doctor import Check

_ANSWERS = {
    CheckState.OK: ("Everything that a training needs is in order.", "good"),
    CheckState.NOTE: ("A training can run.", "warning"),
    CheckState.FAIL: ("Something will not work.", "bad"),
}


class Summary(NamedTuple):
    """The result in a sentence, and its tone: ``good``, ``warning``, ``bad`` or none."""

    text: str
    tone: str = ""


class DoctorModel(QObject):
    """Filled by the controller. While it looks again, a group shows what was found before until
    all of it is known anew: nothing that was there blinks away.

    Signals:
        changed: a check, or whether one goes on.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.checks: tuple[Check, ...] = ()
        self.is_ready = False
        self.is_busy = False
        self.was_stopped = False
        self._before: tuple[Check, ...] = ()
        self._done = (0, 0)

    def set_ready(self) -> None:
        """There is somebody who can look."""
        self.is_ready = True
        self.changed.emit()

    def begin(self) -> None:
        """A checkup begins."""
        self.is_busy, self.was_stopped = True, False
        self._before, self._done = self.checks, (0, 0)
        self.changed.emit()

    def show(self, found: tuple[Check, ...]) -> None:
        """Take what is known so far; the last one has nothing that waits."""
        if not self.is_busy:
            return  # a report that was on its way when the user stopped it
        waiting = {check.group for check in found if check.state is CheckState.WAITING}
        old = {check.group for check in self._before} & waiting
        kept = tuple(check for check in self._before if check.group in old)
        self.checks = (*kept, *(check for check in found if check.group not in old))
        known = sum(check.state is not CheckState.WAITING for check in found)
        self._done = (known, len(found))
        self.changed.emit()

    def end(self, *, stopped: bool = False) -> None:
        """The checkup is over; what was not reached is left out."""
        self.is_busy, self.was_stopped, self._before = False, stopped, ()
        self.checks = tuple(
            check for check in self.checks if check.state is not CheckState.WAITING
        )  # fmt: skip
        self.changed.emit()

    @property
    def groups(self) -> tuple[tuple[str, tuple[Check, ...]], ...]:
        """The groups in their order, each with its checks."""
        return tuple(grouped(self.checks))

    @property
    def can_report(self) -> bool:
        """Whether there is a whole result to pass on."""
        return bool(self.checks) and not self.is_busy

    @property
    def summary(self) -> Summary:
        """The result, or how far it is."""
        if self.is_busy:
            known, all_ = self._done
            return Summary(f"Looking… {known} of {all_} done." if all_ else "Looking…")
        if self.was_stopped:
            return Summary("Stopped before everything was looked at.")
        if not self.checks:
            return Summary("Nothing has been looked at yet.")
        text, tone = _ANSWERS[worst_state(self.checks)]
        return Summary(text if tone == "good" else f"{text} {_sentence(tally(self.checks))}", tone)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
