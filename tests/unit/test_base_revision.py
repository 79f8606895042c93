"""A run that goes on takes the base model as it was, whatever its owner has changed since."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainer_image import publish
from trainer_image.checkpoints import Manifest
from trainer_image.checks import CheckedJob
from trainer_image.contract import Job
from trainer_image.output import OutputFolder, Start
from trainer_image.record import loaded_signature
from trainer_image.run_folder import RunFolder
from trainer_image.trainer import Training

COMMIT = "7e27bd9f95328f0f3b08261d1252705110c806f8"


def checked(base_model: str, before: str | None) -> CheckedJob:
    """A job of which a checkpoint says what the base was; None: there is no checkpoint."""
    dataset = {"path": "/data/rows.jsonl", "format": "text"}
    job = Job.model_validate(
        {
            "run_id": "run",
            "base_model": base_model,
            "dataset": dataset,
            "output_directory": "/data/outputs/run",
        }
    )
    manifest = None
    if before is not None:
        manifest = Manifest(
            step=3,
            fingerprint=job.fingerprint(),
            base_model=base_model,
            dataset_sha256="",
            base_sha256=before,
            trained_tokens=1,
            processed_tokens=1,
            seconds=1.0,
        )
    start = Start(checkpoint=Path("checkpoint-3") if manifest else None, manifest=manifest)
    return CheckedJob(job, OutputFolder(job, ""), start, "")


def test_the_commit_of_the_checkpoint_is_loaded_again() -> None:
    assert checked("someone/a-model", COMMIT).base_revision == COMMIT


@pytest.mark.parametrize("before", [None, "", "ab" * 32])
def test_without_a_known_commit_it_is_the_newest(before: str | None) -> None:
    """Nothing trained yet, a checkpoint of an earlier version, or the signature of a folder."""
    assert checked("someone/a-model", before).base_revision is None


def test_a_folder_has_no_commits() -> None:
    assert checked("/data/models/mine", COMMIT).base_revision is None


@pytest.mark.parametrize(
    ("base_model", "recorded", "merged_into"),
    [("someone/a-model", COMMIT, COMMIT), ("someone/a-model", "", None),
     ("/data/models/mine", "ab" * 32, None)],
)  # fmt: skip
def test_it_is_merged_into_the_commit_that_was_loaded(
    base_model: str,
    recorded: str,
    merged_into: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also by a run that no checkpoint had pinned: its owner may have changed it overnight."""
    taken: list[str | None] = []

    def save_merged(
        base: str, adapter: Path, folder: Path, revision: str | None, _tell: object
    ) -> None:
        folder.mkdir()
        taken.append(revision)

    monkeypatch.setattr(publish, "save_merged", save_merged)
    monkeypatch.setattr(publish, "model_card", lambda *_, **__: "")
    monkeypatch.setattr(publish, "push", lambda *_: "https://hub/me/tuned")
    hp = {"push_to_hub": True, "hub_repo": "me/tuned", "hub_content": "merged"}
    first = checked(base_model, None)
    job = first.job.model_copy(update={"hp": first.job.hp.model_copy(update=hp)})
    training = SimpleNamespace(
        checked=SimpleNamespace(
            job=job,
            output=SimpleNamespace(path=tmp_path, adapter=tmp_path / "adapter"),
            base_revision=first.base_revision,
        ),
        stop=SimpleNamespace(interrupting=nullcontext),
        reporter=SimpleNamespace(warn=print),
    )
    result = SimpleNamespace(kind="adapter", base_sha256=recorded)
    run = RunFolder(tmp_path)
    run.split.write_text('{"rows": 1, "held_out": []}')
    address = publish._upload(training, result, run)  # type: ignore[arg-type]
    assert address == "https://hub/me/tuned"
    assert taken == [merged_into]


def test_a_checkpoint_names_the_commit_that_was_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the one that somebody's download has made the cache's newest in the meantime."""
    refs = tmp_path / "models--someone--a-model" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text("f" * 40)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    job = checked("someone/a-model", None)
    model = SimpleNamespace(config=SimpleNamespace(_commit_hash=COMMIT))
    assert loaded_signature(model, job) == COMMIT
    assert loaded_signature(SimpleNamespace(), job) == "f" * 40
    assert loaded_signature(model, checked("someone/a-model", "e" * 40)) == "e" * 40

    figures = SimpleNamespace(trained_tokens=1, processed_tokens=2, seconds=3.0)
    nothing: dict[str, Any] = dict.fromkeys(
        ("engine", "tokenizer", "train", "held_out", "plan", "objective", "stop")
    )
    training = Training(
        checked=job,
        model=model,
        reporter=figures,  # type: ignore[arg-type]
        base_sha256=COMMIT,
        **nothing,
    )
    assert training._manifest(4).base_sha256 == COMMIT
