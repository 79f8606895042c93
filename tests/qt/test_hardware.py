"""Memory in the window: probed while it is seen, compared live, and never in anybody's way."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from controllers.desk import Desk
from controllers.hardware_controller import HardwareController
from controllers.lanes import Lane, Lanes
from controllers.tasks import Tasks
from models.domain.config import TARGET_RUNPOD
from models.domain.errors import AppError
from models.domain.hardware import Gpu, Hardware
from models.domain.model_shape import ModelShape
from models.domain.run import RunState
from models.qt.app_models import AppModels
from models.qt.hardware_model import HardwareModel
from tests.qt.conftest import destroy
from tests.qt.fakes import GIB, FakePeaks, FakeProbe, FakeShapes, SyncLane, make_run
from views.theme import current_theme
from views.widgets.memory_bar import MemoryBar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from models.qt.form_model import FormModel
    from tests.qt.conftest import Aio, Program

SMALL = ModelShape(135_000_000, 576, 30, 9, 3, 1536, 49152, tied_embeddings=True)
BIG = ModelShape(8_030_000_000, 4096, 32, 32, 8, 14336, 128256, tied_embeddings=False)


def with_gpu(free: float = 22.1, *more: Gpu) -> Hardware:
    gpu = Gpu(0, "NVIDIA GeForce RTX 4090", round(23.6 * GIB), round(free * GIB))
    return Hardware((gpu, *more), 32 * GIB, 20 * GIB, probed=True)


@pytest.fixture
def models() -> Iterator[AppModels]:
    made = AppModels()
    made.complete()
    yield made
    made.deleteLater()


@pytest.fixture
def bar(qapp: QApplication, themed: None, models: AppModels) -> Iterator[MemoryBar]:
    form, hardware = models.form, models.hardware
    form.edit("hp.base_model", "me/small")
    hardware.set_hardware(with_gpu())
    hardware.set_shape("me/small", SMALL)
    hardware.set_shape("me/big", BIG)
    made = MemoryBar(form, hardware)
    current_theme().dress(made)
    made.resize(520, 90)
    made.show()
    yield made
    destroy(made)


def settled(qtbot: QtBot, bar: MemoryBar) -> MemoryBar:
    """The bar after what has changed has come to rest."""
    qtbot.waitUntil(lambda: not bar._timer.isActive())
    return bar


# The bar


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hp.base_model", "me/big"),
        ("hp.batch_size", 32),
        ("hp.max_seq_length", 8192),
        ("hp.lora_r", 512),
        ("hp.optimizer", "adamw_torch"),
    ],
)
def test_the_bar_follows_the_form(
    qtbot: QtBot, bar: MemoryBar, models: AppModels, path: str, value: object
) -> None:
    models.form.apply({"hp.optimizer": "adamw_8bit", "hp.lora_r": 256})
    before = settled(qtbot, bar).forecast.peak
    models.form.edit(path, value)
    assert bar.forecast.peak == before  # not at each keystroke
    assert settled(qtbot, bar).forecast.peak > before


def test_the_bar_follows_the_memory(qtbot: QtBot, bar: MemoryBar, models: AppModels) -> None:
    assert bar.sentence.text().endswith("of 22.1 GB free")
    assert bar.sentence.property("tone") == "good"
    models.hardware.set_hardware(with_gpu(0.2))
    settled(qtbot, bar)
    assert bar.sentence.text().endswith("of 205 MB free: does not fit")
    assert bar.sentence.property("tone") == "bad"
    free = bar.forecast.peak / 0.9 / GIB
    models.hardware.set_hardware(with_gpu(free))
    assert settled(qtbot, bar).sentence.text().endswith("free: tight")
    assert bar.sentence.property("tone") == "warning"


def test_the_bar_says_where_the_memory_is(qtbot: QtBot, bar: MemoryBar, models: AppModels) -> None:
    assert bar.place.text() == "RTX 4090"
    second = Gpu(1, "NVIDIA GeForce RTX 3060", 12 * GIB, 10 * GIB)
    models.hardware.set_hardware(with_gpu(22, second))
    assert settled(qtbot, bar).place.text() == "RTX 3060, fullest of 2"
    models.hardware.set_hardware(Hardware((), 32 * GIB, 20 * GIB, probed=True, reason="No driver."))
    assert settled(qtbot, bar).place.text() == "No GPU: main memory"
    assert "No driver." in bar.toolTip()


def test_a_rented_gpu_has_no_memory_of_this_computer(
    qtbot: QtBot, bar: MemoryBar, models: AppModels
) -> None:
    models.form.edit("training.target", TARGET_RUNPOD)
    models.form.edit("hp.base_model", "me/small")
    assert " of " not in settled(qtbot, bar).sentence.text()
    models.hardware.set_remote_gpu("NVIDIA A40", 48 * GIB)
    assert settled(qtbot, bar).sentence.text().endswith("of 48.0 GB")
    assert bar.place.text() == "A40"


def test_an_unknown_model_says_why_and_shows_no_parts(
    qtbot: QtBot, bar: MemoryBar, models: AppModels
) -> None:
    models.form.edit("hp.base_model", "me/new")
    assert "looking up the size of me/new" in settled(qtbot, bar).sentence.text()
    models.hardware.set_shape("me/new", None, "me/new has no config.json")
    assert settled(qtbot, bar).sentence.text() == "Memory not predicted: me/new has no config.json."
    assert not bar.is_known
    assert bar.legend.isHidden()
    models.hardware.set_shape("me/new", SMALL)
    assert settled(qtbot, bar).is_known
    assert not bar.legend.isHidden()


def test_whoever_cannot_see_the_bar_hears_the_numbers(bar: MemoryBar) -> None:
    assert bar.objectName() == "hp.memory"
    assert bar.accessibleName() == "Predicted memory"
    said = bar.accessibleDescription()
    assert bar.sentence.text() in said
    assert "RTX 4090" in said
    assert all(part.label in said for part in bar.forecast.parts)


def point_at(widget: QWidget, place: QPoint) -> str:
    """The tooltip at a place of a widget."""
    QToolTip.hideText()
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, widget.mapToGlobal(place))
    QApplication.sendEvent(widget, event)
    return QToolTip.text()


@pytest.mark.qt_log_ignore("does not support (raise|propagateSizeHints)")
def test_each_part_tells_its_share(bar: MemoryBar) -> None:
    for widget in (bar.track, bar.legend):
        areas = widget._rectangles()
        assert "Other programs have" in point_at(widget, areas[0].center().toPoint())
        tip = point_at(widget, areas[1].center().toPoint())
        assert bar.forecast.parts[0].label in tip
        assert "%" in tip
    QToolTip.hideText()


def test_the_parts_are_stacked_in_proportion_and_in_their_colours(
    qtbot: QtBot, bar: MemoryBar, models: AppModels
) -> None:
    models.form.edit("hp.base_model", "me/big")
    areas = settled(qtbot, bar).track._rectangles()
    scale = bar.track.width() / bar.forecast.room.total
    shown = [bar.forecast.room.total - bar.forecast.room.free]
    shown += [part.bytes for part in bar.forecast.parts]
    assert [area.width() for area in areas] == pytest.approx([one * scale for one in shown])
    assert bar.track.limit is None
    image = bar.track.grab().toImage()
    place = areas[1].center().toPoint()
    weights = current_theme().tokens.part_weights
    assert image.pixelColor(place).name().upper() == weights
    current_theme().set_mode("dark")
    dark = current_theme().tokens.part_weights
    assert bar.track.grab().toImage().pixelColor(place).name().upper() == dark != weights
    models.form.edit("hp.batch_size", 4096)
    settled(qtbot, bar)
    assert bar.track.limit is not None
    assert 0 < bar.track.limit < bar.track.width()


@pytest.mark.parametrize("width", [320, 400, 520, 900])
def test_nothing_is_cut_at_any_width(bar: MemoryBar, width: int) -> None:
    bar.resize(width, bar.heightForWidth(width))
    QApplication.sendPostedEvents()
    assert bar.legend.height() >= bar.legend.heightForWidth(bar.legend.width())
    assert all(area.right() <= bar.legend.width() for area in bar.legend._rectangles())
    needed = bar.sentence.fontMetrics().horizontalAdvance(bar.sentence.text())
    assert bar.sentence.wordWrap() or bar.sentence.width() >= needed


# The model


def test_what_nobody_can_see_is_no_change(qtbot: QtBot) -> None:
    model = HardwareModel()
    model.set_hardware(with_gpu(10))
    with qtbot.assertNotEmitted(model.changed):
        model.set_hardware(with_gpu(10.01))
        model.set_factor("m", "cpu", 1.0)
        model.set_training(False)
        model.set_remote_gpu("", 0)
    with qtbot.waitSignal(model.changed):
        model.set_hardware(with_gpu(10.1))
    with qtbot.waitSignal(model.changed):
        model.set_hardware(Hardware(probed=True))


def test_small_steps_add_up_to_a_change(qtbot: QtBot) -> None:
    model = HardwareModel()
    model.set_hardware(with_gpu(10))
    for step in range(1, 11):
        model.set_hardware(with_gpu(10 + step / 100))
    assert model.hardware.gpus[0].free > 10.05 * GIB


# The controller


def test_the_window_shows_what_a_probe_finds(program: Program, qtbot: QtBot) -> None:
    program.services.gpus.hardware = with_gpu()
    program.services.shapes.known = {program.models.form.config.hp.base_model: SMALL}
    program.wiring.hardware.start()
    program.settle()
    assert program.models.hardware.hardware == with_gpu()
    bar = program.child("hp.memory")
    assert settled(qtbot, bar).sentence.text().endswith("of 22.1 GB free")


def test_probes_go_on_while_the_window_is_seen_and_rest_while_it_is_not(
    program: Program, qtbot: QtBot
) -> None:
    controller, probe = program.wiring.hardware.controller, program.services.gpus
    controller._ticks.setInterval(5)
    program.wiring.hardware.start()
    program.aio.until(lambda: probe.probes >= 4)
    program.window.hide()
    program.settle()
    probes = probe.probes
    program.aio(asyncio.sleep(0.05))
    assert probe.probes == probes
    program.window.show()
    program.aio.until(lambda: probe.probes > probes)
    program.window.setWindowState(Qt.WindowState.WindowMinimized)
    assert not controller._ticks.isActive()
    program.window.setWindowState(Qt.WindowState.WindowNoState)
    assert controller._ticks.isActive()


def make_controller(
    aio: Aio, models: AppModels, probe: Any, shapes: Any = None, peaks: Any = None
) -> tuple[HardwareController, Desk]:
    quick = Lanes(*(SyncLane() for _ in fields(Lanes)))  # type: ignore[arg-type]
    lanes = replace(quick, probes=Lane("probes"))
    bugs: list[BaseException] = []
    desk = Desk(lanes, Tasks(aio.loop, bugs.append))
    controller = HardwareController(
        desk, models, probe=probe, shapes=shapes or FakeShapes(), peaks=peaks or FakePeaks(),
        parent=models,
    )  # fmt: skip
    return controller, desk


def test_a_slow_probe_holds_nobody_up_and_nothing_piles_up(aio: Aio, models: AppModels) -> None:
    answer = threading.Event()
    probe = FakeProbe(with_gpu(), hold=lambda: answer.wait(60) or None)
    controller, desk = make_controller(aio, models, probe)
    controller._ticks.setInterval(2)
    controller.set_watched(True)
    aio.until(lambda: probe.probes == 1)
    aio(asyncio.sleep(0.1))  # some fifty ticks of a window that goes on living
    assert probe.probes == 1
    assert not models.hardware.hardware.probed
    controller.set_watched(False)
    answer.set()
    aio(desk.tasks.settle())
    assert models.hardware.hardware == with_gpu()
    assert probe.probes == 1
    desk.lanes.close(60.0)


def test_a_model_is_looked_up_once_the_typing_rests(
    program: Program, form: FormModel, qtbot: QtBot
) -> None:
    shapes = program.services.shapes
    shapes.known = {"me/model": SMALL}
    program.wiring.hardware.start()
    program.settle()
    shapes.asked.clear()
    for length in range(1, len("me/model") + 1):
        form.edit_text("hp.base_model", "me/model"[:length])
    assert shapes.asked == []
    program.aio.until(lambda: program.models.hardware.shape("me/model") == SMALL)
    assert shapes.asked == [("me/model", "")]
    program.wiring.hardware.controller.look_up()
    program.settle()
    assert shapes.asked == [("me/model", "")]


@pytest.fixture
def form(program: Program) -> FormModel:
    return program.models.form


def test_the_calibration_is_that_of_the_model_on_the_device(program: Program) -> None:
    model = program.models.form.config.hp.base_model
    program.services.gpus.hardware = with_gpu()
    program.services.peaks.factors = {
        (model, "NVIDIA GeForce RTX 4090"): 1.2,
        (model, "cpu"): 0.8,
    }
    program.wiring.hardware.start()
    program.settle()
    hardware, config = program.models.hardware, program.models.form.config
    assert hardware.factor(model, hardware.device_for(config)) == 1.2
    program.models.form.edit("local.use_gpu", False)
    program.wiring.hardware.controller.look_up()
    program.settle()
    assert hardware.factor(model, hardware.device_for(program.models.form.config)) == 0.8


def test_a_finished_run_is_learned_from(program: Program) -> None:
    model = program.models.form.config.hp.base_model
    program.wiring.hardware.start()
    program.settle()
    assert program.models.hardware.shape(model) is None
    program.services.shapes.known = {model: SMALL}  # it has been downloaded now
    program.services.peaks.factors = {(model, "cpu"): 1.3}
    program.wiring.training.finished.emit(make_run(state=RunState.FINISHED))
    program.settle()
    assert program.models.hardware.shape(model) == SMALL
    assert program.models.hardware.factor(model, "cpu") == 1.3


def test_going_online_looks_an_unknown_model_up_again(program: Program) -> None:
    program.wiring.hardware.start()
    program.settle()
    asked = len(program.services.shapes.asked)
    form = program.models.form
    form.set_circumstances(replace(form.circumstances, offline=not form.circumstances.offline))
    program.settle()
    assert len(program.services.shapes.asked) == asked + 1


def test_what_cannot_be_found_out_is_never_an_error(program: Program) -> None:
    noticed: list[object] = []
    program.desk.notices.noticed.connect(noticed.append)
    program.services.shapes.reason = "Hugging Face cannot be reached"
    program.services.peaks.error = AppError("database_locked", "The database is locked.")
    program.wiring.hardware.start()
    program.settle()
    assert noticed == []
    bar = program.child("hp.memory")
    bar.refresh()
    assert bar.sentence.text() == "Memory not predicted: Hugging Face cannot be reached."


def test_a_live_run_is_told_to_the_memory(program: Program) -> None:
    status, hardware = program.models.run.status, program.models.hardware
    status.set_run(make_run(state=RunState.RUNNING))
    assert hardware.is_training
    status.set_run(make_run(state=RunState.FINISHED))
    assert not hardware.is_training
