"""A base model as this computer has it: how much of it is here, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING

from models.domain.memory_terms import NF4_BYTES

if TYPE_CHECKING:
    from models.domain.model_shape import ModelShape


_HALF = 2


class ModelState(StrEnum):
    """How much of a model is on this computer."""

    MISSING = "missing"
    PARTIAL = "partial"
    COMPLETE = "complete"
    DAMAGED = "damaged"


class ModelPlace(StrEnum):
    """Who keeps a model's files.

    Trainings find what is in the data folder's own cache, and every local folder. What other
    programs keep in the Hugging Face cache of this user is shared by links when it is wanted.
    """

    NOWHERE = ""
    OURS = "data folder"
    SHARED = "Hugging Face cache"
    FOLDER = "local folder"


@dataclass(frozen=True, slots=True)
class CachedModel:
    """One model in one place.

    ``parameters`` is a number of parameters, ``bytes_whole`` what the model takes when it is whole;
    both None where nobody knows yet. ``bytes_on_disk`` counts each file once, however many names
    it has. ``missing`` and ``damaged`` are names of files. ``is_added`` is a folder of the user's
    that is only listed here. ``checked_at`` says when every byte was last compared, 0 for never.
    ``shape`` are the sizes that decide about memory, where they are known.
    """

    repo_id_or_path: str
    state: ModelState
    where: ModelPlace = ModelPlace.NOWHERE
    place: str = ""
    label: str = ""
    parameters: int | None = None
    licence: str = ""
    gated: bool = False
    bytes_on_disk: int = 0
    bytes_whole: int | None = None
    revision: str = ""
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    is_added: bool = False
    checked_at: float = 0.0
    shape: ModelShape | None = None

    @property
    def key(self) -> str:
        """What tells two rows apart: the same repo may lie in two caches."""
        return f"{self.repo_id_or_path}@{self.where.value}"

    @property
    def bytes_expected(self) -> int | None:
        """About what a download would bring of one of which the Hub was not asked yet: its weights
        in 16 bits, or in 4 where its name says so. None where its sizes are not known.

        The tokenizer is left out: of SmolLM2 (135 M) come 272.6 MB, and 270.0 MB are said."""
        if self.shape is None:
            return None
        if not self.repo_id_or_path.endswith("-bnb-4bit"):
            return self.shape.parameters * _HALF
        blocks, rest = self.shape.block_parameters, self.shape.embedding_parameters
        return ceil(blocks * NF4_BYTES) + rest * _HALF

    @property
    def is_complete(self) -> bool:
        """Whether a training can use it without the network, as far as is known."""
        return self.state is ModelState.COMPLETE and self.where is not ModelPlace.SHARED

    @property
    def is_here(self) -> bool:
        """Whether any of its files are on this computer."""
        return self.where is not ModelPlace.NOWHERE

    @property
    def is_repo(self) -> bool:
        """Whether it is one of the Hub's, and so can be fetched."""
        return self.where is not ModelPlace.FOLDER


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What comparing every byte of a model found.

    ``damaged`` are the files whose content is not what their hash says, ``unknown`` those of which
    no hash is known here.
    """

    model: CachedModel
    checked: int = 0
    damaged: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
