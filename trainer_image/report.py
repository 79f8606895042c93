"""What a model would learn from a dataset: every row is rendered, masked and looked at.

Memory does not grow with the rows but for 80 bytes each: where it stands in the file, and the
hashes by which repeated rows are found; and 4 bytes for each thing that is found in a row.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainer_image.findings import Findings
from trainer_image.kept_tokens import tidy
from trainer_image.near import Sketches
from trainer_image.row_formats import METHODS
from trainer_image.row_looks import said_in
from trainer_image.row_pool import RowPool
from trainer_image.row_worker import Work
from trainer_image.rows import drawn, parse
from trainer_image.token_file import TokenWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer_image.data import Recipe
    from trainer_image.looks import Look, TextLook
    from trainer_image.near import Alike

_BINS = 40
_SECONDS = 0.25
"""Between two reports of progress."""


@dataclass(frozen=True)
class Split:
    """What the training would hold out of the dataset, as its job says."""

    eval_percent: float = 0.0
    eval_split: str = ""
    seed: int = 0


@dataclass
class Statistics:
    """Sums over all rows; ``lengths`` counts texts by their tokens before they are cut."""

    rows: int = 0
    texts: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    truncated: int = 0
    without_answer: int = 0
    refused: int = 0
    divided: int = 0
    end_of_turn_trained: int = 0
    usable: bytearray = field(default_factory=bytearray)
    """Of each row whether it can be trained on, 1 or 0."""
    lengths: Counter[int] = field(default_factory=Counter)

    def histogram(self) -> dict[str, list[int]]:
        """At most 40 bins of equal width from 0 on; ``edges`` has one more than ``counts``."""
        longest = max(self.lengths, default=0)
        width = max(1, -(-(longest + 1) // _BINS))
        counts = [0] * (longest // width + 1)
        for length, count in self.lengths.items():
            counts[length // width] += count
        return {"edges": [width * n for n in range(len(counts) + 1)], "counts": counts}


class Report:
    """Looks at the rows of a file, shared among ``workers`` processes that know the model.

    With ``kept`` the tokens that it makes on its way stay there for a training.
    """

    def __init__(
        self,
        path: Path,
        recipe: Recipe,
        split: Split,
        work: Work | None = None,
        workers: int = 0,
        kept: Path | None = None,
    ) -> None:
        self._path, self._recipe, self._split = path, recipe, split
        self._work = work or Work(
            path, "", recipe.format, recipe.max_length, recipe.assistant_only, recipe.last_only,
            looks=True,
        )  # fmt: skip
        self._pool = RowPool(self._work, workers)
        self._kept = TokenWriter(kept) if kept is not None else None
        self._found = Findings()
        self._sums = Statistics()
        self._sketches = Sketches()
        self._offsets, self._lines = array("q"), array("q")
        self._named_split = bytearray()

    def run(
        self, on_progress: Callable[[dict[str, int]], None], cancelled: Callable[[], bool]
    ) -> dict[str, Any] | None:
        """The whole report; None once it is cancelled."""
        try:
            self._pool.start()
            self._see_all(on_progress, cancelled)
            self._keep(is_whole=not cancelled() and not self._sums.refused)
        finally:
            self._pool.close()
            self._keep(is_whole=False)
        if cancelled():
            return None
        self._compare(self._sketches.alike(self._text_of, cancelled))
        return None if cancelled() else self._result()

    def _see_all(
        self, on_progress: Callable[[dict[str, int]], None], cancelled: Callable[[], bool]
    ) -> None:
        size, then = self._path.stat().st_size, time.monotonic()
        for looks in self._pool.results(self._work.doing(self._recipe), cancelled):
            for look in looks.rows:
                self._see(look)
            if self._kept is not None:
                self._kept.add(looks.tokens)
                if not self._kept.is_on_disk:  # it would fill the memory instead
                    self._kept = None
            if time.monotonic() - then > _SECONDS:
                then = time.monotonic()
                on_progress({"rows": self._sums.rows, "bytes": looks.end, "total_bytes": size})
        on_progress({"rows": self._sums.rows, "bytes": size, "total_bytes": size})

    def _keep(self, *, is_whole: bool) -> None:
        """What is not whole, or holds rows that a training would refuse, is of no use to it."""
        kept, self._kept = self._kept, None
        if kept is not None and is_whole:
            kept.finish()
            tidy()
        elif kept is not None:
            kept.discard()

    def _see(self, look: Look) -> None:
        """Take a row into account, whatever is wrong with it."""
        sums, place = self._sums, (self._sums.rows, look.line)
        sums.rows += 1
        self._offsets.append(look.begin)
        self._lines.append(look.line)
        sums.usable.append(0)
        self._found.minor(look.notes, place)
        if look.refusal:
            sums.refused += 1
            self._found.refused(look.refusal, place)
            self._found.minor(look.late_notes, place)
        else:
            self._count(look, place)
        self._sketches.take(look.sketch)
        split = self._split.eval_split
        self._named_split.append(bool(split) and look.split == split)

    def _count(self, look: Look, place: tuple[int, int]) -> None:
        sums, limit, texts = self._sums, self._recipe.max_length, look.texts
        sums.texts += len(texts)
        sums.divided += len(texts) > 1 and self._recipe.format not in METHODS
        sums.lengths.update(text.length for text in texts)
        sums.tokens += sum(text.kept for text in texts)
        sums.trained_tokens += sum(text.trained for text in texts)
        is_long = any(text.length > limit for text in texts)
        if is_long:
            sums.truncated += 1
            self._found.minor(
                [("truncated", f"It is longer than {limit:,} tokens and is cut.")], place
            )
        sums.usable[-1] = look.is_used
        if not look.is_used:
            sums.without_answer += 1
            self._found.without_answer(place, limit, is_long=is_long)
        self._look_at_ends(texts, place)

    def _look_at_ends(self, texts: list[TextLook], place: tuple[int, int]) -> None:
        if any(text.begins_twice for text in texts):
            self._found.double_bos(place)
        if all(text.ends for text in texts):
            self._sums.end_of_turn_trained += 1
        else:
            self._found.no_end(place)

    def _text_of(self, row: int) -> str:
        """What a row says, read again."""
        with self._path.open("rb") as file:
            file.seek(self._offsets[row])
            return said_in(parse(file.readline()), self._recipe.format)

    def _compare(self, alike: Alike) -> None:
        """Name repeated rows, and those that are learnt and held out both."""
        for row in alike.repeats():
            self._found.repeated((row, self._lines[row]))
        for row in alike.near_repeats():
            self._found.nearly_repeated((row, self._lines[row]))
        held_out = self._held_out()
        sides: dict[int, set[bool]] = {}
        for row, first in enumerate(alike.near):
            if row != first:
                sides.setdefault(int(first), {int(first) in held_out}).add(row in held_out)
        for row in sorted(held_out):
            if len(sides.get(int(alike.near[row]), ())) > 1:
                self._found.overlap((row, self._lines[row]))

    def _look_at_split(self) -> None:
        """Whether what is held out leaves anything to train on, as the trainer asks, too."""
        held_out, rows, named = self._held_out(), self._sums.rows, self._split.eval_split
        if named and not held_out:
            self._found.whole("no_such_split", f"No row has the split {named!r}.")
        elif len(held_out) == rows:
            self._found.whole(
                "all_held_out", "Every row is held out, so there is nothing to train on."
            )
        elif not self._sums.refused and not any(
            one for row, one in enumerate(self._sums.usable) if row not in held_out
        ):
            self._found.whole("nothing_left", "There is no row left to train on.")

    def _held_out(self) -> set[int]:
        if self._split.eval_split:
            return {row for row, chosen in enumerate(self._named_split) if chosen}
        return drawn(self._sums.rows, self._split.eval_percent, self._split.seed)

    def _result(self) -> dict[str, Any]:
        sums = self._sums
        if sums.rows:
            self._look_at_split()
        return {
            "rows": sums.rows,
            "format": self._recipe.format,
            "findings": self._found.as_values(rows=sums.rows),
            "lengths": sums.histogram(),
            "trained_share": sums.trained_tokens / sums.tokens if sums.tokens else 0.0,
            "texts": sums.texts,
            "tokens": sums.tokens,
            "trained_tokens": sums.trained_tokens,
            "truncated": sums.truncated,
            "without_answer": sums.without_answer,
            "refused": sums.refused,
            "divided": sums.divided,
            "end_of_turn_trained": sums.end_of_turn_trained,
            "max_length": self._recipe.max_length,
            "longest": max(sums.lengths, default=0),
            "faulty": self._found.faulty(),
        }
