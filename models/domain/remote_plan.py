"""What a configuration's Runpod section means: what to look for, what it costs, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.docker import OUR_IMAGE
from models.domain.gpu_offer import Wanted
from models.domain.pod import COMMUNITY, SECURE, PodTemplate
from models.domain.pod_quote import PodPrice

if TYPE_CHECKING:
    from models.domain.config import RunpodSection, TrainingConfig
    from models.domain.gpu_offer import GpuOffer

CLOUDS = {"Secure": SECURE, "Community": COMMUNITY}
"""Runpod's words for ours."""
FASTEST = "Fastest (Runpod)"
OUR_CUDA, OTHERS_CUDA = "13.0", "12.8"
"""Of a machine's driver, at least: what our image is built with (its Dockerfile), and what another
tool (dstack) asks for where an image does not say. With an older driver the container would be
tried for ever, and cost all the while."""
AGENT_PORT = 8000


def has_volume(section: RunpodSection) -> bool:
    """Whether the run keeps its files on a network volume: only the Secure Cloud has them."""
    return CLOUDS[section.cloud] == SECURE and bool(section.volume_name.strip())


def wanted_of(config: TrainingConfig, need: int | None, volume_in: str = "") -> Wanted:
    """What to rent for a configuration whose predicted peak is ``need`` bytes (None: not known).

    ``volume_in`` is where its network volume already is: pods reach it from there alone.
    """
    section = config.runpod
    place = volume_in or section.data_center
    return Wanted(
        gpu=section.gpu.strip(),
        count=section.gpu_count,
        cloud=CLOUDS[section.cloud],
        data_center=place.strip().upper(),
        need=need,
        with_volume=has_volume(section),
    )


def least_cuda(image: str) -> str:
    """The version of CUDA that a machine's driver must have for an image, wherever it is kept."""
    name = image.strip().rpartition("/")[2].partition("@")[0].partition(":")[0]
    return OUR_CUDA if name == OUR_IMAGE else OTHERS_CUDA


def wants_fastest(config: TrainingConfig) -> bool:
    """Whether the strongest GPU is tried first rather than the cheapest."""
    return config.training.preset == FASTEST


def price_of(section: RunpodSection, offer: GpuOffer) -> PodPrice:
    """What the section costs with this offer."""
    return PodPrice(
        per_hour=offer.price * section.gpu_count,
        disk=section.container_disk,
        volume=section.volume_size if has_volume(section) else 0,
        max_hours=section.max_hours,
        max_cost=section.max_cost,
    )


def template_of(section: RunpodSection) -> PodTemplate:
    """The part of the section that a template can hold: image, disk and the agent's port."""
    return PodTemplate(
        name=section.template_name.strip(),
        image=section.image.strip(),
        disk=section.container_disk,
        ports=(f"{AGENT_PORT}/http",),
    )
