"""Docker images as they travel in a bundle: out of the engine here, into the one over there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.docker.carrying import archived_image
from services.docker.references import parse_image
from services.offline_bundle.computer import same_processor
from services.offline_bundle.manifest import MOST_IDS, BundledImage, bad_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.domain.docker import ImageInfo
    from services.docker.carrying import ImageCarrier
    from services.progress import CancelToken, Reporter


class ImagePacker:
    """Asks an engine only where a configuration really runs in a container."""

    def __init__(self, carrier: ImageCarrier) -> None:
        self._carrier = carrier

    def find(self, name: str) -> ImageInfo:
        """The image that is to travel. AppError where it, or an engine, is not here."""
        found = self._carrier.find(name)
        if found is None:
            raise AppError(
                "image_missing",
                "is not on this computer.",
                "Run temper offline prepare first, or pull it.",
            )
        return found

    def files(self, images: Mapping[str, ImageInfo], scratch: Path) -> dict[Path, int]:
        """Where :meth:`pack` saves the images, and about how many bytes each has there."""
        return {scratch / _bundled(*one).path: one[1].size for one in images.items()}

    def pack(
        self,
        images: Mapping[str, ImageInfo],
        scratch: Path,
        report: Reporter,
        cancel: CancelToken,
    ) -> tuple[list[BundledImage], dict[str, Path]]:
        """The images, and their archives by their names in the bundle.

        One that an earlier attempt has saved is kept. AppError, OSError, Cancelled.
        """
        packed, sources = [], {}
        for name, image in images.items():
            one = _bundled(name, image)
            file = scratch / one.path
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                self._carrier.save(image, file, report, cancel)
            sources[one.path] = file
            ids = list(dict.fromkeys([image.id, *archived_image(file)]))[:MOST_IDS]
            packed.append(one.model_copy(update={"ids": ids}))
        return packed, sources

    def refuse_other(self, images: Sequence[BundledImage], where: str) -> None:
        """Raise AppError where these images cannot be loaded or run here."""
        if not images:
            return
        for one in images:
            parse_image(one.name)
        try:
            engine = self._carrier.info()
        except AppError as error:
            message = f"{where} holds a Docker image, and there is no engine to take it."
            raise AppError(
                error.kind,
                f"{message} {error.message}",
                f"{error.hint} Or leave images out: temper offline import --without-environment.",
                error.details,
            ) from error
        for one in images:
            if not same_processor(one.architecture, engine.architecture):
                raise AppError(
                    "other_computer",
                    f"{one.name} in {where} is for {one.architecture}, and the container engine "
                    f"here has {engine.architecture}.",
                    "Make the bundle on a computer like this one, or add --without-environment to "
                    "import everything else.",
                )

    def is_here(self, image: BundledImage) -> bool:
        """Whether the engine has this very image, under whatever name."""
        return bool(self._carrier.id_of(image.ids))

    def load(self, image: BundledImage, file: Path, report: Reporter, cancel: CancelToken) -> None:
        """Put it into the engine, and look that it is the one that was promised.

        AppError ``bad_image`` before anything is loaded, ``bad_bundle`` after; Cancelled.
        """
        if archived_image(file, [image.name])[0] not in image.ids:
            raise bad_bundle(file.name, f"it holds another image than {image.name}")
        self._carrier.load(file, image.name, report, cancel)
        if not self.is_here(image):
            raise bad_bundle(file.name, f"the engine made another image of it than {image.name}")

    def named(self, image: BundledImage) -> str:
        """Its name here: its own, or one beside it where another image has that, or where that is
        a registry's digest, which no loaded image has."""
        there = self._carrier.find(image.name)
        if there is not None and there.id in image.ids:
            return image.name
        reference = parse_image(image.name)
        name = image.name
        if reference.is_digest or there is not None:
            digest = image.ids[0].removeprefix("sha256:")[:12]
            name = str(replace(reference, reference=f"bundle-{digest}"))
        self._carrier.name(self._carrier.id_of(image.ids), name)
        return name


def _bundled(name: str, image: ImageInfo) -> BundledImage:
    return BundledImage(name=name, ids=[image.id], architecture=image.architecture)
