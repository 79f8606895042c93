"""The catalogue of base models that the form offers (``resources/base_models.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BaseModel:
    """One model of the catalogue; ``parameters`` in millions."""

    repo: str
    label: str
    parameters: int
    license: str
    gated: bool


def load_base_models(path: Path) -> tuple[BaseModel, ...]:
    """Read the catalogue in its order."""
    with path.open("rb") as file:
        return tuple(BaseModel(**entry) for entry in tomllib.load(file)["model"])
