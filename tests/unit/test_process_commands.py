"""What the trainer's process is started with: literally."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.domain.config import LocalSection
from models.domain.secrets import SECRET_VARIABLES
from services.run_files import RunFolder
from services.runners.base import Launch
from services.runners.process import train_command, trainer_environment
from services.trainer_code import TrainerCode

FOLDER = RunFolder(Path("/d"), "r1")
OWN = {
    "PATH": "/bin",
    "HF_TOKEN": "hf_secret",
    "HUGGINGFACE_HUB_TOKEN": "hf_secret",
    "PYTHONPATH": "/elsewhere",
    "VIRTUAL_ENV": "/venv",
}


def launch(*, offline: bool = False, use_gpu: bool = True) -> Launch:
    local = LocalSection(use_gpu=use_gpu)
    return Launch(FOLDER, TrainerCode(Path("/code"), "0"), local, offline=offline)


def test_the_command_is_a_list_without_a_secret() -> None:
    assert train_command(Path("/rt/python"), FOLDER.job) == [
        "/rt/python",
        "-m",
        "trainer_image.train",
        "--job",
        str(FOLDER.job),
    ]


def test_the_environment_is_the_trainers_own() -> None:
    found = trainer_environment(OWN, launch())
    assert found["PYTHONPATH"] == str(Path("/code"))
    assert found["TEMPER_DATA_ROOT"] == str(Path("/d"))
    assert found["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert found["PATH"] == "/bin"
    assert "VIRTUAL_ENV" not in found
    assert "HF_HUB_OFFLINE" not in found
    assert "CUDA_VISIBLE_DEVICES" not in found


@pytest.mark.spec(
    "Pass HF token to container – forwards `HF_TOKEN` / `HUGGINGFACE_HUB_TOKEN` so `--push` works "
    "inside the container."
)
@pytest.mark.parametrize("token", ["hf_chosen", None])
def test_the_token_is_passed_only_when_asked_for(token: str | None) -> None:
    found = trainer_environment(OWN, launch(), token)
    names = ("HF_TOKEN", "HUGGINGFACE_HUB_TOKEN")
    assert [found.get(name) for name in names] == [token, token]


def test_no_secret_of_the_environment_goes_along() -> None:
    own = OWN | dict.fromkeys(SECRET_VARIABLES, "a-secret") | {"HF_TOKEN_PATH": "/a-secret"}
    assert "a-secret" not in " ".join(trainer_environment(own, launch()).values())


def test_offline_and_without_gpu() -> None:
    found = trainer_environment(OWN, launch(offline=True, use_gpu=False))
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
    assert [found[name] for name in names] == ["1", "1", "1"]
    assert found["CUDA_VISIBLE_DEVICES"] == ""
