"""Ready for a computer without a network: from what is on the disk, and only while it is."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.cli import config as config_commands
from app.cli import train as train_command
from app.paths import AppPaths
from models.domain.config import SOURCE_HUB, SOURCE_SESSION, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.dataset_import import HubSource
from models.domain.errors import AppError, ConfigError
from models.domain.measured_fit import MeasuredFit
from services.dataset_import.messages import Exporter
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.hub_cache import hub_cache
from services.job_builder import JobBuilder
from services.offline import OfflinePolicy
from services.offline_dataset import on_library
from services.offline_ready import OfflineMeans, OfflineReadiness
from services.progress import CancelToken, Progress
from tests.whole_model import WHOLE_MODEL, lay_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from models.domain.offline_ready import OfflineStatus

pytestmark = pytest.mark.slow


class Environment:
    """An environment that is made at once, by anybody who asks."""

    def __init__(self) -> None:
        self.made = 0

    def is_ready(self) -> bool:
        return self.made > 0

    def versions(self) -> dict[str, str]:
        return {"torch": str(self.made)} if self.made else {}

    def create(self, *_arguments: object) -> None:
        self.made += 1


class Probe:
    """A dry run that goes as it is told."""

    def __init__(self) -> None:
        self.tried: list[TrainingConfig] = []
        self.fits = True
        self.meanwhile: Callable[[], object] = lambda: None

    def measure(self, config: TrainingConfig, **_how: object) -> MeasuredFit:
        self.tried.append(config)
        self.meanwhile()
        return MeasuredFit(
            fits=self.fits, device="", peak_bytes=1, free_bytes=2, rows=1,
            longest=1, total_steps=1, step_seconds=1.0, at_most_seconds=1.0, seconds=1.0,
        )  # fmt: skip


class HubRows:
    """Stands for the trainer's program that prints the rows of a dataset of the Hub."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, source: HubSource | None) -> Exporter:
        assert source is not None
        self.asked.append(str(source))
        rows = [{"question": f"q{n}", "answer": "a"} for n in range(3)]
        if source.held_out:
            rows = [row | {"split": source.split} for row in rows]
            rows.append({"question": "new", "answer": "b", "split": source.held_out})
        lines = "\n".join(map(json.dumps, rows))
        return Exporter((sys.executable, "-c", f"print({lines!r})"), {}, is_source=True)

    def parquet_writer(self) -> Exporter:
        raise AssertionError("nothing is exported here")


class World:
    """A home with a model, rows and a setup of both."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.environment, self.probe = Environment(), Probe()
        self.model = services.paths.data / "models" / "llama"
        self.model.mkdir(parents=True)
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            (self.model / name).write_text("{}")
        (self.model / "model.safetensors").write_bytes(b"weights")
        rows = services.paths.home / "rows.jsonl"
        rows.write_text('{"question": "q", "answer": "a"}\n')
        services.datasets.import_file(rows, name="FAQ")
        self.save("Away")
        self.hub = HubRows()
        self.library = DatasetLibrary(
            services.database, DatasetStore(services.paths.datasets), rows, self.hub
        )
        means = OfflineMeans(self.environment, services.images, services.models, self.probe)  # type: ignore[arg-type]
        self.readiness = OfflineReadiness(
            services.database,
            services.configs,
            self.library,
            JobBuilder(services.datasets, lambda: services.paths.data),
            means,
        )

    def save(self, name: str, **values: object) -> None:
        usual = {"hp.base_model": "/data/models/llama", "dataset.session": "FAQ"}
        changed = {path.replace("__", "."): value for path, value in values.items()}
        self.services.configs.put(name, with_values(TrainingConfig(), usual | changed))

    def missing(self, name: str = "Away") -> list[str]:
        return [need.what for need in self.readiness.status(name).missing]

    def prepare(self, name: str = "Away") -> bool:
        return self.readiness.prepare(name, _quiet, CancelToken()).is_ready


def _quiet(_progress: Progress) -> None:
    """Nobody looks."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(
        build_services(AppPaths(tmp_path / "home"), OfflinePolicy(forced=True))
    ) as services:
        yield World(services)


def test_prepared_it_is_ready_and_the_dry_run_was_made_with_all_there(world: World) -> None:
    assert world.missing() == ["Environment"]
    assert world.prepare()
    assert world.readiness.status("away").words == "ready to train offline"
    assert world.environment.made == 1
    assert world.prepare()
    assert world.environment.made == 1, "what is here is not made again"
    assert len(world.probe.tried) == 2


def test_ready_lasts_until_something_it_needs_goes_away(world: World) -> None:
    world.prepare()
    weights = (world.model / "model.safetensors").read_bytes()
    (world.model / "model.safetensors").unlink()
    assert world.missing() == ["Model"]
    (world.model / "model.safetensors").write_bytes(weights)
    assert world.readiness.status("Away").is_ready
    session = world.services.datasets.find("FAQ")
    world.services.datasets.delete(session.id)
    assert world.missing() == ["Dataset"]
    world.services.datasets.restore(session)
    assert world.readiness.status("Away").is_ready


def test_ready_ends_with_another_setup_model_or_environment(world: World) -> None:
    world.prepare()
    world.save("Away", hp__lora_r=8)
    assert world.readiness.status("Away").words == "all is here, not tried yet"
    world.prepare()
    (world.model / "model.safetensors").write_bytes(b"other weights")
    assert not world.readiness.status("Away").is_ready
    world.prepare()
    world.environment.made += 1
    assert not world.readiness.status("Away").is_ready


def test_what_was_changed_during_the_dry_run_was_not_tried(world: World) -> None:
    world.probe.meanwhile = lambda: (world.model / "config.json").write_text("[]")
    assert not world.prepare()
    world.probe.meanwhile = lambda: world.save("Away", hp__lora_r=8)
    assert not world.prepare()


@pytest.mark.parametrize("name", ["tokenizer_config.json", "tokenizer.json", "config.json"])
def test_ready_ends_with_a_changed_word_of_the_model_and_comes_back_with_the_old_one(
    world: World, name: str
) -> None:
    """Such as the chat template: as long as before, and other text is learnt."""
    world.prepare()
    before = (world.model / name).read_text()
    (world.model / name).write_text("[]")
    assert world.readiness.status("Away").words == "all is here, not tried yet"
    (world.model / name).write_text(before)
    assert world.readiness.status("Away").is_ready


def test_ready_ends_with_a_file_of_a_cached_model_of_which_only_the_name_is_gone(
    world: World,
) -> None:
    """What the Hub's library fetched itself: what belongs to it nobody has noted."""
    folder = hub_cache(world.services.paths.data) / "models--me--small"
    for number, name in enumerate((*WHOLE_MODEL, "chat_template.jinja")):
        blob = folder / "blobs" / f"{number:040}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_text("{}")
        (folder / "snapshots" / ("a" * 40)).mkdir(parents=True, exist_ok=True)
        (folder / "snapshots" / ("a" * 40) / name).symlink_to(blob)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    world.save("Cached", hp__base_model="me/small")
    assert world.prepare("Cached")

    template = folder / "snapshots" / ("a" * 40) / "chat_template.jinja"
    blob = template.resolve()
    template.unlink()
    assert not world.readiness.status("Cached").is_ready
    template.symlink_to(blob)
    assert world.readiness.status("Cached").is_ready


def test_ready_lasts_as_long_as_the_checkpoint_that_it_goes_on_from(world: World) -> None:
    place = world.services.paths.data / "outputs" / "before" / "checkpoints" / "checkpoint-4"
    world.save("On", hp__resume_from="/data/outputs/before/checkpoints/checkpoint-4")
    assert world.missing("On") == ["Environment", "Checkpoint"]
    with pytest.raises(AppError) as failure:
        world.prepare("On")
    assert failure.value.kind == "still_missing"
    lay_checkpoint(place)
    assert world.prepare("On")
    place.rename(place.with_name("aside"))
    assert world.missing("On") == ["Checkpoint"]
    place.with_name("aside").rename(place)
    assert world.readiness.status("On").is_ready


def test_what_no_fetching_can_mend_is_refused_before_anything_is_fetched(world: World) -> None:
    hub = {"dataset__source": SOURCE_HUB, "dataset__hf_repo": "a/b", "dataset__hf_split": "all"}
    world.save("Net", **hub, dataset__eval_split="all", hp__push_to_hub=True)
    world.save("Pod", training__target=TARGET_RUNPOD)
    with pytest.raises(ConfigError) as failure:
        world.prepare("Net")
    assert [one.field for one in failure.value.problems] == ["hp.push_to_hub", "dataset.eval_split"]
    with pytest.raises(ConfigError):
        world.prepare("Pod")
    assert world.environment.made == 0
    assert world.missing("Pod") == ["Setup"]
    assert world.readiness.status("Pod").words == "not possible: trains on Runpod"


def test_a_model_that_cannot_be_fetched_and_one_that_does_not_fit_are_not_ready(
    world: World,
) -> None:
    world.save("Gone", hp__base_model="some/model")
    with pytest.raises(AppError) as failure:
        world.prepare("Gone")
    assert failure.value.kind == "offline"
    world.probe.fits = False
    with pytest.raises(AppError) as failure:
        world.prepare()
    assert failure.value.kind == "does_not_fit"
    assert [one.is_ready for one in world.readiness.all()] == [False, False]


def test_lists_say_it_of_those_that_were_ready_once_and_look_at_no_others(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.save("Never")
    world.prepare()
    asked: list[str] = []
    real = world.readiness.status

    def status(name: str) -> OfflineStatus:
        asked.append(name)
        return real(name)

    monkeypatch.setattr(world.readiness, "status", status)
    bundles = SimpleNamespace(readiness=world.readiness)
    there = SimpleNamespace(configs=world.services.configs, bundles=bundles)
    monkeypatch.setattr(config_commands, "services", lambda: there)
    config_commands.list_configs(json_=True)
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert (found["Away"]["offline_ready"], found["Away"]["offline"]) == (
        True, "ready to train offline",
    )  # fmt: skip
    assert (found["Never"]["offline_ready"], found["Never"]["offline"]) == (False, "")
    assert asked == ["Away"]
    (world.model / "model.safetensors").unlink()
    config_commands.list_configs()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("OFFLINE")
    assert [line.endswith("missing: model") for line in lines[1:]] == [False, True]


def test_a_dataset_of_the_hub_is_imported_and_stands_for_it_offline(world: World) -> None:
    hub = {"dataset__source": SOURCE_HUB, "dataset__hf_repo": "a/b", "dataset__hf_split": "train"}
    world.save("Net", **hub, dataset__session="FAQ")
    assert world.missing("Net") == ["Environment", "Dataset"]
    world.services.configs.load(world.services.configs.entry("Away").id)

    assert world.prepare("Net")
    assert world.hub.asked == ["hf:a/b@train"]
    config = world.services.configs.get("Net")
    assert config.dataset.source == SOURCE_HUB, "with a network it is read as before"
    assert world.library.find(config.dataset.session).rows == 3
    (tried,) = world.probe.tried
    assert (tried.dataset.source, tried.dataset.session) == (SOURCE_SESSION, "a/b")
    used = world.services.configs.last_used()
    assert used is not None
    assert used[0].name == "Away", "nothing was chosen by the user"
    planned = JobBuilder(world.library, lambda: world.services.paths.data).plan(
        on_library(config, world.library), name="", offline=True
    )
    assert planned.session == world.library.find("a/b")

    world.library.delete(world.library.find("a/b").id)
    assert world.missing("Net") == ["Dataset"]
    assert world.prepare("Net")
    assert len(world.hub.asked) == 2


def test_a_copy_that_is_there_is_not_fetched_again_and_another_split_is_no_copy(
    world: World,
) -> None:
    world.library.import_file(HubSource("a/b"), name="Mine")
    hub = {"dataset__source": SOURCE_HUB, "dataset__hf_repo": "a/b"}
    world.save("Net", **hub, dataset__hf_split="train")
    world.save("Other", **hub, dataset__hf_split="train[:2]", dataset__session="Mine")
    assert world.prepare("Net")
    assert world.hub.asked == ["hf:a/b@train"]
    assert world.services.configs.get("Net").dataset.session == "Mine"
    assert world.missing("Other") == ["Dataset"]
    other = world.services.configs.get("Other")
    assert on_library(other, world.library) is other


def test_a_held_out_split_of_the_hub_comes_along_and_is_held_out_offline(world: World) -> None:
    hub = {"dataset__source": SOURCE_HUB, "dataset__hf_repo": "a/b", "dataset__hf_split": "train"}
    world.save("Net", **hub, dataset__eval_split=" test[:1] ")
    copy = world.library.import_file(HubSource("a/b"))
    world.hub.asked.clear()
    assert world.missing("Net") == ["Environment", "Dataset"]

    assert world.prepare("Net")
    assert world.hub.asked == ["hf:a/b@train, held out: test[:1]"], "its first split alone is less"
    config = world.services.configs.get("Net")
    assert (config.dataset.source, config.dataset.eval_split) == (SOURCE_HUB, " test[:1] ")
    offline = on_library(config, world.library)
    planned = JobBuilder(world.library, lambda: world.services.paths.data).plan(
        offline, name="", offline=True
    )
    assert planned.session is not None
    assert planned.session.splits == (("test[:1]", 1), ("train", 3))
    assert planned.job.dataset.eval_split == "test[:1]"
    (tried,) = world.probe.tried
    assert tried == offline

    world.save("Share", **hub)
    assert world.prepare("Share")
    assert world.services.configs.get("Share").dataset.session == copy.name, "each has its own"
    assert len(world.hub.asked) == 1


def test_the_command_trains_on_the_copy_only_in_offline_mode_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.library.import_file(HubSource("a/b"), name="Mine")
    hub = {"dataset__source": SOURCE_HUB, "dataset__hf_repo": "a/b", "dataset__session": "Mine"}
    world.save("Net", **hub)
    config = world.services.configs.get("Net")
    for is_offline in (True, False):
        there = SimpleNamespace(offline=OfflinePolicy(forced=is_offline), datasets=world.library)
        monkeypatch.setattr(train_command, "services", lambda there=there: there)
        found = train_command._offline_copy(config)
        assert (found.dataset.source == SOURCE_SESSION) is is_offline
        assert ("trains on Mine, imported from a/b" in capsys.readouterr().err) is is_offline
