"""A home with runs, rows and images, and the services that count it and clean it."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.config import TrainingConfig
from models.domain.docker import ImageInfo
from models.domain.errors import AppError
from models.domain.model_shape import ModelShape
from models.domain.run import Run, RunState
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.model_shapes import ShapeAnswer
from services.run_records import RunRecords
from services.storage.forecast import StorageForecaster
from services.storage.inventory import Places
from services.storage.spare_finder import SpareFinder
from services.storage.spares import Workshop
from services.storage.storage import Storage
from tests.integration.result_files import write_adapter
from trainer_image.contract import OutputMarker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SHAPE = ModelShape(
    parameters=1_000_000, hidden=100, layers=2, heads=2, kv_heads=2, intermediate=200, vocab=1000,
    tied_embeddings=True,
)  # fmt: skip
IMAGE = ImageInfo("ours:cpu", "sha256:1", "", 5000, 1.0)


class Shapes:
    """Knows one model."""

    def find(self, model: str, data_root: str = "") -> ShapeAnswer:
        known = model == TrainingConfig().hp.base_model
        return ShapeAnswer(SHAPE) if known else ShapeAnswer(reason="Hugging Face has no such model")


@dataclass
class World:
    """A home, and what is in it."""

    home: Path
    database: Database
    library: DatasetLibrary
    storage: Storage
    images: list[ImageInfo] | AppError
    is_outdated: bool = False

    @property
    def data(self) -> Path:
        return self.home / "data"

    def listed(self) -> Sequence[ImageInfo]:
        """The images, or what the engine says instead."""
        if isinstance(self.images, AppError):
            raise self.images
        return self.images

    def run(self, run_id: str, *steps: int, **changes: Any) -> Run:
        """A finished run with an adapter, and checkpoints of these steps."""
        output = self.data / "outputs" / run_id
        values = {"name": run_id, "state": RunState.FINISHED, "config": TrainingConfig(), **changes}
        run = Run(
            id=run_id, runtime="", data_root=str(self.data), created_at=1.0,
            output_directory=str(output), **values,
        )  # fmt: skip
        for step in steps:
            folder = output / "checkpoints" / f"checkpoint-{step}"
            write(folder / "weights.bin", 8192)
            seals = {"files": {"weights.bin": {"size": 8192, "sha256": "0" * 64}}}
            (folder / "temper-checkpoint.json").write_text(json.dumps(seals))
        write_adapter(output / "adapter")
        marker = OutputMarker(run_id=run_id, fingerprint="0" * 64, finished=True)
        (output / "temper-output.json").write_text(marker.model_dump_json())
        write(self.data / "runs" / run_id / "train.log", 4096)
        with self.database.unit_of_work() as uow:
            uow.runs.add(run)
            uow.commit()
        return run


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Nothing is there yet but the home."""
    with closing(Database.open(tmp_path / "temper.db")) as database:
        library = DatasetLibrary(database, DatasetStore(tmp_path / "datasets"), tmp_path / "none")
        places = Places(
            home=tmp_path, database=tmp_path / "temper.db", datasets=tmp_path / "datasets",
            runtime=tmp_path / "runtime", trainer_code=tmp_path / "trainer-code",
            data=tmp_path / "data",
        )  # fmt: skip
        forecaster = StorageForecaster(
            RunRecords(database),
            Shapes(),
            library,
            lambda _: tmp_path / "data",
            lambda: 0,
        )
        found = World(tmp_path, database, library, None, [IMAGE])  # type: ignore[arg-type]
        workshop = Workshop(
            code=lambda: tmp_path / "trainer-code" / ("c" * 16),
            is_outdated=lambda: found.is_outdated,
            loaded=str,
            bundle_locks=(tmp_path / "offline" / "export" / ".lock",),
        )
        spares = SpareFinder(database, lambda: places, workshop, lambda: time.time() + 7200)
        found.storage = Storage(
            database, library, lambda: places, found.listed, tmp_path / "lock", forecaster, spares
        )
        yield found


def write(path: Path, size: int) -> Path:
    """A file of so many bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def taken(*paths: Path) -> int:
    """The bytes that a kind of thing takes."""
    return sum(os.lstat(path).st_blocks * 512 for path in paths)
