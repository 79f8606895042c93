"""Both sides of the contract: nothing the form holds gets lost on the way to the trainer."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.domain.config_io import settings_index
from models.domain.hyperparameters import HyperparameterSection
from services.dataset_import.row_checks import check_row
from trainer_image import conversations
from trainer_image.contract import DatasetSpec, Hyperparameters, Job, Result, check_under_data
from trainer_image.row_formats import FORMAT_COLUMNS, DatasetFormat

BASE_MODEL = {"base_model"}
SPEC = DatasetSpec(path="/data/datasets/a.jsonl", sha256="a" * 64, format="text")


def make_job(**changes: object) -> Job:
    values = {
        "run_id": "r1",
        "base_model": "m",
        "dataset": SPEC,
        "output_directory": "/data/outputs/x",
        **changes,
    }
    return Job.model_validate(values)


def test_every_hyperparameter_of_the_form_is_in_the_job_with_the_same_default() -> None:
    form = {item.name for item in fields(HyperparameterSection)} - BASE_MODEL
    assert form == set(Hyperparameters.model_fields)
    defaults = asdict(HyperparameterSection())
    del defaults["base_model"]
    assert Hyperparameters(**defaults) == Hyperparameters()


@pytest.mark.parametrize(
    "path",
    [
        path
        for path, info in settings_index().items()
        if path.startswith("hp.") and info.rule.choices
    ],
)
def test_every_choice_of_the_form_is_one_of_the_trainer(path: str) -> None:
    for choice in settings_index()[path].rule.choices:
        Hyperparameters.model_validate({path.removeprefix("hp."): choice})


def test_unknown_names_are_refused_on_both_levels() -> None:
    with pytest.raises(ValidationError, match="learning_rat"):
        Hyperparameters.model_validate({"learning_rat": 1})
    with pytest.raises(ValidationError, match="surprise"):
        make_job(surprise=1)


@pytest.mark.parametrize("path", ["/data", "/", "/tmp/x", "data/x", "/data/../x", "/database/x"])
def test_output_outside_data_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"/data|\.\."):
        check_under_data(path)
    with pytest.raises(ValidationError):
        make_job(output_directory=path)


def test_the_fingerprint_is_of_what_decides_the_weights() -> None:
    job = make_job()
    same = make_job(run_id="r2", name="other", output_directory="/data/outputs/y")
    assert job.fingerprint() == same.fingerprint()
    for hp in ({"save_steps": 5}, {"auto_resume": False}, {"push_to_hub": True}):
        assert make_job(hp=hp).fingerprint() == job.fingerprint()
    for hp in ({"seed": 1}, {"learning_rate": 1e-5}, {"max_steps": 3}, {"packing": False}):
        assert make_job(hp=hp).fingerprint() != job.fingerprint()
    other = SPEC.model_copy(update={"sha256": "b" * 64})
    assert make_job(dataset=other).fingerprint() != job.fingerprint()


def test_a_later_setting_at_its_default_leaves_the_fingerprint_of_older_runs() -> None:
    """Else no run that was begun before could be gone on with."""
    begun = "a4d7e3c06993ad6df2e22f95e45512c5d2d7ab7cac743776b75cbdf97b73c522"
    assert make_job().fingerprint() == begun
    assert make_job(hp={"train_on": "last answer"}).fingerprint() != begun


def test_a_job_may_go_on_from_one_that_differs_in_its_use_of_memory_only() -> None:
    begun = make_job(hp={"batch_size": 8, "grad_accum": 2}).fingerprint()
    for hp in (
        {"batch_size": 8, "grad_accum": 2},
        {"batch_size": 1, "grad_accum": 16},
        {"batch_size": 16, "grad_accum": 1, "gradient_checkpointing": "on"},
    ):
        assert make_job(hp=hp).may_go_on_from(begun)
    for hp in (
        {"batch_size": 4, "grad_accum": 2},
        {"batch_size": 8, "grad_accum": 2, "max_seq_length": 1024},
        {"batch_size": 8, "grad_accum": 2, "seed": 1},
    ):
        assert not make_job(hp=hp).may_go_on_from(begun)


_TURNS: list[dict[str, object]] = [
    {"role": "assistant", "content": "x", "from": "gpt", "value": "x"},
    {"role": "user", "content": " ", "from": "human", "value": ""},
    {"role": "assistant", "content": "", "from": "gpt", "value": " "},
    {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": {}}]},
    {"role": "assistant", "content": [{"type": "text", "text": "x"}]},
    {"role": "judge", "content": "x", "from": "judge", "value": "x"},
    {"role": "user", "content": 5, "from": "human", "value": None},
]
_VALUES = st.one_of(
    st.sampled_from(["", " ", "x", "y", None, [], [1], {}]),
    st.lists(st.sampled_from(_TURNS), max_size=3),
)


@given(st.sampled_from(list(FORMAT_COLUMNS)), st.lists(_VALUES, min_size=3, max_size=3))
def test_what_the_importer_lets_through_the_trainer_can_read(
    name: DatasetFormat, values: list[object]
) -> None:
    row = dict(zip((*FORMAT_COLUMNS[name], "prompt"), values, strict=False))
    stored, verdict = check_row(row, name.value)
    if not verdict.problems:
        assert conversations.conversation(stored, name)


def test_packaging_stays_the_library() -> None:
    import packaging

    root = Path(__file__).parents[2]
    assert not (root / "packaging" / "__init__.py").exists()
    assert "site-packages" in str(packaging.__file__)


def test_our_packages_are_this_checkouts() -> None:
    import models

    assert Path(str(models.__file__)).is_relative_to(Path(__file__).parents[2])


def test_a_result_of_an_earlier_trainer_is_read_and_knows_no_device() -> None:
    old = {"run_id": "r", "adapter_path": "/data/o/adapter", "base_model": "m", "engine": "e"}
    assert Result.model_validate({**old, "steps": 3, "peak_memory_bytes": 5}).device == ""
