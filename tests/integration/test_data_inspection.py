"""What a model would learn, asked of the real worker in the trainer's environment."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.config import LocalSection, TrainingConfig
from models.domain.config_io import with_values
from models.domain.data_report import HeldOut, Learning
from models.domain.errors import AppError
from services.data_inspection import DataInspection, RowFile, held_out_of, learning_of
from services.inference_places import INSPECT, ProcessPlace
from services.progress import Cancelled, CancelToken, Progress
from services.trainer_code import place_trainer_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import TrainerHome

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ROW = {"question": "Who?", "answer": "Me."}


class Lab:
    """An inspection with a data root of its own; ``asked`` counts the workers' places."""

    def __init__(self, root: Path, home: TrainerHome) -> None:
        self.root = root
        self.asked = 0
        self._home = home
        self.code = place_trainer_code(ROOT / "trainer_image", root / "code")
        self.learning = Learning(str(home.model), str(root), local=LocalSection())
        self.inspection = DataInspection(
            self._place, root / "inspections", lambda: self.code.sha256
        )

    def _place(self, learning: Learning) -> ProcessPlace:
        self.asked += 1
        return ProcessPlace(
            self._home.environment.python,
            self.code,
            Path(learning.data_root),
            self.root / "inspection.log",
            offline=True,
            use_gpu=False,
            module=INSPECT,
        )

    def rows(self, rows: list[dict[str, Any]]) -> RowFile:
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path = self.root / "datasets" / f"{hashlib.sha256(data).hexdigest()}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return RowFile(path, path.stem, "question_answer")


@pytest.fixture
def lab(tmp_path: Path, trainer_home: TrainerHome) -> Iterator[Lab]:
    lab = Lab(tmp_path, trainer_home)
    yield lab
    lab.inspection.close()


def test_a_row_is_seen_as_it_is_trained(lab: Lab) -> None:
    (view,) = lab.inspection.mask(ROW, "question_answer", lab.learning)
    learnt = "".join(piece for piece, is_learnt in view.pieces if is_learnt)
    assert learnt == "Me.<|im_end|>"
    assert "".join(piece for piece, _ in view.pieces) == view.text
    shorter = replace(lab.learning, max_seq_length=16)
    (cut,) = lab.inspection.mask(ROW, "question_answer", shorter)
    assert len(cut.input_ids) == 16 < cut.length == view.length
    with pytest.raises(AppError, match="no value for 'answer'"):
        lab.inspection.mask({"question": "?"}, "question_answer", lab.learning)


def test_a_report_is_kept_for_the_same_rows_model_and_options(lab: Lab) -> None:
    told: list[Progress] = []
    rows = lab.rows([ROW, {"question": "What?", "answer": "That."}, ROW])
    report = lab.inspection.report(rows, lab.learning, report=told.append)
    assert told[-1].fraction == 1.0
    assert (report.rows, report.refused, report.has_major) == (3, 0, False)
    assert [finding.code for finding in report.findings] == ["duplicate"]
    assert sum(report.lengths.counts) == 3
    asked = lab.asked
    assert lab.inspection.report(rows, lab.learning) == report
    assert lab.inspection.known_report(rows, lab.learning) == report
    assert lab.asked == asked
    for other in (
        replace(lab.learning, max_seq_length=64),
        replace(lab.learning, train_on="last answer"),
        replace(lab.learning, template="{{ messages[-1].content }}"),
    ):
        assert lab.inspection.known_report(rows, other) is None
    assert lab.inspection.known_report(rows, lab.learning, HeldOut(eval_percent=10)) is None


def test_a_report_belongs_to_the_commit_of_the_model_that_was_fetched(
    lab: Lab, trainer_home: TrainerHome
) -> None:
    cache = lab.root / "cache" / "huggingface" / "hub" / "models--org--tiny"
    for commit in ("1" * 40, "2" * 40):
        shutil.copytree(trainer_home.model, cache / "snapshots" / commit)
    main = cache / "refs" / "main"
    main.parent.mkdir()
    main.write_text("1" * 40)
    rows, learning = lab.rows([ROW, ROW]), replace(lab.learning, base_model="org/tiny")
    report = lab.inspection.report(rows, learning)
    assert lab.inspection.known_report(rows, learning) == report
    main.write_text("2" * 40)
    assert lab.inspection.known_report(rows, learning) is None
    assert lab.inspection.faulty_rows(rows, learning, codes=["duplicate"]) == (1,)


def test_a_report_of_another_version_is_made_anew(lab: Lab) -> None:
    rows = lab.rows([ROW])
    report = lab.inspection.report(rows, lab.learning)
    (kept,) = (lab.root / "inspections").glob("*.json")
    kept.write_text('{"rows": 1}')
    assert lab.inspection.known_report(rows, lab.learning) is None
    assert lab.inspection.report(rows, lab.learning).tokens == report.tokens


def test_cancelled_nothing_is_kept_and_the_next_is_answered(lab: Lab) -> None:
    rows = lab.rows([{"question": f"{n}?", "answer": f"{n}."} for n in range(20_000)])
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        lab.inspection.report(
            rows, lab.learning, report=lambda _progress: cancel.cancel(), cancel=cancel
        )
    assert lab.inspection.known_report(rows, lab.learning) is None
    assert lab.inspection.mask(ROW, "question_answer", lab.learning)


def test_a_worker_that_was_ended_is_started_again(lab: Lab) -> None:
    assert lab.inspection.mask(ROW, "question_answer", lab.learning)
    lab.inspection.close()
    assert lab.inspection.mask(ROW, "question_answer", lab.learning)


def test_a_setup_says_how_its_rows_would_be_learnt(tmp_path: Path) -> None:
    config = with_values(
        TrainingConfig(),
        {
            "hp.base_model": " org/model ",
            "hp.max_seq_length": 512,
            "hp.train_on": "last answer",
            "hp.assistant_only_loss": False,
            "dataset.eval_percent": 5.0,
            "hp.seed": 7,
        },
    )
    assert learning_of(config, tmp_path) == Learning(
        "org/model", str(tmp_path), None, 512, False, "last answer", config.local
    )
    assert held_out_of(config) == HeldOut(5.0, "", 7)
