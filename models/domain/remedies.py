"""What may cure a failed run: the smallest changes first, each as what a button does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_DOCKER, RUNTIME_PYTHON, RUNTIME_RUNPOD
from models.domain.config_io import with_values
from models.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.config import TrainingConfig
    from models.domain.hyperparameters import HyperparameterSection
    from models.domain.run import Run
    from models.domain.told_remedies import ToldRemedy

_TOO_LARGE = frozenset({"cuda_oom", "host_oom"})
OUT_OF_MEMORY = _TOO_LARGE | {"killed"}
_SAME_AGAIN = frozenset({"bad_dataset", "bad_config", "folder_gone"})
"""Failures that a resumed run would end with at once: the job itself is at fault, or gone."""
_SHORTEST = 512
"""Half of less is too short for most conversations."""
_GIGABYTE = 1024**3
_MOST_OF_TOTAL = 0.9
"""The system itself needs some of the computer's memory."""
_LIMIT_STEP = 1.5
_MOST = 3
"""Buttons; more would be a form."""
_SAME = frozenset({"hp.batch_size", "hp.grad_accum", "hp.gradient_checkpointing"})
"""Changes of these learn the same up to rounding."""


class RemedyAction(StrEnum):
    """What a remedy's button does."""

    START = "start"
    """The run's setup with ``values`` changed is started, with ``on_existing`` as the answer."""
    RESUME = "resume"
    """The same run goes on."""
    APPLY = "apply"
    """``values`` go into the form."""
    SETUP = "setup"
    """The run's setup goes into the form, to be changed there."""
    ENVIRONMENT = "environment"
    """The training environment is set up, and the run goes on from where it failed."""
    SETTINGS = "settings"
    DOCTOR = "doctor"
    IMAGES = "images"
    DATASETS = "datasets"


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """Bytes, 0 where unknown: the most that was seen in use; what was allowed and what there is
    of main memory; what there is on the GPU. With a GPU the peak is the GPU's.
    """

    peak: int = 0
    limit: int = 0
    total: int = 0
    gpu: int = 0

    @property
    def on_gpu(self) -> bool:
        """Whether it is the GPU's memory that counts."""
        return self.gpu > 0


@dataclass(frozen=True, slots=True)
class Remedy:
    """A button: its label, what it does, and in ``note`` what that means for the user."""

    label: str
    action: RemedyAction = RemedyAction.RESUME
    values: dict[str, object] = field(default_factory=dict)
    on_existing: str = "refuse"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Other values for the next try. ``same``: it learns the same, so checkpoints stay good."""

    words: str
    values: dict[str, object]
    advice: str
    same: bool


def can_resume(run: Run) -> bool:
    """Whether going on with this run could end otherwise than before."""
    if not run.state.is_over or run.state is RunState.FINISHED:
        return False
    return run.failure is None or run.failure.kind not in _SAME_AGAIN


def resumes_beside(run: Run, remedies: Sequence[Remedy]) -> bool:
    """Whether going on with nothing changed deserves a button beside these.

    Not where one of them does the same, nor beside a change that spares memory: without it the
    memory would run out again.
    """
    actions = {remedy.action for remedy in remedies}
    if not can_resume(run) or RemedyAction.RESUME in actions:
        return False
    was_too_large = run.failure is not None and run.failure.kind in _TOO_LARGE
    return not (was_too_large and RemedyAction.START in actions)


def setup_of(run: Run) -> TrainingConfig:
    """The setup of a run with the output directory that it really has: where its checkpoints lie.

    It is another than in its configuration where that one was occupied when the run was made.
    """
    try:
        place = Path(run.output_directory).relative_to(run.data_root).as_posix()
    except ValueError:
        return run.config
    return with_values(run.config, {"output.directory": f"/data/{place}"})


def less_memory(config: TrainingConfig, *, on_gpu: bool = True) -> tuple[Change, ...]:
    """What takes less memory, the least noticed first: a smaller batch at the same effective
    batch, then computing activations twice, then shorter sequences."""
    hp = config.hp
    found = (_smaller_batch(hp), _checkpointing(hp, on_gpu=on_gpu), _shorter(hp))
    return tuple(change for change in found if change is not None)


def remedies_for(
    run: Run,
    kind: str,
    checkpoint: int | None = None,
    memory: MemoryFacts | None = None,
    told: Sequence[ToldRemedy] = (),
) -> tuple[Remedy, ...]:
    """Buttons for an ended run, the best first; none where only the user can know.

    ``checkpoint`` is the step of the newest one, 0 where there is none, None where nobody knows.
    What the trainer ``told`` goes before what this program would advise.
    """
    known = memory or MemoryFacts()
    if kind in OUT_OF_MEMORY:
        return _for_memory(run, kind, checkpoint, known, told)
    if told:
        return tuple(_as_told(one, checkpoint) for one in told[:_MOST])
    make = _BY_KIND.get(kind) or _by_family(kind)
    return make(run, checkpoint)


def resume(checkpoint: int | None) -> Remedy:
    """The button that goes on with the run."""
    if checkpoint == 0:
        note = "The run has saved no checkpoint of its own yet"
        return Remedy("Start again", RemedyAction.RESUME, note=note)
    place = f"step {checkpoint:,}" if checkpoint else "its last checkpoint"
    label = f"Resume from step {checkpoint:,}" if checkpoint else "Resume"
    return Remedy(label, RemedyAction.RESUME, note=f"The run goes on from {place}")


def with_change(change: Change, checkpoint: int | None) -> Remedy:
    """The button that makes a change and trains at once, from the checkpoint where it is good."""
    if change.same and checkpoint != 0:
        place = f"step {checkpoint:,}" if checkpoint else "the last checkpoint"
        note = f"It learns the same, so the training goes on from {place}"
        label = f"{change.words} and resume"
        return Remedy(label, RemedyAction.START, change.values, "resume", note)
    kept = bool(checkpoint) or checkpoint is None
    note = "The training begins anew"
    if kept and not change.same:
        note += ", in a new output folder: what was saved stays"
    answer = "resume" if change.same else "new"
    return Remedy(
        f"{change.words} and start again", RemedyAction.START, change.values, answer, note
    )


def _smaller_batch(hp: HyperparameterSection) -> Change | None:
    effective = hp.batch_size * hp.grad_accum
    smaller = next((n for n in range(hp.batch_size // 2, 0, -1) if effective % n == 0), 0)
    if not smaller:
        return None
    advice = (
        f"Batch size {smaller} with accumulation {effective // smaller} needs less memory and "
        f"learns the same: the effective batch stays {effective}."
    )
    values: dict[str, object] = {
        "hp.batch_size": smaller,
        "hp.grad_accum": effective // smaller,
    }
    return Change(f"Use batch size {smaller}", values, advice, same=True)


def _checkpointing(hp: HyperparameterSection, *, on_gpu: bool) -> Change | None:
    choice = hp.gradient_checkpointing
    # As the trainer settles it: "auto" is on where there is a GPU.
    if choice == "on" or (choice == "auto" and on_gpu):
        return None
    advice = "Gradient checkpointing needs less memory and learns the same, in more time."
    values: dict[str, object] = {"hp.gradient_checkpointing": "on"}
    return Change("Use gradient checkpointing", values, advice, same=True)


def _shorter(hp: HyperparameterSection) -> Change | None:
    length = hp.max_seq_length
    if length < _SHORTEST:
        return None
    advice = f"A sequence length of {length // 2:,} needs less memory; longer rows lose their end."
    values: dict[str, object] = {"hp.max_seq_length": length // 2}
    return Change(f"Use sequence length {length // 2:,}", values, advice, same=False)


def higher_limit(memory: MemoryFacts) -> int:
    """The limit of the container's memory to try next in whole GB; 0 where there is no more."""
    most = int(memory.total * _MOST_OF_TOTAL // _GIGABYTE)
    now = memory.limit / _GIGABYTE
    wanted = max(int(now) + 1, round(now * _LIMIT_STEP))
    limit = min(wanted, most) if most else wanted
    return limit if memory.limit and limit > now else 0


def _as_told(told: ToldRemedy, checkpoint: int | None) -> Remedy:
    """The trainer's remedy as a button."""
    change = Change(told.label, told.values, told.sentence, same=told.resumes)
    made = with_change(change, checkpoint)
    return made if told.values.keys() <= _SAME else replace(made, note=told.sentence.rstrip("."))


def _for_memory(
    run: Run,
    kind: str,
    checkpoint: int | None,
    memory: MemoryFacts,
    told: Sequence[ToldRemedy],
) -> tuple[Remedy, ...]:
    found: list[Remedy] = []
    if kind == "host_oom" and (limit := higher_limit(memory)):
        values: dict[str, object] = {"local.memory_limit": float(limit)}
        change = Change(f"Allow {limit} GB", values, "", same=True)
        found.append(with_change(change, checkpoint))
    on_gpu = kind == "cuda_oom" or (memory.on_gpu and run.config.local.use_gpu)
    if told:
        found += [_as_told(one, checkpoint) for one in told[:2]]
    else:  # it was killed before it could say anything
        changes = less_memory(run.config, on_gpu=on_gpu)[:2]
        found += [with_change(change, checkpoint) for change in changes]
    if kind == "killed":  # it may have been somebody's doing, and no fault of the setup
        found.insert(0, resume(checkpoint))
    return tuple(found[:_MOST])


def _go_on(_run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    return (resume(checkpoint),)


def _look_and_go_on(run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    if run.runtime == RUNTIME_RUNPOD:  # this computer has no part in it
        return (resume(checkpoint),)
    return (resume(checkpoint), _DOCTOR)


def _slower(run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    values: dict[str, object] = {"hp.learning_rate": run.config.hp.learning_rate / 2}
    change = Change("Halve the learning rate", values, "", same=False)
    return (with_change(change, checkpoint),)


def _change_setup(_run: Run, _checkpoint: int | None) -> tuple[Remedy, ...]:
    return (_SETUP,)


def _correct_rows(_run: Run, _checkpoint: int | None) -> tuple[Remedy, ...]:
    return (Remedy("Open the datasets", RemedyAction.DATASETS), _SETUP)


def _let_in(run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    if run.config.local.pass_hf_token or run.runtime == RUNTIME_RUNPOD:  # a pod has it if it is set
        return (_SETTINGS, resume(checkpoint))
    values: dict[str, object] = {"local.pass_hf_token": True}
    change = Change("Pass the token", values, "", same=True)
    return (with_change(change, checkpoint), _SETTINGS)


def _not_named(run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    """Something that was named is not there; without a named checkpoint the newest is taken."""
    if not run.config.hp.resume_from:
        return (_SETUP, resume(checkpoint))
    change = Change("Take the newest checkpoint", {"hp.resume_from": ""}, "", same=True)
    return (with_change(change, None), _SETUP)


def _free_name(_run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    change = Change("Use a free name", {"local.container_name": ""}, "", same=True)
    return (with_change(change, checkpoint), _SETUP)


def _without_docker(run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    if run.config.local.runtime != RUNTIME_DOCKER:
        return _look_and_go_on(run, checkpoint)
    change = Change("Use Python on this computer", {"local.runtime": RUNTIME_PYTHON}, "", same=True)
    return (_DOCTOR, with_change(change, checkpoint), resume(checkpoint))


def _other_image(_run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    return (Remedy("Get the image…", RemedyAction.IMAGES), resume(checkpoint))


def _without_gpu(_run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    note = "The form is changed; a processor suits small models only"
    values: dict[str, object] = {"local.use_gpu": False}
    slow = Remedy("Do not use the GPU", RemedyAction.APPLY, values, note=note)
    return (_DOCTOR, resume(checkpoint), slow)


def _anew(_run: Run, _checkpoint: int | None) -> tuple[Remedy, ...]:
    note = "It goes on from the checkpoint in the output folder, if there is one"
    return (Remedy("Start a new run", RemedyAction.START, {}, "resume", note),)


def _other_place(_run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    return (_SETUP, _DOCTOR, resume(checkpoint))


def _by_family(kind: str) -> Callable[[Run, int | None], tuple[Remedy, ...]]:
    """What helps against kinds that have their own sentence, and their remedies in common."""
    if kind.startswith("docker"):
        return _without_docker
    return _other_image if kind.startswith("image") else _go_on


def _set_up(_run: Run, _checkpoint: int | None) -> tuple[Remedy, ...]:
    return (Remedy("Set up and start", RemedyAction.ENVIRONMENT), _DOCTOR)


def _set_token(_run: Run, checkpoint: int | None) -> tuple[Remedy, ...]:
    return (_SETTINGS, resume(checkpoint))


_DOCTOR = Remedy("Check this computer", RemedyAction.DOCTOR, note="Every prerequisite, one by one")
_SETTINGS = Remedy("Open Settings", RemedyAction.SETTINGS, note="Tokens and keys are kept there")
_SETUP = Remedy("Change the setup", RemedyAction.SETUP, note="The run's setup goes into the form")
_BY_KIND: dict[str, Callable[[Run, int | None], tuple[Remedy, ...]]] = {
    "auth": _let_in,
    "bad_config": _change_setup,
    "bad_dataset": _correct_rows,
    "checkpoint_corrupt": _not_named,
    "not_found": _not_named,
    "nan_loss": _slower,
    "network": _look_and_go_on,
    "driver": _look_and_go_on,
    "disk_full": _look_and_go_on,
    "name_taken": _free_name,
    "image_missing": _other_image,
    "bad_name": _free_name,
    "bad_image": _other_image,
    "docker_no_gpu": _without_gpu,
    "folder_gone": _anew,
    "gpu_unavailable": _without_gpu,
    "not_shared": _other_place,
    "runtime_missing": _set_up,
    "no_token": _set_token,
}
