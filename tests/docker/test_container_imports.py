"""Parquet, Arrow and the Hub for somebody who has only Docker, through real containers."""

from __future__ import annotations

import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.dataset_import import HubSource, ImportRefusedError
from models.domain.errors import AppError
from services.dataset_import.container_exporting import ContainerExporters
from services.dataset_import.exporting import TrainerExporters
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.docker.docker_logins import DockerLogins
from services.docker.engine import DockerEngine
from services.docker.images import ImageService
from services.docker.logins import LoginStore
from services.environment.runtime_env import RuntimeEnvironment
from services.install_id import InstallId
from services.offline import OfflinePolicy
from services.progress import Cancelled, CancelToken
from services.trainer_code import place_trainer_code
from tests.conftest import ROOT
from tests.docker.image_steps import NoKeychain
from tests.docker.programs import containers
from tests.emulators.hub_files import HubFiles
from tests.hub_address import hub_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

pytestmark = pytest.mark.slow

TOKEN = "hf_mine"
END_SECONDS = 60.0


@pytest.fixture(scope="module")
def files(trainer_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("columnar files")
    script = ROOT / "tests" / "data" / "broken" / "columnar.py"
    subprocess.run([trainer_python, str(script), str(folder)], check=True)
    return folder


@pytest.fixture
def library(
    tmp_path: Path, trainer_image: str, docker_client: DockerClient
) -> Iterator[DatasetLibrary]:
    engine, offline = DockerEngine(), OfflinePolicy()
    trainer = ROOT / "trainer_image"
    logins = LoginStore(NoKeychain(), DockerLogins({}, tmp_path))
    images = ImageService(engine, offline, logins, trainer, lambda: (trainer_image,))
    with closing(Database.open(tmp_path / "temper.db")) as database:
        code = lambda: place_trainer_code(trainer, tmp_path / "code")  # noqa: E731
        data = lambda: tmp_path / "data"  # noqa: E731
        runtime = RuntimeEnvironment(
            tmp_path / "runtime", trainer / "requirements.txt", trainer / "requirements.lock"
        )
        found = ContainerExporters(engine, images, InstallId(database), code, data)
        exporters = TrainerExporters(runtime, code, data, offline, lambda: TOKEN, found)
        store = DatasetStore(tmp_path / "datasets")
        yield DatasetLibrary(database, store, tmp_path / "none", exporters)
    engine.forget()


def no_container_stays(client: DockerClient) -> bool:
    end = time.monotonic() + END_SECONDS
    while containers(client) and time.monotonic() < end:
        time.sleep(0.2)
    return not containers(client)


@pytest.mark.parametrize("name", ["rows.parquet", "file.arrow", "stream.arrow"])
def test_a_file_is_imported(
    library: DatasetLibrary, files: Path, docker_client: DockerClient, name: str
) -> None:
    session = library.import_file(files / name)
    assert (session.rows, session.format) == (3000, "question_answer")
    last = {"question": "What is 2999?", "answer": "Number 2999, hé."}
    assert library.rows(session.id, 2999, 2) == [last]
    assert no_container_stays(docker_client)


def test_what_is_wrong_is_told_as_by_the_managed_environment(
    library: DatasetLibrary, files: Path, docker_client: DockerClient
) -> None:
    with pytest.raises(ImportRefusedError, match="'answer' is empty"):
        library.import_file(files / "null_answer.parquet")
    with pytest.raises(AppError, match="pictures, sound or other bytes"):
        library.import_file(files / "bytes.parquet")
    with pytest.raises(AppError, match=r"torn\.parquet cannot be read"):
        library.import_file(files / "torn.parquet")
    assert library.list() == []
    assert no_container_stays(docker_client)


def test_a_folder_of_tables_and_lines_is_one_dataset(
    library: DatasetLibrary, files: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.parquet").write_bytes((files / "rows.parquet").read_bytes())
    (folder / "b.jsonl").write_text('{"question":"Last?","answer":"Yes."}\n', encoding="utf-8")
    session = library.import_file(folder)
    assert session.rows == 3001
    assert library.rows(session.id, 3000, 1) == [{"question": "Last?", "answer": "Yes."}]


def test_a_cancelled_import_leaves_no_container_and_no_file(
    library: DatasetLibrary, files: Path, docker_client: DockerClient, tmp_path: Path
) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        library.import_file(
            files / "of_25_megabytes.parquet", report=lambda _now: cancel.cancel(), cancel=cancel
        )
    assert list((tmp_path / "datasets").iterdir()) == []
    assert no_container_stays(docker_client)


def test_a_private_dataset_of_the_hub_comes_with_the_token_and_its_licence(
    library: DatasetLibrary, files: Path, docker_client: DockerClient, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    rows = (files / "rows.parquet").read_bytes()
    content = {"README.md": b"---\nlicense: mit\n---\n", "data/train.parquet": rows}
    gateway = docker_client.api.inspect_network("bridge")["IPAM"]["Config"][0]["Gateway"]
    datasets = {"me/mine": "private"}
    with HubFiles({TOKEN: ("me", "read")}, datasets, {"me/mine": content}, host=gateway) as hub:
        with hub_at(hub.url, monkeypatch):
            session = library.import_file(HubSource("me/mine"))
        seen = [one for one in hub.requests if "resolve" in one.target]
    assert (session.rows, session.licence) == (3000, "mit")
    assert {one.headers.get("authorization") for one in seen} == {f"Bearer {TOKEN}"}
    assert not list((tmp_path / "datasets").glob(".*"))
    assert no_container_stays(docker_client)
