"""What a trainer names as remedy when it fails, and what the program makes of it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.autopsy import autopsy
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.remedies import MemoryFacts, less_memory
from models.domain.run import Failure, Run, RunEvent, RunState
from services.job_builder import build_job
from trainer_image.contract import FailureKind, Job
from trainer_image.remedies import Situation, remedies_for

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = (FailureKind.CUDA_OOM, FailureKind.HOST_OOM)


def run_of(kind: str, settings: dict[str, object] | None = None) -> Run:
    """A run that ended with this failure."""
    values = {"dataset.source": "Hugging Face", "dataset.hf_repo": "a/b", **(settings or {})}
    return Run(
        id="run-1", name="evening", config=with_values(TrainingConfig(), values),
        state=RunState.FAILED, runtime="Python on this computer", data_root="/data-root",
        created_at=0.0, output_directory="/data-root/outputs/local_run",
        failure=Failure(kind, "What happened."), next_seq=9,
    )  # fmt: skip


def job_of(run: Run) -> Job:
    return build_job(run.config, None)


def failed(kind: str, remedies: object, message: str = "What happened.") -> RunEvent:
    return RunEvent(9, 9.0, "failed", {"kind": kind, "message": message, "remedies": remedies})


@pytest.mark.parametrize("kind", MEMORY)
@pytest.mark.parametrize("on_gpu", [True, False])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"hp.batch_size": 6, "hp.grad_accum": 5},
        {"hp.batch_size": 3, "hp.grad_accum": 1},
        {"hp.batch_size": 1, "hp.gradient_checkpointing": "off"},
        {"hp.batch_size": 1, "hp.gradient_checkpointing": "on", "hp.max_seq_length": 256},
    ],
)
def test_trainer_and_program_name_the_same_changes_for_memory(
    kind: FailureKind, on_gpu: bool, settings: dict[str, object]
) -> None:
    """The program's own are for trainers that were killed before they could say anything."""
    run = run_of(str(kind), settings)
    named = remedies_for(kind, Situation(job_of(run), on_gpu))
    ours = less_memory(run.config, on_gpu=on_gpu)
    assert [(one["label"], one["changes"], one["resumes"]) for one in named] == [
        (change.words, change.values, change.same) for change in ours
    ]
    assert [one["sentence"] for one in named] == [change.advice for change in ours]


def test_what_resumes_may_go_on_from_the_checkpoints_of_the_failed_job() -> None:
    """A change that keeps the training must keep the fingerprint, and no other may."""
    job = job_of(run_of("cuda_oom", {"hp.gradient_checkpointing": "off"}))
    named = remedies_for(FailureKind.CUDA_OOM, Situation(job, on_gpu=True))
    assert [one["resumes"] for one in named] == [True, True, False]
    for one in named:
        hp = {path.removeprefix("hp."): value for path, value in one["changes"].items()}
        changed = job.model_copy(update={"hp": job.hp.model_copy(update=hp)})
        assert changed.may_go_on_from(job.fingerprint()) is one["resumes"]


def test_a_lost_loss_goes_on_from_the_last_checkpoint_with_half_the_rate(tmp_path: Path) -> None:
    job = job_of(run_of("nan_loss")).model_copy(update={"output_directory": str(tmp_path)})
    (fresh,) = remedies_for(FailureKind.NAN_LOSS, Situation(job))
    assert fresh["changes"] == {"hp.learning_rate": 1e-4}
    assert not fresh["resumes"]
    for step in (20, 40, 60):
        (tmp_path / "checkpoints" / f"checkpoint-{step}").mkdir(parents=True)
    for sealed in (20, 40):  # the newest was not finished
        (tmp_path / "checkpoints" / f"checkpoint-{sealed}" / "temper-checkpoint.json").touch()
    (named,) = remedies_for(FailureKind.NAN_LOSS, Situation(job))
    assert named["changes"] == {"hp.learning_rate": 1e-4, "hp.resume_from": "checkpoint-40"}
    assert named["resumes"]
    run = run_of("nan_loss")
    made = autopsy(run, [RunEvent(1, 1.0, "checkpoint", {"step": 40}), failed("nan_loss", [named])])
    assert made is not None
    (remedy,) = made.remedies
    assert remedy.label == "Halve the learning rate and resume"
    assert remedy.values == named["changes"]
    assert remedy.on_existing == "resume"
    assert remedy.note == "The training goes on from step 40 with 0.0001"


@pytest.mark.parametrize("kind", [k for k in FailureKind if k not in {*MEMORY, "nan_loss"}])
def test_where_no_setting_is_at_fault_none_is_named(kind: FailureKind) -> None:
    assert remedies_for(kind, Situation(job_of(run_of(str(kind))))) == []
    assert remedies_for(kind, None) == []


def test_the_trainers_remedy_is_shown_before_ours() -> None:
    told = {
        "label": "Use batch size 1", "changes": {"hp.batch_size": 1, "hp.grad_accum": 8},
        "sentence": "The trainer knows.", "resumes": True,
    }  # fmt: skip
    made = autopsy(run_of("cuda_oom"), [failed("cuda_oom", [told])], memory=MemoryFacts())
    assert made is not None
    assert [one.values for one in made.remedies] == [told["changes"]]
    assert made.advice == "The trainer knows."


@pytest.mark.parametrize(
    "named",
    [
        None,
        "Use batch size 1",
        [7, {"label": "x"}, {"label": "", "changes": {}}],
        [{"label": "x", "changes": {"hp.unheard_of": 1}}],
        [{"label": "x", "changes": {"hp.batch_size": "one"}}],
        [{"label": "x", "changes": {"hp.batch_size": True}}],
        [{"label": "x", "changes": {"hp.packing": 1}}],
    ],
)
def test_what_cannot_be_applied_is_left_out(named: Any) -> None:
    made = autopsy(run_of("cuda_oom"), [failed("cuda_oom", named)])
    ours = autopsy(run_of("cuda_oom"), [RunEvent(9, 9.0, "failed", {})])
    assert made is not None
    assert ours is not None
    assert asdict(made) == asdict(ours)


def test_a_failure_of_an_earlier_boot_is_not_the_one_to_cure() -> None:
    told = {"label": "x", "changes": {"hp.batch_size": 1}, "sentence": "", "resumes": True}
    later = replace(run_of("killed"), failure=Failure("killed", "Somebody did it."))
    made = autopsy(later, [failed("cuda_oom", [told])])
    assert made is not None
    assert "x" not in [one.label for one in made.remedies]
