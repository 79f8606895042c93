"""A dataset is looked at in a container as in the managed environment, for who has only Docker."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_DOCKER, LocalSection
from models.domain.data_report import Learning
from services.data_inspection import DataInspection, RowFile
from services.docker.engine import DockerEngine
from services.inference_places import INSPECT, ProcessPlace
from services.install_id import InstallId
from services.runners.docker_worker import ContainerPlace
from services.trainer_code import place_trainer_code
from tests.conftest import ROOT
from tests.docker.programs import containers

if TYPE_CHECKING:
    from docker import DockerClient

    from services.inference_places import WorkerPlace
    from tests.conftest import TrainerHome

pytestmark = pytest.mark.slow

ROWS = [{"question": f"What is {n}?", "answer": f"A number, {n}. 🐍"} for n in range(20)]


def test_a_container_tells_the_same(
    tmp_path: Path, trainer_home: TrainerHome, trainer_image: str, docker_client: DockerClient
) -> None:
    code = place_trainer_code(ROOT / "trainer_image", tmp_path / "code")
    rows = tmp_path / "d" / "datasets" / "rows.jsonl"
    rows.parent.mkdir(parents=True)
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    local = LocalSection(runtime=RUNTIME_DOCKER, image=trainer_image, use_gpu=False)
    learning = Learning(str(trainer_home.model), str(tmp_path / "d"), local=local)
    log = tmp_path / "logs" / "inspection.log"

    def in_container(learning: Learning) -> WorkerPlace:
        return ContainerPlace(
            engine=engine,
            install_id=InstallId(database),
            local=learning.local,
            code=code,
            data_root=Path(learning.data_root),
            log=log,
            base_model=learning.base_model,
            offline=True,
            module=INSPECT,
        )

    def in_process(learning: Learning) -> WorkerPlace:
        python, root = trainer_home.environment.python, Path(learning.data_root)
        return ProcessPlace(python, code, root, log, offline=True, use_gpu=False, module=INSPECT)

    found = []
    engine = DockerEngine()
    with closing(Database.open(tmp_path / "temper.db")) as database:
        for place, kept in ((in_container, "a"), (in_process, "b")):
            with closing(DataInspection(place, tmp_path / kept, lambda: code.sha256)) as inspection:
                views = inspection.mask(ROWS[0], "question_answer", learning)
                report = inspection.report(RowFile(rows, "x", "question_answer"), learning)
                found.append((views, report.tokens, report.trained_tokens, report.findings))
    engine.forget()
    assert found[0] == found[1]
    assert found[0][1] > found[0][2] > 0
    assert containers(docker_client) == []
