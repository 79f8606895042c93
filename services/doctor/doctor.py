"""Looks at everything at once, each thing in a thread with a limit: nothing can make it hang."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.domain.doctor import Check, CheckState
from services.doctor.report import report_text
from services.progress import CancelToken
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Findings = tuple[Check, ...]
    CheckReporter = Callable[[Findings], None]

_TICK = 0.05
_LOOKING = "Looking…"


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to look at: ``look`` blocks and returns its checks, ``seconds`` is its limit.

    ``names`` are the checks that it is expected to return; ``late`` says what to do when it does
    not answer in time.
    """

    group: str
    names: tuple[str, ...]
    look: Callable[[], Sequence[Check]]
    seconds: float = 5.0
    late: str = "Check again in a moment."


class Doctor:
    """Asks ``probes`` for what there is to look at, and looks. Thread-safe; one checkup at a time.

    A probe that hangs is left behind in its thread. While it hangs, later checkups wait for the
    same thread instead of adding another.
    """

    def __init__(self, probes: Callable[[], Sequence[Probe]]) -> None:
        self._probes = probes
        self._looks: dict[tuple[str, str], _Look] = {}
        self._turn = threading.Lock()

    def checks(
        self, report: CheckReporter | None = None, cancel: CancelToken | None = None
    ) -> Findings:
        """Look at everything; takes as long as the slowest probe, at most its limit.

        ``report`` gets everything that is known so far whenever there is more of it, in the order
        in which it is shown; what is still looked at is there as ``waiting``. Cancelled if asked.
        """
        cancel = cancel or CancelToken()
        with self._turn:
            probes = self._probes()
            found = {number: _places(probe) for number, probe in enumerate(probes)}
            pending = {number: self._begin(probe) for number, probe in enumerate(probes)}
            _tell(report, found)
            while pending:
                cancel.raise_if_cancelled()
                answers = {n: one.answer() for n, one in pending.items()}
                new = {number: answer for number, answer in answers.items() if answer is not None}
                if new:
                    found |= new
                    pending = {n: one for n, one in pending.items() if n not in new}
                    _tell(report, found)
                elif pending:
                    cancel.pause(_TICK)
            return _flat(found)

    def report(self, checks: Sequence[Check]) -> str:
        """What was found as text to pass on, without secrets and names."""
        return report_text(checks)

    def _begin(self, probe: Probe) -> _Look:
        key = (probe.group, probe.names[0])
        hanging = self._looks.get(key)
        if hanging is not None and hanging.is_alive:
            hanging.wait_anew()
            return hanging
        look = self._looks[key] = _Look(probe)
        look.start()
        return look


class _Look:
    """One probe at work in a daemon thread."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._found: Findings | None = None
        self._deadline = 0.0
        self._thread = threading.Thread(
            target=self._run, name=f"doctor-{probe.names[0]}", daemon=True
        )

    @property
    def is_alive(self) -> bool:
        """Whether it has not come back yet."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to look."""
        self.wait_anew()
        self._thread.start()

    def wait_anew(self) -> None:
        """Give it its limit once more."""
        self._deadline = time.monotonic() + self._probe.seconds

    def answer(self) -> Findings | None:
        """What was found, or that it takes too long; None while there is patience left."""
        if self._found is not None:
            return self._found
        return self._late() if time.monotonic() >= self._deadline else None

    def _run(self) -> None:
        try:
            found = tuple(_clean(check) for check in self._probe.look())
        except Exception as error:  # noqa: BLE001 - whatever it is, the other checks go on
            found = (self._failed(error),)
        self._found = found

    def _late(self) -> Findings:
        probe = self._probe
        message = f"No answer within {probe.seconds:.0f} seconds."
        meaning = "Something that it depends on hangs or is very slow."
        return (Check(probe.group, probe.names[0], CheckState.NOTE, message, meaning, probe.late),)

    def _failed(self, error: Exception) -> Check:
        probe = self._probe
        message = redact(f"It could not be looked at ({type(error).__name__}: {error}).")
        meaning = "This is a fault of Temper, not of your computer; the other checks stand."
        step = "Copy this report and send it to Temper's makers."
        return Check(probe.group, probe.names[0], CheckState.NOTE, message, meaning, step)


def _places(probe: Probe) -> Findings:
    return tuple(Check(probe.group, name, CheckState.WAITING, _LOOKING) for name in probe.names)


def _tell(report: CheckReporter | None, found: dict[int, Findings]) -> None:
    if report is not None:
        report(_flat(found))


def _flat(found: dict[int, Findings]) -> Findings:
    return tuple(check for checks in found.values() for check in checks)


def _clean(check: Check) -> Check:
    """Whatever a driver, an engine or a server said is shown without secrets."""
    return replace(
        check,
        message=redact(check.message),
        meaning=redact(check.meaning),
        next_step=redact(check.next_step),
    )
