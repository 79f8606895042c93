"""A setup of which all is on the Hub, made ready while it is there and trained when it is gone."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from app.bootstrap import build_services
from app.paths import AppPaths
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


def _setup(folder: Path) -> dict[str, Any]:
    steps = {"max_steps": 2, "eval_steps": 2, "max_seq_length": 64, "packing": False}
    return {
        "hp": {"base_model": MODEL, "batch_size": 1, "grad_accum": 1, **steps},
        "dataset": {
            "source": "Hugging Face", "hf_repo": DATASET, "hf_split": "train", "eval_split": "test",
        },
        "local": {"use_gpu": False, "host_data_dir": str(folder)},
        "output": {"directory": "/data/outputs/net"},
    }  # fmt: skip


def test_prepared_from_the_hub_it_trains_and_measures_on_both_splits_when_the_hub_is_gone(
    tmp_path: Path, tiny_model: Path, trainer_home: TrainerHome
) -> None:
    home, setup = tmp_path / "home", tmp_path / "setup.yaml"
    home.mkdir()
    (home / "runtime").symlink_to(trainer_home.environment.root)
    setup.write_text(yaml.safe_dump(_setup(tmp_path / "elsewhere")))
    with _hub(tiny_model) as hub:
        temper = OnlineTemper(home, hub.url)
        temper("config", "save", "Net", str(setup))
        assert _missing(temper) == ["Model", "Dataset"]

        (prepared,) = temper.json("offline", "prepare", "Net")
        assert (prepared["status"], prepared["error"]) == ("ready to train offline", "")

    assert _missing(temper) == []
    _nothing_is_missing(home)
    run = temper.json("--offline", "train", "Net")
    assert run["state"] == "finished"
    events = (tmp_path / "elsewhere" / "runs" / run["id"] / "events.jsonl").read_text()
    assert '"eval_loss"' in events


def _missing(temper: Temper) -> list[str]:
    (found,) = temper.json("offline", "status")
    return [need["what"] for need in found["needs"] if not need["is_here"]]


def _nothing_is_missing(home: Path) -> None:
    """For a start; and what it would hold out are the rows that a training on the Hub holds out."""
    with closing(build_services(AppPaths(home), OfflinePolicy(forced=True))) as services:
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
