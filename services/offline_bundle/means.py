"""What both ends of a bundle's way work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.configs import ConfigStore
    from services.datasets import DatasetLibrary
    from services.offline_bundle.images import ImagePacker
    from services.offline_bundle.packing import EnvironmentPacker


@dataclass(frozen=True, slots=True)
class BundleMeans:
    """The program's own services, and what carries environments and images."""

    configs: ConfigStore
    library: DatasetLibrary
    packer: EnvironmentPacker
    images: ImagePacker
