"""Whose an output directory is, and which checkpoint a run goes on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from trainer_image import checkpoints
from trainer_image.checkpoints import MANIFEST, Manifest
from trainer_image.contract import DATA_ROOT_VARIABLE, Job
from trainer_image.failures import RefusedError
from trainer_image.output import OutputFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path))
    return tmp_path


def job(hp: dict[str, Any] | None = None, **fields: Any) -> Job:
    values: dict[str, Any] = {
        "run_id": "run",
        "base_model": "/data/models/m",
        "dataset": {"path": "/data/d.jsonl", "format": "text"},
        "output_directory": "/data/outputs/run",
        "hp": hp or {},
    }
    return Job.model_validate(values | fields)


def begun(job_: Job, *steps: int) -> OutputFolder:
    """An output directory where ``job_`` was interrupted after saving at ``steps``."""
    output = OutputFolder(job_, "sha")
    output.begin(output.plan())
    for step in steps:
        checkpoint(output.checkpoints, step, job_)
    return output


def checkpoint(folder: Path, step: int, job_: Job) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "adapter_model.safetensors").write_bytes(b"weights %d" % step)
    manifest = Manifest(
        step=step,
        fingerprint=job_.fingerprint(),
        base_model=job_.base_model,
        dataset_sha256="sha",
    )
    checkpoints.seal(path, manifest)
    return path


def test_empty_directory_starts_anew() -> None:
    assert OutputFolder(job(), "sha").plan().checkpoint is None


@pytest.mark.spec("**Auto‑resume / Resume from** – continue from latest or a specific checkpoint.")
def test_unfinished_run_resumes_at_the_newest() -> None:
    output = begun(job(), 9, 10)
    start = OutputFolder(job(run_id="again"), "sha").plan()
    assert start.checkpoint == output.checkpoints / "checkpoint-10"
    assert start.manifest is not None
    assert start.manifest.step == 10


def test_it_resumes_with_a_smaller_batch_of_the_same_effective_size_too() -> None:
    output = begun(job({"batch_size": 4, "grad_accum": 2}), 10)
    smaller = job({"batch_size": 1, "grad_accum": 8}, run_id="again")
    assert OutputFolder(smaller, "sha").plan().checkpoint == output.checkpoints / "checkpoint-10"
    other = job({"batch_size": 1, "grad_accum": 2}, run_id="again")
    with pytest.raises(RefusedError, match="not empty"):
        OutputFolder(other, "sha").plan()


@pytest.mark.parametrize("harm", ["truncate", "change", "remove", "manifest"])
def test_damaged_checkpoint_is_passed_over(harm: str) -> None:
    output = begun(job(), 5, 10)
    weights = output.checkpoints / "checkpoint-10" / "adapter_model.safetensors"
    match harm:
        case "truncate":
            weights.write_bytes(weights.read_bytes()[:-1])
        case "change":
            weights.write_bytes(b"Weights 10")
        case "remove":
            weights.unlink()
        case "manifest":
            weights.with_name(MANIFEST).write_text("{")
    start = output.plan()
    assert start.checkpoint == output.checkpoints / "checkpoint-5"
    assert start.damaged == ("checkpoint-10",)
    output.begin(start)
    assert not weights.parent.exists()


def test_other_data_under_the_same_name_is_another_job() -> None:
    begun(job(), 5)
    assert OutputFolder(job(), "other sha").plan().checkpoint is None


def test_checkpoints_of_other_data_are_kept_aside() -> None:
    """A job whose file has other rows now begins anew, and costs nobody the earlier training."""
    output = begun(job(), 5, 10)
    other = OutputFolder(job(), "other sha")
    other.begin(other.plan())
    assert not list(output.checkpoints.iterdir())
    aside = output.path / "checkpoints-of-other-data" / "sha"
    assert {path.name for path in aside.iterdir()} == {"checkpoint-5", "checkpoint-10"}
    assert checkpoints.manifest_of(aside / "checkpoint-10") is not None
    again = OutputFolder(job(), "sha")
    assert again.plan().checkpoint is None, "they are not taken up unasked"
    named = job({"resume_from": f"/data/outputs/run/{aside.parent.name}/sha/checkpoint-10"})
    start = OutputFolder(named, "sha").begin(OutputFolder(named, "sha").plan())
    assert start.manifest is not None
    assert start.manifest.step == 10


@pytest.mark.parametrize("on_existing", ["refuse", "resume"])
def test_foreign_directory_is_refused(on_existing: str, data_root: Path) -> None:
    (data_root / "outputs" / "run").mkdir(parents=True)
    (data_root / "outputs" / "run" / "precious.txt").write_text("x")
    with pytest.raises(RefusedError, match="not empty"):
        OutputFolder(job(on_existing=on_existing), "sha").plan()


def test_finished_run_is_never_resumed() -> None:
    begun(job(), 5).mark(finished=True)
    with pytest.raises(RefusedError, match="not empty"):
        OutputFolder(job(on_existing="resume", run_id="another"), "sha").plan()


def test_a_run_that_was_killed_before_it_could_say_that_it_has_finished_ends_anew() -> None:
    output = begun(job(), 5)
    output.mark(finished=True)
    assert OutputFolder(job(), "sha").plan().checkpoint == output.checkpoints / "checkpoint-5"


def test_other_settings_are_not_resumed() -> None:
    begun(job(), 5)
    with pytest.raises(RefusedError, match="not empty"):
        OutputFolder(job({"learning_rate": 0.5}), "sha").plan()


@pytest.mark.setting("auto_resume")
def test_auto_resume_off_asks() -> None:
    begun(job(), 5)
    with pytest.raises(RefusedError, match="not empty"):
        OutputFolder(job({"auto_resume": False}), "sha").plan()
    asked = job({"auto_resume": False}, on_existing="resume")
    assert OutputFolder(asked, "sha").plan().checkpoint is not None


def test_overwriting_removes_only_what_a_run_makes(data_root: Path) -> None:
    begun(job(), 5)
    mine = data_root / "outputs" / "run" / "notes.txt"
    mine.write_text("mine")
    output = OutputFolder(job({"seed": 1}, on_existing="overwrite"), "sha")
    output.begin(output.plan())
    assert mine.exists()
    assert not list(output.checkpoints.iterdir())


@pytest.mark.spec("**Auto‑resume / Resume from** – continue from latest or a specific checkpoint.")
def test_named_checkpoint(data_root: Path) -> None:
    output = begun(job(), 5, 10)
    named = OutputFolder(job({"resume_from": "checkpoint-5"}), "sha").plan()
    assert named.checkpoint == output.checkpoints / "checkpoint-5"
    elsewhere = job(
        {"resume_from": "/data/outputs/run/checkpoints/checkpoint-10", "epochs": 3.0},
        output_directory="/data/outputs/longer",
    )
    longer = OutputFolder(elsewhere, "sha").plan()
    assert longer.other_job
    assert longer.checkpoint == output.checkpoints / "checkpoint-10"


def test_named_checkpoint_missing_or_damaged() -> None:
    output = begun(job(), 5)
    with pytest.raises(RefusedError, match="not found") as missing:
        OutputFolder(job({"resume_from": "checkpoint-7"}), "sha").plan()
    assert missing.value.kind == "not_found"
    (output.checkpoints / "checkpoint-5" / MANIFEST).unlink()
    with pytest.raises(RefusedError, match="damaged") as damaged:
        OutputFolder(job({"resume_from": "checkpoint-5"}), "sha").plan()
    assert damaged.value.kind == "checkpoint_corrupt"


def test_named_checkpoint_of_another_model() -> None:
    begun(job(), 5)
    with pytest.raises(RefusedError, match="another base model"):
        OutputFolder(
            job({"resume_from": "checkpoint-5"}, base_model="/data/models/n"), "sha"
        ).plan()


def test_run_that_failed_before_its_first_checkpoint_leaves_no_trace() -> None:
    begun(job())
    assert OutputFolder(job({"seed": 2}), "sha").plan().checkpoint is None


def test_rotation_keeps_the_newest_and_the_best(data_root: Path) -> None:
    output = begun(job(), 2, 4, 6, 8)
    checkpoints.rotate(output.checkpoints, keep=2, best_step=4)
    names = [path.name for path in checkpoints.newest_first(output.checkpoints)]
    assert names == ["checkpoint-8", "checkpoint-6", "checkpoint-4"]
