"""The whole training setup: every control of the Training tab as a typed, frozen value.

A setting's path (``hp.epochs``) is its widget's objectName, its key in a saved file and its name
on the command line. ``hyperparameters.py`` has the longest of its sections.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.domain.hyperparameters import HyperparameterSection
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
DEFAULT_IMAGE = "docker.io/sbussiso/unsloth-trainer:latest"


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
        "temper-trainer",
        "Template",
        help="Holds image, disk and ports. GPU, region and volume cannot be in it.",
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
