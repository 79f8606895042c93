"""The whole training setup: every control of the Training tab as a typed, frozen value.

A setting's path (``hp.epochs``) is its widget's objectName, its key in a saved file and its name
on the command line.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.domain.settings_spec import setting

TARGET_LOCAL = "Local"
TARGET_RUNPOD = "Runpod - Pod"
SKILL_BEGINNER = "Beginner"
SKILL_EXPERT = "Expert"
PRESETS = {
    TARGET_LOCAL: ("Quick local test", "Auto Set (local)"),
    TARGET_RUNPOD: ("Fastest (Runpod)", "Cheapest (Runpod)"),
}
OUTPUT_DIRECTORIES = {
    TARGET_LOCAL: "/data/outputs/local_run",
    TARGET_RUNPOD: "/data/outputs/runpod_run",
}
"""Where an adapter goes by target, until somebody says otherwise."""
SOURCE_SESSION = "Database Session"
SOURCE_HUB = "Hugging Face"
RUNTIME_DOCKER = "Docker"
RUNTIME_PYTHON = "Python on this computer"
RUNTIME_RUNPOD = "Runpod"
"""Of runs alone, on a rented pod: a configuration says so by its target."""
DEFAULT_MODEL = "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"
DEFAULT_IMAGE = "docker.io/sbussiso/unsloth-trainer:latest"
SCHEDULERS = ("cosine", "linear", "constant", "constant_with_warmup")
OPTIMIZERS = ("auto", "adamw_torch", "adamw_8bit", "paged_adamw_8bit", "adafactor", "sgd")
ON_OFF_AUTO = ("auto", "on", "off")


@dataclass(frozen=True, slots=True)
class TrainingSection:
    """Where to train and how much of the program to see."""

    target: str = setting(
        TARGET_LOCAL,
        "Training target",
        help="This computer, or a GPU rented from Runpod.",
        choices=(TARGET_RUNPOD, TARGET_LOCAL),
    )
    skill_level: str = setting(
        SKILL_BEGINNER,
        "Skill level",
        help="Beginner: a preset sets what is hard to choose. Expert: every setting.",
        choices=(SKILL_BEGINNER, SKILL_EXPERT),
    )
    preset: str = setting(
        PRESETS[TARGET_LOCAL][0],
        "Beginner preset",
        help="Sets learning rate, batch, accumulation, steps and packing together.",
        choices=(*PRESETS[TARGET_RUNPOD], *PRESETS[TARGET_LOCAL]),
    )


@dataclass(frozen=True, slots=True)
class DatasetSection:
    """What to learn from, and the part held out to measure the result."""

    source: str = setting(
        SOURCE_SESSION,
        "Dataset source",
        help="A dataset of your library, or one of Hugging Face.",
        choices=(SOURCE_SESSION, SOURCE_HUB),
    )
    session: str = setting("", "Dataset", help="A dataset of the library, by number or by name.")
    hf_repo: str = setting(
        "", "Dataset repo", help="For example tatsu-lab/alpaca.", none_means="user/name"
    )
    hf_split: str = setting("train", "Split", help="A split or a slice such as train[:1000].")
    hf_config: str = setting(
        "", "Config", help="Only for datasets with several configurations.", none_means="default"
    )
    eval_percent: float = setting(
        2.0,
        "Held-out part",
        help="Share of rows that is not trained on but measured. 0 measures nothing.",
        minimum=0,
        maximum=50,
        unit="%",
        expert=True,
    )
    eval_split: str = setting(
        "",
        "Held-out split",
        help="Name of the rows' own held-out split; when given, the share is not used.",
        none_means="by share",
        expert=True,
    )


@dataclass(frozen=True, slots=True)
class OutputSection:
    """Where the adapter goes, as the trainer sees it."""

    directory: str = setting(
        OUTPUT_DIRECTORIES[TARGET_LOCAL],
        "Output directory",
        help="Inside the container, under /data.",
    )


@dataclass(frozen=True, slots=True)
class HyperparameterSection:
    """Everything that changes what is learned or how fast."""

    base_model: str = setting(
        DEFAULT_MODEL, "Base model", help="A Hugging Face repo id or a local folder."
    )
    epochs: float = setting(
        1.0,
        "Epochs",
        help="Passes over the training rows; fractions are allowed.",
        above=0,
        maximum=1000,
    )
    learning_rate: float = setting(
        2e-4, "Learning rate", help="2e-4 suits LoRA.", above=0, maximum=1, expert=True
    )
    batch_size: int = setting(
        2,
        "Per-device batch size",
        help="Rows per device and step.",
        minimum=1,
        maximum=4096,
        expert=True,
    )
    grad_accum: int = setting(
        4,
        "Gradient accumulation steps",
        help="Batches summed before the weights change.",
        minimum=1,
        maximum=4096,
        expert=True,
    )
    max_steps: int | None = setting(
        None,
        "Max steps",
        help="Upper bound on optimiser steps.",
        minimum=1,
        maximum=10_000_000,
        optional=True,
        none_means="no limit",
        expert=True,
    )
    packing: bool = setting(
        True, "Packing", help="Joins short rows to fill a sequence; they do not see each other."
    )
    auto_resume: bool = setting(
        True,
        "Auto-resume",
        help="Goes on from the newest valid checkpoint of an unfinished run of the same job.",
    )
    resume_from: str = setting(
        "",
        "Resume from",
        help="A checkpoint of this output directory, such as checkpoint-40, or a folder of one.",
        none_means="the newest checkpoint, if auto-resume is on",
        expert=True,
    )
    push_to_hub: bool = setting(
        False, "Push to Hub", help="Uploads the adapter to Hugging Face when the run has finished."
    )
    hub_repo: str = setting(
        "", "Hub repo", help="Where to upload: user/name.", none_means="user/name"
    )
    hub_private: bool = setting(
        True,
        "Private repo",
        help="A new repo can be seen by you only; one that exists stays as it is.",
    )
    hub_content: str = setting(
        "adapter",
        "Upload",
        help="The adapter alone, or the whole model with the adapter merged into its weights.",
        choices=("adapter", "merged"),
        expert=True,
    )
    max_seq_length: int = setting(
        2048,
        "Sequence length",
        help="Longer rows are cut.",
        minimum=16,
        maximum=1_048_576,
        unit="tokens",
        expert=True,
    )
    assistant_only_loss: bool = setting(
        True,
        "Train on answers only",
        help="The loss covers the assistant's tokens only.",
        expert=True,
    )
    train_on: str = setting(
        "every answer",
        "Answers to learn",
        help="Of a conversation with several: all of them, or only the last.",
        choices=("every answer", "last answer"),
        expert=True,
    )
    quantization: str = setting(
        "auto",
        "Quantisation",
        help="auto: 4-bit on a GPU, none on a CPU.",
        choices=("auto", "4-bit", "8-bit", "none"),
        expert=True,
    )
    method: str = setting(
        "SFT",
        "Method",
        help="SFT learns answers. DPO and ORPO compare pairs; KTO takes good and bad answers.",
        choices=("SFT", "DPO", "ORPO", "KTO"),
        expert=True,
    )
    beta: float = setting(
        0.1,
        "Beta",
        help="DPO and KTO: how close it stays to the base model; ORPO: weight of the comparison.",
        above=0,
        maximum=10,
        expert=True,
    )
    tuning: str = setting(
        "LoRA",
        "Tuning",
        help="LoRA trains a small adapter; full changes every weight.",
        choices=("LoRA", "full"),
        expert=True,
    )
    lora_r: int = setting(
        16,
        "LoRA rank",
        help="Size of the adapter: more can learn more, and takes more memory.",
        minimum=1,
        maximum=1024,
        expert=True,
    )
    lora_alpha: int = setting(
        32,
        "LoRA alpha",
        help="Strength of the adapter; often twice the rank.",
        minimum=1,
        maximum=4096,
        expert=True,
    )
    lora_dropout: float = setting(
        0.0,
        "LoRA dropout",
        help="Share of the adapter switched off at random; against overfitting.",
        minimum=0,
        maximum=0.9,
        expert=True,
    )
    lora_targets: str = setting(
        "all-linear",
        "LoRA targets",
        help="all-linear, or module names separated by commas.",
        expert=True,
    )
    lora_variant: str = setting(
        "LoRA",
        "LoRA variant",
        help="rsLoRA scales high ranks better; DoRA learns more per rank and is slower.",
        choices=("LoRA", "rsLoRA", "DoRA"),
        expert=True,
    )
    scheduler: str = setting(
        "cosine",
        "Schedule",
        help="How the learning rate falls after the warm-up.",
        choices=SCHEDULERS,
        expert=True,
    )
    warmup_ratio: float = setting(
        0.05, "Warm-up", help="Share of all steps.", minimum=0, maximum=1, expert=True
    )
    weight_decay: float = setting(
        0.01,
        "Weight decay",
        help="Pulls weights towards zero; a little helps to generalise.",
        minimum=0,
        maximum=1,
        expert=True,
    )
    optimizer: str = setting(
        "auto",
        "Optimiser",
        help="auto: 8-bit AdamW on a GPU, AdamW on a CPU. The 8-bit ones take less memory.",
        choices=OPTIMIZERS,
        expert=True,
    )
    max_grad_norm: float = setting(
        1.0, "Gradient clipping", help="0 does not clip.", minimum=0, maximum=1000, expert=True
    )
    seed: int = setting(
        3407,
        "Seed",
        help="The same seed and setup give the same adapter.",
        minimum=0,
        maximum=2**31 - 1,
        expert=True,
    )
    precision: str = setting(
        "auto",
        "Precision",
        help="auto: bfloat16 where the GPU has it, float32 on a CPU.",
        choices=("auto", "float32", "bfloat16", "float16"),
        expert=True,
    )
    gradient_checkpointing: str = setting(
        "auto",
        "Gradient checkpointing",
        help="Less memory for about a third more time. auto: on for a GPU, off for a CPU.",
        choices=ON_OFF_AUTO,
        expert=True,
    )
    eval_steps: int | None = setting(
        None,
        "Evaluate every",
        help="How often the held-out loss is measured.",
        minimum=1,
        maximum=10_000_000,
        unit="steps",
        optional=True,
        none_means="auto",
        expert=True,
    )
    save_steps: int | None = setting(
        None,
        "Save every",
        help="How often a checkpoint is written.",
        minimum=1,
        maximum=10_000_000,
        unit="steps",
        optional=True,
        none_means="auto",
        expert=True,
    )
    save_total_limit: int = setting(
        2,
        "Checkpoints kept",
        help="Older ones are deleted.",
        minimum=1,
        maximum=1000,
        expert=True,
    )
    early_stopping: int | None = setting(
        None,
        "Early stopping",
        help="Stops after this many evaluations without a better one.",
        minimum=1,
        maximum=1000,
        unit="evaluations",
        optional=True,
        none_means="off",
        expert=True,
    )
    load_best: bool = setting(
        True,
        "Keep the best",
        help="Ends with the checkpoint of the lowest held-out loss.",
        expert=True,
    )
    logging_steps: int = setting(
        1,
        "Report every",
        help="How often loss and speed are shown.",
        minimum=1,
        maximum=10_000,
        unit="steps",
        expert=True,
    )
    report_to: str = setting(
        "none",
        "Report to",
        help="Also writes the metrics for TensorBoard or Weights & Biases.",
        choices=("none", "tensorboard", "wandb"),
        expert=True,
    )


@dataclass(frozen=True, slots=True)
class RunpodSection:
    """The remote GPU: what is rented, for how long at most, and what happens at the end."""

    gpu: str = setting(
        "",
        "GPU type",
        help="For example NVIDIA GeForce RTX 4090. Empty: chosen by the preset.",
        none_means="any that fits",
    )
    gpu_count: int = setting(1, "GPUs", help="How many of them in one pod.", minimum=1, maximum=64)
    cloud: str = setting(
        "Secure",
        "Cloud",
        help="Secure: data centres. Community: cheaper, without network volumes.",
        choices=("Secure", "Community"),
    )
    data_center: str = setting(
        "",
        "Data centre",
        help="For example EU-RO-1. Empty: wherever there is a GPU.",
        none_means="any",
    )
    volume_name: str = setting(
        "temper-volume", "Network volume", help="Keeps data and outputs when the pod is gone."
    )
    volume_size: int = setting(
        50, "Volume size", help="It can grow, never shrink.", minimum=10, maximum=4000, unit="GB"
    )
    template_name: str = setting(
        "temper-trainer", "Template", help="Holds image, disk and ports of the pod."
    )
    image: str = setting(DEFAULT_IMAGE, "Docker image", help="The training image of the pod.")
    container_disk: int = setting(
        40,
        "Container disk",
        help="Lost with the pod; holds the image's own files.",
        minimum=10,
        maximum=4000,
        unit="GB",
    )
    max_hours: float = setting(
        6.0,
        "Longest run",
        help="The pod is ended after this time, whatever happens.",
        above=0,
        maximum=720,
        unit="hours",
    )
    max_cost: float = setting(
        10.0,
        "Highest cost",
        help="The pod is ended before it costs more.",
        above=0,
        maximum=100_000,
        unit="$",
    )
    on_finish: str = setting(
        "terminate",
        "When finished",
        help="Terminate ends the pod and its cost; keep leaves it running.",
        choices=("terminate", "keep"),
    )


@dataclass(frozen=True, slots=True)
class LocalSection:
    """This computer: container or managed Python environment, and what it may use."""

    runtime: str = setting(
        RUNTIME_PYTHON,
        "Run with",
        help="A Docker container, or a Python environment that Temper sets up itself.",
        choices=(RUNTIME_DOCKER, RUNTIME_PYTHON),
    )
    host_data_dir: str = setting(
        "", "Host data dir", help="Mounted as /data. Empty: the data folder of this program."
    )
    image: str = setting(DEFAULT_IMAGE, "Docker image", help="The training image.")
    use_gpu: bool = setting(True, "Use GPU", help="Where a GPU can be passed.")
    gpu_devices: str = setting(
        "all",
        "GPU devices",
        help="Which GPUs train together: all, or their numbers such as 0,1. Each takes a batch of "
        "its own.",
        expert=True,
    )
    pass_hf_token: bool = setting(
        False,
        "Pass HF token to container",
        help="Gives the training your Hugging Face token, for gated models and uploads.",
    )
    container_name: str = setting(
        "",
        "Container name",
        help="Empty: temper- and the run's number.",
        none_means="temper-<run>",
    )
    memory_limit: float | None = setting(
        None,
        "Memory limit",
        help="The most main memory that the container may take. Empty: all there is.",
        above=0,
        unit="GB",
        optional=True,
        none_means="no limit",
        expert=True,
    )


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One complete setup. Equal values compare equal; nothing in it is secret."""

    training: TrainingSection = field(default_factory=TrainingSection)
    dataset: DatasetSection = field(default_factory=DatasetSection)
    output: OutputSection = field(default_factory=OutputSection)
    hp: HyperparameterSection = field(default_factory=HyperparameterSection)
    runpod: RunpodSection = field(default_factory=RunpodSection)
    local: LocalSection = field(default_factory=LocalSection)
