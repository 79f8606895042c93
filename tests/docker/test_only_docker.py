"""For somebody who has only Docker: nothing of the managed environment is on the computer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.config import RUNTIME_DOCKER
from models.domain.inference import INFERENCE_PRESETS, TUNED, TunedModel
from services.inference_engine import InferenceEngine
from services.inference_places import ProcessPlace
from services.trainer_code import place_trainer_code
from tests.conftest import ROOT
from tests.docker.hands import TOKENS
from tests.docker.programs import containers
from tests.e2e.test_main_job import SAMPLE, write_config

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.conftest import TrainerHome

PROMPT = "What is a generator?"


class OnlyDocker:
    """The program with a home that is empty at first, and no way to any package."""

    def __init__(self, home: Path) -> None:
        self.home = home
        nowhere = "http://127.0.0.1:9/"
        self.environment = os.environ | {
            "TEMPER_HOME": str(home), "UV_INDEX_URL": nowhere, "PIP_INDEX_URL": nowhere,
            "UV_FIND_LINKS": "", "PIP_FIND_LINKS": "",
        }  # fmt: skip

    def temper(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._python("app", *arguments)

    def session(self, name: str, **given: str) -> Any:
        done = self._python("tests.docker.sessions", name, json.dumps(given))
        return json.loads(done.stdout.splitlines()[-1])

    def _python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=self.environment,
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert "training environment" not in done.stderr
        assert not (self.home / "runtime").exists()
        return done


def test_a_real_model_is_trained_and_asked_from_terminal_and_window(
    tmp_path: Path, trainer_home: TrainerHome, trainer_image: str, docker_client: DockerClient
) -> None:
    me = OnlyDocker(tmp_path / "home")
    me.temper("data", "import", str(SAMPLE), "--name", "sample")
    config = write_config(
        tmp_path, trainer_home.model, max_steps=3, learning_rate=1e-2, warmup_ratio=0.0,
        batch_size=1, grad_accum=1, save_steps=3, eval_steps=3,
    )  # fmt: skip
    settings = {
        "local.runtime": RUNTIME_DOCKER, "local.image": trainer_image, "local.use_gpu": "false",
        "dataset.eval_split": "", "dataset.eval_percent": "0", "hp.max_seq_length": "128",
    }  # fmt: skip
    changes = [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    run = json.loads(me.temper("train", config, *changes, "--json").stdout)
    assert run["state"] == "finished"
    assert run["step"] == 3

    short = ("--compare", "--max-new-tokens", str(TOKENS), "--json")
    told = json.loads(me.temper("chat", "last", "--prompt", PROMPT, *short).stdout)
    in_terminal = {use: answer["text"] for use, answer in told["answers"].items()}
    in_window = me.session("only_docker", run_id=run["id"], prompt=PROMPT)

    beside = answer_beside(trainer_home, tmp_path, run)
    assert in_terminal["adapter"] == beside
    assert in_terminal["adapter"] != in_terminal["base"]
    assert in_window == {"answers": in_terminal, "notices": []}
    assert told["settings"]["temperature"] == 0
    assert containers(docker_client) == []


def answer_beside(home: TrainerHome, folder: Path, run: dict[str, Any]) -> str:
    """What the same adapter answers in the managed environment of somebody who has one."""
    place = ProcessPlace(
        python=home.environment.python,
        code=place_trainer_code(ROOT / "trainer_image", folder / "code"),
        data_root=Path(run["data_root"]),
        log=folder / "logs" / "inference.log",
        offline=True,
        use_gpu=False,
    )
    tuned = TunedModel(run["base_model"], run["adapter_path"], run["data_root"])
    with closing(InferenceEngine(lambda _: place)) as engine:
        engine.load(tuned)
        settings = replace(INFERENCE_PRESETS["Deterministic"], max_new_tokens=TOKENS)
        return engine.generate(PROMPT, use=TUNED, settings=settings, on_token=lambda _: None).text
