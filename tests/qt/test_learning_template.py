"""What is done about findings that a look with another chat template has found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.qt.fake_learning import GOOD, NO_ANSWER
from tests.qt.fakes import make_session

if TYPE_CHECKING:
    from pathlib import Path

    from tests.qt.conftest import Program


def test_rows_are_left_out_for_what_the_chosen_template_makes_of_them(
    program: Program, tmp_path: Path
) -> None:
    learning, path = program.services.learning, tmp_path / "chat.jinja"
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()
    learning.found = replace(GOOD, findings=(NO_ANSWER,))
    path.write_text("{{ messages }}")
    program.child("dataset.preview").click()
    program.settle()
    controller = program.wiring.learning.controller
    controller.use_template(path)
    program.settle()
    controller.drop(["no_answer"])
    program.settle()
    assert learning.dropped_with == ["{{ messages }}"]
    program.wiring.learning.dialog.close()
    program.settle()
