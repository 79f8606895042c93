"""The Runpod section: GPUs with price and stock, the quote, volume and template made ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, Qt

from models.domain.config import RUNTIME_RUNPOD, TARGET_LOCAL, TARGET_RUNPOD
from models.domain.errors import AppError
from models.domain.gpu_list import GpuList
from models.domain.gpu_offer import Candidate, GpuOffer, Stock
from models.domain.model_shape import ModelShape
from models.domain.pod_quote import PodPrice, quote
from models.domain.remote_run import RemoteAttempt, RemotePhase
from models.domain.rented import RentedRun
from models.domain.run import RunState
from models.domain.secrets import RUNPOD_KEY
from services.remote.quotes import RemoteQuote
from tests.qt.fakes import NOW, make_run
from views.widgets.model_delegate import LABEL_ROLE

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

A5000 = GpuOffer("NVIDIA RTX A5000", "RTX A5000", 24, "SECURE", 0.27, 8, Stock.LOW)
SMALL = GpuOffer("NVIDIA RTX 2000 Ada", "RTX 2000 Ada", 16, "SECURE", 0.24, 8, Stock.HIGH)
SHAPE = ModelShape(8_030_000_000, 4096, 32, 32, 8, 14336, 128256, tied_embeddings=False)
GPUS = GpuList((SMALL, A5000), {SMALL.gpu: "The training needs 18.2 GB on each GPU."}, NOW)
QUOTE = RemoteQuote(
    (Candidate(A5000, "EU-RO-1"),), quote(PodPrice(0.27, 40, 50, 6, 10), 3600.0), 2**34, NOW
)


def choose_runpod(program: Program, *, key: str = "rpa_x", offline: bool = False) -> None:
    """A pod is the target, and what follows from it has been asked."""
    if key:
        program.services.secrets.kept[RUNPOD_KEY] = key
    program.wiring.settings.read_secrets()
    program.settle()
    quotes = program.services.remote.quotes
    quotes.gpus, quotes.quote = GPUS, QUOTE
    program.models.form.edit("training.target", TARGET_RUNPOD)
    if offline:
        program.wiring.settings.controller.set_offline(True)
        program.settle()
    program.wiring.rented.quotes.ask()
    program.settle()


def entries(program: Program) -> list[str]:
    combo = program.child("runpod.gpu")
    return [combo.itemText(row) for row in range(combo.count())]


@pytest.mark.spec("Pick a GPU type and region via the template.")
@pytest.mark.spec("**GPU selection** – choose GPU type and region in the template.")
def test_gpus_are_offered_with_memory_price_and_stock(program: Program, qtbot: QtBot) -> None:
    choose_runpod(program)
    assert entries(program) == ["NVIDIA RTX A5000"]
    qtbot.mouseClick(program.child("runpod.gpu.fits"), Qt.MouseButton.LeftButton)
    assert entries(program) == ["NVIDIA RTX 2000 Ada", "NVIDIA RTX A5000"]
    combo = program.child("runpod.gpu")
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    assert program.models.form.value("runpod.gpu") == "NVIDIA RTX A5000"
    caption = program.child("runpod.gpu.caption")
    assert caption.text() == "RTX A5000 · 24 GB · $0.27 an hour · few in stock"
    combo.activated.emit(0)
    assert "The training needs 18.2 GB" in caption.text()
    place = program.child("runpod.data_center")
    qtbot.keyClicks(place, "EU-RO-1")
    assert program.models.form.value("runpod.data_center") == "EU-RO-1"


def test_the_quote_stands_in_the_section_and_beside_start(program: Program) -> None:
    choose_runpod(program)
    words = program.child("runpod.quote.lines").text()
    assert "RTX A5000, 24 GB, Secure Cloud, EU-RO-1: $0.28 an hour" in words
    assert "Expected: about 1 h 10 min" in words
    assert program.child("runpod.quote").text() == "$0.28/h · about $0.32 · at most $1.65"


def test_the_predicted_peak_is_held_against_the_gpu_that_would_be_rented(
    program: Program, qtbot: QtBot
) -> None:
    choose_runpod(program)
    sentence, place = program.child("hp.memory.sentence"), program.child("hp.memory.place")
    program.models.hardware.set_shape(program.models.form.config.hp.base_model, SHAPE)
    qtbot.waitUntil(lambda: " of 22.3 GB" in sentence.text())
    assert place.text() == "RTX A5000"
    program.services.remote.quotes.fails = AppError("network", "Runpod is away.", "Wait.")
    program.wiring.rented.quotes.refresh()
    program.settle()
    qtbot.waitUntil(lambda: place.text() == "")
    assert " of " not in sentence.text()


def test_prices_and_stock_are_asked_for_anew(program: Program, qtbot: QtBot) -> None:
    choose_runpod(program)
    asked = program.services.remote.quotes.asked
    program.wiring.rented.quotes.ask()
    program.settle()
    assert len(asked) == 1  # the same setup is not asked about twice
    qtbot.mouseClick(program.child("runpod.gpu.refresh"), Qt.MouseButton.LeftButton)
    program.settle()
    assert [anew for _, anew in asked] == [False, True]


def test_why_nobody_can_be_asked_is_said(program: Program) -> None:
    program.services.remote.quotes.fails = AppError("auth", "Runpod refuses the key.", "Set it.")
    choose_runpod(program)
    assert program.child("runpod.quote.lines").text() == "Runpod refuses the key. Set it."
    assert program.child("runpod.quote").text() == "at most $10.00 and 6 h"


@pytest.mark.spec("**Infrastructure helpers** – create/ensure network volume and template.")
@pytest.mark.spec("Ensure **network volume** and **template** exist (Infrastructure helpers).")
def test_volume_and_template_are_made_ready_and_each_is_said(
    program: Program, qtbot: QtBot
) -> None:
    choose_runpod(program)
    qtbot.mouseClick(program.child("runpod.ensure"), Qt.MouseButton.LeftButton)
    program.settle()
    assert program.services.remote.infrastructure.ensured == [program.models.form.config]
    said = program.child("runpod.ensure.lines").text()
    assert said == "Using the network volume.\nUsing the template."


def test_what_a_template_cannot_hold_is_said(program: Program) -> None:
    said = program.child("runpod.ensure.lines").text()
    assert "GPU, region and volume cannot be in it: this setup holds them." in said


def test_a_volume_that_cannot_be_made_is_told(program: Program, qtbot: QtBot) -> None:
    program.services.remote.infrastructure.fails = AppError("quota", "No room.", "Make some.")
    choose_runpod(program)
    qtbot.mouseClick(program.child("runpod.ensure"), Qt.MouseButton.LeftButton)
    program.settle()
    assert program.child("runpod.ensure.lines").text() == "No room. Make some."
    assert program.child("runpod.ensure").isEnabled()


@pytest.mark.parametrize("how", [{"key": ""}, {"offline": True}])
def test_without_a_key_and_offline_nobody_is_asked(program: Program, how: dict[str, Any]) -> None:
    choose_runpod(program, **how)
    assert program.services.remote.quotes.asked == []
    assert not program.child("runpod.ensure").isEnabled()
    assert not program.child("runpod.gpu.refresh").isEnabled()


def test_another_target_forgets_the_quote(program: Program) -> None:
    choose_runpod(program)
    program.models.form.edit("training.target", TARGET_LOCAL)
    assert program.models.runpod.lines == ()


def test_why_nothing_can_be_rented_stands_out(program: Program) -> None:
    choose_runpod(program)
    words = program.child("runpod.quote.lines")
    assert (words.property("tone"), words.text() != "") == ("", True)
    program.services.remote.quotes.quote = RemoteQuote((), None, None, NOW, reason="Out of stock.")
    program.wiring.rented.quotes.refresh()
    program.settle()
    assert (words.property("tone"), words.text()) == ("warning", "Out of stock.")


@pytest.mark.qt_log_ignore("This plugin does not support")  # of a list that pops up, off screen
def test_the_list_of_gpus_shows_its_entries_whole(program: Program) -> None:
    choose_runpod(program)
    combo = program.child("runpod.gpu")
    letters = combo.view().fontMetrics()
    longest = "RTX PRO 6000 Blackwell Server Edition · 96 GB · $1.89 an hour · many in stock"
    combo.setItemData(0, longest, LABEL_ROLE)
    combo.showPopup()
    assert combo.view().viewport().width() >= letters.horizontalAdvance(longest)
    combo.hidePopup()


@pytest.mark.parametrize("is_live", [False, True])
def test_in_a_narrow_window_the_money_is_said_whole(program: Program, is_live: bool) -> None:
    choose_runpod(program)
    quote, headline = program.child("runpod.quote"), program.child("run.status")
    assert (headline.text(), headline.isVisible()) == ("Ready to train", True)
    if is_live:
        quote_of_run(program)
    program.window.resize(640, 760)
    for _ in range(4):  # a layout's request may bring another one
        QCoreApplication.processEvents()
    assert quote.shown_text == quote.text()
    assert headline.isVisible() == is_live
    if is_live:
        assert headline.shown_text.endswith("…")
    program.window.resize(1280, 800)
    for _ in range(4):
        QCoreApplication.processEvents()
    assert headline.shown_text == headline.text() != ""


def quote_of_run(program: Program) -> None:
    """A run on a pod that has cost something."""
    config = program.models.form.config
    run = make_run("run-1", RunState.PREPARING, config=config, runtime=RUNTIME_RUNPOD)
    program.services.runs.stored = {"run-1": run}
    program.models.run.begin(run)
    program.settle()
    attempt = RemoteAttempt(
        "run-1", 1, "temper-1-2-1", phase=RemotePhase.DELIVERING, pod_id="pod-1",
        gpu="NVIDIA RTX A5000", per_hour=0.28, most_cost=1651.0,
    )  # fmt: skip
    program.services.rented.known = {"run-1": RentedRun(attempt, 12.31, "https://c.example", ())}
    program.wiring.rented.watch.look()
    program.settle()
