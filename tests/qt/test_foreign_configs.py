"""Configurations of other programs in the window: recognised, told about, imported, exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

from models.domain.foreign_config import Program as Other
from models.domain.foreign_config import grouped
from services.foreign_configs.exporting import foreign_config
from services.foreign_configs.importing import read_any_config
from tests.qt.config_store import click, fill, services  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[1] / "data" / "foreign"


@pytest.fixture
def filled(program: Program) -> Program:
    """The program as it is after its start."""
    fill(program)
    return program


def _import(program: Program, path: Path) -> None:
    program.window.actions_.import_config.trigger()
    dialog = program.child("config.import_dialog")
    dialog.fileSelected.emit(str(path))
    dialog.close()
    program.settle()


def _export(program: Program, path: Path, kind: str) -> None:
    program.window.actions_.export_config.trigger()
    dialog = program.child("config.export_dialog")
    dialog.selectNameFilter(next(name for name in dialog.nameFilters() if kind in name))
    dialog.fileSelected.emit(str(path))
    dialog.close()
    program.settle()


def test_a_file_of_another_program_is_shown_before_it_is_imported(
    qtbot: QtBot, filled: Program
) -> None:
    _import(filled, EXAMPLES / "axolotl_qlora.yaml")
    dialog = filled.child("config.foreign_dialog")
    assert dialog.windowTitle() == "Import “axolotl_qlora” from Axolotl?"
    assert (
        "3 settings have no counterpart here." in filled.child("config.foreign_dialog.text").text()
    )
    shown = {label.text() for label in dialog.findChildren(QLabel)}
    imported = read_any_config(EXAMPLES / "axolotl_qlora.yaml")
    assert {note.text for note in imported.notes} <= shown
    assert {f"{heading} ({len(notes)})" for heading, notes in grouped(imported.notes)} <= shown
    assert filled.services.configs.list() == []  # nothing is imported before it is confirmed
    click(qtbot, filled, "config.foreign_dialog.import")
    assert filled.models.form.name == "axolotl_qlora"
    assert filled.services.configs.get("axolotl_qlora") == imported.config


def test_the_list_can_be_copied_and_the_import_be_left(qtbot: QtBot, filled: Program) -> None:
    before = filled.models.form.user_config
    _import(filled, EXAMPLES / "llama_factory_sft.yaml")
    click(qtbot, filled, "config.foreign_dialog.copy")
    text = QGuiApplication.clipboard().text()
    assert "No counterpart:\n  line 3, trust_remote_code (true): Temper never runs code" in text
    filled.child("config.foreign_dialog").reject()
    filled.settle()
    assert filled.models.form.user_config == before
    assert filled.services.configs.list() == []


def test_another_kind_of_training_is_told_in_a_sentence(filled: Program, tmp_path: Path) -> None:
    path = tmp_path / "reward.yaml"
    path.write_text("stage: rm\nfinetuning_type: lora\nmodel_name_or_path: a\n", encoding="utf-8")
    _import(filled, path)
    assert filled.child("notice.title").text() == "reward.yaml was not imported"
    assert "rm training with LLaMA-Factory" in filled.child("notice.text").text()


@pytest.mark.parametrize("other", Other)
def test_the_kind_of_file_chosen_says_for_whom_it_is_written(
    filled: Program, tmp_path: Path, other: Other
) -> None:
    path = tmp_path / "theirs.yaml"
    _export(filled, path, other.label)
    exported = foreign_config(filled.models.form.user_config, other)
    assert yaml.safe_load(path.read_text("utf-8")) == yaml.safe_load(exported.text)
    dialog = filled.child("config.foreign_dialog")
    assert dialog.windowTitle() == f"theirs.yaml is written for {other.label}"
    shown = {label.text() for label in dialog.findChildren(QLabel)}
    assert {note.text for note in exported.notes} <= shown
    dialog.close()


def test_our_own_kind_of_file_is_still_written(filled: Program, tmp_path: Path) -> None:
    _export(filled, tmp_path / "mine.yaml", "Configurations")
    assert read_any_config(tmp_path / "mine.yaml").config == filled.models.form.user_config
    _import(filled, tmp_path / "mine.yaml")
    assert filled.models.form.name == "mine"
