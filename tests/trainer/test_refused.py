"""A job that cannot be done is refused at once, with everything that is wrong with it.

The program's own Python runs these: it has no torch, so a heavy import would fail the test.
"""

from __future__ import annotations

import json
import resource
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import ExitCode, RunState

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Finished, Lab

pytestmark = pytest.mark.slow
GOOD = b'{"question": "Q", "answer": "A", "split": "train"}\n'


def refused(lab: Lab, folder: Path) -> Finished:
    """Run a job that must be refused within a second of the processor's time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = lab.train(folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.code == ExitCode.REFUSED, done.log
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
    state = RunState.model_validate_json((folder / "state.json").read_bytes())
    assert (state.phase, state.exit_code) == ("failed", ExitCode.REFUSED)
    assert "Traceback" not in done.log
    assert done.failure.get("message") in done.log
    return done


@pytest.mark.parametrize(
    ("hp", "fields", "complaints"),
    [
        ({"learning_rate": "abc"}, {}, ["hp.learning_rate: "]),
        ({"epochs": 0, "batch_size": -1}, {}, ["hp.epochs: ", "hp.batch_size: "]),
        ({"surprise": 1}, {}, ["hp.surprise: "]),
        ({}, {"output_directory": "/home/me"}, ["'/home/me' must be a folder under /data"]),
        ({}, {"output_directory": "/data/../etc"}, ["must not contain '..'"]),
        ({"method": "DPO", "tuning": "full", "quantization": "4-bit"}, {}, ["DPO", "Quantised"]),
        ({"push_to_hub": True}, {}, ["uploaded offline", "hp.hub_repo: '' names no"]),
        ({"report_to": "wandb"}, {}, ["wandb is not installed"]),
        ({"precision": "bfloat16"}, {}, ["bfloat16 needs a GPU"]),
        ({"optimizer": "paged_adamw_8bit"}, {}, ["paged_adamw_8bit needs a GPU"]),
        ({}, {"base_model": "/data/models/nothing"}, ["models/nothing does not exist"]),
        ({"resume_from": "checkpoint-3"}, {}, ["checkpoint to resume from was not found"]),
        ({"resume_from": "/etc/passwd"}, {}, ["must be a folder under /data"]),
    ],
)
def test_settings(
    light_lab: Lab, hp: dict[str, Any], fields: dict[str, Any], complaints: list[str]
) -> None:
    done = refused(light_lab, light_lab.job(hp=hp, **fields))
    for complaint in complaints:
        assert complaint in done.failure.get("message")


def test_no_json(light_lab: Lab) -> None:
    folder = light_lab.job()
    (folder / "job.json").write_text("{nonsense")
    assert "Invalid JSON" in refused(light_lab, folder).failure.get("message")


def test_no_job(light_lab: Lab) -> None:
    folder = light_lab.job()
    (folder / "job.json").unlink()
    done = refused(light_lab, folder)
    assert done.failure.get("kind") == "bad_config"
    assert "cannot be read" in done.failure.get("message")


def test_no_folder(light_lab: Lab) -> None:
    command = [light_lab.python, "-m", "trainer_image.train", "--job", "/nowhere/job.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == ExitCode.REFUSED
    assert "folder cannot be written" in done.stderr


def test_model_folder_without_config(light_lab: Lab) -> None:
    (light_lab.root / "models" / "tiny" / "config.json").unlink()
    done = refused(light_lab, light_lab.job())
    assert "has no config.json" in done.failure.get("message")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "has no rows"),
        (b"\xff\xfe", "line 1: not UTF-8"),
        (GOOD * 36 + b'{"question": "Q", \n' + GOOD, "line 37: not valid JSON"),
        (GOOD + b'{"question": "Q"}\n', "line 2: no value for 'answer'"),
    ],
)
def test_dataset(light_lab: Lab, content: bytes, complaint: str) -> None:
    done = refused(light_lab, light_lab.job(dataset=light_lab.dataset(content)))
    assert done.failure.get("kind") == "bad_dataset"
    assert complaint in done.failure.get("message")
    assert not done.output.exists()


_PAIR = {"prompt": "Q", "chosen": "A", "rejected": "B"}
_MARKED = {"prompt": "Q", "completion": "A", "label": False}


@pytest.mark.parametrize(
    ("format_", "row", "method", "complaint"),
    [
        ("preference", _PAIR, "SFT", "pairs of a chosen and a rejected answer, which SFT cannot"),
        ("unpaired_preference", _MARKED, "DPO", "answers marked good or bad, which DPO cannot"),
        ("question_answer", None, "ORPO", "nothing to compare: ORPO learns from good and bad"),
        ("preference", _PAIR | {"rejected": "A"}, "DPO", "line 1: the chosen and the rejected"),
        ("unpaired_preference", _MARKED | {"label": 7}, "KTO", "line 1: 'label' is neither true"),
    ],
)
def test_rows_that_the_method_cannot_learn_from(
    light_lab: Lab, format_: str, row: dict[str, object] | None, method: str, complaint: str
) -> None:
    content = GOOD if row is None else json.dumps(row).encode()
    dataset = light_lab.dataset(content) | {"format": format_, "eval_split": ""}
    done = light_lab.train(light_lab.job(hp={"method": method}, dataset=dataset))
    assert done.code == ExitCode.REFUSED
    assert done.failure.get("kind") == "bad_dataset"
    assert complaint in done.failure.get("message")


@pytest.mark.parametrize(
    ("hp", "complaint"),
    [
        ({"batch_size": 1, "grad_accum": 1}, "two answers in a step"),
        ({"tuning": "full"}, "needs the untrained model"),
    ],
)
def test_what_kto_needs(light_lab: Lab, hp: dict[str, object], complaint: str) -> None:
    dataset = light_lab.dataset(json.dumps(_MARKED).encode())
    dataset |= {"format": "unpaired_preference", "eval_split": ""}
    done = light_lab.train(light_lab.job(hp={"method": "KTO"} | hp, dataset=dataset))
    assert done.code == ExitCode.REFUSED
    assert complaint in done.failure.get("message")


def test_dataset_missing(light_lab: Lab) -> None:
    dataset = light_lab.dataset() | {"path": "/data/datasets/none.jsonl"}
    done = refused(light_lab, light_lab.job(dataset=dataset))
    assert done.failure.get("kind") == "not_found"


def test_dataset_changed(light_lab: Lab) -> None:
    dataset = light_lab.dataset(GOOD)
    path = light_lab.root / dataset["path"].removeprefix("/data/")
    path.write_bytes(GOOD + GOOD)
    done = refused(light_lab, light_lab.job(dataset=dataset))
    assert "not the file that this job was made for" in done.failure.get("message")


def test_offline_hub_dataset(light_lab: Lab) -> None:
    dataset = {"hf_repo": "somebody/data"}
    done = refused(light_lab, light_lab.job(dataset=dataset))
    assert "cannot be fetched offline" in done.failure.get("message")


def test_early_stopping_without_rows_to_evaluate(light_lab: Lab) -> None:
    dataset = light_lab.dataset(GOOD) | {"eval_split": "", "eval_percent": 0}
    done = refused(light_lab, light_lab.job(hp={"early_stopping": 2}, dataset=dataset))
    assert "Early stopping needs rows" in done.failure.get("message")


def test_everything_at_once(light_lab: Lab) -> None:
    foreign = light_lab.root / "outputs" / "run"
    foreign.mkdir(parents=True)
    (foreign / "precious.txt").write_text("x")
    dataset = light_lab.dataset(b"[]\n")
    folder = light_lab.job(
        hp={"precision": "bfloat16"}, base_model="/data/models/nothing", dataset=dataset
    )
    message = refused(light_lab, folder).failure.get("message")
    for complaint in ("needs a GPU", "models/nothing", "line 1", "outputs/run is not empty"):
        assert complaint in message
    assert [path.name for path in foreign.iterdir()] == ["precious.txt"]


def test_seq_goes_on_after_a_refusal(light_lab: Lab) -> None:
    folder = light_lab.job(hp={"method": "KTO"})
    refused(light_lab, folder)
    done = refused(light_lab, folder)
    assert [event.seq for event in done.events] == list(range(len(done.events)))
    assert json.loads((folder / "state.json").read_text())["boot_count"] == 2
