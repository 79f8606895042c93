"""Saying what the columns are: what is proposed, what is missing, what the rows become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.domain.column_mapping import ColumnMapping, propose
from models.domain.dataset_import import ImportVerdict
from models.domain.turns import Turn
from models.qt.mapping_model import MappingModel
from services.dataset_import.row_checks import check_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytestqt.qtbot import QtBot

ROWS = (
    {"Nr": 1, "Frage": "Why?", "Reply text": "So."},
    {"Nr": 2, "Frage": "How?", "Reply text": ""},
)


def try_row(row: Mapping[str, Any], format_: str) -> tuple[dict[str, Any], str]:
    stored, verdict = check_row(dict(row), format_)
    return stored, verdict.problems[0][1] if verdict.problems else ""


def make(rows: tuple[dict[str, Any], ...] = ROWS) -> MappingModel:
    columns = tuple(rows[0])
    verdict = ImportVerdict(
        len(rows), 0, "", (), columns, candidates=tuple(propose(columns)), samples=rows
    )
    return MappingModel(verdict, try_row)


def test_columns_are_proposed_by_their_names_and_the_rest_is_asked_for() -> None:
    model = make()
    assert model.column_of("question") == "Frage"
    assert model.missing() == "Still to choose: Answer."
    assert model.mapping() is None


def test_the_likeliest_mapping_is_there_from_the_start() -> None:
    model = make(({"Frage": "Why?", "Antwort": "So."},))
    assert model.format == "question_answer"
    assert model.mapping() == ColumnMapping((("question", "Frage"), ("answer", "Antwort")))


def test_rows_are_shown_as_they_would_become_and_why_some_would_not(qtbot: QtBot) -> None:
    model = make()
    first, _ = model.preview()
    assert first.turns == (Turn("User", "Why?"),)
    with qtbot.waitSignal(model.changed):
        model.set_column("answer", "Reply text")
    first, second = model.preview()
    assert first.turns == (Turn("User", "Why?"), Turn("Assistant", "So.", is_learnt=True))
    assert (first.problem, second.problem) == ("", "'answer' is empty.")


def test_a_column_cannot_play_two_parts() -> None:
    model = make()
    model.set_column("answer", "Frage")
    assert model.missing() == "“Frage” is chosen twice."
    assert model.mapping() is None


def test_another_format_has_other_parts(qtbot: QtBot) -> None:
    model = make()
    with qtbot.waitSignal(model.format_changed):
        model.set_format("text")
    assert [role.name for role in model.roles()] == ["text"]
    model.set_column("text", "Reply text")
    assert model.mapping() == ColumnMapping((("text", "Reply text"),))


def test_every_format_can_be_completed_and_is_then_the_one_that_was_chosen() -> None:
    rows = ({f"column {n}": "words" for n in range(8)},)
    for format_ in make(rows).formats:
        model = make(rows)
        model.set_format(format_)
        for number, role in enumerate(model.roles()):
            model.set_column(role.name, f"column {number}")
        mapping = model.mapping()
        assert mapping is not None, format_
        assert mapping.format == format_


def test_optional_parts_are_taken_only_by_columns_of_their_own_name() -> None:
    model = make(({"Frage": "a", "Antwort": "b", "System": "c", "source": "d"},))
    assert model.column_of("system") == "System"
    model.set_column("system", "")
    mapping = model.mapping()
    assert mapping is not None
    assert "system" not in dict(mapping.columns)


def test_examples_are_short_and_from_the_first_row_that_has_one() -> None:
    model = make(({"a": "", "b": 1}, {"a": "many\nwords " * 30, "b": 2}))
    assert model.example("a").startswith("many words many")
    assert len(model.example("a")) == 60
