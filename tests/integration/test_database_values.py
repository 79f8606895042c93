"""Configurations and datasets come back from a real file as they went in, under their names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from models.db.app_state_repository import LAST_CONFIG_ID
from models.domain.config import TARGET_LOCAL, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.dataset import DatasetPart, DatasetSession
from models.domain.errors import AppError
from tests.integration import values_world
from tests.integration.values_world import edit
from tests.strategies.configurations import configurations

if TYPE_CHECKING:
    from models.db.database import Database

    pass

database, shared_database = values_world.database, values_world.shared_database

DATASET = DatasetSession(
    id=0,
    name="Capitals",
    source="/home/me/capitals.csv",
    format="question_answer",
    rows=1_000_000,
    size=5_000_000_000,
    sha256="ab" * 32,
    created_at=1_700_000_000.25,
    splits=(("train", 999_000), ("test", 1_000)),
    licence="MIT + unknown",
    mapping="question=Frage",
    columns=("Frage", "answer"),
    parts=(DatasetPart("a", 999_000, 0.5, "MIT", "a.csv"), DatasetPart("b", 1_000, 2.0)),
)


# Configurations


@settings(max_examples=100, deadline=None)
@given(config=configurations())
def test_any_configuration_comes_back_equal(
    shared_database: Database, config: TrainingConfig
) -> None:
    with shared_database.unit_of_work() as uow:
        saved = uow.configs.save("random", config)
        uow.commit()
    with shared_database.unit_of_work() as uow:
        assert uow.configs.get(saved.id) == config


def test_a_name_in_another_case_or_spelling_is_the_same_configuration(database: Database) -> None:
    with database.unit_of_work() as uow:
        first = uow.configs.save("Größe É", TrainingConfig())
        other = with_values(TrainingConfig(), {"training.target": TARGET_RUNPOD})
        second = uow.configs.save("  GRÖSSE\n E\N{COMBINING ACUTE ACCENT} ", other)
        uow.commit()
        assert second.id == first.id
        assert uow.configs.list() == [second]
        assert uow.configs.get(first.id) == other
        assert uow.configs.find("größe é") == second
        assert uow.configs.find("Grosse") is None
        assert uow.configs.find("") is None


def test_configurations_are_listed_by_target_and_the_last_saved_first(database: Database) -> None:
    remote = with_values(TrainingConfig(), {"training.target": TARGET_RUNPOD})
    with database.unit_of_work() as uow:
        for name, config in [("a", TrainingConfig()), ("b", remote), ("c", TrainingConfig())]:
            uow.configs.save(name, config)
        uow.configs.save("a", TrainingConfig())
        assert [saved.name for saved in uow.configs.list()] == ["a", "c", "b"]
        assert [saved.name for saved in uow.configs.list(TARGET_LOCAL)] == ["a", "c"]
        assert [saved.name for saved in uow.configs.list(TARGET_RUNPOD)] == ["b"]


def test_renaming_follows_the_name_rules(database: Database) -> None:
    with database.unit_of_work() as uow:
        first, second = (uow.configs.save(name, TrainingConfig()) for name in ("One", "Two"))
        with pytest.raises(AppError, match=r'"Two"') as raised:
            uow.configs.rename(first.id, "TWO")
        assert raised.value.kind == "name_taken"
        with pytest.raises(AppError) as raised:
            uow.configs.rename(first.id, " \n\x00 ")
        assert raised.value.kind == "bad_name"
        assert uow.configs.rename(second.id, "TWO").name == "TWO"
        assert uow.configs.find("two") == replace(second, name="TWO")
        assert uow.configs.find("one") == first


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("{damaged", "bad_config"),
        ("[1, 2]", "bad_config"),
        ('{"version": 1, "hp": {"epochs": "many"}}', "bad_config"),
        ('{"version": 999}', "newer_version"),
    ],
)
def test_an_unreadable_configuration_is_listed_named_and_replaceable(
    database: Database, data: str, kind: str
) -> None:
    with database.unit_of_work() as uow:
        saved = uow.configs.save("Mine", TrainingConfig())
        uow.commit()
    edit(database, "UPDATE configurations SET data = ?", data)
    with database.unit_of_work() as uow:
        assert uow.configs.list() == [saved]
        with pytest.raises(AppError, match=r'"Mine"') as raised:
            uow.configs.get(saved.id)
        assert raised.value.kind == kind
        assert raised.value.hint
        assert uow.configs.save("Mine", TrainingConfig()).id == saved.id
        assert uow.configs.get(saved.id) == TrainingConfig()


def test_an_older_configuration_takes_defaults_for_what_it_lacks(database: Database) -> None:
    with database.unit_of_work() as uow:
        saved = uow.configs.save("Old", TrainingConfig())
        uow.commit()
    edit(database, "UPDATE configurations SET data = ?", '{"version": 1, "hp": {"epochs": 3}}')
    with database.unit_of_work() as uow:
        assert uow.configs.get(saved.id) == with_values(TrainingConfig(), {"hp.epochs": 3.0})


def test_deleting_the_last_used_configuration_forgets_that_it_was(database: Database) -> None:
    with database.unit_of_work() as uow:
        first, second = (uow.configs.save(name, TrainingConfig()) for name in ("One", "Two"))
        uow.app_state.set(LAST_CONFIG_ID, second.id)
        uow.configs.delete(first.id)
        assert uow.app_state.get(LAST_CONFIG_ID) == second.id
        uow.configs.delete(second.id)
        assert uow.app_state.get(LAST_CONFIG_ID) is None
        with pytest.raises(AppError) as raised:
            uow.configs.delete(second.id)
        assert raised.value.kind == "not_found"
        assert uow.configs.save("Three", TrainingConfig()).id > second.id


# Datasets


def test_a_dataset_comes_back_with_its_number(database: Database) -> None:
    with database.unit_of_work() as uow:
        added = uow.datasets.add(DATASET)
        uow.commit()
    assert added == replace(DATASET, id=added.id)
    assert added.id > 0
    with database.unit_of_work() as uow:
        assert uow.datasets.get(added.id) == added
        newer = uow.datasets.add(replace(DATASET, name="b", created_at=DATASET.created_at + 1))
        assert uow.datasets.list() == [newer, added]


def test_a_dataset_is_found_by_number_then_name_then_case(database: Database) -> None:
    with database.unit_of_work() as uow:
        lower, upper, number = (
            uow.datasets.add(replace(DATASET, name=name)) for name in ("straße", "STRASSE", "2024")
        )
        assert uow.datasets.find(f" {lower.id} ") == lower
        assert uow.datasets.find("straße") == lower
        assert uow.datasets.find("STRASSE") == upper
        assert uow.datasets.find("Strasse") == upper
        assert uow.datasets.find("2024") == number


@pytest.mark.parametrize("text", ["nothing", "", "999", "²", "9" * 30, "0" * 30 + "9" * 30])
def test_a_dataset_not_found_lists_some_that_exist(database: Database, text: str) -> None:
    with database.unit_of_work() as uow:
        with pytest.raises(AppError, match="empty"):
            uow.datasets.find(text)
        for number in range(6):
            uow.datasets.add(replace(DATASET, name=f"set-{number}"))
        with pytest.raises(AppError) as raised:
            uow.datasets.find(text)
    assert raised.value.kind == "not_found"
    assert raised.value.hint == "There are: set-5, set-4, set-3, set-2, set-1 ..."


def test_dataset_names_can_be_made_unique_and_must_be(database: Database) -> None:
    with database.unit_of_work() as uow:
        assert uow.datasets.unique_name(" rows ") == "rows"
        uow.datasets.add(replace(DATASET, name="Rows"))
        assert uow.datasets.unique_name("rows") == "rows (2)"
        uow.datasets.add(replace(DATASET, name="rows (2)"))
        assert uow.datasets.unique_name("rows") == "rows (3)"
        with pytest.raises(AppError) as raised:
            uow.datasets.add(replace(DATASET, name="Rows"))
        assert raised.value.kind == "name_taken"


def test_a_file_name_that_is_no_text_can_be_stored(database: Database) -> None:
    broken = b"caf\xe9.jsonl".decode("utf-8", "surrogateescape")
    with database.unit_of_work() as uow:
        added = uow.datasets.add(replace(DATASET, name=broken, source=f"/tmp/{broken}"))
    assert (added.name, added.source) == ("caf?.jsonl", "/tmp/caf?.jsonl")


def test_a_deleted_dataset_number_is_never_used_again(database: Database) -> None:
    with database.unit_of_work() as uow:
        added = uow.datasets.add(DATASET)
        uow.datasets.delete(added.id)
        assert uow.datasets.list() == []
        assert uow.datasets.add(DATASET).id > added.id
        with pytest.raises(AppError) as raised:
            uow.datasets.delete(added.id)
    assert raised.value.kind == "not_found"
