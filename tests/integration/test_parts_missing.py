"""A model of which a part is missing, and a checkpoint that is gone, are found before a start, by
the program's own services: with a tokenizer that was never fetched nothing trains on a train."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import ConfigError, Fix
from models.domain.start_fixes import CHOOSE_MODEL, GO_ONLINE, OPEN_MODELS
from services.hub_cache import hub_cache
from services.models.notes import ModelNote, ModelNotes, RepoFile
from services.offline import OfflinePolicy
from services.progress import CancelToken
from services.run_outputs import OnExisting
from tests.whole_model import lay_checkpoint, lay_whole_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from models.domain.errors import Problem

pytestmark = pytest.mark.slow
_COMMIT = "a" * 40
_WORDS = ("config.json", "tokenizer.json", "model.safetensors")
_CHECKPOINT = "/data/outputs/before/checkpoints/checkpoint-40"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """A home with rows, offline."""
    with closing(build_services(AppPaths(tmp_path / "home"), OfflinePolicy(forced=True))) as made:
        rows = tmp_path / "rows.jsonl"
        rows.write_text('{"question": "q", "answer": "a"}\n')
        made.datasets.import_file(rows, name="FAQ")
        yield made


def _snapshot(services: Services, *names: str) -> Path:
    """A model of the Hub in the data folder's cache, with these files."""
    folder = hub_cache(services.paths.data) / "models--me--small"
    snapshot = folder / "snapshots" / _COMMIT
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(_COMMIT)
    for name in names:
        (snapshot / name).write_text("{}")
    return snapshot


def _checkpoint(services: Services, name: str = _CHECKPOINT) -> Path:
    return lay_checkpoint(services.paths.data / name.removeprefix("/data/"))


def _setup(model: str, **values: object) -> TrainingConfig:
    named = {name.replace("__", "."): value for name, value in values.items()}
    usual = {"hp.base_model": model, "dataset.session": "FAQ"}
    return with_values(TrainingConfig(), usual | named)


def _on_a_folder(services: Services, **values: object) -> TrainingConfig:
    lay_whole_model(services.paths.data / "models" / "mine")
    return _setup("/data/models/mine", **values)


def _only(problems: Sequence[Problem]) -> Problem:
    (one,) = problems
    return one


@pytest.mark.parametrize("lacks", _WORDS)
def test_offline_a_cached_model_without_one_of_its_files_is_refused_by_its_name(
    services: Services, lacks: str
) -> None:
    _snapshot(services, *(name for name in _WORDS if name != lacks))
    found = _only(services.runs.problems(_setup("me/small")))
    assert (found.field, found.value) == ("hp.base_model", "me/small")
    assert found.message == f"is here without {lacks}, and Offline mode is on."
    assert found.fix is not None
    assert found.fix.does == GO_ONLINE


def test_offline_a_whole_cached_model_is_not_refused(services: Services) -> None:
    _snapshot(services, *_WORDS)
    assert services.runs.problems(_setup("me/small")) == []


def test_offline_one_that_other_programs_have_is_linked_on_the_models_page(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "theirs"))
    mine = _snapshot(services, *_WORDS).parents[1]
    (tmp_path / "theirs").mkdir()
    mine.rename(tmp_path / "theirs" / mine.name)
    found = _only(services.runs.problems(_setup("me/small")))
    assert "only in the Hugging Face cache of other programs" in found.message
    assert found.fix is not None
    assert found.fix.does == OPEN_MODELS


def test_what_the_hub_named_counts_too_and_so_does_a_file_that_was_cut(services: Services) -> None:
    """A chat template that is gone leaves a model that loads, and learns other words."""
    snapshot = _snapshot(services, *_WORDS, "chat_template.jinja")
    files = tuple(RepoFile(name, 2, "b" * 40) for name in (*_WORDS, "chat_template.jinja"))
    ModelNotes(services.paths.data).write(ModelNote("me/small", _COMMIT, files))
    assert services.runs.problems(_setup("me/small")) == []

    (snapshot / "chat_template.jinja").unlink()
    (snapshot / "model.safetensors").write_text("")
    found = _only(services.runs.problems(_setup("me/small")))
    assert "without chat_template.jinja, model.safetensors," in found.message


@pytest.mark.parametrize("lacks", ["tokenizer.json", "model.safetensors"])
def test_a_models_folder_without_tokenizer_or_weights_is_refused(
    services: Services, lacks: str
) -> None:
    setup = _on_a_folder(services)
    assert services.runs.problems(setup) == []

    (services.paths.data / "models" / "mine" / lacks).unlink()
    found = _only(services.runs.problems(setup))
    assert found.field == "hp.base_model"
    assert f"it has no {lacks}." in found.message
    assert found.fix is not None
    assert found.fix.does == CHOOSE_MODEL


def test_neither_travels_in_a_bundle(services: Services, tmp_path: Path) -> None:
    setup = _on_a_folder(services)
    (services.paths.data / "models" / "mine" / "tokenizer.json").unlink()
    _snapshot(services, "config.json", "model.safetensors")
    services.configs.save("Folder", setup)
    services.configs.save("Hub", _setup("me/small"))
    lay_whole_model(services.paths.data / "models" / "whole")
    on = _setup("/data/models/whole", hp__resume_from=_CHECKPOINT)
    services.configs.save("On", on)
    with pytest.raises(ConfigError) as caught:
        services.bundles.exporter.export(
            tmp_path / "x.temper", [], lambda _: None, CancelToken(), with_environment=False
        )
    assert {one.field for one in caught.value.problems} == {
        "Folder, hp.base_model", "Hub, hp.base_model", "On, hp.resume_from",
    }  # fmt: skip
    assert "it has no tokenizer.json" in str(caught.value)


@pytest.mark.parametrize("name", [_CHECKPOINT, "checkpoint-40"])
def test_a_checkpoint_that_is_not_there_is_refused_with_those_that_are(
    services: Services, name: str
) -> None:
    setup = _on_a_folder(services, hp__resume_from=name, output__directory="/data/outputs/before")
    found = _only(services.runs.problems(setup))
    assert (found.field, found.value) == ("hp.resume_from", name)
    assert "There is no checkpoint" in found.message
    assert found.fix == Fix("Leave it empty", (("hp.resume_from", ""),))

    for step in (8, 10):
        _checkpoint(services, f"/data/outputs/before/checkpoints/checkpoint-{step}")
    found = _only(services.runs.problems(setup))
    assert found.remedy.endswith("There are: checkpoint-8, checkpoint-10.")

    _checkpoint(services)
    assert services.runs.problems(setup) == []


def test_a_checkpoint_that_was_cut_short_is_refused(services: Services) -> None:
    (_checkpoint(services) / "adapter.bin").write_bytes(b"lea")
    found = _only(services.runs.problems(_on_a_folder(services, hp__resume_from=_CHECKPOINT)))
    assert "is damaged" in found.message


def test_a_new_directory_has_no_checkpoint_of_the_old_one_and_its_whole_name_helps(
    services: Services,
) -> None:
    _checkpoint(services)
    setup = _on_a_folder(
        services, hp__resume_from="checkpoint-40", output__directory="/data/outputs/before"
    )
    plan = services.runs.starter.plan
    with pytest.raises(ConfigError) as caught:
        plan(setup, "", OnExisting.NEW, tuple)
    found = _only(caught.value.problems)
    assert found.fix == Fix("Name it by its folder", (("hp.resume_from", _CHECKPOINT),))

    named = with_values(setup, {"hp.resume_from": _CHECKPOINT})
    planned = plan(named, "", OnExisting.NEW, tuple)
    assert planned.job.output_directory == "/data/outputs/before-2"
    assert planned.job.hp.resume_from == _CHECKPOINT
