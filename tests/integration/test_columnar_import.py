"""Parquet, Arrow and the Hub's datasets come through the trainer's environment, over real HTTP."""

from __future__ import annotations

import gzip
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from models.db.database import Database
from models.domain.dataset_import import HubSource, ImportRefusedError
from models.domain.errors import AppError
from models.qt.import_words import hub_choices
from services.dataset_import.exporting import TrainerExporters
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.offline import OfflinePolicy
from services.trainer_code import place_trainer_code
from tests.emulators.hub_files import HubFiles
from tests.hub_address import hub_at
from tests.processes import command_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.progress import Progress
    from tests.conftest import TrainerHome

ROOT = Path(__file__).parents[2]
TOKEN = "hf_mine"
CARD = b"""---
license: apache-2.0
configs:
- config_name: one
  data_files: [{split: train, path: rows.parquet}]
- config_name: two
  data_files: [{split: train, path: rows.parquet}]
---
"""


@pytest.fixture(scope="module")
def files(trainer_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("columnar")
    script = ROOT / "tests" / "data" / "broken" / "columnar.py"
    subprocess.run([trainer_python, str(script), str(folder)], check=True)
    return folder


@pytest.fixture
def hub(files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubFiles]:
    rows = (files / "rows.parquet").read_bytes()
    plain = {"README.md": b"---\nlicense: mit\n---\n", "data/train.parquet": rows}
    large = {"train.parquet": (files / "of_25_megabytes.parquet").read_bytes()}
    datasets = {"me/open": "public", "me/mine": "private", "me/careful": "gated"}
    contents = {
        **dict.fromkeys(datasets, plain),
        "me/large": large,
        "me/many": {"README.md": CARD, "rows.parquet": rows},
    }
    datasets |= {"me/large": "public", "me/many": "public"}
    there = HubFiles({TOKEN: ("me", "read")}, datasets, contents)
    with there as emulator, hub_at(emulator.url, monkeypatch):
        yield emulator


@pytest.fixture
def make(trainer_home: TrainerHome, tmp_path: Path) -> Iterator[Callable[..., DatasetLibrary]]:
    database = Database.open(tmp_path / "temper.db")

    def library(token: str | None = None, *, offline: bool = False) -> DatasetLibrary:
        exporters = TrainerExporters(
            trainer_home.environment,
            lambda: place_trainer_code(ROOT / "trainer_image", tmp_path / "code"),
            lambda: tmp_path / "data",
            OfflinePolicy(forced=offline),
            lambda: token,
        )
        return DatasetLibrary(
            database, DatasetStore(tmp_path / "datasets"), tmp_path / "none", exporters
        )

    yield library
    database.close()


@pytest.mark.parametrize(
    ("name", "rows", "format_"),
    [
        ("rows.parquet", 3000, "question_answer"),
        ("wrong_name.csv", 5, "question_answer"),
        ("file.arrow", 3000, "question_answer"),
        ("stream.arrow", 3000, "question_answer"),
        ("nested_lists.parquet", 4, "messages"),
        ("lists_of_fields.parquet", 4, "sharegpt"),
    ],
)
def test_parquet_and_arrow_are_imported(
    make: Callable[..., DatasetLibrary], files: Path, name: str, rows: int, format_: str
) -> None:
    library = make()
    session = library.import_file(files / name)
    assert (session.rows, session.format) == (rows, format_)
    if format_ == "question_answer":
        last = {"question": f"What is {rows - 1}?", "answer": f"Number {rows - 1}, hé."}
        assert library.rows(session.id, rows - 1, 2) == [last]


def test_columns_of_every_type_come_along_as_json_has_them(
    make: Callable[..., DatasetLibrary], files: Path
) -> None:
    library = make()
    session = library.import_file(files / "odd_types.parquet")
    first = library.rows(session.id, 0, 1)[0]
    assert {name: first[name] for name in ("decimal", "time", "map", "inside", "")} == {
        "decimal": "1.5",
        "time": "2020-01-01T00:00:00",
        "map": [["k", 1]],
        "inside": {"x": [1, None]},
        "": "a",
    }
    assert (first["number"], first["nothing"], int(first["large"])) == (None, None, 2**64 - 1)


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


LINE = b'{"question":"Last?","answer":"Yes."}\n'


def test_tables_and_lines_in_one_archive_are_one_dataset(
    make: Callable[..., DatasetLibrary], files: Path, tmp_path: Path
) -> None:
    path = packed(
        tmp_path / "mixed.zip",
        {
            "data/train.parquet": (files / "rows.parquet").read_bytes(),
            "data/train-2.arrow": (files / "file.arrow").read_bytes(),
            "data/test.jsonl": LINE,
            "README.md": b"# Notes",
        },
    )
    library = make()
    session = library.import_file(path)
    assert (session.rows, session.format) == (6001, "question_answer")
    assert session.splits == (("test", 1), ("train", 6000))
    (last,) = library.rows(session.id, 6000, 2)
    assert last == {"question": "What is 2999?", "answer": "Number 2999, hé.", "split": "train"}
    assert {one.suffix for one in (tmp_path / "datasets").iterdir()} == {".jsonl", ".idx"}


def test_a_folder_of_tables_and_lines_is_one_dataset(
    make: Callable[..., DatasetLibrary], files: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    (folder / "more").mkdir(parents=True)
    (folder / "a.parquet").write_bytes((files / "wrong_name.csv").read_bytes())
    (folder / "b.jsonl").write_bytes(LINE)
    packed_rows = gzip.compress((files / "rows.parquet").read_bytes())
    (folder / "more" / "c.parquet.gz").write_bytes(packed_rows)
    library = make()
    session = library.import_file(folder)
    assert session.rows == 3006
    assert library.rows(session.id, 5, 1) == [{"question": "Last?", "answer": "Yes."}]


def test_a_packed_table_is_taken_out_of_it(
    make: Callable[..., DatasetLibrary], files: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet.gz"
    path.write_bytes(gzip.compress((files / "rows.parquet").read_bytes()))
    assert make().import_file(path).rows == 3000


def test_what_is_wrong_with_a_table_in_an_archive_is_told_and_leaves_nothing(
    make: Callable[..., DatasetLibrary], files: Path, tmp_path: Path
) -> None:
    library = make()
    mixed = {"a.jsonl": LINE, "b.parquet": (files / "null_answer.parquet").read_bytes()}
    with pytest.raises(ImportRefusedError, match="row 3: 'answer' is empty") as caught:
        library.import_file(packed(tmp_path / "null.zip", mixed))
    found = caught.value.verdict.findings[0]
    assert (found.rows, found.lines) == ((2,), (0,))
    torn = {"a.jsonl": LINE, "dir/torn.parquet": (files / "torn.parquet").read_bytes()}
    with pytest.raises(AppError, match=r"torn\.parquet cannot be read"):
        library.import_file(packed(tmp_path / "torn.zip", torn))
    zeros = {"bomb.parquet": b"PAR1" + bytes(80 << 20)}
    with pytest.raises(ImportRefusedError, match="unpacks to far more"):
        library.import_file(packed(tmp_path / "bomb.zip", zeros))
    assert library.list() == []
    assert list((tmp_path / "datasets").iterdir()) == []


def test_an_import_that_is_killed_ends_the_program_that_prints_the_rows(
    make: Callable[..., DatasetLibrary], files: Path, tmp_path: Path
) -> None:
    """As when the whole program is killed: the child's end is all that the other one notices."""
    seen: list[psutil.Process] = []

    def kill(_now: Progress) -> None:
        for child in psutil.Process().children():
            grandchildren = child.children()
            if grandchildren and "export_rows" in " ".join(command_of(grandchildren[0])):
                seen.extend(grandchildren)
                child.kill()

    folder = tmp_path / "long"  # enough that the kill comes before the end, however late it is
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.parquet").hardlink_to(files / "of_25_megabytes.parquet")
    with pytest.raises(AppError, match="ended from outside"):
        make().import_file(folder, report=kill)
    assert seen
    psutil.wait_procs(seen, timeout=60)
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in seen)


def test_bad_columnar_files_are_refused_and_leave_nothing(
    make: Callable[..., DatasetLibrary], files: Path, tmp_path: Path
) -> None:
    library = make()
    with pytest.raises(ImportRefusedError, match="'answer' is empty") as caught:
        library.import_file(files / "null_answer.parquet")
    assert caught.value.verdict.findings[0].rows == (1,)
    with pytest.raises(AppError, match="2 columns are called 'question'"):
        library.import_file(files / "name_twice.parquet")
    with pytest.raises(AppError, match="pictures, sound or other bytes"):
        library.import_file(files / "bytes.parquet")
    with pytest.raises(AppError, match=r"torn\.parquet cannot be read"):
        library.import_file(files / "torn.parquet")
    assert library.list() == []
    assert list((tmp_path / "datasets").iterdir()) == []


def test_a_public_dataset_of_the_hub_comes_with_its_licence(
    hub: HubFiles, make: Callable[..., DatasetLibrary], tmp_path: Path
) -> None:
    session = make().import_file(HubSource("me/open"))
    assert (session.rows, session.licence, session.source) == (3000, "mit", "hf:me/open@train")
    assert make().import_file(HubSource("me/open", split="train[:10]")).rows == 10
    assert [path.suffix for path in (tmp_path / "datasets").iterdir()].count(".jsonl") == 2
    assert not list((tmp_path / "datasets").glob(".*"))


def test_private_and_gated_datasets_open_with_the_token_only(
    hub: HubFiles, make: Callable[..., DatasetLibrary]
) -> None:
    with pytest.raises(AppError, match="private"):
        make().import_file(HubSource("me/mine"))
    assert make(TOKEN).import_file(HubSource("me/mine")).rows == 3000
    for token in (None, TOKEN):
        with pytest.raises(AppError, match="gated") as caught:
            make(token).import_file(HubSource("me/careful"))
        assert "huggingface.co/datasets/me/careful" in caught.value.hint
    hub.granted.add(TOKEN)
    assert make(TOKEN).import_file(HubSource("me/careful")).rows == 3000


def test_a_missing_config_or_split_is_told_with_those_that_there_are(
    hub: HubFiles, make: Callable[..., DatasetLibrary]
) -> None:
    library = make()
    with pytest.raises(AppError, match=r"'one', 'two'"):
        library.import_file(HubSource("me/many"))
    with pytest.raises(AppError, match=r"'three' not found.*'one', 'two'"):
        library.import_file(HubSource("me/many", "three"))
    with pytest.raises(AppError, match=r"no split 'valid'.*'train'"):
        library.import_file(HubSource("me/open", split="valid"))
    assert library.import_file(HubSource("me/many", "two")).licence == "apache-2.0"


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("source", "choices"),
    [
        (HubSource("me/many"), ("config", ("one", "two"))),
        (HubSource("me/many", "three"), ("config", ("one", "two"))),
        (HubSource("me/open", split="valid"), ("split", ("train",))),
    ],
)
def test_the_window_can_offer_what_there_is_instead(
    make: Callable[..., DatasetLibrary],
    source: HubSource,
    choices: tuple[str, tuple[str, ...]],
) -> None:
    with pytest.raises(AppError) as caught:
        make().import_file(source)
    assert hub_choices(f"{caught.value.message} {caught.value.hint}") == choices


def test_a_download_that_breaks_off_is_gone_on_with(
    hub: HubFiles, make: Callable[..., DatasetLibrary]
) -> None:
    hub.cuts = [22_000_000]
    assert make().import_file(HubSource("me/large")).rows == 24_000
    ranges = [one.headers.get("range", "") for one in hub.requests if one.method == "GET"]
    resumed = [text for text in ranges if text.startswith("bytes=") and text != "bytes=0-"]
    assert resumed, "what had come was not fetched again"


def test_offline_and_without_the_environment_nothing_is_asked(
    hub: HubFiles, make: Callable[..., DatasetLibrary], tmp_path: Path
) -> None:
    with pytest.raises(AppError, match="Offline mode"):
        make(offline=True).import_file(HubSource("me/open"))
    assert hub.requests == []
