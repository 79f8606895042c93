"""Nothing that takes room is left out of the count because nobody runs in it any more, or yet."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.run import Run, RunState
from models.domain.storage import StoredKind
from services.offline import OfflinePolicy
from trainer_image.contract import OutputMarker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.storage import StoredItem


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(build_services(AppPaths(tmp_path / "home"), OfflinePolicy(forced=True))) as made:
        yield made


def _write(path: Path, size: int) -> int:
    """The room that the file takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path.stat().st_blocks * 512


def _item(services: Services, kind: StoredKind, name: str) -> StoredItem:
    (found,) = (one for one in services.storage.report().of(kind) if one.name == name)
    return found


def _run(services: Services, run_id: str) -> Run:
    output = services.paths.data / "outputs" / run_id
    run = Run(
        id=run_id, name=run_id, config=TrainingConfig(), state=RunState.FINISHED, runtime="",
        data_root=str(services.paths.data), created_at=1.0, output_directory=str(output),
    )  # fmt: skip
    output.mkdir(parents=True)
    marker = OutputMarker(run_id=run_id, fingerprint="0" * 64, finished=True)
    (output / "temper-output.json").write_text(marker.model_dump_json())
    with services.database.unit_of_work() as uow:
        uow.runs.add(run)
        uow.commit()
    return run


def test_a_data_folder_that_only_a_saved_setup_names_counts_and_under_two_names_once(
    services: Services, tmp_path: Path
) -> None:
    size = _write(tmp_path / "disk" / "models" / "big" / "model.safetensors", 20_000)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    for name in ("disk", "link"):
        values: dict[str, object] = {"local.host_data_dir": str(tmp_path / name)}
        services.configs.save(name, with_values(TrainingConfig(), values))
    assert _item(services, StoredKind.MODEL, "big").bytes == size


def test_what_a_deleted_run_left_and_a_bundle_that_was_cut_are_counted(services: Services) -> None:
    home, data = services.paths.home, services.paths.data
    known = _run(services, "known")
    adapter = _write(data / "outputs" / "known" / "adapter" / "weights", 8_192)
    lost = _write(data / "outputs" / "lost" / "checkpoints" / "checkpoint-4" / "weights", 20_000)
    foreign = _write(data / "outputs" / "known" / "notes.txt", 100)
    logs = _write(data / "runs" / "lost" / "train.log", 30_000)
    cut = _write(home / "offline" / "import" / "images" / "1.tar.part", 40_000)

    assert _item(services, StoredKind.RESULT, "Outputs that belong to no run").bytes == (
        lost + foreign
    )
    assert _item(services, StoredKind.RUN, "Logs that belong to no run").bytes == logs
    assert _item(services, StoredKind.CACHE, "Bundles that were cut").bytes == cut
    marker = (data / "outputs" / "known" / "temper-output.json").stat().st_blocks * 512
    assert _item(services, StoredKind.RESULT, known.name).bytes == adapter + marker
