"""Saved configurations through a real database: what is remembered, and who else may change it."""

from __future__ import annotations

import itertools
import json
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from models.db.database import Database
from models.domain.config import TARGET_LOCAL, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import get_value, settings_index, with_values
from models.domain.errors import AppError, ConfigError
from services.config_files import config_text, parse_config
from services.configs import MOST_RECENT, ConfigStore
from tests.strategies.configurations import configurations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.dataset import SavedConfig

pytestmark = pytest.mark.slow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "temper.db"


@pytest.fixture
def store(path: Path) -> Iterator[ConfigStore]:
    """One window's view of the database."""
    database = Database.open(path)
    yield ConfigStore(database)
    database.close()


@pytest.fixture
def other(path: Path, store: ConfigStore) -> Iterator[ConfigStore]:
    """Another window's, or a command's, on the same file."""
    database = Database.open(path)
    yield ConfigStore(database)
    database.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfigStore]:
    database = Database.open(tmp_path_factory.mktemp("shared") / "temper.db")
    store = ConfigStore(database)
    store.put("random", TrainingConfig())
    yield store
    database.close()


def _with(**values: object) -> TrainingConfig:
    return with_values(TrainingConfig(), {path.replace("__", "."): v for path, v in values.items()})


def _write(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


@settings(max_examples=200, deadline=None)
@given(config=configurations())
def test_load_of_save_is_the_same_in_every_field(
    shared: ConfigStore, config: TrainingConfig
) -> None:
    """Through the database, and through an exported file."""
    saved = shared.put("random", config)
    for again in (
        shared.load(saved.id)[1],
        shared.get("RANDOM"),
        parse_config(config_text(config), "mine.yaml"),
    ):
        for path in settings_index():
            assert get_value(again, path) == get_value(config, path), path
            assert type(get_value(again, path)) is type(get_value(config, path)), path
        assert again == config


def test_the_last_used_is_the_one_saved_or_loaded_last(store: ConfigStore) -> None:
    assert store.last_used() is None
    first = store.save("One", _with(hp__epochs=1.0))
    second = store.save("Two", _with(hp__epochs=2.0))
    assert store.last_used() == (second, _with(hp__epochs=2.0))
    store.load(first.id)
    assert store.last_used() == (first, _with(hp__epochs=1.0))


def test_a_rename_keeps_the_last_used_and_a_delete_clears_it(store: ConfigStore) -> None:
    saved = store.save("One", TrainingConfig())
    renamed = store.rename(saved, "Other name")
    assert store.last_used() == (renamed, TrainingConfig())
    assert [one.name for one in store.recent()] == ["Other name"]
    store.delete(renamed)
    assert store.last_used() is None
    assert list(store.recent()) == []


def test_the_recent_ones_are_the_last_used_of_any_target_without_doubles(
    store: ConfigStore,
) -> None:
    for number in range(MOST_RECENT + 2):
        target = TARGET_RUNPOD if number % 2 else TARGET_LOCAL
        store.save(f"c{number}", _with(training__target=target))
    store.load(store.entry("c5").id)
    assert [one.name for one in store.recent()] == ["c5", "c9", "c8", "c7", "c6", "c4", "c3", "c2"]


def test_a_damaged_list_of_recent_ones_is_forgotten(store: ConfigStore, path: Path) -> None:
    saved = store.save("One", TrainingConfig())
    for value in ('{"x": 1}', "[[], null, 1e9]", "{damaged"):
        _write(path, "UPDATE app_state SET value = ? WHERE key = 'recent_config_ids'", value)
        assert list(store.recent()) == []
    store.load(saved.id)
    assert list(store.recent()) == [saved]


@pytest.mark.parametrize("value", ["99", '"x"', "[1]", "{damaged"])
def test_a_last_used_that_is_nowhere_is_none(store: ConfigStore, path: Path, value: str) -> None:
    store.save("One", TrainingConfig())
    _write(path, "UPDATE app_state SET value = ? WHERE key = 'last_config_id'", value)
    assert store.last_used() is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("{damaged", "bad_config"),
        ("[" * 100_000, "bad_config"),
        ('{"version": 99}', "newer_version"),
        ('{"version": 1, "training": {"target": "Mars"}}', "bad_config"),
        ('{"version": 1, "hp": {"epochs": ' + "9" * 400 + "}}", "bad_config"),
        ('{"version": 1, "hp": ' + "[" * 500 + "]" * 500 + "}", "bad_config"),
    ],
)
def test_a_last_used_that_cannot_be_read_says_why(
    store: ConfigStore, path: Path, data: str, kind: str
) -> None:
    store.save("Mine", TrainingConfig())
    _write(path, "UPDATE configurations SET data = ?", data)
    with pytest.raises(AppError, match='The configuration "Mine" cannot be read') as caught:
        store.last_used()
    assert caught.value.kind == kind
    assert caught.value.hint
    assert [one.name for one in store.list()] == ["Mine"]


def test_a_new_name_never_replaces(store: ConfigStore) -> None:
    store.save("Mine", _with(hp__epochs=5.0))
    with pytest.raises(AppError, match='already a configuration named "Mine"') as caught:
        store.save("MINE", TrainingConfig())
    assert caught.value.kind == "name_taken"
    assert store.get("mine").hp.epochs == 5.0
    with pytest.raises(AppError, match="needs a name"):
        store.save(" \n", TrainingConfig())


def test_a_secret_is_not_saved(store: ConfigStore, path: Path) -> None:
    secret = "rpa_" + "A1B2C3D4E5F6G7H8I9J0K1"
    saved = store.save("Mine", TrainingConfig())
    for attempt in (
        lambda config: store.save("New", config),
        lambda config: store.save_over(saved, config),
        lambda config: store.add("New", config),
        lambda config: store.put("New", config),
    ):
        with pytest.raises(ConfigError, match=r"runpod\.template_name: holds a token"):
            attempt(_with(runpod__template_name=secret))
    for file in path.parent.glob("temper.db*"):
        assert secret.encode() not in file.read_bytes()


def test_an_added_one_takes_the_next_free_name(store: ConfigStore) -> None:
    names = [store.add("faq", TrainingConfig()).name for _ in range(3)]
    assert names == ["faq", "faq (2)", "faq (3)"]


def test_a_duplicate_is_equal_and_leaves_the_last_used(store: ConfigStore) -> None:
    config = _with(hp__epochs=4.0)
    saved = store.save("Mine", config)
    copied = store.duplicate(saved.id, "Copy")
    assert store.get("Copy") == config
    assert copied.id != saved.id
    assert store.last_used() == (saved, config)
    with pytest.raises(AppError) as caught:
        store.duplicate(saved.id, "copy")
    assert caught.value.kind == "name_taken"


# Two windows, or a window and a command, on one database


def test_what_was_changed_elsewhere_is_not_overwritten(
    store: ConfigStore, other: ConfigStore
) -> None:
    saved = store.save("Mine", _with(hp__epochs=1.0))
    other.save_over(other.entry("Mine"), _with(hp__epochs=2.0))
    with pytest.raises(AppError, match='"Mine" was changed in another window') as caught:
        store.save_over(saved, _with(hp__epochs=3.0))
    assert caught.value.kind == "changed_elsewhere"
    assert "Reload it, replace it, or use another name" in caught.value.hint
    assert other.get("Mine").hp.epochs == 2.0
    replaced = store.save_over(saved, _with(hp__epochs=3.0), anyway=True)
    assert other.get("Mine").hp.epochs == 3.0
    store.save_over(replaced, _with(hp__epochs=4.0))  # which is up to date again


def test_two_changes_within_one_tick_of_the_clock_are_told_apart(path: Path) -> None:
    for clock in (lambda: 1000.0, itertools.count(2000.0, -1.0).__next__):
        database = Database.open(path, clock=clock)
        store = ConfigStore(database)
        first = store.add("Mine", _with(hp__epochs=1.0))
        store.save_over(first, _with(hp__epochs=2.0))
        with pytest.raises(AppError):
            store.save_over(first, _with(hp__epochs=3.0))
        database.close()


def test_what_was_renamed_elsewhere_is_still_the_same(
    store: ConfigStore, other: ConfigStore
) -> None:
    saved = store.save("Mine", _with(hp__epochs=1.0))
    other.rename(other.entry("Mine"), "Theirs")
    again = store.save_over(saved, _with(hp__epochs=2.0))
    assert (again.id, again.name) == (saved.id, "Theirs")
    assert store.load(saved.id)[0].name == "Theirs"
    with pytest.raises(AppError, match='"Mine" was renamed to "Theirs" in another window'):
        store.rename(saved, "Third")


def test_what_was_deleted_elsewhere_is_a_sentence(store: ConfigStore, other: ConfigStore) -> None:
    saved = store.save("Mine", TrainingConfig())
    other.delete(other.entry("Mine"))
    for attempt, kind in (
        (lambda: store.save_over(saved, TrainingConfig()), "deleted_elsewhere"),
        (lambda: store.save_over(saved, TrainingConfig(), anyway=True), "deleted_elsewhere"),
        (lambda: store.rename(saved, "Other"), "deleted_elsewhere"),
        (lambda: store.delete(saved), "deleted_elsewhere"),
        (lambda: store.load(saved.id), "not_found"),
        (lambda: store.duplicate(saved.id, "Copy"), "not_found"),
    ):
        with pytest.raises(AppError, match="deleted in another window") as caught:
            attempt()
        assert caught.value.kind == kind
    assert store.save("Mine", TrainingConfig()).id > saved.id


def test_what_was_changed_elsewhere_is_not_deleted_unseen(
    store: ConfigStore, other: ConfigStore
) -> None:
    seen = store.save("Mine", TrainingConfig())
    other.save_over(other.entry("Mine"), _with(hp__epochs=2.0))
    with pytest.raises(AppError, match="was changed in another window"):
        store.delete(seen)
    store.delete(store.entry("Mine"))
    assert list(other.list()) == []


def test_many_savers_lose_nothing_and_are_told(path: Path, store: ConfigStore) -> None:
    """Each of several programs adds 1 to what it has read, and reads again when it is refused."""
    store.save("Counter", _with(hp__seed=0))
    refused: list[str] = []

    def work() -> None:
        database = Database.open(path)
        mine = ConfigStore(database)
        for _ in range(10):
            _add_one(mine, refused)
        database.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("Counter").hp.seed == 40
    assert set(refused) <= {"changed_elsewhere"}


def _add_one(store: ConfigStore, refused: list[str]) -> SavedConfig:
    while True:
        saved, config = store.load(store.entry("Counter").id)
        try:
            return store.save_over(saved, with_values(config, {"hp.seed": config.hp.seed + 1}))
        except AppError as error:
            refused.append(error.kind)


def test_an_older_row_takes_the_defaults_for_what_it_lacks(store: ConfigStore, path: Path) -> None:
    saved = store.save("Old", TrainingConfig())
    old = json.dumps({"version": 1, "hp": {"epochs": 3}})
    _write(path, "UPDATE configurations SET data = ?", old)
    assert store.load(saved.id)[1] == _with(hp__epochs=3.0)
