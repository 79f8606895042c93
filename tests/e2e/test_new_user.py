"""A new user: from the first start to an answer of the demo's model, by mouse and by keyboard.

Real events, services, trainer and model. Only the demo's setup is shorter than the shipped one.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLineEdit, QWidget

from app.bootstrap import build_services
from app.paths import AppPaths, resource
from models.domain.run import RunState
from services.offline import OfflinePolicy
from tests.e2e.real_window import RealWindow, run_in, until

if TYPE_CHECKING:
    from pathlib import Path

    from app.bootstrap import Services
    from tests.conftest import TrainerHome

pytestmark = [
    pytest.mark.qt_log_ignore("This plugin does not support"),  # of Qt's offscreen platform
    pytest.mark.timeout(900),
]
MOST_CLICKS = 12


class User(RealWindow):
    """Somebody at a fresh program; counts what the hands do."""

    def __init__(self, home: Path, setup: Path) -> None:
        super().__init__(partial(_services, home, setup))
        self.clicks = 0
        self.keys = 0

    def sees(self, name: str) -> bool:
        found = self.window.findChild(QWidget, name)
        return found is not None and found.isVisible() and found.isEnabled()

    async def click(self, name: str) -> None:
        """Press a control once it can be pressed."""
        await until(lambda: self.sees(name))
        widget = self.child(name)
        self.clicks += 1
        # A check box is hit at its box; a button anywhere.
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(12, widget.height() // 2))
        await asyncio.sleep(0.05)

    def press(self, key: Qt.Key, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        """A key, wherever the focus is."""
        self.keys += 1
        target = QApplication.focusWidget() or QApplication.activeWindow() or self.window
        QTest.keyClick(target, key, modifier)

    def write(self, text: str) -> None:
        """Words, wherever the focus is."""
        self.keys += len(text)
        QTest.keyClicks(QApplication.focusWidget(), text)

    def has_begun(self) -> bool:
        """Whether it trains, or did: a short training may be over before anybody looks."""
        return self.state() in {RunState.RUNNING, RunState.FINISHED}

    def has_answered(self) -> bool:
        exchanges = self.models.run.inference.exchanges
        return bool(exchanges and exchanges[-1].answers)


def _services(home: Path, setup: Path) -> Services:
    services = build_services(AppPaths(home), OfflinePolicy(forced=True))
    services.demo._setup = setup
    return services


@pytest.fixture
def home(tmp_path: Path, trainer_home: TrainerHome) -> Path:
    """A fresh home, but for what takes minutes to download."""
    made = tmp_path / "home"
    (made / "data" / "models").mkdir(parents=True)
    (made / "runtime").symlink_to(trainer_home.environment.root)
    (made / "data" / "models" / trainer_home.model.name).symlink_to(trainer_home.model)
    return made


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    """The demo's own setup with fewer steps."""
    shipped = yaml.safe_load(resource("demo.yaml").read_text("utf-8"))
    shipped["hp"] |= {"max_steps": 3, "eval_steps": 3, "save_steps": 3, "max_seq_length": 128}
    shipped["dataset"] = {"source": "Database Session", "eval_percent": 1}
    path = tmp_path / "short-demo.yaml"
    path.write_text(yaml.safe_dump(shipped), encoding="utf-8")
    return path


@pytest.mark.spec(
    "After a successful run, the **Quick Local Inference** panel becomes visible and shows the "
    "detected adapter + base model."
)
def test_from_the_first_start_to_an_answer_by_mouse(
    qapp: QApplication, home: Path, setup: Path
) -> None:
    run_in(qapp, _by_mouse(home, setup))


async def _by_mouse(home: Path, setup: Path) -> None:
    async with User(home, setup) as user:
        await user.click("welcome.demo")
        await until(user.has_begun, 300)
        running_after = user.clicks
        await until(lambda: user.state() is RunState.FINISHED, 600)
        await until(lambda: len(user.models.run.inference.samples) == 5)
        assert str(home) in user.child("infer.meta").text()
        await user.click("notice.action")
        samples = user.child("infer.samples")
        assert isinstance(samples, QComboBox)
        user.clicks += 2  # open the list, choose: a popup has no place on an offscreen desktop
        samples.setCurrentIndex(0)
        samples.activated.emit(0)
        await user.click("infer.run")
        await until(user.has_answered, 240)
        print(f"\nby mouse: running after {running_after} clicks, answered after {user.clicks}")
        assert user.clicks <= MOST_CLICKS


def test_from_the_first_start_to_an_answer_by_keyboard_alone(
    qapp: QApplication, home: Path, setup: Path
) -> None:
    run_in(qapp, _by_keyboard(home, setup))


async def _by_keyboard(home: Path, setup: Path) -> None:
    async with User(home, setup) as user:
        await until(lambda: user.sees("welcome.demo"))
        await until(lambda: QApplication.focusWidget() is user.child("welcome.demo"))
        user.press(Qt.Key.Key_Return)
        await until(lambda: user.state() is RunState.FINISHED, 600)
        await until(lambda: len(user.models.run.inference.samples) == 5)
        user.window.activateWindow()  # what a desktop does when a dialog has closed
        await until(user.window.isActiveWindow)
        user.press(Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: QApplication.focusWidget() is user.child("infer.prompt"))
        user.write("What is a generator?")
        user.press(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        await until(user.has_answered, 240)
        print(f"\nby keyboard: answered after {user.keys} keys and {user.clicks} clicks")
        assert user.clicks == 0


@pytest.mark.spec(
    "Fine‑tuned adapters and checkpoints are written under your chosen **Output directory** "
    "inside the container (typically `/data/outputs/...`) and then picked up by **Quick Local"
    " Inference** and the [Inference Tab](inference-tab.md)."
)
def test_from_an_empty_window_to_a_training_on_own_data(
    qapp: QApplication, home: Path, setup: Path, tiny_model: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "own.jsonl"
    made = ({"question": f"What is {n} plus 1?", "answer": str(n + 1)} for n in range(40))
    rows.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    run_in(qapp, _own_data(home, setup, rows, tiny_model))


async def _own_data(home: Path, setup: Path, rows: Path, model: Path) -> None:
    async with User(home, setup) as user:
        await user.click("welcome.import")
        await until(lambda: user.window.findChild(QFileDialog) is not None)
        dialog = user.window.findChild(QFileDialog)
        assert dialog is not None
        line = dialog.findChild(QLineEdit)
        assert line is not None
        QTest.keyClicks(line, str(rows))
        QTest.keyClick(line, Qt.Key.Key_Return)
        await until(lambda: user.models.form.value("dataset.session") == "own")
        await user.click("hp.base_model")
        user.child("hp.base_model").lineEdit().selectAll()
        QTest.keyClicks(user.child("hp.base_model").lineEdit(), str(model))
        await user.click("local.start")
        await until(user.has_begun, 120)
        print(f"\nown data: running after {user.clicks} clicks")
        assert user.clicks <= MOST_CLICKS
        await until(lambda: user.state() is RunState.FINISHED, 240)
        adapter = home / "data" / "outputs" / "local_run" / "adapter"
        assert (adapter / "adapter_model.safetensors").is_file()
        await until(lambda: str(adapter) in user.child("infer.meta").text())
        assert user.sees("infer.prompt")
