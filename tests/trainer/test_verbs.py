"""The verbs with the real services and the real trainer: again, longer, on top; and the record."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_PYTHON, TrainingConfig
from models.domain.config_io import with_values
from models.domain.run import Run, RunState
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.environment.installed_packages import installed_versions
from services.job_builder import JobBuilder
from services.offline import OfflinePolicy
from services.run_follower import run_folder
from services.run_history import RunHistory
from services.run_record import Surroundings, last_boot, site_packages
from services.run_records import RunRecords
from services.runners.process import ProcessRunner
from services.runs import RunService
from services.trainer_code import place_trainer_code
from trainer_image.contract import Job

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SMALL = {
    "dataset.session": "1", "dataset.eval_percent": 10.0, "hp.batch_size": 2, "hp.grad_accum": 1,
    "hp.max_seq_length": 128, "hp.learning_rate": 1e-2, "hp.packing": False, "hp.lora_r": 4,
    "hp.lora_dropout": 0.1, "local.runtime": RUNTIME_PYTHON, "local.use_gpu": False,
    "hp.seed": 11,
}  # fmt: skip


class World:
    """Services over a home of their own, with the trainer's real Python."""

    def __init__(self, home: Path, database: Database, python: Path, model: Path) -> None:
        rows = (
            json.dumps({"question": f"What is {n}?", "answer": f"It is {n}."}) for n in range(20)
        )
        (home / "rows.jsonl").write_text("\n".join(rows))
        library = DatasetLibrary(database, DatasetStore(home / "datasets"), home / "rows.jsonl")
        library.add_sample()
        self.runs = RunService(
            records=RunRecords(database),
            library=library,
            builder=JobBuilder(library, lambda: home / "data"),
            runners={RUNTIME_PYTHON: ProcessRunner(lambda: python)},
            code=lambda: place_trainer_code(ROOT / "trainer_image", home / "code"),
            offline=OfflinePolicy(),
        )
        here = Surroundings(lambda: installed_versions(site_packages(python)))
        self.history = RunHistory(database, self.runs, library, home / "lock", here)
        self.config = with_values(TrainingConfig(), {**SMALL, "hp.base_model": str(model)})

    def ended(self, run: Run) -> Run:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            run = self.runs.poll(run.id).run
            if run.state.is_over:
                log = run_folder(run).log.read_text()
                assert run.state is RunState.FINISHED, log
                return run
            time.sleep(0.05)
        raise AssertionError(f"still {run.state}")

    def job(self, run: Run) -> Job:
        return Job.model_validate_json(run_folder(run).job.read_bytes())

    def adapter(self, run: Run) -> bytes:
        return (Path(run.adapter_path) / "adapter_model.safetensors").read_bytes()


@pytest.fixture
def world(tmp_path: Path, trainer_python: str, tiny_model: Path) -> Iterator[World]:
    with closing(Database.open(tmp_path / "temper.db")) as database:
        yield World(tmp_path, database, Path(trainer_python), tiny_model)


def test_again_is_identical_longer_goes_on_and_a_new_adapter_lies_on_top(world: World) -> None:
    first = world.ended(world.runs.start(world.config, name="First"))

    plan = world.history.plan_again(first.id)
    assert plan.exact, plan.remarks
    again = world.ended(world.history.run_again(first.id))
    assert world.adapter(again) == world.adapter(first)
    assert world.history.same_result(first.id, again.id)
    boot = last_boot(first)
    assert boot is not None
    assert world.job(again).threads == boot.threads > 0
    facts = world.history.record_of(first.id)
    assert facts["seed"] == "11"
    assert facts["training code"] == first.trainer_sha256
    assert "torch" in facts["packages"]

    longer = world.ended(world.history.begin_onward(world.history.plan_longer(first.id, epochs=2)))
    assert longer.parent_run_id == first.id
    assert (longer.step, longer.total_steps) == (2 * first.step, 2 * first.step)
    progress = [event for event in world.runs.events(longer.id) if event.type == "progress"]
    steps = [event.number("step") for event in progress]
    assert steps == [*range(first.step + 1, longer.step + 1)]
    rates = [
        e.number("learning_rate") for e in world.runs.events(longer.id) if e.type == "progress"
    ]
    assert rates[0] > 0.3 * 1e-2, "the next step follows the longer schedule at once"

    changes = {"hp.lora_r": 2, "hp.lora_dropout": 0.0}
    top = world.ended(world.history.begin_onward(world.history.plan_on_top(first.id, changes)))
    assert top.parent_run_id == first.id
    assert world.job(top).on_top_of == "/data/outputs/local_run/adapter"
    config = json.loads((Path(top.adapter_path) / "adapter_config.json").read_bytes())
    assert config["r"] == 4 + 2
    assert world.runs.tuned_model(top).adapter == top.adapter_path
