"""The importing child: cancelled, killed, orphaned; whatever happens, nothing is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from models.domain.column_mapping import parse_mapping
from models.domain.dataset_import import ImportOptions, ImportRefusedError
from models.domain.errors import AppError
from services.dataset_import import process
from services.dataset_import.importer import Importer
from services.dataset_store import DatasetStore
from services.progress import Cancelled, CancelToken, Progress
from tests.processes import command_of, kill_once_it_works

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path / "datasets")


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.jsonl"
    line = json.dumps({"question": "Why?", "answer": "So. " * 100}) + "\n"
    path.write_text(line * 300_000, encoding="utf-8")
    return path


@pytest.fixture
def huge(tmp_path: Path, big: Path) -> Path:
    """So much that nobody comes too late to kill who reads it: the same file many times."""
    folder = tmp_path / "huge"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.jsonl").hardlink_to(big)
    return folder


def children() -> list[psutil.Process]:
    """The imports that we started and that still run; the tests have other children too."""
    own = psutil.Process().children()
    return [one for one in own if "services.dataset_import.child" in command_of(one)]


def left(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "datasets"
    return list(folder.iterdir()) if folder.exists() else []


def test_progress_tells_rows_and_speed_and_grows(store: DatasetStore, big: Path) -> None:
    reports: list[Progress] = []
    Importer(store).read(big, report=reports.append)
    fractions = [report.fraction or 0 for report in reports]
    assert len(reports) > 2
    assert fractions == sorted(fractions)
    assert "rows/s" in reports[-1].message
    assert any("left" in report.message for report in reports) or len(reports) < 12


def test_a_cancel_ends_the_child_at_once(store: DatasetStore, big: Path, tmp_path: Path) -> None:
    cancel = CancelToken()
    began: list[float] = []

    def on_report(_progress: Progress) -> None:
        began.append(time.monotonic())
        cancel.cancel()

    with pytest.raises(Cancelled):
        Importer(store).read(big, report=on_report, cancel=cancel)
    assert time.monotonic() - began[0] < 60
    assert left(tmp_path) == []
    assert children() == []


def test_a_killed_child_is_told_and_leaves_nothing(
    store: DatasetStore, huge: Path, tmp_path: Path
) -> None:
    def kill(_progress: Progress) -> None:
        for child in children():
            child.kill()

    with pytest.raises(AppError, match="ended from outside") as caught:
        Importer(store).read(huge, report=kill)
    assert caught.value.kind == "import_ended"
    assert left(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_when_the_program_is_killed_its_child_ends_and_takes_its_files_away(
    huge: Path, tmp_path: Path
) -> None:
    script = (
        "import sys; from pathlib import Path; from services.dataset_store import DatasetStore;"
        "from services.dataset_import.importer import Importer;"
        "Importer(DatasetStore(Path(sys.argv[1]))).read(Path(sys.argv[2]), report=print)"
    )
    kill_once_it_works(script, tmp_path / "datasets", huge)
    assert left(tmp_path) == []


def test_half_written_files_of_programs_that_are_gone_are_swept(
    store: DatasetStore, tmp_path: Path
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine, _ = store.new_files()
    orphan = mine.with_name(mine.name.replace(str(os.getpid()), str(gone.pid)))
    for path in (mine, orphan, orphan.with_suffix(".idx.tmp")):
        path.write_bytes(b"x")
    store.sweep()
    assert left(tmp_path) == [mine]


def test_a_check_keeps_nothing(store: DatasetStore, big: Path, tmp_path: Path) -> None:
    verdict = Importer(store).check(big)
    assert (verdict.rows, verdict.kept, verdict.format) == (300_000, 300_000, "question_answer")
    assert left(tmp_path) == []


def test_columns_are_mapped_while_rows_stream(store: DatasetStore, tmp_path: Path) -> None:
    path = tmp_path / "german.csv"
    path.write_text("Frage;Antwort;split\nWie?;So.;train\n", encoding="utf-8")
    with pytest.raises(ImportRefusedError) as caught:
        Importer(store).read(path)
    verdict = caught.value.verdict
    assert verdict.needs_mapping
    assert verdict.candidates[0].as_text() == "question=Frage, answer=Antwort, split=split"
    assert verdict.samples == ({"Frage": "Wie?", "Antwort": "So.", "split": "train"},)
    options = ImportOptions(mapping=parse_mapping(["question=Frage", "answer=Antwort"]))
    found, stored = Importer(store).read(path, options)
    assert found.format == "question_answer"
    assert found.splits == (("train", 1),)
    assert store.rows(stored.sha256, 0, 2) == [
        {"question": "Wie?", "answer": "So.", "split": "train"}
    ]


def test_bad_rows_can_be_left_out(store: DatasetStore, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = json.dumps({"question": "a", "answer": "b"})
    lines = [good, "{", '{"question":"a","answer":""}', '{"text":"x"}', good]
    path.write_text("\n".join(lines), encoding="utf-8")
    verdict, stored = Importer(store).read(path, ImportOptions(drop_bad_rows=True))
    assert (verdict.rows, verdict.kept, stored.rows) == (5, 2, 2)
    assert {finding.rows for finding in verdict.findings} == {(1,), (2,), (3,)}


def test_all_rows_of_another_format_are_counted_and_the_first_are_named(
    store: DatasetStore, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"question": "a", "answer": "b"}] * 100 + [{"prompt": "a", "completion": "b"}] * 60
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (finding,) = Importer(store).check(path).findings
    assert (finding.code, finding.count) == ("other_format", 60)
    assert finding.rows == tuple(range(100, 120))


def test_a_folder_is_one_dataset_with_the_splits_of_its_names(
    store: DatasetStore, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, count in (("train-10", 3), ("train-9", 2), ("test", 1)):
        rows = (json.dumps({"text": f"{name} {n}"}) for n in range(count))
        (folder / f"{name}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (folder / "README.md").write_text("# Notes", encoding="utf-8")
    verdict, stored = Importer(store).read(folder)
    assert verdict.splits == (("test", 1), ("train", 5))
    assert store.rows(stored.sha256, 1, 1) == [{"text": "train-9 0", "split": "train"}]
    assert [finding.code for finding in verdict.findings] == ["file_left"]


def test_an_earlier_programs_pairs_come_with_their_sessions_while_it_is_open(
    store: DatasetStore, tmp_path: Path
) -> None:
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE scrape_sessions (id INTEGER PRIMARY KEY, source TEXT)")
        database.execute(
            "CREATE TABLE scraped_pairs (id INTEGER PRIMARY KEY, session_id INTEGER,"
            " input_text TEXT, output_text TEXT)"
        )
        database.execute("INSERT INTO scrape_sessions VALUES (7, 'forum')")
        database.execute("INSERT INTO scraped_pairs VALUES (1, 7, 'Why?', 'So.')")
        database.commit()
        _, stored = Importer(store).read(path)
    row = {"input_text": "Why?", "output_text": "So.", "session": "forum"}
    assert store.rows(stored.sha256, 0, 5) == [row]


def test_the_frozen_program_starts_itself_as_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert process.CHILD.command() == (sys.executable, process.CHILD.option)


def test_the_option_of_the_frozen_program_leads_to_the_child(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n', encoding="utf-8")
    options = {"mapping": None, "drop_bad_rows": False, "text_split": "sections"}
    request = {"path": str(path), "options": options, "data": "", "index": "", "exporter": None}
    with subprocess.Popen(
        [sys.executable, "-m", "app", process.CHILD.option],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.flush()
        result = [json.loads(line) for line in child.stdout][-1]
    assert result["verdict"]["rows"] == 1
    assert child.returncode == 0
