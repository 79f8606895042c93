"""What on the disk configurations and jobs count on: every path that any text of theirs names."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config_io import to_dict
from models.domain.storage import Need
from services.run_files import RunFolder, host_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.domain.run import Run

_BARE = re.compile(r"checkpoint-\d+")
"""A checkpoint by its name alone means the one in the output directory of the same setup."""


def needs_of_setup(who: str, data: object, roots: Iterable[Path]) -> Iterator[Need]:
    """The paths that a setup names, wherever in it: a later version's unknown settings count, too.
    A path under ``/data`` may be meant in each of the ``roots``."""
    texts = tuple(texts_of(data))
    places = {place for text in texts for place in _places(text, roots)}
    bare = {text.strip() for text in texts if _BARE.fullmatch(text.strip())}
    places |= {place / "checkpoints" / name for place in tuple(places) for name in bare}
    for place in places:
        yield Need(os.path.realpath(place), who)


def needs_of_jobs(roots: Iterable[Path]) -> Iterator[Need]:
    """What the jobs in the run folders name, also of runs that this program knows nothing of: a
    data folder may be shared."""
    for root in (known := tuple(roots)):
        for job in (root / "runs").glob("*/job.json"):
            yield from _needs_of_job(job, known)


def needs_of_run(run: Run) -> Iterator[Need]:
    """What a run's setup and its job name."""
    roots = (Path(run.data_root),)
    yield from needs_of_setup(f"Run {run.id}", to_dict(run.config), roots)
    yield from _needs_of_job(RunFolder(roots[0], run.id).job, roots)


def _needs_of_job(job: Path, roots: Iterable[Path]) -> Iterator[Need]:
    with suppress(OSError, ValueError):
        data = json.loads(job.read_bytes())
        yield from needs_of_setup(f"Run {job.parent.name}", data, roots)


def texts_of(data: object) -> Iterator[str]:
    """Every text in a setup, however deep."""
    pending = [data]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            pending += one.values()
        elif isinstance(one, (list, tuple)):
            pending += one


def _places(text: str, roots: Iterable[Path]) -> Iterator[Path]:
    text = text.strip()
    if not text or "\0" in text or "\n" in text:
        return
    for root in roots:
        with suppress(RuntimeError):  # ~somebody, who has no home here
            place = host_path(root, text)
            if place.is_absolute() or "/" in text:
                yield root / place  # an absolute one stays as it is
