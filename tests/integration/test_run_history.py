"""The history over a real database: curves, differences, names, running again, export."""

from __future__ import annotations

import csv
import json
import math
import random
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError, ConfigError
from models.domain.run import Run, RunEvent, RunState
from models.domain.run_history import BY_TIME, Curve
from services.run_files import events_offset
from services.run_history import RunHistory
from services.trainer_code import TrainerCode
from tests.integration.runs_world import config, follow, make_home, make_service
from tests.whole_model import lay_checkpoint, lay_whole_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from services.runs import RunService

pytestmark = pytest.mark.slow


@dataclass
class World:
    """A home, its database, and the services over them."""

    home: Path
    database: Database
    runs: RunService
    history: RunHistory

    def add(self, run_id: str, **changes: Any) -> Run:
        run = Run(
            id=run_id, name=changes.pop("name", run_id), config=changes.pop("config", CONFIG),
            state=RunState.FINISHED, runtime="Python on this computer",
            data_root=str(self.home / "data"), created_at=1.0,
            output_directory=str(self.home / "data/outputs" / run_id), **changes,
        )  # fmt: skip
        with self.database.unit_of_work() as uow:
            uow.runs.add(run)
            uow.commit()
        return run

    def measured(self, run_id: str, events: Sequence[RunEvent]) -> str:
        self.add(run_id)
        with self.database.unit_of_work() as uow:
            uow.metrics.add(run_id, events)
            uow.commit()
        return run_id


CONFIG = TrainingConfig()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    home = make_home(tmp_path)
    with closing(Database.open(home / "temper.db")) as database:
        runs = make_service(home, database)
        library = runs.starter._library
        yield World(home, database, runs, RunHistory(database, runs, library, home / "d.lock"))
        for run in runs.list():
            runs.kill(run.id)


def progress(seq: int, step: int, loss: float, time: float | None = None) -> RunEvent:
    fields: dict[str, object] = {"step": step, "total_steps": 10_000, "loss": loss}
    return RunEvent(seq, 1000.0 + seq if time is None else time, "progress", fields)


def phase(seq: int, name: str, time: float) -> RunEvent:
    return RunEvent(seq, time, "phase", {"phase": name})


def points(curve: Curve) -> list[tuple[float, float]]:
    return list(zip(curve.xs, curve.ys, strict=True))


def test_a_short_curve_is_given_point_by_point(world: World) -> None:
    run = world.measured("r", [progress(n, n + 1, 3.0 - n / 10) for n in range(10)])
    (curve,) = world.history.curves([run])
    assert points(curve) == [(n + 1.0, 3.0 - n / 10) for n in range(10)]


def test_a_long_curve_is_thinned_to_measured_points_and_keeps_every_peak(world: World) -> None:
    rng = random.Random(5)
    values = [3.0 * math.exp(-n / 4000) + rng.uniform(-0.05, 0.05) for n in range(10_000)]
    values[1234], values[7777] = 9.5, -4.0
    run = world.measured("r", [progress(n, n + 1, values[n]) for n in range(10_000)])
    (curve,) = world.history.curves([run], points=500)
    assert 400 <= len(curve.xs) <= 500
    assert list(curve.xs) == sorted(set(curve.xs))
    assert all(values[int(x) - 1] == y for x, y in points(curve))
    assert (1235.0, 9.5) in points(curve)
    assert (7778.0, -4.0) in points(curve)
    for begin in range(0, 10_000, 1000):  # whatever is looked at, its extremes are there
        seen = [y for x, y in points(curve) if begin < x <= begin + 1000]
        assert (min(seen), max(seen)) == (
            min(values[begin : begin + 1000]), max(values[begin : begin + 1000]),
        )  # fmt: skip


def test_evaluations_are_a_curve_of_their_own_and_a_run_without_any_has_none(
    world: World,
) -> None:
    events = [
        RunEvent(0, 1000.0, "eval", {"step": 0, "eval_loss": 3.0}),
        progress(1, 1, 2.5),
        RunEvent(2, 1002.0, "eval", {"step": 1, "eval_loss": 2.0}),
    ]
    with_evals, without = world.measured("a", events), world.measured("b", [progress(0, 1, 2.5)])
    found = world.history.curves([with_evals, without], "eval_loss")
    assert [points(curve) for curve in found] == [[(0.0, 3.0), (1.0, 2.0)], []]


@pytest.mark.parametrize("points_", [2000, 40])
def test_a_resumed_run_repeats_steps_and_its_curve_goes_on_from_the_checkpoint(
    world: World, points_: int
) -> None:
    steps = [*range(1, 61), *range(41, 101)]
    run = world.measured("r", [progress(n, step, step / 10) for n, step in enumerate(steps)])
    (curve,) = world.history.curves([run], points=points_)
    assert list(curve.xs) == sorted(set(curve.xs))
    assert curve.xs[0] == 1.0
    assert curve.xs[-1] == 100.0
    assert all(x / 10 == y for x, y in points(curve))


def test_over_time_the_pause_before_a_resume_does_not_count(world: World) -> None:
    day = 86_400.0
    events = [
        phase(0, "preparing", 1000.0), phase(1, "training", 1010.0),
        progress(2, 1, 3.0, 1020.0), progress(3, 2, 2.9, 1030.0),
        phase(4, "preparing", 1030.0 + day), progress(5, 3, 2.8, 1050.0 + day),
        progress(6, 4, 2.7, 1040.0 + day),
    ]  # fmt: skip
    run = world.measured("r", events)
    (curve,) = world.history.curves([run], over=BY_TIME)
    assert curve.xs == (20.0, 30.0, 50.0, 50.0)  # the last one: the clock was set back


def test_there_are_no_curves_of_what_is_no_metric(world: World) -> None:
    with pytest.raises(AppError) as caught:
        world.history.curves([world.measured("r", [])], "loss FROM metrics --")
    assert caught.value.kind == "bad_use"


def test_only_settings_that_differ_and_mean_something_are_shown(world: World) -> None:
    one = with_values(CONFIG, {"hp.learning_rate": 1e-4, "runpod.gpu_count": 4})
    two = with_values(
        CONFIG, {"hp.packing": False, "training.preset": "Auto Set (local)", "hp.max_steps": 50}
    )
    world.add("a", config=one, trainer_sha256="a" * 64)
    world.add("b", config=two, trainer_sha256="b" * 64)
    found = {item.path or item.label: item for item in world.history.differences(["a", "b"])}
    assert {path: item.values for path, item in found.items()} == {
        "hp.learning_rate": ("1e-4", "0.0002" if 2e-4 >= 1e-3 else "2e-4"),
        "hp.max_steps": ("no limit", "50"),
        "hp.packing": ("on", "off"),
        "Trainer's code": ("aaaaaaaa", "bbbbbbbb"),
    }
    assert found["hp.packing"].label == "Packing"
    assert world.history.differences(["a"]) == []


def test_datasets_are_compared_by_their_rows_not_by_their_names(world: World) -> None:
    def run(run_id: str, session: str, name: str, sha: str) -> str:
        setup = with_values(CONFIG, {"dataset.session": session})
        world.add(run_id, config=setup, dataset_name=name, dataset_sha256=sha)
        return run_id

    first = run("a", "1", "Questions", "1" * 64)
    renamed = run("b", "Old name", "Old name", "1" * 64)
    others = run("c", "7", "Questions", "2" * 64)
    assert world.history.differences([first, renamed]) == []
    (found,) = world.history.differences([first, others])
    assert found.values == ("Questions (11111111)", "Questions (22222222)")


def test_runs_are_found_by_words_anywhere_in_them(world: World) -> None:
    world.add("r1", name="Support v2", notes="Best so far", dataset_name="Questions")
    world.add("r2", name="Support v3", tags=("Très bon",), base_model="/models/SmolLM2-135M")
    world.add("r3", name="Poems", failure=None)

    def found(words: str) -> list[str]:
        return sorted(run.id for run in world.history.search(words))

    assert found("support") == ["r1", "r2"]
    assert found("BEST support") == ["r1"]
    assert found("très") == ["r2"]
    assert found("smollm2") == ["r2"]
    assert found("questions finished") == ["r1"]
    assert found("questions failed") == []
    assert found("") == ["r1", "r2", "r3"]
    assert found("r3") == ["r3"]


def test_names_notes_and_tags_are_kept_and_cleaned(world: World) -> None:
    world.add("r")
    history = world.history
    assert history.rename("r", "  A new\nname ").name == "A new name"
    assert history.set_notes("r", "line 1\nline 2").notes == "line 1\nline 2"
    assert history.set_tags("r", [" good ", "Good", "", "to  try"]).tags == ("good", "to try")
    stored = world.runs.get("r")
    assert (stored.name, stored.notes, stored.tags) == (
        "A new name", "line 1\nline 2", ("good", "to try"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("rename", "  "),
        ("rename", "x" * 201),
        ("set_notes", "x" * 20_001),
        ("set_tags", ["x" * 41]),
        ("set_tags", [str(n) for n in range(51)]),
        ("set_notes", "my token is hf_" + "a1B2c3D4" * 4),
        ("set_tags", ["hf_" + "a1B2c3D4" * 3]),
        ("rename", "hf_" + "a1B2c3D4" * 4),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_next_step(
    world: World, method: str, value: object
) -> None:
    before = world.add("r", notes="old", tags=("old",))
    with pytest.raises(AppError) as caught:
        getattr(world.history, method)("r", value)
    assert caught.value.hint
    assert "a1B2c3D4" not in str(caught.value)
    assert world.runs.get("r") == before


def test_a_run_is_run_again_word_for_word_on_the_same_rows(world: World) -> None:
    setup = config("finish", **{"hp.lora_r": 7})
    first, _, _ = follow(world.runs, world.runs.start(setup, name="First"))
    (session,) = world.runs.starter._library.list()
    with world.database.unit_of_work() as uow:
        uow.datasets._row(session.id).name = "Called otherwise"
        uow.commit()
    world.runs.starter._code = lambda: TrainerCode(world.home / "code", "1" * 64)
    plan = world.history.plan_again(first.id)
    assert plan.config == setup
    said = "\n".join(plan.remarks)
    for part in ("/data/outputs/local_run-2", "Called otherwise", "code has changed"):
        assert part in said
    again = world.history.run_again(first.id)
    assert (again.config, again.name, again.dataset_sha256) == (
        first.config, "First", first.dataset_sha256,
    )  # fmt: skip
    assert again.output_directory.endswith("local_run-2")
    ended, _, _ = follow(world.runs, again)
    assert ended.state is RunState.FINISHED


def test_a_renamed_number_of_the_dataset_does_not_matter(world: World) -> None:
    """A setup names its dataset by number or name; the rows are what counts."""
    first, _, _ = follow(world.runs, world.runs.start(config("finish")))
    with world.database.unit_of_work() as uow:
        changed = with_values(first.config, {"dataset.session": "No such name"})
        uow.runs.change(first.id, config=changed)
        uow.commit()
    again = world.history.run_again(first.id, queued=True)
    assert again.dataset_sha256 == first.dataset_sha256
    assert (again.state, again.config.dataset.session) == (RunState.QUEUED, "No such name")


def test_nothing_differs_and_nothing_is_remarked_where_the_place_is_free(world: World) -> None:
    first, _, _ = follow(world.runs, world.runs.start(config("refuse")))
    plan = world.history.plan_again(first.id)
    assert plan.remarks == ()


def test_without_its_rows_or_its_model_a_run_cannot_be_run_again(world: World) -> None:
    model = world.home / "finish"
    lay_whole_model(model)
    setup = config("finish", **{"hp.base_model": str(model)})
    first, _, _ = follow(world.runs, world.runs.start(setup))
    (model / "config.json").unlink()
    with pytest.raises(ConfigError) as caught:
        world.history.plan_again(first.id)
    assert caught.value.problems[0].field == "hp.base_model"
    (model / "config.json").write_text("{}")
    library = world.runs.starter._library
    library.delete(library.list()[0].id)
    count = len(world.runs.list())
    for call in (world.history.plan_again, world.history.run_again):
        with pytest.raises(AppError) as gone:
            call(first.id)
        assert gone.value.kind == "dataset_gone"
        assert "Import" in gone.value.hint
    assert len(world.runs.list()) == count


def test_a_named_checkpoint_of_the_old_directory_keeps_a_run_from_being_repeated(
    world: World,
) -> None:
    setup = config("finish", **{"hp.resume_from": "checkpoint-4"})
    lay_checkpoint(world.home / "data" / "outputs" / "local_run" / "checkpoints" / "checkpoint-4")
    first, _, _ = follow(world.runs, world.runs.start(setup, on_existing="resume"))
    with pytest.raises(ConfigError) as caught:
        world.history.plan_again(first.id)
    (problem,) = caught.value.problems
    assert problem.field == "hp.resume_from"
    assert problem.fix is not None
    whole = "/data/outputs/local_run/checkpoints/checkpoint-4"
    assert problem.fix.values == (("hp.resume_from", whole),)


def test_metrics_are_exported_whole(world: World, tmp_path: Path) -> None:
    run, events, _ = follow(world.runs, world.runs.start(config("finish")))
    world.history.export_metrics(run.id, tmp_path / "m.jsonl")
    world.history.export_metrics(run.id, tmp_path / "m.csv")
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert lines == [
        {"seq": event.seq, "time": event.time, "type": event.type, **event.fields}
        for event in events
    ]
    with (tmp_path / "m.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(events)
    losses = [float(row["loss"]) for row in rows if row["loss"]]
    assert losses == [event.number("loss") for event in events if event.type == "progress"]


def test_an_export_that_cannot_be_leaves_nothing(world: World, tmp_path: Path) -> None:
    run = world.measured("r", [progress(0, 1, 2.0)])
    for path, kind in ((tmp_path / "m.xlsx", "bad_use"), (tmp_path / "no" / "m.csv", "io")):
        with pytest.raises(AppError) as caught:
            world.history.export_metrics(run, path)
        assert caught.value.kind == kind
        assert not path.exists()


def test_a_long_run_opens_with_its_telling_events_and_polls_go_on(world: World) -> None:
    run = world.runs.start(config("wait"))
    follow(world.runs, run, until=lambda run: run.step == 30)
    folder = world.home / "data/runs" / run.id
    written = (folder / "events.jsonl").read_text().splitlines()
    world.runs.kill(run.id)
    ended, _, _ = follow(world.runs, run)
    with (folder / "events.jsonl").open("a") as file:
        for seq in range(len(written), 9000):
            event = {
                "seq": seq,
                "time": 1.0,
                "type": "progress",
                "step": seq,
                "loss": seq % 7 + 0.5,
            }
            if seq % 1000 == 0:
                event |= {"type": "eval", "eval_loss": 1.0}
            file.write(json.dumps(event) + "\n")
    later = make_service(world.home, world.database)
    update = later.history(ended.id)
    assert 1500 < len(update.events) < 2500
    seqs = [event.seq for event in update.events]
    assert seqs == sorted(set(seqs))
    assert seqs[-1] == 8999
    assert sum(event.type == "eval" for event in update.events) == 8
    assert later.poll(ended.id).events == ()
    assert [event.seq for event in later.events(ended.id)] == list(range(9000))


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_place_of_an_event_is_found_by_counting_lines(tmp_path: Path, count: int) -> None:
    path = tmp_path / "events.jsonl"
    lines = [json.dumps({"seq": n, "time": 1.0, "type": "x", "é": "é" * n}) for n in range(3)]
    path.write_text("".join(f"{line}\n" for line in lines) + '{"seq": 3')
    expected = sum(len(line.encode()) + 1 for line in lines[:count])
    assert events_offset(path, count) == expected


def test_where_events_are_not_numbered_line_by_line_everything_is_read_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("\n" + "".join(f'{{"seq": {n}, "time": 1, "type": "x"}}\n' for n in range(5)))
    assert events_offset(path, 3) == 0
    assert events_offset(tmp_path / "none", 3) == 0
