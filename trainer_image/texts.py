"""Tokenised texts kept flat: four bytes a token, in memory or in a file that is mapped.

A token that is not learnt is kept as its complement (``~id``, which is below zero), so one column
holds ids and labels both. A list of Python numbers would take 16 times the room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from trainer_image.data import NOT_TRAINED, Encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Array = Any
"""A NumPy array."""


def flat(texts: Iterable[Encoded]) -> Array:
    """The tokens of texts, one behind the other, as 32-bit numbers."""
    import numpy as np

    ids: list[int] = []
    labels: list[int] = []
    for text in texts:
        ids += text.input_ids
        labels += text.labels
    tokens, learnt = np.array(ids, np.int32), np.array(labels, np.int32) != NOT_TRAINED
    return np.where(learnt, tokens, ~tokens)


@dataclass(frozen=True)
class Texts(Sequence[Encoded]):
    """Texts in the order of their rows. ``values`` holds the tokens of all; all else is a column
    with a number for each text: where it begins and ends in ``values``, how many tokens it had
    before it was cut, the number of its row, and how many of its tokens are learnt."""

    values: Array
    begins: Array
    ends: Array
    lengths: Array
    rows: Array
    trained: Array

    @property
    def sizes(self) -> Array:
        """The tokens of each text."""
        return self.ends - self.begins

    def __len__(self) -> int:
        return len(self.begins)

    @overload
    def __getitem__(self, number: int) -> Encoded: ...

    @overload
    def __getitem__(self, number: slice) -> list[Encoded]: ...

    def __getitem__(self, number: int | slice) -> Encoded | list[Encoded]:
        """One text as lists of numbers; its characters are not kept."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        values = self.values[self.begins[number] : self.ends[number]]
        return Encoded(
            "", _ids(values).tolist(), _labels(values).tolist(), int(self.lengths[number])
        )

    def select(self, numbers: Array) -> Texts:
        """Some of the texts, in this order; the tokens are not copied."""
        return Texts(
            self.values,
            self.begins[numbers],
            self.ends[numbers],
            self.lengths[numbers],
            self.rows[numbers],
            self.trained[numbers],
        )

    def of_rows(self, wanted: set[int]) -> tuple[Texts, Texts]:
        """The texts of the other rows, and those of the wanted ones."""
        import numpy as np

        inside = np.isin(self.rows, np.fromiter(wanted, np.int64, len(wanted)))
        return self.select(np.flatnonzero(~inside)), self.select(np.flatnonzero(inside))

    def by_length(self) -> Texts:
        """The same, the shortest first."""
        import numpy as np

        return self.select(np.argsort(self.lengths, kind="stable"))

    def count_rows(self) -> int:
        """How many rows the texts are of."""
        import numpy as np

        return len(np.unique(self.rows))


class TextsOfRows(Mapping[int, list[Encoded]]):
    """The same texts by the numbers of their rows, each made when it is asked for."""

    def __init__(self, texts: Texts) -> None:
        import numpy as np

        self._texts = texts
        self._numbers, firsts = np.unique(texts.rows, return_index=True)
        self._edges = np.append(firsts, len(texts))

    def __getitem__(self, number: int) -> list[Encoded]:
        import numpy as np

        place = int(np.searchsorted(self._numbers, number))
        if place == len(self._numbers) or self._numbers[place] != number:
            raise KeyError(number)
        return self._texts[int(self._edges[place]) : int(self._edges[place + 1])]

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers.tolist())

    def __len__(self) -> int:
        return len(self._numbers)


@dataclass(frozen=True)
class EncodedRows:
    """What the rows became; ``dropped`` rows have no answer within the maximum length. A row is
    several texts where its answers needed texts of their own, or where it is compared."""

    texts: Texts
    dropped: list[str]

    @property
    def rows(self) -> TextsOfRows:
        """The texts of each row, by its number."""
        return TextsOfRows(self.texts)

    @property
    def shortened(self) -> int:
        """How many texts lost their end."""
        return int((self.texts.lengths > self.texts.sizes).sum())

    @property
    def divided(self) -> int:
        """How many rows became several texts."""
        import numpy as np

        _rows, counts = np.unique(self.texts.rows, return_counts=True)
        return int((counts > 1).sum())


def _ids(values: Array) -> Array:
    import numpy as np

    return np.where(values < 0, ~values, values)


def _labels(values: Array) -> Array:
    import numpy as np

    return np.where(values < 0, NOT_TRAINED, values)
