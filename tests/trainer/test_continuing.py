"""Going on from another run's checkpoint: it becomes ours, and what differs is said or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image import checkpoints
from trainer_image.checkpoints import Manifest
from trainer_image.contract import DATA_ROOT_VARIABLE, Job
from trainer_image.drift import differences, explained, sentence
from trainer_image.failures import RefusedError
from trainer_image.output import OutputFolder
from trainer_image.record import local_base_signature

if TYPE_CHECKING:
    from trainer_image.output import Start

LAST = "/data/outputs/first/checkpoints/checkpoint-10"


@pytest.fixture(autouse=True)
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path))
    return tmp_path


def job(name: str = "longer", hp: dict[str, Any] | None = None, **fields: Any) -> Job:
    values = {
        "run_id": name,
        "base_model": "m",
        "dataset": {"path": "/data/x.jsonl", "format": "text"},
        "output_directory": f"/data/outputs/{name}",
        "hp": hp or {},
    }
    return Job.model_validate(values | fields)


@pytest.fixture
def first() -> OutputFolder:
    """A run with checkpoints of the steps 5, which was the best, and 10."""
    made = job("first")
    output = OutputFolder(made, "sha")
    output.begin(output.plan())
    for step in (5, 10):
        folder = output.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(b"weights %d" % step)
        log = [{"step": 5, "eval_loss": 1.0}, {"step": 10, "eval_loss": 2.0}]
        (folder / "trainer_state.json").write_text(json.dumps({"log_history": log}))
        manifest = Manifest(
            step=step,
            fingerprint=made.fingerprint(),
            base_model="m",
            dataset_sha256="sha",
            decisive=made.decisive(),
            base_sha256="0" * 64,
        )
        checkpoints.seal(folder, manifest)
    return output


def begin(job_: Job) -> tuple[OutputFolder, Start]:
    output = OutputFolder(job_, "sha")
    return output, output.begin(output.plan())


def test_the_checkpoint_and_the_best_one_become_our_own(first: OutputFolder) -> None:
    longer = job(hp={"epochs": 3.0, "resume_from": LAST})
    output, start = begin(longer)
    assert start.other_job
    assert start.checkpoint == output.checkpoints / "checkpoint-10"
    shutil.rmtree(first.path)
    again = OutputFolder(longer, "sha").plan()  # killed before it saved one of its own
    assert again.checkpoint == output.checkpoints / "checkpoint-10"
    assert not again.other_job
    assert checkpoints.manifest_of(output.checkpoints / "checkpoint-5") is not None


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("adopted", [0, 1])
def test_a_boot_that_was_killed_while_it_took_them_is_made_good_by_the_next(
    adopted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best one is taken first: going on from it would lose the steps since."""
    longer = job(hp={"epochs": 3.0, "resume_from": LAST})
    take, taken = checkpoints.adopt, list[Path]()

    def killed(source: Path, folder: Path, manifest: Manifest) -> Path:
        if len(taken) == adopted:
            raise KeyboardInterrupt
        taken.append(take(source, folder, manifest))
        return taken[-1]

    monkeypatch.setattr(checkpoints, "adopt", killed)
    with pytest.raises(KeyboardInterrupt):
        begin(longer)
    monkeypatch.setattr(checkpoints, "adopt", take)
    output, start = begin(longer)
    assert start.manifest is not None
    assert start.manifest.step == 10
    assert [path.name for path in checkpoints.newest_first(output.checkpoints)] == [
        "checkpoint-10", "checkpoint-5",
    ]  # fmt: skip
    assert OutputFolder(longer, "sha").plan().checkpoint == output.checkpoints / "checkpoint-10"


def test_a_later_boot_goes_on_from_what_the_run_has_made_since(first: OutputFolder) -> None:
    inside = job("first", hp={"resume_from": "checkpoint-5"})
    output, start = begin(inside)
    assert start.manifest is not None
    assert start.manifest.step == 5
    assert not (output.checkpoints / "checkpoint-10").exists()
    later = output.checkpoints / "checkpoint-8"
    shutil.copytree(output.checkpoints / "checkpoint-5", later)
    checkpoints.seal(later, start.manifest.model_copy(update={"step": 8}))
    assert OutputFolder(inside, "sha").plan().checkpoint == later


def test_a_checkpoint_of_ours_with_other_settings_is_not_lost_when_the_next_boot_is_killed(
    first: OutputFolder,
) -> None:
    """Half the learning rate after a lost loss: what was trained before is still gone on from."""
    slower = job("slower", hp={"resume_from": "checkpoint-10", "learning_rate": 1e-5})
    slower = slower.model_copy(update={"output_directory": "/data/outputs/first"})
    _, start = begin(slower)
    assert start.other_job
    _, again = begin(slower)  # the first boot was killed before it saved anything
    assert again.checkpoint == first.checkpoints / "checkpoint-10"
    assert not again.damaged


@pytest.mark.usefixtures("first")
def test_what_does_not_fit_a_checkpoint_is_refused_by_name() -> None:
    other = job(hp={"lora_r": 4, "epochs": 3.0, "resume_from": LAST})
    with pytest.raises(RefusedError, match=r"hp\.lora_r was 16 and is 4") as caught:
        OutputFolder(other, "sha").plan()
    assert "epochs" not in str(caught.value)


@pytest.mark.usefixtures("first")
def test_what_fits_is_explained_by_name_with_its_schedule() -> None:
    longer = job(hp={"epochs": 3.0, "resume_from": LAST})
    start = OutputFolder(longer, "sha").plan()
    assert start.manifest is not None
    text = explained(start.manifest, longer)
    assert "hp.epochs was 1.0 and is 3.0" in text
    assert "learning rate" in text


@pytest.mark.usefixtures("first")
def test_an_occupied_directory_says_which_settings_are_others() -> None:
    with pytest.raises(RefusedError, match=r"hp\.seed was 3407 and is 5"):
        OutputFolder(job("first", hp={"seed": 5}), "sha").plan()


def test_another_base_model_is_refused(first: OutputFolder, data_root: Path) -> None:
    model = data_root / "models" / "m"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"one")
    made = job("first", base_model="/data/models/m")
    manifest = Manifest(
        step=10,
        fingerprint=made.fingerprint(),
        base_model=made.base_model,
        dataset_sha256="sha",
        base_sha256=local_base_signature(made.base_model),
    )
    checkpoints.seal(first.checkpoints / "checkpoint-10", manifest)
    OutputFolder(made, "sha").mark(finished=False)
    assert OutputFolder(made, "sha").plan().manifest is not None
    (model / "model.safetensors").write_bytes(b"two")
    with pytest.raises(RefusedError, match="its files have changed since"):
        OutputFolder(made, "sha").plan()


def test_a_large_files_signature_sees_its_end_and_its_size(data_root: Path) -> None:
    model = data_root / "model"
    model.mkdir()
    weights = model / "model.safetensors"
    with weights.open("wb") as file:
        file.truncate(100 * 2**20)
    before = local_base_signature(str(model))
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    changed = local_base_signature(str(model))
    assert len({before, changed}) == 2


def test_settings_that_came_or_went_differ_and_old_manifests_say_nothing() -> None:
    found = differences({"hp": {"a": 1, "b": True}}, {"hp": {"a": 1, "c": None}})
    assert found == {"hp.b": (True, None)}
    assert sentence(found) == "hp.b was on and is not set"
    assert differences({}, {"hp": {"a": 1}}) == {}
