"""How much room a training will take: calculated, measured, and on which disk."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.run import RunState
from models.domain.storage import RetentionRules
from services.storage import forecast
from tests.integration import storage_world
from tests.integration.storage_world import World, taken, write

world = storage_world.world

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows tells no blocks, and lets few people make links"
)


def test_a_forecast_is_calculated_until_a_run_of_its_kind_has_been_measured(world: World) -> None:
    config = with_values(TrainingConfig(), {"hp.save_total_limit": 3})
    found = world.storage.forecast(config)
    assert found.size.measured_on == ""
    assert found.size.checkpoint > found.size.result > 0
    assert found.count == 5  # three, the best one, and one that is being written
    world.run("run-1", 5, config=config)
    measured = world.storage.forecast(config)
    folder = Path(world.data / "outputs" / "run-1")
    assert measured.size.measured_on == "run-1"
    assert measured.size.checkpoint == taken(*(folder / "checkpoints" / "checkpoint-5").iterdir())
    assert measured.size.result == taken(*(folder / "adapter").iterdir())
    assert measured.most == 5 * measured.size.checkpoint + measured.size.result
    other = with_values(config, {"hp.lora_r": 128})
    assert world.storage.forecast(other).size.measured_on == ""


def test_a_short_training_has_fewer_checkpoints_than_it_may_keep(world: World) -> None:
    rows = world.home / "rows.jsonl"
    line = '{"messages":[{"role":"user","content":"%d"},{"role":"assistant","content":"b"}]}\n'
    rows.write_text("".join(line % number for number in range(40)))
    session = world.library.import_file(rows, name="Questions")
    values = {"dataset.session": str(session.id), "hp.save_total_limit": 9, "hp.epochs": 1.0,
              "hp.batch_size": 2, "hp.grad_accum": 1}  # fmt: skip
    config = with_values(TrainingConfig(), values)
    assert world.storage.forecast(config).count == 3  # 20 steps at most, one for each ten
    assert world.storage.forecast(with_values(config, {"hp.save_steps": 7})).count == 3


def test_a_model_of_which_nothing_is_known_has_no_forecast(world: World) -> None:
    config = with_values(TrainingConfig(), {"hp.base_model": "some/model"})
    with pytest.raises(AppError, match="The size of some/model is not known"):
        world.storage.forecast(config)


def test_room_is_looked_for_where_the_output_directory_really_is(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "large"
    large.mkdir()
    world.data.mkdir(exist_ok=True)
    (world.data / "outputs").symlink_to(large)
    looked: list[Path] = []
    usage = shutil.disk_usage(tmp_path)

    def asked(place: Path) -> object:
        looked.append(Path(place))
        return usage

    monkeypatch.setattr(forecast.shutil, "disk_usage", asked)
    config = with_values(TrainingConfig(), {"output.directory": "/data/outputs/new"})
    assert str(large) in world.storage.forecast(config).place
    assert looked == [large]


def test_only_what_a_run_made_itself_and_where_it_is_is_thought_about(world: World) -> None:
    stopped = world.run("run-1", 5, state=RunState.CANCELLED)
    other = world.run("run-2", state=RunState.FINISHED)
    output = Path(other.output_directory)
    (output / "checkpoints").symlink_to(Path(stopped.output_directory) / "checkpoints")
    mine = write(output / "drafts.deleted-later" / "notes.txt", 10)
    write(output / ".adapter.deleted-0123abcd" / "half", 10)

    everything = RetentionRules(keep_last=0, keep_best=False)
    going = [Path(one.piece.path).name for one in world.storage.plan(everything).going]
    assert going == [".adapter.deleted-0123abcd"]
    world.storage.clean(world.storage.plan(everything), everything)
    assert mine.exists()
    assert (Path(stopped.output_directory) / "checkpoints" / "checkpoint-5").is_dir()
