"""Whatever bytes come: an import ends with a verdict, never with a crash, and what it keeps the
trainer can read.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.dataset_import import ImportOptions
from services.dataset_import.pipeline import Reading
from services.dataset_import.writer import RowWriter
from trainer_image.conversations import conversation
from trainer_image.row_formats import DatasetFormat

if TYPE_CHECKING:
    from models.domain.dataset_import import ImportVerdict

pytestmark = pytest.mark.slow
FILES = Path(__file__).parents[1] / "data" / "broken" / "files"
SMALL = sorted(path for path in FILES.iterdir() if path.stat().st_size < 20_000)
NAMES = ["rows", "rows.jsonl", "rows.json", "rows.csv", "rows.tsv", "rows.txt", "rows.md", "r.db"]


def read(content: bytes, name: str, *, drop: bool = False) -> ImportVerdict:
    """Import in this process; every kept row must be one that the trainer reads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        reading = Reading(
            path,
            ImportOptions(drop_bad_rows=drop),
            lambda _rows, _bytes: None,
            lambda: RowWriter(Path(folder, "d.tmp"), Path(folder, "i.tmp")),
        )
        try:
            verdict = reading.run()
            assert reading.written is not None
            if not verdict.is_refused:
                reading.written.close()
                check_kept(verdict, Path(folder, "d.tmp").read_bytes())
        finally:
            if reading.written is not None:
                reading.written.discard()
    return verdict


def check_kept(verdict: ImportVerdict, data: bytes) -> None:
    lines = data.split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == verdict.kept > 0
    for line in lines:
        assert conversation(json.loads(line), DatasetFormat(verdict.format))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(NAMES), st.booleans())
def test_random_bytes(content: bytes, name: str, drop: bool) -> None:
    read(content, name, drop=drop)


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(SMALL), st.integers(0, 2**32), st.booleans())
def test_mutations_of_the_corpus(path: Path, seed: int, drop: bool) -> None:
    draw = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(draw.randint(1, 6)):
        place = draw.randint(0, len(content))
        length = draw.choice([0, 1, 1, 8, 200])
        snippet = draw.choice([b"", b'"', b"\n", b"\r", b"{", b"]", b",", b"\x00", b"\xff", b"\\u"])
        content[place : place + length] = snippet + draw.randbytes(draw.choice([0, 0, 2]))
    read(bytes(content), path.name, drop=drop)


_TEXT = st.text(max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_ROLES = st.sampled_from(["user", "assistant", "system", "tool", "gpt", "human", "x", 5, None])
_TURN = st.fixed_dictionaries(
    {}, optional={"role": _ROLES, "from": _ROLES, "content": _JSON, "value": _JSON,
                  "tool_calls": _JSON},
)  # fmt: skip
_COLUMNS = ["messages", "conversations", "question", "answer", "prompt", "completion", "text",
            "chosen", "rejected", "instruction", "input", "output", "system", "split",
            "tools"]  # fmt: skip
_ROW = st.dictionaries(st.sampled_from(_COLUMNS), _JSON | st.lists(_TURN, max_size=3), max_size=5)


@settings(max_examples=250, deadline=None)
@given(st.lists(_ROW, min_size=1, max_size=4), st.booleans(), st.sampled_from(NAMES[:3]))
def test_rows_of_any_values(rows: list[dict[str, object]], drop: bool, name: str) -> None:
    texts = [json.dumps(row, ensure_ascii="\ud800" in str(row)) for row in rows]
    content = f"[{','.join(texts)}]" if name.endswith(".json") else "\n".join(texts)
    verdict = read(content.encode("utf-8", "surrogatepass"), name, drop=drop)
    assert verdict.rows == len(rows)
