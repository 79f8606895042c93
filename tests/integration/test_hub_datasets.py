"""A dataset of the Hub is asked for before a run starts that would fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.config import SOURCE_HUB, TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import ConfigError, Fix
from models.domain.start_fixes import SET_TOKEN
from services.hub_datasets import dataset_problems
from services.job_builder import JobBuilder
from tests.emulators.hub import Hub
from tests.hub_address import hub_at, short_waits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "hf_mine"
DATASETS = {"me/open": "public", "me/mine": "private", "me/careful": "gated"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    there = Hub({TOKEN: ("me", "read")}, DATASETS)
    with there as emulator, hub_at(emulator.url, monkeypatch):
        yield emulator


def _none() -> str | None:
    return None


def _mine() -> str | None:
    return TOKEN


def test_a_public_dataset_needs_no_token(hub: Hub) -> None:
    def never() -> str | None:
        raise AssertionError("the keychain was asked without need")

    assert dataset_problems("me/open", never) == []
    assert [one.target for one in hub.requests] == ["/api/datasets/me/open/auth-check"], (
        "nothing else is told or asked"
    )


def test_a_private_one_opens_with_the_token_only(hub: Hub) -> None:
    assert dataset_problems("me/mine", _mine) == []
    (problem,) = dataset_problems("me/mine", _none)
    assert problem.field == "dataset.hf_repo"
    assert "private" in problem.message
    assert problem.fix == SET_TOKEN
    assert dataset_problems("me/open", _mine, passes=False) == []
    (problem,) = dataset_problems("me/mine", _mine, passes=False)
    assert (problem.field, problem.message) == (
        "local.pass_hf_token",
        "must be on: me/mine is not open to everybody, and comes only with your token.",
    )
    assert problem.fix == Fix("Pass it", (("local.pass_hf_token", True),))


def test_a_gated_one_says_where_its_conditions_are(hub: Hub) -> None:
    (problem,) = dataset_problems("me/careful", _mine)
    assert "gated" in problem.message
    assert "huggingface.co/datasets/me/careful" in problem.remedy


@pytest.mark.parametrize("repo", ["me/nothing", "not a repo", "a/b/c"])
def test_what_is_not_there_or_no_repo_is_named(hub: Hub, repo: str) -> None:
    (problem,) = dataset_problems(repo, _none)
    assert problem.value == repo
    assert problem.remedy


def test_a_hub_that_cannot_be_reached_forbids_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dataset may be in the trainer's cache."""
    hub.faults.append(60.0)
    with pytest.MonkeyPatch.context() as patched, short_waits(patched, 0.5):
        assert dataset_problems("me/open", _none) == []
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert dataset_problems("me/open", _none) == []


class _NoLibrary:
    """Not looked at: the dataset is on the Hub."""


def test_a_start_is_refused_beneath_the_repos_field(hub: Hub, tmp_path: Path) -> None:
    chosen = {"dataset.source": SOURCE_HUB, "dataset.hf_repo": "me/nothing"}
    config = with_values(TrainingConfig(), chosen)
    builder = JobBuilder(_NoLibrary(), lambda: tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as caught:
        builder.plan(config, name="", offline=False)
    assert [problem.field for problem in caught.value.problems] == ["dataset.hf_repo"]
    found = with_values(config, {"dataset.hf_repo": "me/open"})
    assert builder.plan(found, name="", offline=False).job.dataset.hf_repo == "me/open"
