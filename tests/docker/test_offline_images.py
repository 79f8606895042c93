"""A real image between two real engines, in a bundle: saved, loaded, and the very same."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import RUNTIME_DOCKER, TrainingConfig
from models.domain.config_io import with_values
from services.offline import OfflinePolicy
from services.progress import CancelToken
from tests.whole_model import lay_whole_model

if TYPE_CHECKING:
    from pathlib import Path

    from services.progress import Progress
    from tests.docker.engine import RealEngine
    from tests.docker.engine_store import EngineStore

pytestmark = pytest.mark.slow


def _quiet(_progress: Progress) -> None:
    """Nobody looks."""


def test_an_image_travels_to_an_engine_that_never_had_it(
    tmp_path: Path, docker_engine: RealEngine, engine_store: EngineStore, small_image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    model, rows, bundle = tmp_path / "llama", tmp_path / "rows.jsonl", tmp_path / "x.temper"
    lay_whole_model(model)
    (model / "model.safetensors").write_bytes(b"weights")
    rows.write_text(json.dumps({"question": "q", "answer": "a"}) + "\n")
    with closing(docker_engine.client()) as client:
        image = client.images.get(small_image).id
    with closing(_home(tmp_path / "here")) as here:
        here.datasets.import_file(rows, name="FAQ")
        values = {
            "hp.base_model": str(model), "dataset.session": "FAQ",
            "local.runtime": RUNTIME_DOCKER, "local.image": small_image,
        }  # fmt: skip
        here.configs.save("Box", with_values(TrainingConfig(), values))
        here.bundles.exporter.export(bundle, ["Box"], _quiet, CancelToken())
    other = engine_store.clone(docker_engine)
    try:
        other.start()
        monkeypatch.setenv("DOCKER_HOST", other.host)
        with closing(other.client()) as client, closing(_home(tmp_path / "there")) as there:
            client.images.remove(small_image, force=True)
            brought = there.bundles.importer.bring_in(bundle, _quiet, CancelToken())
            assert brought.images == (small_image,)
            assert client.images.get(small_image).id == image
            said = client.containers.run(small_image, ["echo", "it runs"], remove=True)
            assert said == b"it runs\n"
    finally:
        other.dispose()


def _home(folder: Path) -> Services:
    return build_services(AppPaths(folder), OfflinePolicy(forced=True))
