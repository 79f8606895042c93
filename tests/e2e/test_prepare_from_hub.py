"""A setup of which all is on the Hub, made ready while it is there and trained when it is gone."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import SOURCE_HUB, TrainingConfig
from models.domain.config_io import with_values
from services.job_builder import JobBuilder
from services.offline import OfflinePolicy
from services.offline_dataset import on_library
from tests.e2e.test_main_job import Temper
from tests.emulators.hub_files import HubFiles
from tests.emulators.hub_models import HubModels
from trainer_image.rows import RowFile, RowValues, held_out_rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TrainerHome
    from tests.emulators.server import Reply, Request

MODEL, DATASET = "me/tiny", "me/numbers"
TRAINED, HELD_OUT = 12, 4


class WholeHub(HubModels):
    """The Hub with models and with datasets."""

    def __init__(
        self, models: dict[str, dict[str, bytes]], datasets: dict[str, dict[str, bytes]]
    ) -> None:
        super().__init__(models)
        self._rows = HubFiles({}, dict.fromkeys(datasets, "public"), datasets)
        self._rows.discard()

    def answer(self, request: Request) -> Reply | None:
        is_data = request.target.startswith(("/api/datasets/", "/datasets/"))
        return self._rows.answer(request) if is_data else super().answer(request)


@dataclass(frozen=True)
class OnlineTemper(Temper):
    """The program with a Hub of its own to go to."""

    hub: str = field(default="")

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
        own = {"TEMPER_HOME": str(self.home), "HF_ENDPOINT": self.hub}
        return kept | own | {"HF_HOME": str(self.home / "shared")}


def _hub(tiny_model: Path) -> WholeHub:
    model = {one.name: one.read_bytes() for one in tiny_model.iterdir() if one.is_file()}
    rows = {
        "data/train.jsonl": _lines("train", TRAINED),
        "data/test.jsonl": _lines("test", HELD_OUT),
    }
    return WholeHub({MODEL: model}, {DATASET: rows})


def _lines(split: str, count: int) -> bytes:
    """Rows with a column ``split`` that says something else, as the Hub's own rows may."""
    rows = (
        {"question": f"What is {split} {n}?", "answer": answer, "split": "x"}
        for n, answer in enumerate(_answers(count))
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _setup(folder: Path) -> TrainingConfig:
    values = {
        "hp.base_model": MODEL, "hp.batch_size": 1, "hp.grad_accum": 1, "hp.max_steps": 2,
        "hp.eval_steps": 2, "hp.max_seq_length": 64, "hp.packing": False,
        "dataset.source": SOURCE_HUB, "dataset.hf_repo": DATASET, "dataset.hf_split": "train",
        "dataset.eval_split": "test", "local.use_gpu": False, "local.host_data_dir": str(folder),
    }  # fmt: skip
    return with_values(TrainingConfig(), values)


def _services(home: Path) -> closing[Services]:
    return closing(build_services(AppPaths(home), OfflinePolicy(forced=True)))


@pytest.mark.timeout(900)
def test_prepared_from_the_hub_it_trains_and_measures_on_both_splits_when_the_hub_is_gone(
    tmp_path: Path, tiny_model: Path, trainer_home: TrainerHome
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "runtime").symlink_to(trainer_home.environment.root)
    with _services(home) as services:
        services.configs.save("Net", _setup(tmp_path / "elsewhere"))
        missing = services.bundles.readiness.status("Net").missing
        assert [need.what for need in missing] == ["Model", "Dataset"]
    with _hub(tiny_model) as hub:
        temper = OnlineTemper(home, hub.url)
        (prepared,) = temper.json("offline", "prepare", "Net")
        assert (prepared["status"], prepared["error"]) == ("ready to train offline", "")

    _nothing_is_missing(home)
    run = temper.json("--offline", "train", "Net")
    assert run["state"] == "finished"
    events = (tmp_path / "elsewhere" / "runs" / run["id"] / "events.jsonl").read_text()
    assert '"eval_loss"' in events


def _nothing_is_missing(home: Path) -> None:
    """For a start; and what it would hold out are the rows that a training on the Hub holds out."""
    with _services(home) as services:
        assert services.bundles.readiness.status("Net").is_ready
        config = services.configs.get("Net")
        assert [one.field for one in services.runs.problems(config)] == ["dataset.source"]
        offline = on_library(config, services.datasets)
        assert services.runs.problems(offline) == []
        builder = JobBuilder(services.datasets, lambda: services.paths.data)
        planned = builder.plan(offline, name="", offline=True)
        assert planned.session is not None
        rows = RowFile(services.datasets.rows_file(planned.session))
        assert [row.values["answer"] for row in rows] == [*_answers(TRAINED), *_answers(HELD_OUT)]
        held_out = held_out_rows(RowValues(rows), planned.job.dataset, planned.job.hp.seed)
        assert held_out == set(range(TRAINED, TRAINED + HELD_OUT))


def _answers(count: int) -> list[str]:
    return [f"It is {n}. " * 3 for n in range(count)]
