"""Everything that can be wrong with a job, found at once and before anything heavy is imported."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from trainer_image import stacked, world
from trainer_image.contract import FailureKind, Hyperparameters, Job
from trainer_image.encoding import has_kept
from trainer_image.failures import RefusedError
from trainer_image.output import OutputFolder, Start
from trainer_image.record import commit_of
from trainer_image.row_formats import fitting, misfit
from trainer_image.rows import DatasetError, check_file, file_sha256
from trainer_image.run_folder import is_local, resolve
from trainer_image.sharded import OPTIMIZERS, is_sharded
from trainer_image.whole_model import quantised_base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class CheckedJob:
    """A job that can be started, and where it starts."""

    job: Job
    output: OutputFolder
    start: Start
    dataset_sha256: str

    @property
    def base_revision(self) -> str | None:
        """The commit of a Hub model that the run was trained on so far; it goes on with that one,
        whatever its owner has changed since."""
        before = self.start.manifest.base_sha256 if self.start.manifest else ""
        return commit_of(self.job.base_model, before)


def read_job(path: Path) -> Job:
    """Read ``job.json``; RefusedError with every field that is wrong."""
    try:
        return Job.model_validate_json(path.read_bytes())
    except OSError as error:
        reason = error.strerror
        raise RefusedError(FailureKind.BAD_CONFIG, f"{path} cannot be read: {reason}.") from error
    except ValidationError as error:
        raise RefusedError(FailureKind.BAD_CONFIG, sentences(error)) from error


def sentences(error: ValidationError) -> str:
    """Each field that is wrong, a line each."""
    problems = [
        f"{'.'.join(map(str, item['loc'])) or 'job'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]
    return "\n".join(problems)


def check(job: Job) -> CheckedJob:
    """All problems in one RefusedError, of the kind of the first."""
    sha256 = dataset_sha256(job)
    output = OutputFolder(job, sha256)
    below = stacked.problems(job)
    problems = [*_settings(job), *_base_model(job), *below, *_dataset(job, sha256)]
    try:
        start = output.plan()
    except (RefusedError, ValueError) as error:
        problems.append(error if isinstance(error, RefusedError) else _bad(str(error)))
    if not problems:
        return CheckedJob(job, output, start, sha256)
    first = problems[0]
    raise RefusedError(first.kind, "\n".join(map(str, problems)), first.hint) from first


def _settings(job: Job) -> Iterator[RefusedError]:
    hp = job.hp
    if hp.method == "KTO":
        yield from _kto(job)
    if hp.tuning == "full" and hp.quantization in ("4-bit", "8-bit"):
        yield _bad("Quantised weights do not learn in a full fine-tune.", "Use none, or LoRA.")
    if hp.push_to_hub and job.offline:
        yield _bad("Nothing can be uploaded offline.", "Switch Push to Hub off.")
    if hp.push_to_hub and hp.hub_repo.count("/") != 1:
        yield _bad(f"hp.hub_repo: {hp.hub_repo!r} names no repository.", "Use user/name.")
    if hp.report_to == "wandb" and importlib.util.find_spec("wandb") is None:
        yield _bad(
            "wandb is not installed beside the trainer.",
            "Report to tensorboard or none, or install it: "
            f"uv pip install --python {sys.executable} wandb",
        )
    if hp.early_stopping is not None and not _holds_out(job):
        yield _bad("Early stopping needs rows to evaluate on.", "Hold out some percent of rows.")
    if not job.use_gpu:
        yield from gpu_problems(hp)
    yield from _cluster(job)
    if is_sharded(job) and hp.optimizer not in OPTIMIZERS:
        yield _bad(
            f"The optimizer {hp.optimizer} cannot be divided between GPUs, as a full fine-tune is.",
            f"Choose one of {', '.join(OPTIMIZERS)}.",
        )


def _kto(job: Job) -> Iterator[RefusedError]:
    """KTO compares the answers of a step with each other, and each with the untrained model."""
    hp = job.hp
    if job.effective_batch < 2:
        yield _bad("KTO needs two answers in a step.", "Raise the batch size or the accumulation.")
    if hp.tuning == "full":
        yield _bad(
            "KTO needs the untrained model beside the trained one, which a full fine-tune lacks.",
            "Choose LoRA, or DPO with pairs.",
        )


def _cluster(job: Job) -> Iterator[RefusedError]:
    """Whether the machines that the environment tells of are those that the job is for."""
    cluster = world.cluster()
    if cluster.machines != job.machines:
        yield _bad(
            f"The job is for {job.machines} machines, and the cluster has {cluster.machines}.",
            "Start a job for as many machines as there are, or on one of them alone.",
        )
    elif cluster.machines > 1 and not cluster.address:
        yield _bad(
            "The cluster does not say where its machines meet.",
            "Set MASTER_ADDR to the address of the first one.",
        )


def gpu_problems(hp: Hyperparameters) -> Iterator[RefusedError]:
    """Settings that need a GPU, for a run without one."""
    if hp.precision not in ("auto", "float32"):
        yield _bad(f"The precision {hp.precision} needs a GPU.", "Choose auto or float32.")
    if hp.optimizer.startswith("paged"):
        yield _bad(f"The optimizer {hp.optimizer} needs a GPU.", "Choose auto or adamw_8bit.")


def _holds_out(job: Job) -> bool:
    return bool(job.dataset.eval_split) or job.dataset.eval_percent > 0


def _base_model(job: Job) -> Iterator[RefusedError]:
    if not is_local(job.base_model):
        return
    folder = resolve(job.base_model)
    if not folder.is_dir():
        yield RefusedError(FailureKind.NOT_FOUND, f"The model folder {folder} does not exist.")
    elif not (folder / "config.json").is_file():
        yield _bad(
            f"The model folder {folder} has no config.json.",
            "Choose the folder that holds config.json and the weights.",
        )
    elif (
        job.hp.tuning == "full" and b"quantization_config" in (folder / "config.json").read_bytes()
    ):
        yield quantised_base(job.base_model)


def dataset_sha256(job: Job) -> str:
    """The SHA-256 of a dataset file as it is; a Hub dataset is known by its names."""
    spec = job.dataset
    if spec.hf_repo:
        return f"{spec.hf_repo}/{spec.hf_config}/{spec.hf_split}"
    path = resolve(spec.path)
    return file_sha256(path) if path.is_file() else ""


def _dataset(job: Job, sha256: str) -> Iterator[RefusedError]:
    spec, method = job.dataset, job.hp.method
    if spec.format is None or spec.hf_repo:
        if job.offline:
            yield _bad(
                f"The dataset {spec.hf_repo} cannot be fetched offline.",
                "Import it first, or leave the offline mode.",
            )
        return
    path = resolve(spec.path)
    if not path.is_file():
        yield RefusedError(FailureKind.NOT_FOUND, f"The dataset file {path} does not exist.")
        return
    wrong = misfit(spec.format, method)
    if wrong:
        yield RefusedError(FailureKind.BAD_DATASET, f"The dataset {wrong}", fitting(spec.format))
        return
    problems = [] if has_kept(job, sha256) else check_file(path, spec.format)
    if spec.sha256 and spec.sha256 != sha256:
        problems.insert(0, f"{path.name} is not the file that this job was made for.")
    if problems:
        yield DatasetError(problems)


def _bad(message: str, hint: str = "") -> RefusedError:
    return RefusedError(FailureKind.BAD_CONFIG, message, hint)
