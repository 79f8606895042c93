"""What the desktop program and the trainer agree on: job, events, state, result, exit codes.
(What the rows may look like: ``row_formats.py``.)

No torch here: a bad job is refused in milliseconds, and the desktop program may import this module.
Files of a run (docs/architecture.md): ``job.json events.jsonl state.json train.log result.json
samples.jsonl split.json`` under ``<data root>/runs/<run id>/``. ``/data`` in a path of a job stands
for the data root: the container's mount, or ``TEMPER_DATA_ROOT`` without a container.
"""

from __future__ import annotations

import hashlib
import json
from enum import IntEnum, StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from trainer_image.row_formats import DatasetFormat  # noqa: TC001 - pydantic reads the annotation

DATA_ROOT_VARIABLE = "TEMPER_DATA_ROOT"
CONTAINER_DATA_ROOT = "/data"
STOP_REQUEST_FILE = "stop.request"
"""In the run's folder: asks for a stop where signals cannot (Windows)."""


OUTPUT_MARKER_FILE = "temper-output.json"
TOKENS_FOLDER = "cache/tokens"
"""Under the data root: rows that were turned into tokens, in files that begin with the SHA-256 of
the rows and a hyphen. They may be removed at any time."""
RECORD_FILE = "record.json"
"""In the run's folder: what each boot was computed with (:class:`Record`)."""

_INDIFFERENT = (
    "auto_resume", "resume_from", "push_to_hub", "hub_repo", "hub_private", "hub_content",
    "save_steps", "save_total_limit", "logging_steps", "report_to",
)  # fmt: skip

_LATER = {"train_on": "every answer", "beta": 0.1}
"""Settings that came later, with what was done before: there the fingerprint is the older one."""

_LARGEST_BATCH = 4096


class ExitCode(IntEnum):
    """Exit codes of ``trainer_image.train``."""

    FINISHED = 0
    FAILED = 1
    REFUSED = 2
    CUDA_OOM = 3
    CANCELLED = 130


class FailureKind(StrEnum):
    """Why a run failed; the program chooses the remedy by it."""

    CUDA_OOM = "cuda_oom"
    HOST_OOM = "host_oom"
    DISK_FULL = "disk_full"
    BAD_DATASET = "bad_dataset"
    BAD_CONFIG = "bad_config"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    NETWORK = "network"
    DRIVER = "driver"
    NAN_LOSS = "nan_loss"
    CHECKPOINT_CORRUPT = "checkpoint_corrupt"
    CANCELLED = "cancelled"
    KILLED = "killed"
    INTERNAL = "internal"


class Phase(StrEnum):
    """What the trainer is doing; ``phase`` events carry it."""

    PREPARING = "preparing"
    DOWNLOADING = "downloading"
    TOKENIZING = "tokenizing"
    TRAINING = "training"
    EVALUATING = "evaluating"
    SAVING = "saving"
    PUSHING = "pushing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class _Strict(BaseModel):
    """Unknown names are refused, so that a setting can never be lost silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class DatasetSpec(_Strict):
    """The rows to learn from: an immutable file under the data root, or a Hub dataset."""

    path: str = ""
    sha256: str = ""
    format: DatasetFormat | None = None
    name: str = ""
    hf_repo: str = ""
    hf_split: str = "train"
    hf_config: str = ""
    eval_percent: float = Field(2.0, ge=0, le=50)
    eval_split: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.path) == bool(self.hf_repo):
            raise ValueError("name either a dataset file or a Hugging Face dataset")
        if self.path and self.format is None:
            raise ValueError("a dataset file needs its format")
        return self


class Hyperparameters(_Strict):
    """The trainer's settings, named as in the configuration (``hp.*``)."""

    epochs: Annotated[float, Field(gt=0, le=1000)] = 1.0
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    batch_size: Annotated[int, Field(ge=1)] = 2
    grad_accum: Annotated[int, Field(ge=1)] = 4
    max_steps: Annotated[int, Field(ge=1)] | None = None
    packing: bool = True
    auto_resume: bool = True
    resume_from: str = ""
    push_to_hub: bool = False
    hub_repo: str = ""
    hub_private: bool = True
    hub_content: Literal["adapter", "merged"] = "adapter"
    max_seq_length: Annotated[int, Field(ge=16)] = 2048
    assistant_only_loss: bool = True
    train_on: Literal["every answer", "last answer"] = "every answer"
    quantization: Literal["auto", "4-bit", "8-bit", "none"] = "auto"
    method: Literal["SFT", "DPO", "ORPO", "KTO"] = "SFT"
    beta: Annotated[float, Field(gt=0, le=10)] = 0.1
    tuning: Literal["LoRA", "full"] = "LoRA"
    lora_r: Annotated[int, Field(ge=1)] = 16
    lora_alpha: Annotated[int, Field(ge=1)] = 32
    lora_dropout: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    lora_targets: str = "all-linear"
    lora_variant: Literal["LoRA", "rsLoRA", "DoRA"] = "LoRA"
    scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_ratio: Annotated[float, Field(ge=0, le=1)] = 0.05
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    optimizer: Literal[
        "auto", "adamw_torch", "adamw_8bit", "paged_adamw_8bit", "adafactor", "sgd"
    ] = "auto"
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 3407
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    gradient_checkpointing: Literal["auto", "on", "off"] = "auto"
    eval_steps: Annotated[int, Field(ge=1)] | None = None
    save_steps: Annotated[int, Field(ge=1)] | None = None
    save_total_limit: Annotated[int, Field(ge=1)] = 2
    early_stopping: Annotated[int, Field(ge=1)] | None = None
    load_best: bool = True
    logging_steps: Annotated[int, Field(ge=1)] = 1
    report_to: Literal["none", "tensorboard", "wandb"] = "none"

    @property
    def packs(self) -> bool:
        """Whether rows share a sequence; good and bad answers never do."""
        return self.packing and self.method == "SFT"


class Job(_Strict):
    """``job.json``: the whole request. Nothing in it is secret."""

    version: Literal[1] = 1
    run_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    name: str = ""
    created_at: str = ""
    base_model: Annotated[str, Field(min_length=1)]
    dataset: DatasetSpec
    output_directory: str
    hp: Hyperparameters = Hyperparameters()
    offline: bool = False
    use_gpu: bool = True
    on_existing: Literal["refuse", "resume", "new", "overwrite"] = "refuse"
    parent_run_id: str = ""
    on_top_of: str = ""
    """The parent's adapter (a folder under ``/data``) that stays as it is below a new one."""
    on_top_of_sha256: str = ""
    """Of that adapter's weights: another adapter there by now is refused."""
    threads: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Of the processor, where a run is repeated: their number decides the last bits."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """How many train together on each machine, one for each GPU (torchrun's nproc-per-node)."""
    machines: Annotated[int, Field(ge=1, le=64)] = 1
    """How many machines train together; each is started with the same job."""

    @property
    def crew(self) -> int:
        """How many processes train together, on all machines."""
        return self.processes * self.machines

    @property
    def effective_batch(self) -> int:
        """Rows, or packed sequences, from which one step of the optimiser learns."""
        return self.hp.batch_size * self.hp.grad_accum * self.crew

    def fingerprint(self) -> str:
        """SHA-256 of all that decides the weights: same fingerprint, same training.

        Names, places and how often to report or save do not count, so a run may go on elsewhere.
        Nor does by how many processes the batches of a step are divided: only how many there are.
        """
        return self._fingerprint_of(self._alone())

    def _alone(self) -> Hyperparameters:
        """The settings by which one process would take the same steps."""
        return self.hp.model_copy(update={"grad_accum": self.hp.grad_accum * self.crew})

    def may_go_on_from(self, fingerprint: str) -> bool:
        """Whether a job of that fingerprint learns the same as this one, up to rounding.

        Beside the very same job that is one that cuts the same effective batch into other pieces,
        or keeps other activations: what one changes where the memory was too small.
        """
        effective = self.effective_batch
        pieces = (n for n in range(1, min(effective, _LARGEST_BATCH) + 1) if effective % n == 0)
        return fingerprint == self.fingerprint() or any(
            fingerprint == self._fingerprint_of(self._cut(batch, effective // batch, kept))
            for batch in pieces
            for kept in ("auto", "on", "off")
        )

    def _cut(self, batch: int, accumulation: int, checkpointing: str) -> Hyperparameters:
        changes = {
            "batch_size": batch,
            "grad_accum": accumulation,
            "gradient_checkpointing": checkpointing,
        }
        return self.hp.model_copy(update=changes)

    def _fingerprint_of(self, hp: Hyperparameters) -> str:
        text = json.dumps(self._decisive(hp), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def decisive(self) -> dict[str, Any]:
        """All that decides the weights, by name: what a fingerprint is made of."""
        return self._decisive(self._alone())

    def _decisive(self, hp: Hyperparameters) -> dict[str, Any]:
        settings = hp.model_dump(mode="json", exclude=set(_INDIFFERENT))
        for name, was in _LATER.items():
            if settings[name] == was:
                del settings[name]
        decisive: dict[str, Any] = {
            "base_model": self.base_model,
            "dataset": self.dataset.model_dump(mode="json", exclude={"path", "name"}),
            "hp": settings,
        }
        if self.on_top_of:
            decisive["on_top_of"] = self.on_top_of_sha256 or self.on_top_of
        return decisive

    @field_validator("output_directory")
    @classmethod
    def _under_data(cls, value: str) -> str:
        return check_under_data(value)


class OutputMarker(_Strict):
    """``temper-output.json`` in an output directory: which job it belongs to, and if it is done.

    An unfinished one with the job's fingerprint may be resumed; anything else is asked about.
    """

    run_id: str
    fingerprint: str
    finished: bool = False
    decisive: dict[str, Any] = Field(default_factory=dict)
    """What the fingerprint is made of, to say what differs."""
    began_from: str = ""
    """The named checkpoint that a boot of the run has begun from already."""
    adopting: bool = False
    """A boot of the run is taking another run's checkpoints, and is not done with it."""


class Event(BaseModel):
    """One line of ``events.jsonl``; the fields beyond these depend on ``type``.

    ``seq`` counts from 0 with no gap over all boots of a run, ``time`` is seconds since the epoch.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    seq: int = Field(ge=0)
    time: float
    type: Literal[
        "phase", "progress", "eval", "checkpoint", "warning", "heartbeat", "failed", "finished"
    ]

    def get(self, name: str, default: Any = None) -> Any:
        """A field that only some types of event have."""
        return getattr(self, name, default)


class RunState(_Strict):
    """``state.json``: replaced atomically at each change of phase and at the end.

    ``pid_created`` (seconds since the epoch) tells the process from a later one of the same number,
    ``host`` (the machine's name) one container from another.
    """

    run_id: str
    phase: Phase
    pid: int
    pid_created: float = 0.0
    host: str = ""
    boot_count: int = Field(ge=1)
    started_at: float
    updated_at: float
    ended_at: float | None = None
    exit_code: int | None = None


class Result(_Strict):
    """``result.json``: its presence means success. Paths start with ``/data``.

    ``device`` is the GPU's name or ``cpu``. ``peak_memory_bytes`` is what the last boot reserved of
    that GPU's memory, without the driver's own share; on a CPU the most the process held in all.
    """

    run_id: str
    adapter_path: str
    base_model: str
    engine: str
    device: str = ""
    chat_template_sha256: str = ""
    steps: int
    train_loss: float | None = None
    eval_loss_before: float | None = None
    eval_loss_after: float | None = None
    trained_tokens: int = 0
    processed_tokens: int = 0
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    fingerprint: str = ""
    dataset_sha256: str = ""
    adapter_sha256: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    kind: Literal["adapter", "model"] = "adapter"
    """What lies at ``adapter_path``: a full fine-tune leaves a whole model."""
    engine_reason: str = ""
    process_peak_memory_bytes: int = 0
    hub_url: str = ""
    base_sha256: str = ""
    """Of the base model: its commit on the Hub, or of its files (``record.base_signature``)."""
    code_sha256: str = ""
    hardware: dict[str, str] = Field(default_factory=dict)
    seed: int | None = None


class Boot(BaseModel):
    """What one boot of a run was computed with; empty where it cannot be known.

    ``environment_sha256`` is of every package there is, ``versions`` of those that compute.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    boot: int
    started_at: float
    python: str = ""
    platform: str = ""
    cpu: str = ""
    cores: int = 0
    threads: int = 0
    memory_bytes: int = 0
    device: str = ""
    driver: str = ""
    engine: str = ""
    precision: str = ""
    quantization: str = ""
    versions: dict[str, str] = {}
    environment_sha256: str = ""
    code_sha256: str = ""
    base_sha256: str = ""
    dataset_sha256: str = ""
    fingerprint: str = ""
    seed: int = 0
    processes: int = 1


class Record(BaseModel):
    """``record.json``."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal[1] = 1
    run_id: str
    parent_run_id: str = ""
    on_top_of: str = ""
    on_top_of_sha256: str = ""
    boots: tuple[Boot, ...] = ()


def check_under_data(value: str) -> str:
    """Return ``value`` if it is a clean absolute path below ``/data``; ValueError says why not."""
    path = PurePosixPath(value)
    if ".." in path.parts:
        raise ValueError(f"{value!r} must not contain '..'")
    if not path.is_relative_to(CONTAINER_DATA_ROOT) or path == PurePosixPath(CONTAINER_DATA_ROOT):
        raise ValueError(f"{value!r} must be a folder under {CONTAINER_DATA_ROOT}")
    return value
