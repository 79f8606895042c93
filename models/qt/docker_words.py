"""Engines, images and transfers as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.config import DEFAULT_IMAGE
from models.domain.docker import OUR_IMAGE_CPU, OUR_IMAGE_CUDA, VARIANT_CPU, VARIANT_CUDA
from models.qt.wording import counted, duration, memory, size

if TYPE_CHECKING:
    from models.domain.docker import EngineInfo, ImageInfo, ImageProgress, LayerProgress
    from models.domain.hardware import Gpu

KNOWN_IMAGES = {
    DEFAULT_IMAGE: "The default: PyTorch and Unsloth for NVIDIA GPUs",
    OUR_IMAGE_CUDA: "Built here by Temper, for NVIDIA GPUs",
    OUR_IMAGE_CPU: "Built here by Temper, for the processor",
}
"""The images that are offered whether or not they are on this computer."""
VARIANTS = {OUR_IMAGE_CUDA: VARIANT_CUDA, OUR_IMAGE_CPU: VARIANT_CPU}
_DAY = 86_400
_MONTHS_FROM, _YEARS_FROM = 60, 730
_SHORT_ID = 8
"""Characters of a layer's id, enough to tell them apart."""


def engine_words(engine: EngineInfo) -> str:
    """``Docker Engine 28.2 · 2 CPUs · 23 GB``."""
    version = ".".join(engine.version.split("+")[0].split(".")[:2])
    parts = [f"{engine.kind} {version}".strip()]
    if engine.cpus:
        parts.append(counted(engine.cpus, "CPU"))
    if engine.memory:
        parts.append(memory(engine.memory).replace(".0 ", " "))
    if engine.is_rootless:
        parts.append("rootless")
    return " · ".join(parts if engine.is_local else [*parts, f"at {engine.endpoint}"])


def gpu_words(engine: EngineInfo, gpus: tuple[Gpu, ...]) -> tuple[str, str]:
    """Whether containers get a GPU, and the tone: none, ``good`` or ``warning``."""
    if not engine.is_local:
        return (engine.gpu.reason, "warning") if not engine.gpu.can_pass else ("", "")
    if not gpus:
        return "No NVIDIA GPU was found here: containers train on the processor.", ""
    if engine.gpu.can_pass:
        card = gpus[0].name.removeprefix("NVIDIA ")
        what = f"the {card}" if len(gpus) == 1 else f"{len(gpus)} GPUs"
        return f"Containers can use {what}.", "good"
    return engine.gpu.reason, "warning"


def gpu_list(gpus: tuple[Gpu, ...]) -> str:
    """Which number is which card, one a line: ``0: RTX 4090, 24.0 GB``."""
    names = (
        f"{gpu.index}: {gpu.name.removeprefix('NVIDIA ').removeprefix('GeForce ')}, "
        f"{memory(gpu.total)}"
        for gpu in gpus
    )
    return "\n".join(names)


def image_words(image: ImageInfo, now: float) -> str:
    """``On this computer, 8.1 GB, 3 days old``."""
    parts = ["On this computer", size(image.size)]
    if image.created_at > 0:
        parts.append(f"{age(now - image.created_at)} old")
    return ", ".join(parts)


def age(seconds: float) -> str:
    """``5 hours``, ``3 days``, ``4 months``; an image of today is ``less than an hour``."""
    hours, days = int(seconds // 3600), int(seconds // _DAY)
    if hours < 1:
        return "less than an hour"
    if days < 1:
        return counted(hours, "hour")
    if days < _MONTHS_FROM:
        return counted(days, "day")
    return counted(days // 30, "month") if days < _YEARS_FROM else counted(days // 365, "year")


def transfer_words(
    progress: ImageProgress, per_second: float | None, seconds_left: float | None
) -> str:
    """``1.2 GB of 8.1 GB · 24.0 MB a second · about 4 min 40 s left``."""
    parts = []
    if progress.done or progress.total:
        of = f" of {size(progress.total)}" if progress.total else ""
        parts.append(f"{size(progress.done)}{of}")
    if per_second:
        parts.append(f"{size(per_second)} a second")
    if seconds_left is not None:
        parts.append(f"about {duration(seconds_left)} left")
    return " · ".join(parts)


def layer_words(layer: LayerProgress) -> str:
    """How much of a layer is there."""
    if layer.total:
        return f"{size(layer.done)} of {size(layer.total)}"
    return size(layer.done) if layer.done else ""


def layer_name(layer: LayerProgress) -> str:
    """A layer's id, shortened."""
    return layer.id.removeprefix("sha256:")[:_SHORT_ID]
