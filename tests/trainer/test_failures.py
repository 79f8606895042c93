"""Each way to fail, really caused: its kind, its sentence, its remedy.

The full disk is in test_disk_full.py, refusals in test_refused.py, the stop by a signal and the
damaged checkpoint in test_resume.py; what only a GPU can do is in gpu/test_failures_gpu.py.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulators.server import Emulator, Reply
from tests.trainer.conftest import Finished, Lab, environment
from trainer_image.contract import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulators.server import Request

pytestmark = pytest.mark.slow

EXPLODING: dict[str, Any] = {
    "packing": False, "warmup_ratio": 0.0, "scheduler": "constant", "optimizer": "sgd",
    "learning_rate": 1.0, "lora_alpha": 10**15, "max_grad_norm": 0.0,
}  # fmt: skip
"""The first step takes the weights so far that no float can hold what the second computes."""


class GuardedHub(Emulator):
    """Repositories that are gated, missing, behind a bad token, out of order, or never answered."""

    def answer(self, request: Request) -> Reply | None:
        told = {
            "gated": (403, {"X-Error-Code": "GatedRepo"}, "Access to model is restricted."),
            "none": (404, {"X-Error-Code": "RepoNotFound"}, "Repository not found"),
            "token": (401, {}, "Invalid credentials in Authorization header"),
            "broken": (500, {}, "Internal Server Error"),
        }
        name = request.target.split("/org/")[-1].split("/")[0]
        if name not in told:
            return None  # it hangs up
        status, headers, message = told[name]
        body = json.dumps({"error": message}).encode()
        return Reply(
            status, body, {"X-Error-Message": message, "Content-Type": "application/json"} | headers
        )


@dataclass(frozen=True)
class Ended:
    """What became of all runs: their codes, and the lab that has their files."""

    lab: Lab
    codes: dict[str, int]
    output: str

    def __getitem__(self, name: str) -> Finished:
        return Finished(
            self.codes[name], self.lab.root / "runs" / name, self.lab.root / "outputs" / name
        )


def broken_model(lab: Lab, name: str, **config: object) -> str:
    """A copy of the tiny model, with other entries in its configuration."""
    folder = lab.root / "models" / name
    folder.mkdir()
    for file in (lab.root / "models" / "tiny").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    known = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(known | config))
    return f"/data/models/{name}"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, trainer_python: str, tiny_model: Path) -> Ended:
    """All runs, in one process: importing the libraries is what takes the time."""
    lab = Lab(tmp_path_factory.mktemp("failing"), trainer_python, tiny_model)
    cut = broken_model(lab, "cut")
    (weights,) = (lab.root / "models" / "cut").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1000])
    strange = broken_model(lab, "strange", model_type="unheard_of", architectures=["Unheard"])
    jobs = [
        lab.job("cut", base_model=cut),
        lab.job("strange", base_model=strange),
        lab.job("lost", hp=EXPLODING | {"save_steps": 1}),
        lab.job("unlogged", hp=EXPLODING | {"logging_steps": 9, "save_steps": 3}),
        lab.job("tight", hp={"batch_size": 8, "max_seq_length": 2048}, dataset=long_rows(lab)),
    ]
    names = ("gated", "none", "token", "broken", "silent")
    jobs += [lab.job(name, base_model=f"org/{name}") for name in names]
    big = {"batch_size": 8, "max_seq_length": 2048}
    jobs.append(lab.job("tight-probe", hp=big, dataset=long_rows(lab)))
    online(jobs)
    with GuardedHub() as hub:
        done = subprocess.run(
            [trainer_python, "tests/trainer/probes/failing_runs.py", *map(str, files(jobs))],
            capture_output=True,
            text=True,
            env=environment(lab.root) | {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_" + "x" * 34},
            timeout=240,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    codes = json.loads(done.stdout.splitlines()[-1])
    return Ended(lab, codes, done.stdout + done.stderr)


def online(folders: list[Path]) -> None:
    """The libraries ask once in a process whether they may use the network."""
    for job in files(folders):
        job.write_text(job.read_text().replace('"offline": true', '"offline": false'))


def files(folders: list[Path]) -> list[Path]:
    return [folder / "job.json" for folder in folders]


def long_rows(lab: Lab) -> dict[str, Any]:
    row = {"question": "Why? " * 300, "answer": "Because. " * 400, "split": "train"}
    content = (json.dumps(row) + "\n").encode() * 8
    return lab.dataset(content) | {"eval_split": "", "eval_percent": 0}


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("cut", "bad_config", "The base model's files are damaged or incomplete."),
        ("strange", "bad_config", "The trainer does not know this kind of model."),
        ("lost", "nan_loss", "The loss is not a number any more at step 2."),
        ("unlogged", "nan_loss", "The weights are not numbers any more at step 3."),
        ("tight", "host_oom", "The computer ran out of memory."),
        ("gated", "auth", "Hugging Face did not let us in."),
        ("none", "not_found", "The model or dataset was not found on Hugging Face."),
        ("token", "auth", "Hugging Face did not let us in."),
        ("broken", "network", "Hugging Face could not be reached."),
        ("silent", "network", "Hugging Face could not be reached."),
    ],
)
def test_the_kind_and_its_sentence(ended: Ended, name: str, kind: str, sentence: str) -> None:
    failure = ended[name].failure
    assert (failure.get("kind"), failure.get("message")) == (kind, sentence), failure
    assert failure.get("hint")
    assert ended.codes[name] == ExitCode.FAILED
    assert not (ended[name].folder / "result.json").exists()
    assert "hf_xxx" not in ended.output


def test_no_memory_names_the_smallest_change_first(ended: Ended) -> None:
    named = ended["tight"].failure.get("remedies")
    assert named[0]["changes"] == {"hp.batch_size": 4, "hp.grad_accum": 2}
    assert [one["resumes"] for one in named] == [True, True, False]


def test_a_lost_loss_names_the_checkpoint_before_it(ended: Ended) -> None:
    (named,) = ended["lost"].failure.get("remedies")
    assert named["changes"] == {"hp.learning_rate": 0.5, "hp.resume_from": "checkpoint-1"}
    assert named["resumes"]


def test_no_checkpoint_has_weights_that_are_no_numbers(ended: Ended) -> None:
    """The loss is logged at every ninth step only, and a checkpoint due at the third."""
    assert not ended["unlogged"].of_type("checkpoint")
    (named,) = ended["unlogged"].failure.get("remedies")
    assert not named["resumes"]


def test_a_probe_that_does_not_fit_says_so_and_what_to_try(ended: Ended) -> None:
    line = next(line for line in ended.output.splitlines() if '"type": "probe"' in line)
    answer = json.loads(line)
    assert ended.codes["tight-probe"] == ExitCode.FINISHED  # there is an answer
    assert not answer["fits"]
    assert answer["message"] == "The computer ran out of memory."
    assert answer["remedies"][0]["changes"] == {"hp.batch_size": 4, "hp.grad_accum": 2}
    assert answer["longest"] > 1000
    assert not (ended.lab.root / "outputs" / "tight-probe").exists()
    assert {path.name for path in (ended.lab.root / "cache").iterdir()} <= {"tokens", "huggingface"}
