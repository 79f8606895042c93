"""The earlier program's database: its sessions become datasets, its configurations ours."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.dataset_import import ImportOptions, ImportRefusedError
from models.domain.errors import AppError
from services.configs import ConfigStore
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.earlier_program import EarlierProgram
from services.progress import Cancelled, CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
SCHEMA = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO settings VALUES ('huggingface.token', 'hf_secretsecretsecretsecretsecret');
CREATE TABLE training_configs (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL,
    config_json TEXT NOT NULL, train_target TEXT);
CREATE TABLE scrape_sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL,
    source_details TEXT);
CREATE TABLE scraped_pairs (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id INTEGER NOT NULL,
    input_text TEXT NOT NULL, output_text TEXT NOT NULL, source_url TEXT);
INSERT INTO scrape_sessions VALUES (3, 'reddit', 'r/LocalLLaMA'), (7, 'stackexchange', NULL),
    (8, '4chan', 'never finished');
INSERT INTO scraped_pairs (session_id, input_text, output_text) VALUES
    (7, 'Why?', 'So.'), (3, 'How?', 'Thus.'), (7, 'When?', 'Now.'), (12, 'Who?', 'They.');
"""
HP = {
    "base_model": "unsloth/x", "epochs": "2", "lr": "2e-4", "bsz": "1", "grad_accum": "4",
    "max_steps": "50", "output_dir": "/data/outputs/a", "db_session_id": "7",
}  # fmt: skip
META = {"skill_level": "Expert", "train_target": "local"}


class World:
    """A library, saved configurations, and what takes over into both."""

    def __init__(self, root: Path) -> None:
        self.database = Database.open(root / "temper.db")
        self.folder = root / "datasets"
        self.library = DatasetLibrary(self.database, DatasetStore(self.folder), root / "none")
        self.configs = ConfigStore(self.database)
        self.earlier = EarlierProgram(self.library, self.configs)

    def is_empty(self) -> bool:
        return not self.library.list() and not self.configs.list()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SCHEMA)
        for name, hp in (("First.json", HP), ("Hub", HP | {"hf_dataset_id": "me/rows"})):
            add_config(database, name, {"hp": hp, "meta": META})
        add_config(database, "Gone", {"hp": HP | {"db_session_id": "99"}, "meta": META})
        add_config(database, "Broken", "{oops")
        database.commit()
    return path


def add_config(database: sqlite3.Connection, name: str, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    database.execute(
        "INSERT INTO training_configs (name, config_json, train_target) VALUES (?, ?, 'local')",
        (name, text),
    )


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(statement)


def test_each_session_with_pairs_is_a_dataset_and_configurations_go_on_learning_from_it(
    world: World, old: Path
) -> None:
    before = old.read_bytes()
    done = world.earlier.import_all(old)
    assert [(one.name, one.rows, one.format) for one in done.datasets] == [
        ("reddit: r/LocalLLaMA", 1, "input_output"),
        ("stackexchange (session 7)", 2, "input_output"),
        ("Session 12", 1, "input_output"),
    ]
    second = done.datasets[1]
    assert world.library.rows(second.id, 0, 9) == [
        {"input_text": "Why?", "output_text": "So."},
        {"input_text": "When?", "output_text": "Now."},
    ]
    assert {one.name for one in done.configs} == {"First", "Hub", "Gone"}
    assert world.library.find(world.configs.get("First").dataset.session) == second
    assert world.configs.get("Hub").dataset.hf_repo == "me/rows"
    assert world.configs.get("Gone").dataset.session == ""
    assert any(note.startswith("Gone: ") and "session 99" in note for note in done.notes)
    assert any(note.startswith("Broken: ") for note in done.notes)
    assert world.configs.last_used() is None
    assert old.read_bytes() == before


def test_the_progress_only_grows_and_says_what_is_read(world: World, old: Path) -> None:
    seen: list[Progress] = []
    world.earlier.import_all(old, report=seen.append)
    shares = [one.fraction or 0.0 for one in seen]
    assert shares == sorted(shares)
    assert seen[0].message.startswith("Looking at all pairs: ")
    assert any(one.message.startswith("reddit: r/LocalLLaMA: ") for one in seen)


def test_taken_over_twice_nothing_is_replaced(world: World, old: Path) -> None:
    first = world.earlier.import_all(old)
    again = world.earlier.import_all(old)
    names = [one.name for one in (*first.datasets, *again.datasets)]
    assert len(set(names)) == 6
    assert {one.name for one in again.configs} == {"First (2)", "Hub (2)", "Gone (2)"}
    mine = world.configs.get("First (2)").dataset.session
    assert world.library.find(mine).id == again.datasets[1].id


def test_configurations_alone_learn_from_what_was_imported_before(world: World, old: Path) -> None:
    alone = world.earlier.import_configs(old)
    assert alone.datasets == ()
    assert world.configs.get("First").dataset.session == ""
    assert any("session 7" in note for note in alone.notes)
    datasets = world.earlier.import_all(old).datasets
    world.earlier.import_configs(old)
    assert world.library.find(world.configs.get("First (3)").dataset.session) == datasets[1]


def test_one_faulty_pair_refuses_all_and_leaves_nothing(world: World, old: Path) -> None:
    change(old, "INSERT INTO scraped_pairs (session_id, input_text, output_text)"
                " VALUES (12, 'a', '')")  # fmt: skip
    with pytest.raises(ImportRefusedError) as caught:
        world.earlier.import_all(old)
    assert caught.value.verdict.findings[0].rows == (4,)
    assert world.is_empty()
    done = world.earlier.import_all(old, options=ImportOptions(drop_bad_rows=True))
    assert [one.rows for one in done.datasets] == [1, 2, 1]


def test_a_session_of_faulty_pairs_alone_is_left_out_and_told(world: World, old: Path) -> None:
    change(old, "UPDATE scraped_pairs SET output_text = '' WHERE session_id = 3")
    done = world.earlier.import_all(old, options=ImportOptions(drop_bad_rows=True))
    assert len(done.datasets) == 2
    assert any(note.startswith("reddit: ") for note in done.notes)


def test_cancelled_in_the_middle_nothing_stays(world: World, old: Path) -> None:
    cancel = CancelToken()
    importing = world.library.import_file
    seen: list[str] = []

    def import_one(*args: Any, **more: Any) -> Any:
        seen.append(more["name"])
        if len(seen) == 2:
            cancel.cancel()
        return importing(*args, **more)

    world.library.import_file = import_one  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        world.earlier.import_all(old, cancel=cancel)
    assert len(seen) == 2
    assert world.is_empty()


def test_a_database_of_another_program_is_refused(world: World, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    change(path, "CREATE TABLE a (b)")
    with pytest.raises(ImportRefusedError, match="scraped_pairs"):
        world.earlier.import_all(path)
    with pytest.raises(AppError, match="no saved configurations"):
        world.earlier.import_configs(path)
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 4000)
    with pytest.raises(AppError, match=r"other\.db cannot be read"):
        world.earlier.import_all(path)
    assert world.is_empty()


def test_no_secret_of_that_program_comes_along(world: World, old: Path, tmp_path: Path) -> None:
    world.earlier.import_all(old)
    everything = b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path != old
    )
    assert b"hf_secretsecret" not in everything
