"""Configuration files: everything that is wrong at once, with its line, and nothing half-read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import CONFIG_VERSION, with_values
from models.domain.errors import AppError, ConfigError
from services.config_files import (
    MOST_BYTES,
    config_text,
    parse_config,
    read_config_file,
    write_config_file,
)
from services.redaction import redact

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "hf_" + "abcdefghijklmnopqrstuvwxyz"


def _problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "mine.yaml")
    return [(problem.line, problem.field) for problem in caught.value.problems]


def _refused(text: str) -> AppError:
    with pytest.raises(AppError) as caught:
        parse_config(text, "mine.yaml")
    return caught.value


def test_all_problems_of_a_file_come_at_once_each_with_its_line() -> None:
    text = """\
version: 1
training:
  target: Mars
hp:
  epochs: many
  learning_rat: 1e-4
  batch_size: [1, 2]
hp:
  seed: 1
extra: {}
"""
    assert _problems(text) == [
        (3, "training.target"),
        (5, "hp.epochs"),
        (6, "hp.learning_rat"),
        (7, "hp.batch_size"),
        (8, "hp"),
        (10, "extra"),
    ]


def test_the_message_names_file_line_field_value_and_remedy() -> None:
    error = _refused("hp:\n  epochs: many\n")
    assert "mine.yaml: 1 setting needs attention" in error.message
    assert "line 2, hp.epochs: must be a number. (now: 'many') Use a value" in error.message


def test_a_setting_that_is_set_twice_is_not_decided_by_chance() -> None:
    error = _refused("hp:\n  seed: 1\n  seed: 2\n")
    assert "line 3, hp.seed: is set twice, first in line 2." in error.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.yaml is not a configuration"),
        ("- 1\n- 2\n", "mine.yaml is not a configuration"),
        ("just words", "mine.yaml is not a configuration"),
        ("hp:\n\tepochs: 1\n", "mine.yaml, line 2: not valid YAML"),
        ("hp: {epochs: 1\ntraining: {", "mine.yaml, line 2: not valid YAML"),
        ("hp: {}\n---\nhp: {}\n", "mine.yaml, line 2: not valid YAML"),
        ("a: \x00", "mine.yaml: not valid YAML: control characters are not allowed"),
        ("hp: &all {epochs: 1}\nlocal: *all\n", "line 1: anchors and aliases are not used"),
        ("hp: !!python/object:os.system {}\n", "line 1: tags are not used"),
        ("hp: " + "[" * 100_000, "line 1: it is nested too deeply"),
        ("{a: " * 100_000, "line 1: it is nested too deeply"),
    ],
)
def test_what_is_no_configuration_is_said_with_its_place(text: str, message: str) -> None:
    error = _refused(text)
    assert message in error.message
    assert error.hint


def test_a_newer_file_is_refused_as_such_whatever_else_it_holds() -> None:
    error = _refused(f"version: {CONFIG_VERSION + 1}\nfuture: {{a: 1}}\n")
    assert error.kind == "newer_version"
    assert "Update Temper" in error.hint


@pytest.mark.parametrize("version", ["x", "0", "-3", "yes", "1.5", "[1]", ""])
def test_a_version_that_is_none_is_named(version: str) -> None:
    assert _problems(f"version: {version}\n") == [(1, "version")]


def test_words_stay_as_they_are_typed_where_a_text_is_meant() -> None:
    text = "dataset: {session: 12, hf_split: 2024-01-31}\nhp: {gradient_checkpointing: on}\n"
    config = parse_config(text, "mine.yaml")
    assert config.dataset.session == "12"
    assert config.dataset.hf_split == "2024-01-31"
    assert config.hp.gradient_checkpointing == "on"


def test_numbers_are_read_however_yaml_takes_them() -> None:
    config = parse_config("hp: {learning_rate: 1e-4, epochs: 2, max_steps: null}\n", "mine.yaml")
    assert (config.hp.learning_rate, config.hp.epochs, config.hp.max_steps) == (1e-4, 2.0, None)


def test_an_empty_section_or_text_has_its_default_or_nothing() -> None:
    config = parse_config("local:\nhp:\n  hub_repo:\n", "mine.yaml")
    assert config == TrainingConfig()


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5000, "0x" + "f" * 9000, "-" + "9" * 30])
def test_numbers_that_no_setting_means_are_refused_in_a_short_sentence(number: str) -> None:
    error = _refused(f"hp:\n  batch_size: {number}\n")
    assert isinstance(error, ConfigError)
    assert [problem.field for problem in error.problems] == ["hp.batch_size"]
    assert len(error.message) < 400


def test_an_export_is_every_setting_and_comes_back_equal(tmp_path: Path) -> None:
    changes: dict[str, object] = {"hp.epochs": 2.5, "hp.max_steps": 7, "dataset.session": "Größe"}
    config = with_values(TrainingConfig(), changes)
    write_config_file(tmp_path / "mine.yaml", config)
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert "session: Größe" in text
    assert text.startswith(f"version: {CONFIG_VERSION}\n")
    assert read_config_file(tmp_path / "mine.yaml") == config
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_json_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('\ufeff{"version": 1, "hp": {"epochs": 3}}', encoding="utf-8")
    assert read_config_file(path).hp.epochs == 3.0


@pytest.mark.parametrize("value", [TOKEN, f"https://me:{'x' * 12}@host/repo"])
def test_a_secret_is_neither_exported_nor_read_and_never_quoted(tmp_path: Path, value: str) -> None:
    config = with_values(TrainingConfig(), {"hp.hub_repo": value})
    with pytest.raises(ConfigError, match=r"hp\.hub_repo: holds a token") as caught:
        write_config_file(tmp_path / "mine.yaml", config)
    assert list(tmp_path.iterdir()) == []
    assert value not in str(caught.value)
    error = _refused(f"hp:\n  hub_repo: '{value}'\n  epochs: '{value}'\n")
    assert value not in str(error)
    assert "line 2, hp.hub_repo: holds a token" in error.message


def test_the_users_own_token_is_known_whatever_it_looks_like(tmp_path: Path) -> None:
    redact.learn("Correct-Horse-Battery")
    config = with_values(TrainingConfig(), {"dataset.hf_repo": "x/Correct-Horse-Battery"})
    with pytest.raises(ConfigError):
        config_text(config)


def test_a_snippet_of_a_damaged_file_is_not_quoted() -> None:
    assert TOKEN not in str(_refused(f"hp:\n  hub_repo: {TOKEN}\n\tx: ["))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00h", "is not a text file in UTF-8"),
        (b"#" * (MOST_BYTES + 1), "is larger than a configuration can be"),
    ],
)
def test_other_files_are_told_from_configurations(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "photo.yaml"
    path.write_bytes(content)
    with pytest.raises(AppError, match=message):
        read_config_file(path)


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="There is no file"):
        read_config_file(tmp_path / "none.yaml")
    with pytest.raises(AppError, match="cannot be read"):
        read_config_file(tmp_path)
    with pytest.raises(AppError, match="cannot be written"):
        write_config_file(tmp_path / "none" / "x.yaml", TrainingConfig())
