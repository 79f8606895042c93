"""Uploading a finished run: whole or not at all, private, and never at the adapter's cost."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulators.hub_repos import HubRepos
from tests.trainer.uploads import OWNER, TOKEN, hub_environment
from trainer_image.contract import ExitCode, Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Finished, Lab

pytestmark = pytest.mark.slow
REPO = f"{OWNER}/tuned"
HP: dict[str, Any] = {"push_to_hub": True, "hub_repo": REPO, "max_steps": 3, "save_steps": 3}


@pytest.fixture
def hub() -> Iterator[HubRepos]:
    with HubRepos({TOKEN: (OWNER, "write")}) as hub:
        yield hub


def online(lab: Lab, address: str, token: str = TOKEN) -> Lab:
    """The lab, whose Hub is at ``address``."""
    lab.env = hub_environment(address, token)
    return lab


def result_of(done: Finished) -> Result:
    return Result.model_validate_json((done.folder / "result.json").read_bytes())


@pytest.mark.setting("push_to_hub", "hub_repo", "hub_private")
@pytest.mark.spec("Optionally push adapters/weights to the Hub when training completes.")
def test_adapter_goes_to_a_private_repository_over_a_line_that_drops(
    lab: Lab, hub: HubRepos
) -> None:
    hub.dropped, hub.refused = 1, [503]
    done = online(lab, hub.url).train(lab.job(hp=HP, name="Python answers", offline=False))
    assert done.code == ExitCode.FINISHED, done.log
    repo = hub.repos[REPO]
    assert repo.private
    assert repo.commits == ["Python answers with Temper"]
    assert repo.files["adapter_model.safetensors"] == done.adapter
    assert {path.name for path in (done.output / "adapter").iterdir()} == set(repo.files)
    assert result_of(done).hub_url == f"{hub.url}/{REPO}"
    phases = [event.get("phase") for event in done.of_type("phase")]
    assert phases[-2:] == ["saving", "pushing"]
    card = repo.files["README.md"].decode()
    assert "library_name: peft" in card
    assert "20 rows to train, 4 held out" in card
    assert "| learning_rate | 0.01 |" in card
    assert "Held-out loss before" in card
    assert str(lab.root) not in card
    assert "/data/" not in card
    config = json.loads(repo.files["adapter_config.json"])
    assert config["base_model_name_or_path"] == "tiny"
    assert TOKEN not in done.log + (done.folder / "events.jsonl").read_text() + card


def test_a_failed_upload_costs_nothing_and_a_resume_only_uploads(lab: Lab, hub: HubRepos) -> None:
    folder = online(lab, hub.url).job(hp=HP, offline=False)
    process = lab.start(folder)
    lab.await_event(process, folder, '"training"')
    hub.tokens[TOKEN] = ("me", "read")
    failed = lab.ended(process, folder)
    assert failed.code == ExitCode.FAILED
    assert failed.failure.get("kind") == "auth"
    assert "does not let this token write" in failed.failure.get("message")
    assert "Resume" in failed.failure.get("hint")
    adapter, steps = failed.adapter, len(failed.of_type("progress"))
    assert not result_of(failed).hub_url

    hub.tokens[TOKEN] = ("me", "write")
    killed = lab.train_until(folder, "pushing", signal.SIGKILL)
    assert killed.code == -signal.SIGKILL
    assert not (folder / "result.json").exists()

    done = lab.train(folder)
    assert done.code == ExitCode.FINISHED, done.log
    assert done.adapter == adapter
    assert hub.repos[REPO].files["adapter_model.safetensors"] == adapter
    assert len(done.of_type("progress")) == steps
    assert len(hub.repos[REPO].commits) == 1


@pytest.mark.setting("hub_content")
def test_merged_weights_say_what_the_adapter_says(
    lab: Lab, hub: HubRepos, probes: Path, probe_env: dict[str, str], tmp_path: Path
) -> None:
    hp = HP | {"hub_content": "merged", "hub_private": False}
    done = online(lab, hub.url).train(lab.job(hp=hp, offline=False))
    assert done.code == ExitCode.FINISHED, done.log
    repo = hub.repos[REPO]
    assert not repo.private
    assert "library_name: transformers" in repo.files["README.md"].decode()
    assert not (done.output / "merged.tmp").exists()
    merged = tmp_path / "merged"
    merged.mkdir()
    for name, content in repo.files.items():
        (merged / name).write_bytes(content)
    places = (lab.root / "models" / "tiny", done.output / "adapter", merged)
    command = [lab.python, str(probes / "merged.py"), *map(str, places)]
    said = subprocess.run(command, env=probe_env, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["difference"] < 1e-4
    assert found["effect"] > 1e-2, "the adapter changes nothing, so nothing was shown"


@pytest.mark.parametrize(
    ("token", "role", "repo", "said"),
    [
        ("", "", REPO, "was given no token"),
        (TOKEN, "read", REPO, "may only read"),
        (TOKEN, "write", "others/tuned", "belongs to me, who cannot upload to others/tuned"),
        ("hf_" + "x" * 30, "write", REPO, "does not let this token write"),
    ],
)
def test_who_may_not_upload_is_told_before_anything_is_trained(
    light_lab: Lab, hub: HubRepos, token: str, role: str, repo: str, said: str
) -> None:
    hub.tokens = {TOKEN: ("me", role)}
    lab = online(light_lab, hub.url, token)
    done = lab.train(lab.job(hp=HP | {"hub_repo": repo}, offline=False))
    assert done.code == ExitCode.REFUSED, done.log
    assert done.failure.get("kind") == "auth"
    assert said in done.failure.get("message")
    assert not hub.repos
    assert not (done.output / "temper-output.json").exists()


def test_a_hub_that_cannot_be_reached_is_told_at_once(light_lab: Lab) -> None:
    lab = online(light_lab, "http://127.0.0.1:9")
    done = lab.train(lab.job(hp=HP, offline=False))
    assert done.code == ExitCode.REFUSED, done.log
    assert done.failure.get("kind") == "network"
