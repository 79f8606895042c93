"""Which findings refuse a start, and what would mend them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import settings_index, with_values
from models.domain.data_gate import (
    START_ANYWAY,
    DataRefusedError,
    Remedy,
    RemedyKind,
    droppable,
    may_start_anyway,
    remedies_for,
)
from models.domain.data_report import Finding
from tests.qt.fake_learning import GOOD

CUT = Finding("major", "nothing_learnt", "Nothing.", 3, (1, 2, 5), (2, 3, 6), "lengthen")
REFUSES = Finding("major", "template_refuses", "It refuses.", 2, (1, 2), (2, 3), "drop")
CONFIG = with_values(TrainingConfig(), {"hp.max_seq_length": 64})


def remedies(finding: Finding, config: TrainingConfig = CONFIG, **facts: object) -> list[Remedy]:
    report = replace(GOOD, findings=(finding,), **facts)  # type: ignore[arg-type]
    return list(remedies_for(finding, config, report))


def test_start_anyway_is_only_for_what_the_trainer_takes() -> None:
    ok = [Finding("major", code, "Hm.", 1, (0,)) for code in sorted(START_ANYWAY)]
    assert may_start_anyway(replace(GOOD, findings=tuple(ok)))
    assert not may_start_anyway(replace(GOOD, findings=(*ok, REFUSES)))
    minor = replace(REFUSES, severity="minor")
    assert may_start_anyway(replace(GOOD, findings=(minor,)))


def test_what_was_accepted_is_these_problems_of_these_rows() -> None:
    report = replace(GOOD, findings=(CUT,))
    first = DataRefusedError("Talks", report, None)
    assert first.key == DataRefusedError("Talks", report, None).key
    more = replace(report, findings=(replace(CUT, count=4),))
    assert first.key != DataRefusedError("Talks", more, None).key
    assert first.key != DataRefusedError("Others", report, None).key


@pytest.mark.parametrize(
    ("longest", "model", "value"), [(90, 8192, 128), (128, 0, 128), (5000, 2048, 2048)]
)
def test_a_longer_sequence_is_offered_as_far_as_the_model_reads(
    longest: int, model: int, value: int
) -> None:
    longer = remedies(CUT, longest=longest, model_length=model)[0]
    assert longer.values == {"hp.max_seq_length": value}
    assert f"{value:,}" in longer.label
    assert ("no more than" in longer.note) == (value < longest)
    assert "memory" in longer.note


def test_no_longer_sequence_where_the_model_reads_no_further() -> None:
    at_most = with_values(CONFIG, {"hp.max_seq_length": 2048})
    kinds = [one.kind for one in remedies(CUT, at_most, longest=5000, model_length=2048)]
    assert kinds == [RemedyKind.DROP, RemedyKind.DATASET]


def test_rows_are_left_out_unless_none_would_stay() -> None:
    drop, model = remedies(REFUSES)
    assert (drop.kind, drop.codes, drop.label) == (
        RemedyKind.DROP, ("template_refuses",), "Leave these 2 rows out",
    )  # fmt: skip
    assert model.kind is RemedyKind.MODEL
    assert [one.kind for one in remedies(REFUSES, rows=2)] == [RemedyKind.MODEL]
    assert droppable(replace(GOOD, findings=(REFUSES, CUT))) == (REFUSES.code, CUT.code)
    assert droppable(replace(GOOD, findings=(REFUSES,), rows=2)) == ()


def test_one_row_is_called_one() -> None:
    assert remedies(replace(REFUSES, count=1))[0].label == "Leave this row out"


def test_the_count_of_a_code_is_that_of_all_its_sentences() -> None:
    other = replace(REFUSES, message="It refuses otherwise.", count=5)
    report = replace(GOOD, findings=(REFUSES, other))
    assert remedies_for(REFUSES, CONFIG, report)[0].label == "Leave these 7 rows out"


def test_a_mask_that_cannot_be_told_may_be_given_up() -> None:
    finding = replace(REFUSES, remedy="unmask")
    whole = remedies(finding)[0]
    assert whole.values == {"hp.assistant_only_loss": False}
    already = with_values(CONFIG, whole.values)
    assert all(one.kind is not RemedyKind.CHANGE for one in remedies(finding, already))


def test_overlap_goes_with_the_repeats() -> None:
    overlap = Finding("minor", "overlap", "Held out and learnt.", 4, (1,), (2,), "drop")
    (remedy,) = remedies(overlap)
    assert remedy.codes == ("duplicate", "near_duplicate")


def test_a_split_that_is_not_there_can_be_given_up() -> None:
    missing = Finding("major", "no_such_split", "No row has the split 'x'.", 1)
    config = with_values(CONFIG, {"dataset.eval_split": "x"})
    change, other = remedies(missing, config)
    assert change.values == {"dataset.eval_split": ""}
    assert other.kind is RemedyKind.DATASET


def test_remedies_name_settings_that_there_are() -> None:
    findings = (CUT, replace(REFUSES, remedy="unmask"), Finding("major", "all_held_out", "All.", 1))
    config = with_values(CONFIG, {"dataset.eval_split": "x"})
    for finding in findings:
        for remedy in remedies(finding, config, longest=500):
            assert remedy.values.keys() <= settings_index().keys()


def test_the_message_names_rows_from_one_and_what_to_do() -> None:
    error = DataRefusedError("Talks", replace(GOOD, findings=(CUT,)), None)
    assert error.message == "Talks cannot be learnt as it is:\n  row 2 and 2 more: Nothing."
    assert error.hint == "Import the dataset and mend it, or choose another."
