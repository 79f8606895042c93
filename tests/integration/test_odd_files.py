"""Odd files of an adversary: each gets its verdict, and nothing breaks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.column_mapping import ColumnMapping
from models.domain.dataset_import import ImportOptions
from models.domain.errors import AppError
from services.dataset_import.child import carry_out
from services.dataset_import.importer import Importer
from services.dataset_import.messages import Request
from services.dataset_store import DatasetStore
from tests.data.broken.odd import ODD, ROW, Odd

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = 50_000
"""Characters that the verdict on any file may have: names and texts in it are somebody's."""


def read(path: Path) -> dict[str, Any]:
    """What the importing child would answer."""
    files = (str(path.with_name("rows.tmp")), str(path.with_name("index.tmp")))
    result = carry_out(Request(str(path), ImportOptions(), *files), lambda _rows, _bytes: None)
    assert "bug" not in result, result["bug"]
    return result


def test_there_are_more_than_a_hundred() -> None:
    assert len({case.name for case, _ in ODD}) == len(ODD) >= 120


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd[0].name)
def test_an_odd_file_gets_its_verdict(tmp_path: Path, odd: Odd) -> None:
    case, content = odd
    path = tmp_path / case.name
    path.write_bytes(content)
    result = read(path)
    verdict = result["verdict"]
    found = {one["code"]: one for one in verdict["findings"]}
    is_refused = any(one["severity"] == "major" for one in found.values())
    assert is_refused == (case.verdict == "major"), found
    assert case.code in found or not case.code, found
    assert len(json.dumps(verdict["findings"])) < SMALL
    assert not any(character < " " for one in found.values() for character in one["message"])
    if is_refused:
        assert "stored" not in result
        assert {one.name for one in tmp_path.iterdir()} == {case.name}
    else:
        assert (verdict["kept"], verdict["format"]) == (case.rows, case.format)
        assert found.keys() == ({case.code} if case.code else set())
    if case.row is not None:
        assert found[case.code]["rows"][0] == case.row
    if case.line is not None:
        assert found[case.code]["lines"][0] == case.line


def test_a_mapping_to_a_column_that_no_row_has_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROW)
    wrong = ImportOptions(ColumnMapping((("question", "nope"), ("answer", "answer"))))
    first = carry_out(Request(str(path), wrong), lambda _rows, _bytes: None)["verdict"]["findings"][
        0
    ]
    assert (first["code"], first["remedy"]) == ("missing_column", "map")
    assert first["message"] == "No row has a column 'nope'; there are question, answer."


def nested(folder: Path) -> None:
    """Twelve hundred folders in each other: more than Python calls itself."""
    here = Path.cwd()
    try:
        os.chdir(folder)
        for _ in range(1200):
            Path("d").mkdir()
            os.chdir("d")
        Path("rows.jsonl").write_bytes(ROW)
    finally:
        os.chdir(here)


def loops(folder: Path) -> None:
    """Links to themselves, to each other, to the folder that they are in, to nothing."""
    (folder / "rows.jsonl").write_bytes(ROW)
    for name, target in (("a", "a"), ("b", "c"), ("c", "b"), ("again", "."), ("d.jsonl", "none")):
        (folder / name).symlink_to(target)


def pipes(folder: Path) -> None:
    """What never ends, or never begins."""
    (folder / "rows.jsonl").write_bytes(ROW)
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "zero.jsonl").symlink_to("/dev/zero")


def no_text(folder: Path) -> None:
    """A name of bytes that are no text in any encoding."""
    (folder / os.fsdecode(b"\xff.jsonl")).write_bytes(ROW)


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither pipes nor such names in folders")
@pytest.mark.parametrize("build", [nested, loops, pipes, no_text])
def test_an_odd_folder_is_read(tmp_path: Path, build: Callable[[Path], None]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    build(folder)
    try:
        assert read(folder)["verdict"]["kept"] == 1
    finally:  # Python's own way of removing folders calls itself too often
        subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")
def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    importer = Importer(DatasetStore(tmp_path / "store"))
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "loop").symlink_to("loop")
    kinds = {}
    for name in ("pipe.jsonl", "/dev/zero", "loop", "x" * 300, "a\0b", "pipe.jsonl/x"):
        with pytest.raises(AppError) as caught:
            importer.check(tmp_path / name)
        kinds[name[:10]] = caught.value.kind
        assert caught.value.hint
    assert set(kinds.values()) == {"io", "not_found"}
