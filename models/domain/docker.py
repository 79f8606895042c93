"""What is known of a container engine, its images and a pull or build: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

RUN_LABEL = "org.temper.run-id"
INSTALL_LABEL = "org.temper.install-id"
"""By these two a container of ours is found again; neither ever holds anything secret."""
STARTED_LABEL = "org.temper.started"
"""When it was made, in seconds since 1970 by this computer's clock: an engine's may drift."""
CONTAINER_MODEL = "/opt/temper-model"
"""Where a base model lies whose own path means nothing in a container (``C:\\models\\x``)."""
TRAINER_LABEL = "org.temper.trainer"
"""On images that were built here: the variant. Such an image has the trainer's code in it."""
PARTIAL_LABEL = "org.temper.partial"
"""On what keeps the layers of an interrupted pull: the image that was being pulled."""

IMAGE_VERSION = "0.1.0"
"""Of the images that are built here; a test holds it against the program's own version."""
VARIANT_CUDA = "cuda"
VARIANT_CPU = "cpu"
OUR_IMAGE = "temper-trainer"
OUR_IMAGE_CUDA = f"{OUR_IMAGE}:{IMAGE_VERSION}-{VARIANT_CUDA}"
OUR_IMAGE_CPU = f"{OUR_IMAGE}:{IMAGE_VERSION}-{VARIANT_CPU}"


@dataclass(frozen=True, slots=True)
class GpuSupport:
    """Whether an engine can pass NVIDIA GPUs; if not, why, and what to do, in ``reason``."""

    can_pass: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine that answers.

    ``kind`` is its product's name ("Docker Engine", "Docker Desktop", "Podman"). With ``is_local``
    folders of this computer can be mounted. ``memory`` is in bytes, what containers can have.
    ``data_root`` is where images lie, as the engine sees it; empty where it does not say.
    ``system`` is its operating system's name, ``security`` what guards it ("selinux", ...).
    """

    version: str
    api_version: str
    kind: str
    endpoint: str
    is_rootless: bool
    is_local: bool
    architecture: str
    cpus: int
    memory: int
    data_root: str
    gpu: GpuSupport
    system: str = ""
    cgroup_version: int = 1
    security: tuple[str, ...] = ()

    @property
    def has_selinux(self) -> bool:
        """Whether mounted folders need a label before a container may read them."""
        return "selinux" in self.security


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An image under one of its tags.

    ``id`` is the engine's own, ``digest`` the registry's ("" for one that was built here),
    ``size`` in bytes unpacked, ``created_at`` seconds since 1970 (when it was built, by whoever),
    ``used_by`` the names of the containers that stand on it, running or not.
    """

    tag: str
    id: str
    digest: str
    size: int
    created_at: float
    has_code: bool = False
    architecture: str = ""
    used_by: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        """Whether it was built by this program."""
        return TRAINER_LABEL in self.labels

    @property
    def partial_of(self) -> str:
        """The image whose interrupted pull this is the beginning of; empty for a real image."""
        return self.labels.get(PARTIAL_LABEL, "")


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """One layer of a pull. ``done`` and ``total`` are bytes as they travel, packed.

    ``total`` is None until the registry has said it.
    """

    id: str
    status: str
    done: int = 0
    total: int | None = None
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class ImageProgress:
    """How far a pull or a build is.

    In a pull ``done`` and ``total`` are bytes over all layers; in a build they are steps.
    ``line`` is a new line of the build's output, empty in other reports.
    """

    message: str
    done: int = 0
    total: int | None = None
    layers: tuple[LayerProgress, ...] = ()
    line: str = ""

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None while the end is not known."""
        return min(1.0, self.done / self.total) if self.total else None


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """Whom a registry knows us as; the password is in ``where`` and never here."""

    registry: str
    user: str
    where: str


BASE_IMAGES = {VARIANT_CUDA: "", VARIANT_CPU: "debian:bookworm-slim"}
"""On what a variant is built; empty: what the Dockerfile itself says."""


def our_image(variant: str) -> str:
    """The tag under which a variant (``cuda`` or ``cpu``) is built here."""
    return f"{OUR_IMAGE}:{IMAGE_VERSION}-{variant}"
