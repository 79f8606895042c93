"""Why a run failed: one sentence, evidence, and what helps, for every kind of failure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from app.cli.endings import explained, outcome_text
from models.domain.autopsy import Autopsy, autopsy, has_failed
from models.domain.autopsy_words import first_sentence
from models.domain.config import (
    RUNTIME_DOCKER,
    RUNTIME_PYTHON,
    RUNTIME_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import settings_index, with_values
from models.domain.exit_codes import exit_code_meaning
from models.domain.log_lines import meaningful_lines
from models.domain.remedies import MemoryFacts, RemedyAction, can_resume
from models.domain.run import Failure, Run, RunEvent, RunState, RunUpdate
from trainer_image.contract import ExitCode, FailureKind
from trainer_image.failures import understand

GIB = 1024**3
OUTSIDE = (
    "killed", "stopped_outside", "container_gone", "image_missing", "docker_stopped",
    "docker_missing", "docker_denied", "docker_old", "name_taken", "gpu_unavailable",
    "runtime_missing", "no_token", "docker_no_gpu", "docker_context", "image_denied", "bad_image",
    "bad_name", "not_shared", "folder_gone", "something_new",
)  # fmt: skip
KINDS = (*(str(kind) for kind in FailureKind), *OUTSIDE)
ENDS = re.compile(r"[.!?…](?=\s|$)")


def ended(
    kind: str = "",
    message: str = "",
    hint: str = "",
    *,
    state: RunState = RunState.FAILED,
    docker: bool = False,
    settings: dict[str, object] | None = None,
    **changes: Any,
) -> Run:
    """A run that ended with this failure."""
    runtime = RUNTIME_DOCKER if docker else RUNTIME_PYTHON
    config = with_values(TrainingConfig(), {"local.runtime": runtime, **(settings or {})})
    run = Run(
        id="run-1", name="evening", config=config, state=state, runtime=runtime,
        data_root="/data-root", created_at=0.0, output_directory="/data-root/outputs/local_run",
        failure=Failure(kind, message, hint) if kind else None, next_seq=9,
    )  # fmt: skip
    return replace(run, **changes)


def found(run: Run, *events: RunEvent, **known: Any) -> Autopsy:
    """The autopsy of a run that has one."""
    made = autopsy(run, events, **known)
    assert made is not None
    return made


def event(kind: str, seq: int = 0, **fields: object) -> RunEvent:
    return RunEvent(seq, float(seq), kind, fields)


def facts(made: Autopsy) -> dict[str, str]:
    return {fact.name: fact.text for fact in made.facts}


@pytest.mark.parametrize("docker", [False, True])
@pytest.mark.parametrize(
    "message", ["", "Traceback (most recent call last):\n  File x\nKeyError: 1"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_one_sentence_a_next_step_and_a_button(
    kind: str, message: str, docker: bool
) -> None:
    made = found(ended(kind, message, docker=docker))
    assert made.reason.endswith((".", "…"))
    assert len(ENDS.findall(made.reason.replace("docker.io", ""))) == 1, made.reason
    assert "\n" not in made.reason
    assert "Traceback" not in made.reason
    assert "File" not in made.reason
    assert made.advice
    assert made.remedies
    for remedy in made.remedies:
        assert remedy.label
        assert set(remedy.values) <= set(settings_index())


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (ended("cuda_oom", "x", step=12), "The GPU ran out of memory after step 12."),
        (ended("host_oom", "x"), "The computer ran out of memory."),
        (
            ended("host_oom", "x", docker=True, settings={"local.memory_limit": 8.0}, step=3),
            "The container needed more memory than the 8 GB it may take after step 3.",
        ),
        (
            ended("killed", "x", exit_code=137),
            "The training was killed from outside, most often because the computer ran out of "
            "memory.",
        ),
        (
            ended("killed", "x", exit_code=137, docker=True, step=1_200),
            "The container was killed from outside after step 1,200.",
        ),
        (
            ended("internal", "The trainer ended with code 139.", exit_code=139),
            "The trainer crashed with exit code 139.",
        ),
        (
            ended("internal", "The trainer ended with code 7.", exit_code=7, step=4),
            "The trainer ended after step 4 without giving a reason.",
        ),
        (
            ended("bad_dataset", "Row 7 has no answer. Row 9 has none either.\nMore."),
            "Row 7 has no answer.",
        ),
        (ended("name_taken", "The name temper-x is taken"), "The name temper-x is taken."),
        (
            ended("stopped_outside", "x", state=RunState.CANCELLED, docker=True, step=40),
            "The container was stopped from outside after step 40.",
        ),
        (
            ended("container_gone", "Docker was restarted. More.", state=RunState.LOST),
            "Docker was restarted.",
        ),
        (
            ended(state=RunState.LOST),
            "The run's process and its files are gone, so nobody knows how it ended.",
        ),
        (
            ended("image_missing", docker=True, settings={"local.image": "mine:1"}),
            "The Docker image mine:1 is not on this computer.",
        ),
    ],
)  # fmt: skip
def test_the_reason_says_what_is_known(run: Run, reason: str) -> None:
    assert found(run).reason == reason


def test_nothing_is_explained_of_a_run_that_lives_finished_or_was_stopped() -> None:
    for state in (RunState.RUNNING, RunState.STOPPING, RunState.FINISHED, RunState.CANCELLED):
        assert not has_failed(ended(state=state))
        assert autopsy(ended(state=state)) is None


def test_the_evidence_has_exit_code_place_checkpoint_and_memory() -> None:
    run = ended("cuda_oom", "x", exit_code=3, step=41, total_steps=200, phase="failed")
    made = found(
        run,
        event("phase", 1, phase="training"),
        event("checkpoint", 2, step=20),
        event("checkpoint", 3, step=40),
        event("progress", 4, step=41, peak_memory_bytes=11.5 * GIB),
        event("phase", 5, phase="failed"),
        memory=MemoryFacts(total=64 * GIB, gpu=12 * GIB),
        log=["loading", "torch.OutOfMemoryError: CUDA out of memory."],
    )
    assert facts(made) == {
        "Exit code": "3: the GPU ran out of memory",
        "Where": "step 41 of 200, training",
        "Checkpoint": "of step 40",
        "Peak memory": "11.5 GB of the GPU's 12.0 GB",
        "Message": "x",
    }
    assert made.log[-1] == "torch.OutOfMemoryError: CUDA out of memory."
    report = made.report()
    for part in (made.reason, made.advice, "of step 40", "torch.OutOfMemoryError"):
        assert part in report


def test_a_smaller_batch_keeps_the_effective_one_and_goes_on_from_the_checkpoint() -> None:
    run = ended("cuda_oom", settings={"hp.batch_size": 6, "hp.grad_accum": 5})
    made = found(run, event("checkpoint", step=40))
    first, second = made.remedies
    assert first.label == "Use batch size 3 and resume"
    assert first.values == {"hp.batch_size": 3, "hp.grad_accum": 10}
    assert (first.action, first.on_existing) == (RemedyAction.START, "resume")
    assert "step 40" in first.note
    assert made.advice.endswith("the effective batch stays 30.")
    assert second.label == "Use sequence length 1,024 and start again"
    assert second.on_existing == "new"  # it learns something else: what was saved stays


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({"hp.batch_size": 3, "hp.grad_accum": 1}, "Use batch size 1 and start again"),
        (
            {"hp.batch_size": 1, "hp.gradient_checkpointing": "off"},
            "Use gradient checkpointing and start again",
        ),
        ({"hp.batch_size": 1}, "Use sequence length 1,024 and start again"),
    ],
)
def test_the_smallest_change_comes_first(settings: dict[str, object], label: str) -> None:
    made = found(ended("cuda_oom", settings=settings), event("phase", phase="training"))
    assert made.remedies[0].label == label
    assert made.advice


def test_where_nothing_is_left_to_make_smaller_it_says_so() -> None:
    smallest = {"hp.batch_size": 1, "hp.max_seq_length": 256}
    made = found(ended("cuda_oom", settings=smallest))
    assert made.remedies == ()
    assert "smaller base model" in made.advice


@pytest.mark.parametrize(
    ("limit", "total", "label"),
    [(8.0, 32, "Allow 12 GB and resume"), (8.0, 10, "Allow 9 GB and resume"), (8.0, 8, "Use")],
)
def test_a_containers_limit_is_raised_as_far_as_the_computer_has_memory(
    limit: float, total: int, label: str
) -> None:
    run = ended("host_oom", docker=True, settings={"local.memory_limit": limit})
    made = found(run, memory=MemoryFacts(total=total * GIB))
    assert made.remedies[0].label.startswith(label)
    assert facts(made)["Memory limit"] == "8.0 GB for the container"


@pytest.mark.parametrize(
    ("run", "labels"),
    [
        (ended("killed", exit_code=137), ["Resume from step 40", "Use batch size 1 and resume"]),
        (ended("disk_full"), ["Resume from step 40", "Check this computer"]),
        (ended("nan_loss"), ["Halve the learning rate and start again"]),
        (ended("auth"), ["Pass the token and resume", "Open Settings"]),
        (
            ended("auth", settings={"local.pass_hf_token": True}),
            ["Open Settings", "Resume from step 40"],
        ),
        (ended("bad_config"), ["Change the setup"]),
        (ended("image_missing", docker=True), ["Get the image…", "Resume from step 40"]),
        (
            ended("docker_stopped", docker=True),
            ["Check this computer", "Use Python on this computer and resume"],
        ),
        (ended("name_taken", docker=True), ["Use a free name and resume"]),
        (
            ended("checkpoint_corrupt", settings={"hp.resume_from": "checkpoint-40"}),
            ["Take the newest checkpoint and resume"],
        ),
        (ended("stopped_outside", state=RunState.CANCELLED), ["Resume from step 40"]),
        (ended("container_gone", state=RunState.LOST, docker=True), ["Resume from step 40"]),
        (ended("folder_gone", state=RunState.LOST), ["Start a new run"]),
        (ended("docker_no_gpu", docker=True), ["Check this computer", "Resume from step 40"]),
        (ended("image_denied", docker=True), ["Get the image…"]),
        (ended("docker_context", docker=True), ["Check this computer"]),
        (ended("not_shared", docker=True), ["Change the setup", "Check this computer"]),
        (ended(state=RunState.LOST), ["Resume from step 40"]),
    ],
)  # fmt: skip
def test_what_helps(run: Run, labels: list[str]) -> None:
    made = found(run, event("checkpoint", step=40))
    assert [remedy.label for remedy in made.remedies][: len(labels)] == labels


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("auth", ["Open Settings", "Resume from step 40"]),
        ("not_set", ["Open Settings", "Resume from step 40"]),
        ("network", ["Resume from step 40"]),
    ],
)
def test_what_is_of_this_computer_helps_no_run_on_a_pod(kind: str, labels: list[str]) -> None:
    run = ended(kind, runtime=RUNTIME_RUNPOD)
    made = found(run, event("checkpoint", step=40))
    assert [remedy.label for remedy in made.remedies] == labels


@pytest.mark.parametrize(
    ("kind", "settings", "label", "values"),
    [
        (
            "limit", {"runpod.max_hours": 6.0, "runpod.max_cost": 10.0},
            "Allow 12 hours and $20.00 and resume",
            {"runpod.max_hours": 12.0, "runpod.max_cost": 20.0},
        ),
        (
            "limit", {"runpod.max_hours": 720.0, "runpod.max_cost": 0.5},
            "Allow 720 hours and $1.00 and resume",
            {"runpod.max_hours": 720.0, "runpod.max_cost": 1.0},
        ),
        (
            "disk_full", {"runpod.volume_size": 50}, "Use a network volume of 100 GB and resume",
            {"runpod.volume_size": 100},
        ),
        (
            "pod_disk_full", {"runpod.cloud": "Community", "runpod.container_disk": 3000},
            "Use a container disk of 4000 GB and resume", {"runpod.container_disk": 4000},
        ),
    ],
)  # fmt: skip
def test_what_the_pod_of_a_run_lacked_is_a_change_of_its_own_setup(
    kind: str, settings: dict[str, object], label: str, values: dict[str, object]
) -> None:
    """A run that is resumed has its own setup: what is changed in the form does not reach it."""
    run = ended(kind, "x", settings=settings, runtime=RUNTIME_RUNPOD)
    made = found(run, event("checkpoint", step=40))
    first, second = made.remedies
    assert (first.label, first.values) == (label, values)
    assert (first.action, first.on_existing) == (RemedyAction.START, "resume")
    assert second.label == "Resume from step 40"
    typed = " ".join(f"--set {path}={value:g}" for path, value in values.items())
    assert outcome_text(run).endswith(f"runs resume run-1 {typed}")


def test_a_limit_that_cannot_be_raised_can_be_used_anew() -> None:
    most = {"runpod.max_hours": 720.0, "runpod.max_cost": 100_000.0}
    made = found(ended("limit", "x", settings=most, runtime=RUNTIME_RUNPOD))
    assert [one.label for one in made.remedies] == ["Resume"]


@pytest.mark.parametrize(
    "kind", ["bad_image", "not_writable", "pod_not_ready", "no_capacity", "volume_busy",
             "image_denied"],
)  # fmt: skip
def test_what_only_another_setup_helps_leads_to_the_setup(kind: str) -> None:
    made = found(ended(kind, "x", runtime=RUNTIME_RUNPOD), event("checkpoint", step=40))
    assert [one.label for one in made.remedies] == ["Change the setup", "Resume from step 40"]


@pytest.mark.parametrize(
    ("kind", "reason", "advice"),
    [
        ("disk_full", "The pod's disk was full after step 7", "larger"),
        ("driver", "The driver of the pod's GPU failed", "another pod is rented"),
        ("host_oom", "The pod ran out of memory", ""),
        ("limit", "x.", "with a higher limit"),
    ],
)
def test_what_befell_a_pod_is_not_told_of_this_computer(
    kind: str, reason: str, advice: str
) -> None:
    settings = {"local.memory_limit": 8.0}
    run = ended(
        kind, "x", "Use what this computer has.", settings=settings, step=7, runtime=RUNTIME_RUNPOD
    )
    made = found(run, memory=MemoryFacts(total=64 * GIB))
    assert reason in made.reason
    assert advice in made.advice
    assert "omputer" not in f"{made.reason} {made.advice}"
    assert not any("local.memory_limit" in one.values for one in made.remedies)


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_line_says_the_same_sentence_and_how_to_go_on(kind: str) -> None:
    run = ended(kind, "What the trainer said.", exit_code=1)
    made, text = found(run), outcome_text(run)
    assert text.startswith(f"Run run-1 failed: {made.reason}\n{made.advice}")
    goes_on = [one for one in made.remedies if one.action in {"resume", "start"}]
    may_help = any(one.on_existing == "resume" or one.action == "resume" for one in goes_on)
    assert ("runs resume run-1" in text) is (may_help and can_resume(run))


@pytest.mark.parametrize(
    ("run", "options"),
    [
        (ended("cuda_oom"), " --set hp.batch_size=1 --set hp.grad_accum=8"),
        (
            ended("host_oom", docker=True, settings={"local.memory_limit": 1.0}),
            " --set local.memory_limit=2",
        ),
        (ended("auth"), " --set local.pass_hf_token=true"),
        (ended("killed"), ""),
    ],
)
def test_the_command_makes_the_windows_change(run: Run, options: str) -> None:
    assert outcome_text(run).splitlines()[-1].endswith(f"runs resume run-1{options}")


def test_the_command_line_tells_of_other_ends() -> None:
    lost = ended("container_gone", "It was removed.", state=RunState.LOST, docker=True)
    assert outcome_text(lost).startswith("Run run-1 is lost: It was removed.")
    stopped = ended("stopped_outside", "x", state=RunState.CANCELLED)
    assert outcome_text(stopped).startswith("Run run-1 was stopped: The process was stopped from")
    assert outcome_text(ended(state=RunState.CANCELLED)) == "Run run-1 is cancelled."
    update = RunUpdate(ended("driver", "x"), (event("checkpoint", step=4),), "a\nCUDA error\n")
    made = explained(update)
    assert made is not None
    assert made.log == ("a", "CUDA error")
    assert made.remedies[0].label == "Resume from step 4"


def test_without_a_checkpoint_resuming_is_called_what_it_is() -> None:
    made = found(ended("network"), event("phase", phase="downloading"))
    assert made.remedies[0].label == "Start again"
    assert facts(made)["Checkpoint"] == "none was saved yet"
    assert found(ended("network")).remedies[0].label == "Resume"  # nobody looked
    unstarted = ended("docker_stopped", docker=True, next_seq=0)
    labels = [remedy.label for remedy in found(unstarted).remedies]
    assert labels[1:] == ["Use Python on this computer and start again", "Start again"]


def test_every_exit_code_of_the_trainer_has_a_meaning() -> None:
    for code in ExitCode:
        assert "known meaning" not in exit_code_meaning(code)
    assert exit_code_meaning(-9) == exit_code_meaning(137) == "killed (signal 9)"
    assert exit_code_meaning(150) == "ended by signal 22"
    assert exit_code_meaning(77) == "a code without a known meaning"


def test_what_the_trainer_says_of_its_errors_is_kept() -> None:
    for error in (MemoryError(), OSError(28, "No space left"), KeyError("x")):
        told = understand(error)
        made = found(ended(str(told.kind), told.message, told.hint, exit_code=1))
        assert len(ENDS.findall(made.reason)) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ""),
        ("One thing. Another.", "One thing."),
        ("e.g. version 1.2 is used. Then", "e.g. version 1.2 is used."),
        ("2 settings need attention:\n  - a\n  - b", "2 settings need attention."),
        ("Traceback (most recent call last):\n  File\nValueError: no\n", "ValueError: no."),
        ("a" * 500, "a" * 240 + " …"),
    ],
)
def test_the_first_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


def test_the_logs_last_lines_leave_out_noise_and_keep_the_error() -> None:
    noise = [f" {n}%|███   | {n}/100 [00:01<00:02]" for n in range(50)]
    log = ["start", "", "RuntimeError: broken", *(f"line {n}" for n in range(20)), *noise, ""]
    lines = meaningful_lines(["same", "same", *log])
    assert lines[:2] == ("RuntimeError: broken", "…")
    assert lines[-1] == "line 19"
    assert len(lines) == 8
    assert meaningful_lines(["\x1b[31mred\x1b[0m", "50%\rdone", "x" * 400])[:2] == ("red", "done")
    assert len(meaningful_lines(["x" * 400])[0]) < 310
