"""The catalogue of base models that the form offers (``resources/base_models.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.domain.model_shape import ModelShape

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BaseModel:
    """One model of the catalogue; ``parameters`` in millions, ``shape`` where it is known."""

    repo: str
    label: str
    parameters: int
    license: str
    gated: bool
    shape: ModelShape | None = None


def load_base_models(path: Path) -> tuple[BaseModel, ...]:
    """Read the catalogue in its order."""
    with path.open("rb") as file:
        return tuple(_model(entry) for entry in tomllib.load(file)["model"])


def _model(entry: dict[str, Any]) -> BaseModel:
    shape = entry.pop("shape", None)
    if shape is not None:
        shape = ModelShape(parameters=entry["parameters"] * 1_000_000, **shape)
    return BaseModel(**entry, shape=shape)
