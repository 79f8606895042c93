"""The foot of the Training page says it where no pod can be rented now; a start stays possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest

from models.domain.config import TARGET_LOCAL, TARGET_RUNPOD
from models.domain.errors import AppError
from models.domain.gpu_list import GpuList
from models.domain.gpu_offer import Candidate, GpuOffer, Stock
from models.domain.pod_quote import PodPrice, quote
from models.domain.secrets import RUNPOD_KEY
from services.remote.quotes import RemoteQuote
from tests.qt.fakes import NOW, make_session

if TYPE_CHECKING:
    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
GONE = GpuOffer("NVIDIA RTX A5000", "RTX A5000", 24, "SECURE", 0.27, 8, Stock.NONE)
WORDS = "Every GPU that suits is taken just now: RTX A5000. Choose another GPU."
SOLD_OUT = RemoteQuote((), None, None, NOW, reason=WORDS, is_sold_out=True)
FOUND = RemoteQuote((Candidate(GONE),), quote(PodPrice(0.27, 40, 50, 6, 10), 3600.0), None, NOW)


def rented(program: Program, answer: RemoteQuote = SOLD_OUT) -> Program:
    """A pod is the target, and Runpod has answered."""
    program.services.secrets.kept[RUNPOD_KEY] = "rpa_x"
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()
    quotes = program.services.remote.quotes
    quotes.gpus, quotes.quote = GpuList((GONE,), {}, NOW), answer
    program.models.form.edit("training.target", TARGET_RUNPOD)
    program.wiring.rented.quotes.ask()
    program.settle()
    return program


def test_nothing_in_stock_is_said_where_ready_would_stand(program: Program) -> None:
    rented(program)
    attention, status = program.child("start.problems"), program.child("run.status")
    assert attention.isVisible()
    assert attention.text() == "Nothing that fits is in stock now"
    assert attention.property("tone") == "warning"
    assert not status.isVisible(), "it is not ready to train"
    assert not program.child("runpod.quote").isVisible(), "nothing can be paid for"
    start = program.child("runpod.start")
    assert start.isEnabled(), "the stock may be another by then"
    assert start.toolTip().startswith("Nothing that fits is in stock now. A start asks Runpod anew")
    program.services.remote.quotes.quote = FOUND
    program.child("runpod.gpu.refresh").click()
    program.settle()
    assert not attention.isVisible()
    assert status.text() == "Ready to train"
    assert start.toolTip() == "Check the setup, and train with it"


def test_the_words_lead_to_the_choice_and_what_to_do(program: Program) -> None:
    rented(program)
    QTest.mouseClick(program.child("start.problems"), Qt.MouseButton.LeftButton)
    QCoreApplication.processEvents()
    gpu = program.child("runpod.gpu")
    assert gpu.hasFocus()
    assert not gpu.visibleRegion().isEmpty()
    assert program.child("runpod.quote.lines").text() == WORDS


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            RemoteQuote((), None, None, NOW, reason="RTX A5000 does not suit."),
            "No GPU suits this setup",
        ),
        (AppError("network", "Runpod is away.", "Wait."), "Runpod could not be asked"),
    ],
)
def test_other_reasons_have_words_of_their_own(
    program: Program, answer: RemoteQuote | AppError, words: str
) -> None:
    if isinstance(answer, AppError):
        program.services.remote.quotes.fails = answer
        answer = FOUND
    rented(program, answer)
    assert program.child("start.problems").text() == words


def test_another_target_and_a_wrong_setting_come_first(program: Program) -> None:
    rented(program)
    attention = program.child("start.problems")
    program.models.form.edit_text("hp.epochs", "0")
    assert (attention.text(), attention.property("tone")) == ("1 setting needs attention", "")
    program.models.form.edit_text("hp.epochs", "1")
    assert attention.text() == "Nothing that fits is in stock now"
    program.models.form.edit("training.target", TARGET_LOCAL)
    program.settle()
    assert not attention.isVisible()
