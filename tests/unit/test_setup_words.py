"""A setup in words: everything that is not as usual is said, and stands out."""

from __future__ import annotations

import pytest

from models.domain.config import TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import settings_index, with_values
from models.qt.setup_words import Part, describe_setup

OTHER: dict[type, object] = {bool: None, int: 7, float: 0.125, str: "other"}


def _rows(**values: object) -> dict[str, tuple[Part, ...]]:
    changes = {name.replace("__", "."): value for name, value in values.items()}
    return {row.label: row.parts for row in describe_setup(with_values(TrainingConfig(), changes))}


def _outstanding(rows: dict[str, tuple[Part, ...]]) -> list[str]:
    return [part.text for parts in rows.values() for part in parts if part.stands_out]


def test_nothing_stands_out_in_the_defaults_of_either_target() -> None:
    assert _outstanding(_rows()) == []
    cloud = {"training__target": TARGET_RUNPOD, "output__directory": "/data/outputs/runpod_run"}
    assert _outstanding(_rows(**cloud)) == []


def test_a_local_setup() -> None:
    rows = _rows(dataset__session="Faq", hp__epochs=3.0, hp__max_steps=20, hp__seed=1)
    texts = {label: " · ".join(part.text for part in parts) for label, parts in rows.items()}
    assert texts == {
        "Target": "This computer · Beginner, Quick local test",
        "Dataset": "Faq · 2 % held out",
        "Base model": "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit",
        "Training": "3 epochs · learning rate 2e-4 · batch 2 × 4 · at most 20 steps",
        "Method": "SFT · LoRA · rank 16, alpha 32 · automatic quantisation",
        "Runs with": texts["Runs with"],
        "Output": "/data/outputs/local_run",
        "Also changed": "Seed 1",
    }
    assert _outstanding(rows) == ["Faq", "3 epochs", "at most 20 steps", "Seed 1"]


def test_a_setup_for_a_pod() -> None:
    rows = _rows(
        training__target=TARGET_RUNPOD,
        dataset__source="Hugging Face",
        dataset__hf_repo="me/data",
        runpod__gpu="NVIDIA A40",
        runpod__gpu_count=2,
        runpod__max_cost=1234.5,
        hp__push_to_hub=True,
        hp__hub_repo="me/model",
        hp__hub_private=False,
        local__container_name="not of interest",
    )
    assert [part.text for part in rows["Runs with"]] == [
        "2 × NVIDIA A40", "Secure cloud", "at most $1,234.50 and 6 h", "terminate when finished",
    ]  # fmt: skip
    assert rows["Dataset"][0] == Part("me/data", stands_out=True)
    assert rows["Output"][-1] == Part("pushed to me/model, public", stands_out=True)
    assert "Also changed" not in rows


@pytest.mark.parametrize("path", [p for p in settings_index() if not p.startswith("training.")])
def test_no_setting_is_left_unsaid(path: str) -> None:
    """Whatever differs changes the words, where the setting has a meaning."""
    info = settings_index()[path]
    base: dict[str, object] = {
        "training.target": TARGET_RUNPOD if path.startswith("runpod.") else "Local",
        "dataset.source": "Hugging Face" if ".hf_" in path else "Database Session",
        "hp.push_to_hub": ".hub_" in path,
        "hp.method": "DPO" if path == "hp.beta" else "SFT",
        "local.runtime": "Docker",
    }
    present = base.get(path, info.default)
    choices = [choice for choice in info.rule.choices if choice != present]
    value = choices[0] if choices else OTHER[info.kind]
    value = not present if info.kind is bool else value
    value = "0,1" if path == "local.gpu_devices" else value
    before = describe_setup(with_values(TrainingConfig(), base))
    after = describe_setup(with_values(TrainingConfig(), {**base, path: value}))
    assert after != before
