"""The scenes of datasets for ``make screenshots``: the library, and what a model will learn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtTest import QTest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.data_report import DataReport, Finding, Histogram, TokenView
from models.domain.dataset import DatasetPart
from models.qt.app_models import AppModels
from models.qt.learning_model import LearningModel, Looking, ReportLook, RowLook, Subject
from tests.qt.fakes import make_session
from views.dialogs.learning_dialog import LearningDialog
from views.main_window import DATASETS, MainWindow
from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from models.domain.dataset import DatasetSession

SCENES = ("library", "learning")
_SAMPLE = Path(__file__).parents[1] / "resources" / "samples" / "python-docs.jsonl"
_MODEL = "unsloth/Qwen2.5-0.5B-Instruct"
_SETTLE_MS = 700
_LENGTHS = (4, 31, 96, 188, 240, 251, 214, 160, 121, 84, 52, 37, 21, 14, 8, 5, 3, 2, 0, 1)
_FINDINGS = (
    Finding("minor", "truncated", "It is longer than 512 tokens and is cut.", 11,
            (40, 82, 311, 502, 517, 640, 702, 944, 1204, 1377, 1490), (0,) * 11, "lengthen"),
    Finding("minor", "near_duplicate", "It hardly differs from an earlier row.", 4,
            (97, 214, 801, 1310), (0,) * 4, "drop"),
    Finding("minor", "email", "It holds an e-mail address.", 2, (12, 77), (0,) * 2),
)  # fmt: skip


def make_widget(scene: str) -> QWidget:
    """The window or dialog of this scene, shown and settled."""
    made = _library() if scene == "library" else _learning()
    QTest.qWait(_SETTLE_MS)
    return made


def _library() -> MainWindow:
    window = MainWindow(AppModels())
    window.models.setParent(window)
    window.complete()
    window.set_ready(True)
    window.resize(1280, 800)
    sessions = _sessions()
    window.models.datasets.set_items(sessions)
    window.show()
    window.show_page(DATASETS)
    page = window.datasets
    if page is not None:
        page.select(sessions[0])
    lines = _SAMPLE.read_text(encoding="utf-8").splitlines()[:100]
    window.models.rows.set_page(sessions[0].id, 0, [json.loads(line) for line in lines])
    return window


def _sessions() -> list[DatasetSession]:
    support = make_session(4, "Support, with documentation", 2_235)
    parts = (
        DatasetPart("Support answers", 1_600, 1.0, "", "support-answers.jsonl"),
        DatasetPart("Python documentation (sample)", 635, 1.0, "PSF-2.0", "bundled with Temper"),
    )
    support = replace(
        support, source="merged here", format="question_answer", licence="unknown + PSF-2.0",
        parts=parts,
    )  # fmt: skip
    sample = make_session(1, "Python documentation (sample)", 635)
    return [
        support,
        replace(make_session(3, "Support answers", 1_600), format="question_answer"),
        replace(make_session(2, "no_robots", 9_500), source="hf:HuggingFaceH4/no_robots@train",
                licence="cc-by-nc-4.0"),
        replace(sample, source="bundled with Temper", format="question_answer", licence="PSF-2.0"),
    ]  # fmt: skip


def _learning() -> LearningDialog:
    session = replace(make_session(1, "Support answers", 1_532), format="messages")
    config = with_values(TrainingConfig(), {"hp.max_seq_length": 512, "hp.base_model": _MODEL})
    model = LearningModel()
    dialog = LearningDialog(model)
    current_theme().dress(dialog)
    model.setParent(dialog)
    dialog.resize(1120, 740)
    model.begin(Subject(session, config))
    model.set_row(RowLook(12, Looking.DONE, (_text(),)))
    model.set_report(ReportLook(Looking.DONE, _report(), is_kept=True))
    dialog.show()
    return dialog


def _text() -> TokenView:
    """A conversation of Qwen's template, as its tokenizer might divide it."""
    said = (
        ("system", "You answer for the Fernhill shop.", False),
        ("user", "Can I still cancel? My order is 1042, my address is kim@example.com.", False),
        ("assistant", "Yes: open Orders, choose 1042 and press Cancel.\nIt works until the "
                      "parcel is handed over.", True),
        ("user", "And the money?", False),
        ("assistant", "It is back within three working days.", True),
    )  # fmt: skip
    pieces: list[tuple[str, bool]] = []
    controls: list[int] = []
    for role, words, learnt in said:
        controls.append(len(pieces))
        pieces += [("<|im_start|>", False), (role, False), ("\n", False)]
        pieces += [(piece, learnt) for piece in _divided(words)]
        controls.append(len(pieces))
        pieces += [("<|im_end|>", learnt), ("\n", False)]
    ids = tuple(1_000 + number for number in range(len(pieces)))
    labels = tuple(one if piece[1] else -100 for one, piece in zip(ids, pieces, strict=True))
    text = "".join(piece for piece, _ in pieces)
    sizes = (1,) * len(pieces)
    return TokenView(
        text, ids, labels, tuple(pieces), len(ids), 512, sizes, tuple(controls)
    )  # fmt: skip


def _divided(words: str) -> list[str]:
    found = words.replace(" ", "\x00 ").replace("\n", "\x00\n\x00").split("\x00")
    return [piece for piece in found if piece]


def _report() -> DataReport:
    return DataReport(
        rows=1_532, format="messages", findings=_FINDINGS,
        lengths=Histogram(tuple(range(0, 32 * 21, 32)), _LENGTHS), trained_share=0.412,
        texts=1_532, tokens=274_000, trained_tokens=112_900, truncated=11, without_answer=0,
        refused=0, divided=0, end_of_turn_trained=1_532, max_length=512,
        model=_MODEL, template_sha256="0" * 64, seconds=2.1, longest=634,
        model_length=32_768,
    )  # fmt: skip
