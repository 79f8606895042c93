"""The look before a start, with the real library and the real worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.config import SOURCE_HUB, TrainingConfig
from models.domain.config_io import with_values
from models.domain.data_gate import DataRefusedError, RemedyKind, remedies_for
from models.domain.errors import AppError
from services.data_inspection import DataInspection
from services.dataset_import.exporting import TrainerExporters
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.early_look import EarlyLook
from services.hub_check import HubCheck
from services.inference_places import INSPECT, ProcessPlace
from services.job_builder import JobBuilder
from services.learning_check import LearningCheck
from services.models.inventory import Inventory
from services.offline import OfflinePolicy
from services.progress import Cancelled, CancelToken, Progress
from services.trainer_code import place_trainer_code
from tests.emulators.hub_files import HubFiles
from tests.hub_address import hub_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.data_report import Learning
    from models.domain.dataset import DatasetSession
    from tests.conftest import TrainerHome

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GOOD = [{"question": f"What is {n}?", "answer": f"The number {n}."} for n in range(60)]
LONG = {"question": "word " * 200, "answer": "Never reached."}

REFUSING = (
    "{% for message in messages %}"
    "{% if 'Refuse' in message['content'] %}{{ raise_exception('never') }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


class World:
    """A library, a worker and a setup; ``asked`` counts the workers' places."""

    def __init__(self, root: Path, home: TrainerHome) -> None:
        self.root = root
        self.asked = 0
        self.is_ready = True
        self._home = home
        self.database = Database.open(root / "temper.db")
        self.code = place_trainer_code(ROOT / "trainer_image", root / "code")
        offline = OfflinePolicy(forced=False)
        exporters = TrainerExporters(
            home.environment, lambda: self.code, lambda: root / "data", offline, lambda: None
        )
        self.library = DatasetLibrary(
            self.database, DatasetStore(root / "store"), root / "none", exporters
        )
        looks = root / "inspections"
        workers = [DataInspection(self._place, looks, lambda: self.code.sha256) for _ in range(2)]
        builder = JobBuilder(self.library, lambda: root / "data", lambda: None)
        hub = HubCheck(self.library, workers[0], lambda: None, looks)
        self.check = LearningCheck(self.library, *workers, builder, hub, lambda: False)
        models = Inventory(ROOT / "resources" / "base_models.toml", lambda: root / "data")
        self.early = EarlyLook(self.check, workers[0], self.library, models, home.environment)

    def _place(self, learning: Learning) -> ProcessPlace:
        self.asked += 1
        if not self.is_ready:
            raise AppError("runtime_missing", "There is no environment.", "Set it up.")
        return ProcessPlace(
            self._home.environment.python, self.code, Path(learning.data_root),
            self.root / "inspection.log", offline=True, use_gpu=False, module=INSPECT,
        )  # fmt: skip

    def session(self, rows: list[dict[str, Any]], name: str = "Talks") -> DatasetSession:
        path = self.root / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return self.library.import_file(path, name=name)

    def config(self, session: DatasetSession | None = None, **values: Any) -> TrainingConfig:
        changes = {"hp.base_model": str(self._home.model), "hp.max_seq_length": 64, **values}
        if session is not None:
            changes["dataset.session"] = str(session.id)
        return with_values(TrainingConfig(), changes)


@pytest.fixture
def world(tmp_path: Path, trainer_home: TrainerHome) -> Iterator[World]:
    world = World(tmp_path, trainer_home)
    yield world
    world.check.close()
    world.database.close()


def test_a_start_finds_what_was_looked_at_before_it(world: World) -> None:
    config = world.config(world.session(GOOD))
    (world.root / "data").mkdir()
    assert world.early.look(config)
    assert world.asked == 1
    found = world.check.gate(config)
    assert found is not None
    assert (found.rows, world.asked) == (60, 1)


def test_good_data_passes_and_is_not_looked_at_twice(world: World) -> None:
    config, told = world.config(world.session(GOOD)), list[Progress]()
    found = world.check.gate(config, report=told.append)
    assert found is not None
    assert (found.rows, found.has_major) == (60, False)
    assert told[-1].message == "Looking at the rows: 60"
    told.clear()
    assert world.check.gate(config, report=told.append) == found
    assert (world.asked, told) == (1, [])


def test_what_cuts_every_answer_is_refused_with_its_remedies(world: World) -> None:
    session = world.session([*GOOD[:3], *([LONG] * 25), GOOD[4]])
    config = world.config(session)
    with pytest.raises(DataRefusedError, match="row 4 and 24 more") as caught:
        world.check.gate(config)
    error = caught.value
    assert error.session == session
    assert error.may_start
    (finding,) = (one for one in error.report.findings if one.severity == "major")
    longer, drop, _other = remedies_for(finding, config, error.report)
    assert longer.values == {"hp.max_seq_length": 256}
    mended = with_values(config, longer.values)
    assert world.check.gate(mended) is not None
    assert (drop.kind, drop.label) == (RemedyKind.DROP, "Leave these 25 rows out")
    asked = world.asked
    assert world.check.faulty_rows(config, session, drop.codes) == tuple(range(3, 28))
    assert world.asked == asked
    clean = world.check.drop(config, session, drop.codes)
    assert (clean.name, clean.rows) == ("Talks (cleaned)", 4)
    assert world.library.get(session.id).rows == 29
    assert world.check.gate(world.config(clean)) is not None


def test_rows_of_findings_are_found_again_where_they_were_lost(world: World) -> None:
    session = world.session([*GOOD, GOOD[7], GOOD[9]])
    config = world.config(session)
    world.check.gate(config)
    for kept in (world.root / "inspections").glob("*.rows"):
        kept.unlink()
    assert world.check.faulty_rows(config, session, ["duplicate"]) == (60, 61)


def test_rows_are_left_out_for_what_another_template_makes_of_them(world: World) -> None:
    session = world.session([*GOOD[:3], {"question": "Refuse me", "answer": "Yes."}])
    config = world.config(session)
    assert world.check.gate(config) is not None
    found = world.check.report(config, session, template=REFUSING)
    (finding,) = (one for one in found.findings if one.severity == "major")
    assert finding.rows == (3,)
    clean = world.check.drop(config, session, [finding.code], template=REFUSING)
    assert world.library.rows(clean.id, 0, 9) == world.library.rows(session.id, 0, 3)


def test_what_is_held_out_and_learnt_is_mended_by_dropping_repeats(world: World) -> None:
    rows = [{**row, "split": "train"} for row in GOOD] + [{**GOOD[3], "split": "test"}]
    session = world.session([*rows, {"question": "Else?", "answer": "Yes.", "split": "test"}])
    config = world.config(session, **{"dataset.eval_split": "test"})
    found = world.check.gate(config)
    assert found is not None
    (overlap,) = (one for one in found.findings if one.code == "overlap")
    (remedy,) = remedies_for(overlap, config, found)
    clean = world.check.drop(config, session, remedy.codes)
    again = world.check.gate(world.config(clean, **{"dataset.eval_split": "test"}))
    assert again is not None
    assert all(one.code not in ("overlap", "duplicate") for one in again.findings)


def test_rows_are_known_by_their_hash_where_the_name_is_anothers_now(world: World) -> None:
    bad, good = world.session([LONG], "Bad"), world.session(GOOD, "Good")
    config = world.config(good)
    with pytest.raises(DataRefusedError):
        world.check.gate(config, sha256=bad.sha256)


def test_what_the_start_tells_itself_is_left_to_it(world: World) -> None:
    assert world.check.gate(world.config()) is None
    no_model = world.config(world.session(GOOD), **{"hp.base_model": "/nowhere"})
    assert world.check.gate(no_model) is None
    world.is_ready = False
    assert world.check.gate(world.config(world.session([LONG]))) is None


def test_a_check_can_be_cancelled(world: World) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        world.check.gate(world.config(world.session(GOOD)), cancel=cancel)


def test_a_row_is_shown_and_a_missing_one_named(world: World) -> None:
    session = world.session(GOOD)
    (view,) = world.check.row(world.config(session), session, 3)
    assert "The number 3." in view.text
    with pytest.raises(AppError, match="no row 61"):
        world.check.row(world.config(session), session, 60)


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubFiles]:
    contents = {
        "me/good": {"train.jsonl": jsonl(GOOD), "test.jsonl": jsonl([LONG])},
        "me/cut": {"train.jsonl": jsonl([*GOOD, LONG])},
        "me/other": {"train.jsonl": jsonl([{"ask": "Q?", "reply": "A."}])},
    }
    there = HubFiles({}, dict.fromkeys(contents, "public"), contents)
    with there as emulator, hub_at(emulator.url, monkeypatch):
        yield emulator


def of_hub(world: World, repo: str, **values: Any) -> TrainingConfig:
    source = {"dataset.source": SOURCE_HUB, "dataset.hf_repo": repo}
    return world.config(**source, **values)


def test_a_dataset_of_the_hub_is_fetched_once_and_checked(world: World, hub: HubFiles) -> None:
    config = of_hub(world, "me/good")
    found = world.check.gate(config)
    assert found is not None
    assert (found.rows, world.asked) == (60, 1)
    assert world.check.gate(config) == found
    assert world.asked == 1
    assert not list((world.root / "data" / "datasets").iterdir())
    with pytest.raises(DataRefusedError, match=r"me/cut.*\n.*row 61") as caught:
        world.check.gate(of_hub(world, "me/cut"))
    assert caught.value.session is None
    assert caught.value.may_start
    assert "Import" in caught.value.hint


def test_a_held_out_split_of_the_hub_is_looked_at_too(world: World, hub: HubFiles) -> None:
    config = of_hub(world, "me/good", **{"dataset.eval_split": "test"})
    with pytest.raises(DataRefusedError, match="@test"):
        world.check.gate(config)


def test_columns_that_only_an_import_can_map_are_told(world: World, hub: HubFiles) -> None:
    with pytest.raises(DataRefusedError, match="ask, reply") as caught:
        world.check.gate(of_hub(world, "me/other"))
    assert not caught.value.may_start
