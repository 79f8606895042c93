"""Numbers that somebody typed into a line of a dialog."""

from __future__ import annotations

import math

_LARGEST_SEED = 2**32 - 1
"""What every random generator of Python, NumPy and PyTorch takes."""


def number_in(text: str) -> float | None:
    """The number, with a point or a comma before its decimals; None where it is none."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def seed_in(text: str) -> int | None:
    """The seed, a whole number that is not negative; None where it is none."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal()):
        return None
    return int(digits) if int(digits) <= _LARGEST_SEED else None
