"""Finding a row by text gives what looking at every row would give."""

from __future__ import annotations

import json
import struct
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services import dataset_search
from services.dataset_search import find_row, holds

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
TEXTS = st.text(st.sampled_from('abkKſßİi \n\t"\\/u0041é😀'), max_size=8)  # noqa: RUF001 - folds to s
VALUES = st.one_of(TEXTS, st.integers(-20, 20), st.booleans(), st.none(), st.lists(TEXTS))
ROWS = st.lists(st.tuples(st.dictionaries(TEXTS, VALUES, max_size=3), st.booleans()), max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


def write(folder: Path, rows: list[tuple[dict[str, Any], bool]]) -> tuple[Path, Path]:
    """Rows as they may lie in the library: as somebody wrote them, or with escapes."""
    lines = [json.dumps(row, ensure_ascii=plain).encode() + b"\n" for row, plain in rows]
    begins = list(accumulate(map(len, lines), initial=0))[:-1] if lines else []
    data, index = folder / "rows.jsonl", folder / "rows.idx"
    data.write_bytes(b"".join(lines))
    index.write_bytes(struct.pack(f"<{len(begins)}Q", *begins))
    return data, index


@settings(deadline=None, max_examples=300)
@given(ROWS, TEXTS, st.integers(-1, 13), st.booleans(), st.sampled_from([1, 3, 4096]))
def test_the_row_found_is_the_nearest_that_holds_the_text(
    folder: Path,
    rows: list[tuple[dict[str, Any], bool]],
    text: str,
    start: int,
    backwards: bool,
    at_once: int,
) -> None:
    data, index = write(folder, rows)
    wanted = text.casefold()
    places = [n for n, (row, _) in enumerate(rows) if wanted and holds(row, wanted)]
    if backwards:
        expected = max((n for n in places if n <= start), default=None)
    else:
        expected = min((n for n in places if n >= start), default=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset_search, "_BLOCK_ROWS", at_once)
        assert find_row(data, index, text, start, backwards=backwards) == expected


def test_long_rows_are_read_a_few_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_search, "_BLOCK_BYTES", 100)
    rows = [({"text": f"{n} " + "x" * (n * 40)}, True) for n in range(9)]
    data, index = write(folder, rows)
    for number in range(9):
        assert (
            find_row(data, index, f"{number} x" if number else "0 ", 0, backwards=False) == number
        )
        assert find_row(data, index, f"{number} ", 8, backwards=True) == number
    with data.open("rb") as lines, index.open("rb") as offsets:
        blocks = list(dataset_search._blocks(lines, offsets, 0, backwards=False))
    assert sum(block.count(b"\n") for _, block in blocks) == 9
    assert all(len(block) <= 100 or block.count(b"\n") == 1 for _, block in blocks)
