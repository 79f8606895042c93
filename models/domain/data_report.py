"""What a check of a dataset found: plain values for windows, reports and the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of problem, wherever it stands.

    ``severity`` is ``major`` (refuses the import or the start) or ``minor``; ``code`` a stable word
    for programs, ``message`` a sentence. ``rows`` are the numbers, from 0, of the first 20 rows of
    ``count``, and ``lines`` their lines from 1 in the user's file (0 where it has none). ``remedy``
    is ``drop`` (leave these rows out), ``fix`` (in the file), ``map`` (say what the columns are).
    """

    severity: str
    code: str
    message: str
    count: int
    rows: tuple[int, ...] = ()
    lines: tuple[int, ...] = ()
    remedy: str = ""
