"""Parquet, Arrow and the Hub's datasets come through the trainer's environment, over real HTTP."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from models.db.database import Database
from models.domain.dataset_import import HubSource, ImportRefusedError
from models.domain.errors import AppError
from services import hub_client
from services.dataset_import.exporting import TrainerExporters
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.offline import OfflinePolicy
from services.process_environment import tell_hub_library
from services.trainer_code import place_trainer_code
from tests.emulators.hub_files import HubFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    with HubFiles({TOKEN: ("me", "read")}, datasets, contents) as emulator:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_ENDPOINT", emulator.url)
        monkeypatch.setattr(hub_client, "TIMEOUT", httpx.Timeout(5))
        hub_client._limit_waiting.cache_clear()
        tell_hub_library()
        yield emulator
    monkeypatch.undo()
    hub_client._limit_waiting.cache_clear()
    tell_hub_library()


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


def test_bad_columnar_files_are_refused_and_leave_nothing(
    make: Callable[..., DatasetLibrary], files: Path, tmp_path: Path
) -> None:
    library = make()
    with pytest.raises(ImportRefusedError, match="'answer' is empty") as caught:
        library.import_file(files / "null_answer.parquet")
    assert caught.value.verdict.findings[0].rows == (1,)
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
