"""Two windows and the command line on one database, with real lanes and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QWidget

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from tests.e2e.real_window import run_in
from tests.e2e.test_window_services import _Session

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

pytestmark = [pytest.mark.slow, pytest.mark.qt_log_ignore("does not support propagateSizeHints")]


def test_two_windows_lose_nothing_of_each_other(qapp: QApplication, tmp_path: Path) -> None:
    run_in(qapp, _use_both(tmp_path / "home"))


async def _use_both(home: Path) -> None:
    async with _Session(home) as first:
        await _save_as(first, "Mine", 2.0)
        async with _Session(home) as second:
            assert second.window.models.form.name == "Mine"
            assert second.window.models.form.value("hp.epochs") == 2.0
            await _save(first, 3.0)
            assert _question(first) is None
            await _save(second, 4.0)
            assert _question(second) is not None
            assert first.services.configs.get("Mine").hp.epochs == 3.0
            second.wiring.saved.dialogs.conflict_answered.emit(_conflict(second), "reload")
            await second.desk.tasks.settle()
            assert second.window.models.form.value("hp.epochs") == 3.0
            # What a command does meanwhile: rename for the one, delete for the other.
            store = first.services.configs
            store.rename(store.entry("Mine"), "Renamed")
            await _save(second, 5.0)
            assert second.window.models.form.name == "Renamed"
            store.delete(store.entry("Renamed"))
            first.wiring.configs.list.refresh()
            await first.desk.tasks.settle()
            assert first.window.models.configs.rowCount() == 0
            await _save(first, 6.0)
            assert _question(first) is not None


async def _save_as(session: _Session, name: str, epochs: float) -> None:
    session.window.models.form.edit("hp.epochs", epochs)
    session.wiring.configs.save_as(name)
    await session.desk.tasks.settle()


async def _save(session: _Session, epochs: float) -> None:
    session.window.models.form.edit("hp.epochs", epochs)
    session.wiring.configs.save()
    await session.desk.tasks.settle()


def _question(session: _Session) -> QWidget | None:
    return session.window.findChild(QWidget, "question")


def _conflict(session: _Session) -> object:
    return session.wiring.saved.dialogs._conflict


def test_both_start_at_once_and_change_at_once(qapp: QApplication, tmp_path: Path) -> None:
    """One of two savers of the same moment wins; the other is asked."""
    run_in(qapp, _save_at_once(tmp_path / "home"))


async def _save_at_once(home: Path) -> None:
    async with _Session(home) as first:
        first.services.configs.save("Mine", with_values(TrainingConfig(), {"hp.epochs": 2.0}))
        async with _Session(home) as second:
            await first.wiring.configs.load_last_used()
            for session, epochs in ((first, 3.0), (second, 4.0)):
                session.window.models.form.edit("hp.epochs", epochs)
                session.wiring.configs.save()
            await first.desk.tasks.settle()
            await second.desk.tasks.settle()
            asked = [_question(session) is not None for session in (first, second)]
            assert sorted(asked) == [False, True]
            kept = first.services.configs.get("Mine").hp.epochs
            assert kept == (4.0 if asked[0] else 3.0)
