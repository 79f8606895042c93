"""Tokens on their way from rows to batches: flat, kept, the same whoever makes them."""

from __future__ import annotations

import json
import os
import random
from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("numpy")

from trainer_image import kept_tokens
from trainer_image.collate import packed_items, padded_items, plan_bins
from trainer_image.conversations import RowError
from trainer_image.data import NOT_TRAINED, Encoded, Recipe
from trainer_image.encoding import Encoding, encode_all
from trainer_image.failures import StoppedError
from trainer_image.pieces import Tokenised, entry, lines_of, pieces_of
from trainer_image.row_formats import DatasetFormat
from trainer_image.row_worker import Work
from trainer_image.rows import DatasetError, RowFile, RowValues, read_rows
from trainer_image.texts import flat
from trainer_image.token_file import TokenWriter, opened, read_facts

if TYPE_CHECKING:
    from pathlib import Path

ROWS = {
    0: [Encoded("", [5, 0, 7], [NOT_TRAINED, 0, 7], 9)],
    2: [Encoded("", [1, 2], [NOT_TRAINED, 2], 2), Encoded("", [3], [3], 1)],
    3: [Encoded("", [4, 5, 6, 7], [NOT_TRAINED, 5, NOT_TRAINED, 7], 4)],
}


def tokenised(rows: dict[int, list[Encoded]], dropped: list[str]) -> Tokenised:
    table = [entry(number, text) for number, texts in rows.items() for text in texts]
    return Tokenised(flat(one for texts in rows.values() for one in texts), table, dropped)


def written(path: Path | None) -> TokenWriter:
    writer = TokenWriter(path)
    writer.add(tokenised({0: ROWS[0]}, ["x line 2"]))
    writer.add(tokenised({n: ROWS[n] for n in (2, 3)}, []))
    return writer


@pytest.mark.parametrize("is_kept", [True, False])
def test_texts_are_what_they_were(tmp_path: Path, is_kept: bool) -> None:
    """Also a token of number 0, of which the complement is not 0."""
    encoded = written(tmp_path / "x.tokens" if is_kept else None).finish()
    assert dict(encoded.rows) == ROWS
    assert list(encoded.rows) == [0, 2, 3]
    assert encoded.dropped == ["x line 2"]
    assert (encoded.shortened, encoded.divided) == (1, 1)
    assert encoded.texts.trained.tolist() == [2, 1, 0, 2]
    train, held_out = encoded.texts.of_rows({0, 3})
    assert [one.input_ids for one in train] == [[1, 2], [3]]
    assert [one.length for one in held_out.by_length()] == [4, 9]
    assert held_out.count_rows() == 2
    assert [path.name for path in tmp_path.iterdir()] == (["x.tokens"] if is_kept else [])


def test_a_damaged_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.tokens"
    written(path).finish()
    whole = path.read_bytes()
    for place in (0, 30, len(whole) - 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert opened(path) is None
    for length in (0, 3, 40, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert opened(path) is None
    path.write_bytes(whole)
    assert opened(path) is not None


def test_a_writer_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    written(tmp_path / "x.tokens").discard()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="limits of files are POSIX's")
@pytest.mark.parametrize("most", [0, 8, 30])
def test_a_full_disk_only_means_that_nothing_is_kept(tmp_path: Path, most: int) -> None:
    """At the first tokens, in the middle of them, and at the table behind them."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        encoded = written(tmp_path / "x.tokens").finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert dict(encoded.rows) == ROWS
    assert not list(tmp_path.iterdir())


ODD = b'{"a": 1}\n\n  \n{"a": "\\u2028"}\r\n{"a": "\xe2\x80\xa8"}\n' + b'{"a": 3}\n' * 300


@pytest.mark.parametrize("end", [b"", b'{"a": 4}', b"\n\n"])
def test_pieces_are_the_file(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ODD + end)
    pieces = list(pieces_of(path))
    assert len(pieces) == 3
    assert [piece.number for piece in pieces] == [0, 1, 2]
    found = [one for piece in pieces for one in lines_of(path, piece)]
    expected = list(read_rows(path))
    assert [(row, f"rows.jsonl line {line}") for row, line, _begin, _text in found] == [
        (row.number, row.place) for row in expected
    ]
    assert [json.loads(text) for *_, text in found] == [row.values for row in expected]
    content = path.read_bytes()
    assert all(content[begin:].startswith(text) for _row, _line, begin, text in found)


def test_rows_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ODD)
    rows, expected = RowFile(path), list(read_rows(path))
    assert list(rows) == expected
    assert [rows[n] for n in (0, 2, -1)] == [expected[n] for n in (0, 2, -1)]
    assert rows[1:4] == expected[1:4]
    assert RowValues(rows)[1:3] == [row.values for row in expected[1:3]]
    with pytest.raises(IndexError):
        rows[len(expected)]
    path.write_bytes(b'{"a": 1}\n{oops\n')
    with pytest.raises(RowError, match=r"rows\.jsonl line 2: not valid JSON"):
        RowFile(path)[1]


def plain_best_fit(lengths: list[int], limit: int, seed: int) -> list[list[int]]:
    """As it is described: the order of the bins' room in one sorted list."""
    order = list(range(len(lengths)))
    random.Random(seed).shuffle(order)
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []
    for number in order:
        place = bisect_left(room, (lengths[number], -1))
        if place == len(room):
            bins.append([])
            room.append((limit, len(bins) - 1))
        left, target = room.pop(place)
        bins[target].append(number)
        insort(room, (left - lengths[number], target))
    return bins


@pytest.mark.parametrize("limit", [16, 100, 2048])
def test_packing_is_best_fit(limit: int) -> None:
    source = random.Random(limit)
    for count in (0, 1, 20, 2000):
        lengths = [source.randint(1, limit) for _ in range(count)]
        assert plan_bins(lengths, limit, count) == plain_best_fit(lengths, limit, count)


def test_items_are_made_when_they_are_asked_for() -> None:
    texts = written(None).finish().texts
    padded = padded_items(texts)
    assert len(padded) == 4
    assert padded[0] == {"input_ids": [5, 0, 7], "labels": [NOT_TRAINED, 0, 7]}
    assert padded[1:3] == [padded[1], padded[2]]
    packed = packed_items(texts, 6, seed=1)
    assert list(packed) == list(packed_items(list(texts), 6, seed=1))
    assert sorted(token for item in packed for token in item["input_ids"]) == [
        0, 1, 2, 3, 4, 5, 5, 6, 7, 7
    ]  # fmt: skip


class Letters:
    """A tokenizer of raw text, whose tokens are its letters."""

    bos_token = ""
    eos_token_id = 3

    def __call__(self, text: str, **_: object) -> dict[str, list[Any]]:
        return {
            "input_ids": [ord(one) for one in text],
            "offset_mapping": [(n, n + 1) for n in range(len(text))],
        }


RECIPE = Recipe(Letters(), DatasetFormat.TEXT, 64, assistant_only=True)


def work_on(path: Path, base_model: str = "none") -> Work:
    return Work(path, base_model, DatasetFormat.TEXT, 64, assistant_only=True, last_only=False)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    rows = ({"text": f"The text {n}. " * (1 + n % 3)} for n in range(700))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_is_encoded_as_its_rows_are(texts: Path, workers: int) -> None:
    """Also where processes are of no use: these have no such model, and no transformers here."""
    said: list[tuple[int, int]] = []
    with Encoding(work_on(texts), workers=workers) as encoding:
        assert not encoding.is_under_way
        encoded = encoding.finish(RECIPE, 700, lambda done, total: said.append((done, total)))
    expected = encode_all(read_rows(texts), RECIPE)
    assert dict(encoded.rows) == dict(expected.rows)
    assert all(0 <= done <= total == 700 for done, total in said)


def test_a_stop_among_the_rows_leaves_nothing(texts: Path, data_root: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise StoppedError

    work = work_on(texts, "/data/models/m")
    with pytest.raises(StoppedError), Encoding(work, "ab" * 32, workers=0) as encoding:
        encoding.finish(RECIPE, 700, stop)
    assert not list(kept_tokens.folder().iterdir())


@pytest.mark.parametrize("workers", [0, 1])
def test_the_first_problems_are_named(texts: Path, workers: int) -> None:
    texts.write_text('{"text": ""}\n{"text": "x"}\n' * 300)
    with pytest.raises(DatasetError) as told, Encoding(work_on(texts), workers=workers) as encoding:
        encoding.finish(RECIPE, 600)
    with pytest.raises(DatasetError) as expected:
        encode_all(read_rows(texts), RECIPE)
    assert told.value.problems == expected.value.problems
    assert len(told.value.problems) == 20


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEMPER_DATA_ROOT", str(tmp_path))
    model = tmp_path / "models" / "m"
    model.mkdir(parents=True)
    (model / "tokenizer.json").write_text("{}")
    return tmp_path


def place(model: str = "/data/models/m", **changes: Any) -> Path | None:
    facts = {"sha256": "ab" * 32, "format_": DatasetFormat.TEXT, "options": (64, True, False)}
    return kept_tokens.kept_path(base_model=model, **(facts | changes))


def test_what_is_kept_is_taken_up(texts: Path, data_root: Path) -> None:
    work = work_on(texts, "/data/models/m")
    with Encoding(work, "ab" * 32, workers=0) as encoding:
        made = encoding.finish(RECIPE, 700)
    assert kept_tokens.is_kept(place())
    deaf = Recipe(None, DatasetFormat.TEXT, 64, assistant_only=True)
    with Encoding(work, "ab" * 32, workers=0) as encoding:
        kept = encoding.finish(deaf, 700)
    assert dict(kept.rows) == dict(made.rows)
    (data_root / "models" / "m" / "tokenizer.json").write_text("{ }")
    with pytest.raises(AttributeError), Encoding(work, "ab" * 32, workers=0) as encoding:
        encoding.finish(deaf, 700)
    assert len(list(kept_tokens.folder().iterdir())) == 1  # nothing half done


def test_a_tokenizer_that_comes_anew_meanwhile_makes_all_tokens(
    texts: Path, data_root: Path
) -> None:
    """A repository of the Hub may have another one than the cache: what was begun is void."""
    work = work_on(texts, "/data/models/m")
    with Encoding(work, "ab" * 32, workers=0) as encoding:
        encoding.finish(RECIPE, 700)
    old = place()
    other = Recipe(Letters(), DatasetFormat.TEXT, 32, assistant_only=True)
    with Encoding(work, "ab" * 32, workers=0) as encoding:
        (data_root / "models" / "m" / "tokenizer.json").write_text('{"new": 1}')
        made = encoding.finish(other, 700)
    assert dict(made.rows) == dict(encode_all(read_rows(texts), other).rows)
    assert kept_tokens.is_kept(old)
    assert old != place()
    assert kept_tokens.is_kept(place())


def test_all_that_decides_the_tokens_is_in_their_name(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = data_root / "models" / "m"
    names = [place(), place(sha256="cd" * 32), place(options=(65, True, False))]
    names += [place(format_=DatasetFormat.MESSAGES), place(template="x")]
    for file in ("tokenizer.json", "config.json", "chat_template.jinja"):
        (model / file).write_text('{"a": 1}')
        names.append(place())
    assert len(set(names)) == len(names)
    assert None not in names
    (model / "model.safetensors").write_text("weights")
    assert place() == names[-1]
    assert place(sha256="") is place(model="/data/models/none") is None
    monkeypatch.setenv("TEMPER_DATA_ROOT", str(data_root / "none"))
    assert place(str(model)) is None  # nothing is made where there is no data root


def test_only_so_much_is_kept(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_tokens, "_MOST_FILES", 2)
    folder = kept_tokens.folder()
    folder.mkdir(parents=True)
    ages = {"a.tokens": 9000, "b.tokens": 7000, "c.tokens": 8000, "d.tokens": 5}
    ages |= {"x.1.tmp": 100_000, "y.2.tmp": 7100}
    now = 1_800_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    for name, age in ages.items():
        (folder / name).write_text("x")
        os.utime(folder / name, (now - age, now - age))
    kept_tokens.tidy()
    assert {path.name for path in folder.iterdir()} == {"b.tokens", "d.tokens"}


def test_no_rows_are_not_kept_rows(tmp_path: Path) -> None:
    """An empty file must be refused the second time, too."""
    path = tmp_path / "x.tokens"
    TokenWriter(path).finish()
    assert read_facts(path) == {"tokens": 0, "texts": 0, "dropped": [], "crc32": 0}
    assert not kept_tokens.is_kept(path)
