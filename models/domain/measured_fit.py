"""What a probe of a setup measured: whether it fits, and how long its longest step takes."""

from __future__ import annotations

from dataclasses import dataclass

_GIGABYTE = 1024**3
_MINUTE, _HOUR = 60, 3600
_CPU = "cpu"


@dataclass(frozen=True, slots=True)
class MeasuredFit:
    """Bytes and seconds. ``peak_bytes`` is of the device's memory (of main memory on a processor),
    ``free_bytes`` what could be taken of it before. Times are those of a whole optimiser step of
    the longest rows; 0 where the memory did not suffice for one.
    """

    fits: bool
    device: str
    peak_bytes: int
    free_bytes: int
    rows: int
    longest: int
    total_steps: int
    step_seconds: float = 0.0
    at_most_seconds: float = 0.0
    seconds: float = 0.0
    message: str = ""
    advice: tuple[str, ...] = ()

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU was used."""
        return self.device not in {"", _CPU}

    def sentences(self) -> tuple[str, ...]:
        """The answer for a person, the most important first."""
        where = f"on {self.device}" if self.on_gpu else "of main memory"
        batch = f"{self.rows} × {self.longest:,} tokens"
        if self.fits:
            found = [
                f"It fits: the longest batch ({batch}) took {_size(self.peak_bytes)} {where}, of "
                f"{_size(self.free_bytes)} that were free."
            ]
        elif self.message:
            found = [
                f"It does not fit: {self.message} The longest batch has {batch}, and "
                f"{_size(self.free_bytes)} were free."
            ]
        else:
            found = [
                f"It is too tight: the longest batch ({batch}) took {_size(self.peak_bytes)} "
                f"{where}, and {_size(self.free_bytes)} were free."
            ]
        if self.step_seconds:
            found.append(
                f"A step takes at most {_span(self.step_seconds)}, all {self.total_steps:,} of "
                f"them at most {_span(self.at_most_seconds)}."
            )
        return (*found, *self.advice)


def _size(count: float) -> str:
    return f"{count / _GIGABYTE:.1f} GB" if count >= 0.1 * _GIGABYTE else f"{count / 2**20:.0f} MB"


def _span(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
