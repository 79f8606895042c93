"""What an image holds, as a container of it said, and what of it keeps a training from running."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_PYTHON, BAD_PYTHON, SHUT_PYTHON, SILENT = "no_python", "bad_python", "shut_python", "silent"
"""Why an image tells nothing of itself: no ``python3`` in it, one that ends with an error, one that
this user may not start, one that does not answer in time or is ended by something else."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One image, seen by the user that a training would be.

    ``python`` is its version, empty where none works: ``trouble`` says why then, and ``details``
    what was printed. ``packages`` are the libraries that were asked for and are there, by version;
    ``broken`` those of them whose code Python does not find; ``unreadable`` folders of libraries
    that this user may not look into. ``cuda`` is the version that torch was built with, empty for
    the processor; ``compat`` whether the image brings that CUDA's libraries for older drivers.
    ``user`` is whom it was asked as, ``own_user`` whom the image itself names.
    """

    python: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    cuda: str = ""
    user: str = ""
    own_user: str = ""
    compiler: bool = False
    compat: bool = False
    trouble: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """An image compared with what a setup needs.

    ``id`` is its content's hash, ``lacks`` are sentences that refuse it, ``notes`` such as do not.
    """

    image: str
    id: str
    facts: ImageFacts
    lacks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def can_train(self) -> bool:
        """Whether a training may be started in it; one that told nothing in time is not refused."""
        return not self.lacks


def facts_from(document: Mapping[str, Any]) -> ImageFacts:
    """Facts as ``trainer_image/image_facts.py`` tells them. ValueError for anything else."""
    try:
        return ImageFacts(
            python=str(document["python"]),
            packages={str(key): str(value) for key, value in dict(document["packages"]).items()},
            broken=tuple(map(str, document["broken"])),
            unreadable=tuple(map(str, document["unreadable"])),
            cuda=str(document["cuda"]),
            user=str(document["user"]),
            compiler=bool(document["compiler"]),
            compat=bool(document.get("compat", False)),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
