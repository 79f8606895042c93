"""The doctor on Docker: the engine, its disk, the training image, and GPUs in containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from models.domain.config import DEFAULT_IMAGE
from models.domain.docker import OUR_IMAGE_CPU, OUR_IMAGE_CUDA
from models.domain.doctor import CONTAINERS, MANAGE_IMAGE, Check, CheckState
from models.domain.errors import AppError
from services.docker.endpoints import find_endpoints, this_computer
from services.doctor.computer import engine_disk_check, gibibytes, gigabytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from models.domain.docker import EngineInfo, GpuSupport, ImageInfo
    from models.domain.hardware import Hardware

ENGINE = "Docker engine"
GPU_IN_CONTAINERS = "GPU in containers"
IMAGE = "Training image"
_ENGINE_MEANING = "One way to train here; Python is the other."
_GPU_MEANING = "The NVIDIA Container Toolkit passes it on."
_IMAGE_MEANING = "Training in Docker runs in it."
_FAR = "It is on another computer and Offline mode is on, so it was not asked."


class Engine(Protocol):
    """What the doctor asks of :class:`services.docker.engine.DockerEngine`."""

    def info(self) -> EngineInfo:
        """What the engine is; AppError where there is none that answers."""

    def try_gpu(self, image: str, devices: str = "all") -> GpuSupport:
        """Whether a container of an image that is there really gets the GPUs."""


class Images(Protocol):
    """What the doctor asks of :class:`services.docker.images.ImageService`."""

    def list(self, also: Iterable[str] = ()) -> Sequence[ImageInfo]:
        """The images of ours and of configurations that are there, and those of ``also``."""


def is_engine_far() -> bool:
    """Whether the user chose an engine on another computer, as far as its address tells."""
    try:
        places = find_endpoints(this_computer())
    except AppError:  # a choice that cannot be read reaches nobody
        return False
    return any(place.chosen and not place.is_local for place in places)


class ContainerProbe:
    """Asks the engine. ``is_barred`` says whether it lies beyond the network in Offline mode."""

    def __init__(self, engine: Engine, images: Images, is_barred: Callable[[], bool]) -> None:
        self._engine = engine
        self._images = images
        self._is_barred = is_barred

    def engine_checks(self) -> list[Check]:
        """Engine, its disk, and the training image; without an engine why there is none."""
        try:
            if self._is_barred():
                return [Check(CONTAINERS, ENGINE, CheckState.OK, _FAR, _ENGINE_MEANING)]
            info = self._engine.info()
        except AppError as error:
            return [_no_engine(error)]
        disk = engine_disk_check(CONTAINERS, info.data_root) if info.is_local else ()
        return [_engine_check(info), *disk, self._image_check()]

    def gpu_checks(self, hardware: Hardware) -> list[Check]:
        """Whether containers get the GPU, tried out where there is an image to try it with."""
        try:
            if self._is_barred():
                return []
            info = self._engine.info()
            return [self._gpu_check(info, hardware)]
        except AppError:  # what there is to say of the engine is said by its own check
            return []

    def _gpu_check(self, info: EngineInfo, hardware: Hardware) -> Check:
        if info.is_local and not hardware.gpus:
            message = "No GPU here to pass; containers train on the CPU."
            return _gpu(CheckState.OK, message)
        if not info.gpu.can_pass:
            return _refused(info.gpu.reason)
        image = next(iter(self._found()), None)
        if image is None:
            message = "The engine says that it can pass it; tried out once an image is there."
            return _gpu(CheckState.OK, message)
        try:
            tried = self._engine.try_gpu(image.tag)
        except AppError as error:
            return _gpu(CheckState.NOTE, f"It could not be tried. {error.message}", error.hint)
        if not tried.can_pass:
            return _refused(tried.reason)
        return _gpu(CheckState.OK, "A container was started with it, and it works.")

    def _image_check(self) -> Check:
        try:
            found = self._found()
        except AppError as error:
            return _image(CheckState.NOTE, error.message, error.hint)
        if not found:
            step = "Get or build it before the first training in Docker."
            return _image(CheckState.NOTE, "No training image is on this engine yet.", step)
        shown = ", ".join(f"{image.tag} ({gigabytes(image.size)})" for image in found)
        return _image(CheckState.OK, shown)

    def _found(self) -> list[ImageInfo]:
        """The training images that are there as a whole."""
        there = self._images.list(also=(DEFAULT_IMAGE, OUR_IMAGE_CUDA, OUR_IMAGE_CPU))
        return [image for image in there if not image.partial_of]


def _no_engine(error: AppError) -> Check:
    return Check(
        CONTAINERS, ENGINE, CheckState.NOTE, error.message, _ENGINE_MEANING, error.hint
    )  # fmt: skip


def _engine_check(info: EngineInfo) -> Check:
    rootless = ", rootless" if info.is_rootless else ""
    size = f"{info.cpus} processors and {gibibytes(info.memory)} of memory for containers"
    message = f"{info.kind} {info.version}{rootless} at {info.endpoint}; {size}"
    return Check(CONTAINERS, ENGINE, CheckState.OK, message, _ENGINE_MEANING)


def _refused(reason: str) -> Check:
    """``reason`` is one sentence and the next step."""
    message, _, step = reason.partition(". ")
    return _gpu(CheckState.NOTE, f"{message.rstrip('.')}.", step)


def _gpu(state: CheckState, message: str, step: str = "") -> Check:
    return Check(CONTAINERS, GPU_IN_CONTAINERS, state, message, _GPU_MEANING, step)


def _image(state: CheckState, message: str, step: str = "") -> Check:
    remedy = MANAGE_IMAGE if step else ""
    return Check(CONTAINERS, IMAGE, state, message, _IMAGE_MEANING, step, remedy)
