"""The probe: the memory and the time of a run's longest step, known before the run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from app.cli import setup
from app.cli.main import app
from app.cli.state import services
from models.domain.config import RUNTIME_PYTHON, TrainingConfig
from models.domain.config_io import with_values
from services.config_files import write_config_file
from services.environment.runtime_env import RuntimeEnvironment
from tests.trainer.conftest import Lab, environment, sample_rows
from trainer_image.contract import ExitCode, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


def mixed_rows() -> bytes:
    """Many short rows, and eight that are as long as a row may be."""
    long = {"question": "Why?", "answer": "Because it is so. " * 200, "split": "train"}
    rows = [*sample_rows(24), *[long] * 8]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def files_of(root: Path) -> set[str]:
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {str(path) for path in found if path.parts[:2] != ("cache", "tokens")}


def test_it_takes_what_the_run_takes_and_leaves_nothing(lab: Lab) -> None:
    hp = {"batch_size": 4, "grad_accum": 4, "max_seq_length": 512, "packing": False, "epochs": 3.0}
    folder = lab.job(hp=hp, dataset=lab.dataset(mixed_rows()))
    before = files_of(lab.root)
    command = [lab.python, "-m", "trainer_image.train", "--job", str(folder / "job.json")]
    done = subprocess.run(
        [*command, "--probe"], capture_output=True, text=True, env=environment(lab.root)
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert files_of(lab.root) == before
    assert answer["type"] == "probe"
    assert answer["fits"]
    assert (answer["rows"], answer["longest"], answer["tokens"]) == (4, 512, 2048)
    assert answer["total_steps"] == 6
    assert 0 < answer["step_seconds"] < answer["at_most_seconds"]
    real = lab.train(folder)
    assert real.code == ExitCode.FINISHED, real.log
    result = Result.model_validate_json((folder / "result.json").read_bytes())
    assert answer["peak_memory_bytes"] == pytest.approx(result.peak_memory_bytes, rel=0.15)


def test_what_is_wrong_with_a_job_is_said_instead(light_lab: Lab) -> None:
    folder = light_lab.job(base_model="/data/models/nothing")
    command = [light_lab.python, "-m", "trainer_image.train", "--job", str(folder / "job.json")]
    done = subprocess.run(
        [*command, "--probe"], capture_output=True, text=True, env=environment(light_lab.root)
    )
    answer = json.loads(done.stdout)
    assert (answer["type"], answer["kind"]) == ("error", "not_found")
    assert "does not exist" in answer["message"]


@pytest.fixture
def home(
    tmp_path: Path, trainer_python: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A home of the program whose training environment is the real one."""
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path))
    monkeypatch.setattr(setup, "ensure_runtime", lambda _services: None)
    monkeypatch.setattr(RuntimeEnvironment, "python", property(lambda _self: Path(trainer_python)))
    services.cache_clear()
    rows = tmp_path / "rows.jsonl"
    rows.write_bytes(mixed_rows())
    services().datasets.import_file(rows, name="Rows")
    yield tmp_path
    services().close()
    services.cache_clear()


def setup_file(home: Path, tiny_model: Path, **changes: Any) -> str:
    values = {
        "dataset.session": "Rows", "hp.base_model": str(tiny_model), "hp.max_seq_length": 256,
        "local.runtime": RUNTIME_PYTHON, "local.use_gpu": False, **changes,
    }  # fmt: skip
    path = home / "setup.yaml"
    write_config_file(path, with_values(TrainingConfig(), values))
    return str(path)


def test_the_command_line_measures_and_the_estimate_learns_from_it(
    home: Path, tiny_model: Path
) -> None:
    taken = home / "data" / "outputs" / "local_run"
    taken.mkdir(parents=True)
    (taken / "mine.txt").write_text("not to be touched")
    path = setup_file(home, tiny_model)
    done = CliRunner().invoke(app, ["train", path, "--probe", "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["fits"]
    assert answer["device"] == "cpu"
    assert (answer["rows"], answer["longest"]) == (2, 256)
    assert [one.name for one in taken.iterdir()] == ["mine.txt"]
    assert not services().runs.list()
    assert not [one.name for one in (home / "data" / "cache").iterdir() if "probe" in one.name]
    assert services().peaks.factor(str(tiny_model), "cpu") != 1.0


def test_the_command_line_says_all_that_is_wrong_with_a_setup(home: Path, tiny_model: Path) -> None:
    path = setup_file(home, tiny_model, **{"hp.early_stopping": 2, "dataset.eval_percent": 0.0})
    done = CliRunner().invoke(app, ["train", path, "--probe"])
    assert done.exit_code == 2, done.output
    assert "early" in done.output.lower()
