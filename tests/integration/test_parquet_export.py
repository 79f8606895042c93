"""Parquet is written by the trainer's environment, and comes back as the same rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.errors import AppError
from services.dataset_import.exporting import TrainerExporters
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.offline import OfflinePolicy
from services.progress import Cancelled, CancelToken, Progress
from services.trainer_code import place_trainer_code
from trainer_image.conversations import without_nulls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import TrainerHome

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def library(trainer_home: TrainerHome, tmp_path: Path) -> Iterator[DatasetLibrary]:
    database = Database.open(tmp_path / "temper.db")
    exporters = TrainerExporters(
        trainer_home.environment,
        lambda: place_trainer_code(ROOT / "trainer_image", tmp_path / "code"),
        lambda: tmp_path / "data",
        OfflinePolicy(forced=True),
        lambda: None,
    )
    yield DatasetLibrary(
        database, DatasetStore(tmp_path / "datasets"), tmp_path / "none", exporters
    )
    database.close()


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


CALL = {"type": "function", "function": {"name": "now", "arguments": {"zone": "UTC"}}}
OTHER = {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": [2]}}}
CHAT = [
    {
        "messages": [
            {"role": "user", "content": "Time, ü?"},
            {"role": "assistant", "content": "Noon."},
        ]
    },
    {
        "messages": [
            {"role": "user", "content": "Time?"},
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "content": "12"},
            {"role": "assistant", "content": "Noon."},
        ],
        "tools": [{"type": "function", "function": {"name": "now", "parameters": {}}}],
    },
    {
        "messages": [
            {"role": "user", "content": "Sum?"},
            {"role": "assistant", "content": "", "tool_calls": [OTHER]},
            {"role": "tool", "content": "3"},
            {"role": "assistant", "content": "3"},
        ]
    },
]


@pytest.mark.parametrize(
    "rows",
    [
        [{"question": f"Q{n}", "answer": f"A{n}\nü", "n": n, "x": n / 4} for n in range(5000)],
        [{"prompt": [{"role": "user", "content": "a"}], "completion": "b"}],
        [{"text": f"T{n}", "tags": ["a"] * (n % 3), "split": "train"} for n in range(10)],
        [{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}] * 3,
    ],
)
def test_rows_come_back_as_they_were(
    library: DatasetLibrary, tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    session = library.import_file(write(tmp_path / "rows.jsonl", rows))
    target = tmp_path / "out.parquet"
    reports: list[Progress] = []
    library.export(session.id, target, "parquet", report=reports.append)
    again = library.import_file(target)
    assert (again.rows, again.format, again.splits) == (len(rows), session.format, session.splits)
    assert library.rows(again.id, 0, len(rows)) == rows
    fractions = [report.fraction or 0 for report in reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert reports[-1].message == f"{len(rows):,} rows written"


def test_tool_calls_with_other_arguments_mean_the_same_when_they_come_back(
    library: DatasetLibrary, tmp_path: Path
) -> None:
    session = library.import_file(write(tmp_path / "rows.jsonl", CHAT))
    library.export(session.id, tmp_path / "out.parquet", "parquet")
    again = library.import_file(tmp_path / "out.parquet")
    assert again.format == "messages"
    rows = [dict(row) for row in library.rows(again.id, 0, 3)]
    for row in rows:
        if isinstance(row.get("tools"), str):  # functions without parameters have no Parquet type
            row["tools"] = json.loads(row["tools"])
    assert [without_nulls(row) for row in rows] == [without_nulls(row) for row in CHAT]


def test_what_parquet_has_no_type_for_is_kept_as_json(
    library: DatasetLibrary, tmp_path: Path
) -> None:
    extras: list[Any] = [1, "one", None, {"a": 1}, {}, 2**70, [1, "x"], True]
    rows = [{"text": f"T{n}", "extra": extra} for n, extra in enumerate(extras)]
    session = library.import_file(write(tmp_path / "rows.jsonl", rows))
    library.export(session.id, tmp_path / "out.parquet", "parquet")
    again = library.rows(library.import_file(tmp_path / "out.parquet").id, 0, 10)
    found = [row["extra"] for row in again]
    texts = ["1", "one", None, '{"a": 1}', "{}", str(2**70), '[1, "x"]', "true"]
    assert found == texts


def test_a_cancelled_or_failed_export_leaves_the_file_that_was_there(
    library: DatasetLibrary, tmp_path: Path
) -> None:
    rows = [{"text": f"T{n}"} for n in range(50_000)]
    session = library.import_file(write(tmp_path / "rows.jsonl", rows))
    target, cancel = tmp_path / "out.parquet", CancelToken()
    target.write_text("mine")
    with pytest.raises(Cancelled):
        library.export(
            session.id, target, "parquet", report=lambda _: cancel.cancel(), cancel=cancel
        )
    with pytest.raises(AppError, match="no folder"):
        library.export(session.id, tmp_path / "no" / "out.parquet", "parquet")
    assert target.read_text() == "mine"
    assert not list(tmp_path.glob(".out*"))


def test_rows_may_come_and_go_through_pipes(trainer_python: str, tmp_path: Path) -> None:
    rows = write(tmp_path / "rows.jsonl", [{"text": "a"}, {"text": "b"}])
    command = [trainer_python, "-m", "trainer_image.write_parquet"]
    done = subprocess.run(
        command, cwd=ROOT, input=rows.read_bytes(), capture_output=True, check=True
    )
    target = tmp_path / "out.parquet"
    target.write_bytes(done.stdout)
    code = (
        "import sys; from pyarrow import parquet; print(parquet.read_table(sys.argv[1]).num_rows)"
    )
    read = subprocess.run(
        [trainer_python, "-c", code, str(target)], capture_output=True, check=True, text=True
    )
    assert read.stdout.strip() == "2"


def test_a_full_disk_is_a_sentence(library: DatasetLibrary, tmp_path: Path, mount: Any) -> None:
    small = mount(tmp_path / "small", "size=100k")
    rows = [{"text": f"{n * 7919 % 10007} {n * 104729 % 1299709}" * 5} for n in range(50_000)]
    session = library.import_file(write(tmp_path / "rows.jsonl", rows))
    with pytest.raises(AppError, match=r"disk is full|No space") as caught:
        library.export(session.id, small / "out.parquet", "parquet")
    assert caught.value.kind == "disk_full"
    assert list(small.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_long_rows_do_not_add_up_in_memory(trainer_home: TrainerHome, tmp_path: Path) -> None:
    rows, target = tmp_path / "rows.jsonl", tmp_path / "rows.parquet"
    line = json.dumps({"text": "word " * 200_000}) + "\n"
    rows.write_text(line * 200)
    code = (
        "import sys; from trainer_image.write_parquet import main; main();"
        "status = open('/proc/self/status').read().partition('VmHWM:')[2];"
        "print(status.split()[0], file=sys.stderr)"
    )
    with rows.open("rb") as source, target.open("wb") as sink:
        done = subprocess.run(
            [trainer_home.environment.python, "-c", code],
            stdin=source, stdout=sink, stderr=subprocess.PIPE, cwd=ROOT, check=True,
        )  # fmt: skip
    peak = int(done.stderr.split()[-1]) / 1024
    assert peak < 300, f"{peak:.0f} MiB of {rows.stat().st_size >> 20} MiB"
