"""Two homes without a network, and bundles between them."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from services.offline import OfflinePolicy
from services.progress import CancelToken
from tests.whole_model import lay_whole_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.progress import Progress

COMMIT = "0123456789abcdef" * 2 + "01234567"
FILES: dict[str, str] = {"config.json": "cd" * 20, "tokenizer.json": "ef" * 20}
BLOB = hashlib.sha256(b"model.safetensors" * 1000).hexdigest()
FILES["model.safetensors"] = BLOB


def quiet(_progress: Progress) -> None:
    """Nobody looks."""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Services]:
    """A home with a model of the Hub, a model in a folder elsewhere, rows and two setups."""
    with closing(home(tmp_path / "here")) as services:
        repo = services.paths.data / "cache/huggingface/hub/models--some--model"
        for name in ("blobs", f"snapshots/{COMMIT}", "refs"):
            (repo / name).mkdir(parents=True)
        (repo / "refs" / "main").write_text(COMMIT)
        for name, blob in FILES.items():
            (repo / "blobs" / blob).write_bytes(name.encode() * 1000)
            (repo / "snapshots" / COMMIT / name).symlink_to(f"../../blobs/{blob}")
        folder = lay_whole_model(tmp_path / "llama")
        (folder / "model.safetensors").write_bytes(b"weights" * 1000)
        rows = tmp_path / "rows.jsonl"
        lines = ({"question": f"q{n}", "answer": "a"} for n in range(5))
        rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
        services.datasets.import_file(rows, name="FAQ")
        for name, model in (("Hub", "some/model"), ("Folder", str(folder))):
            services.configs.save(name, some_config(model, str(tmp_path / "here" / "data")))
        yield services


def home(folder: Path) -> Services:
    """The program's own services on a home of this folder, offline."""
    return build_services(AppPaths(folder), OfflinePolicy(forced=True))


def some_config(model: str, data: str) -> TrainingConfig:
    """A setup that trains this model with the rows of ``FAQ``."""
    values = {"hp.base_model": model, "dataset.session": "FAQ", "local.host_data_dir": data}
    return with_values(TrainingConfig(), values)


def export(services: Services, target: Path, *names: str) -> Path:
    """Write a bundle without an environment; returns its file."""
    services.bundles.exporter.export(target, names, quiet, CancelToken(), with_environment=False)
    return target
