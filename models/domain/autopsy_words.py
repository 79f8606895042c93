"""Why a run failed, in one sentence, and the next step: the words for every kind of failure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_DOCKER, RUNTIME_RUNPOD
from models.domain.exit_codes import CRASHED, as_shell_code

if TYPE_CHECKING:
    from models.domain.run import Run

LOST = "lost"
_LONGEST = 240
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z(\[\"“'])")
_ERROR_LINE = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b")

_SENTENCES = {
    "cuda_oom": "The GPU ran out of memory{where}.",
    "host_oom": "The computer ran out of memory{where}.",
    "container_oom": "The container needed more memory than the {limit} GB it may take{where}.",
    "killed": "The training was killed from outside{where}, most often because the computer "
    "ran out of memory.",
    "container_killed": "The container was killed from outside{where}.",
    "crashed": "The trainer crashed{where} with exit code {code}.",
    "silent": "The trainer ended{where} without giving a reason.",
    "disk_full": "The disk was full{where}.",
    "bad_dataset": "The dataset cannot be trained on as it is.",
    "bad_config": "The setup cannot be trained as it is.",
    "auth": "Hugging Face did not let the training in.",
    "not_found": "The model or dataset was not found on Hugging Face.",
    "network": "Hugging Face could not be reached.",
    "driver": "The GPU's driver failed{where}.",
    "nan_loss": "The loss was not a number any more{where}.",
    "checkpoint_corrupt": "The checkpoint to go on from is damaged.",
    "cancelled": "The training was stopped{where}.",
    "internal": "The trainer met an error that it does not know{where}.",
    "stopped_outside": "The {thing} was stopped from outside{where}.",
    "container_gone": "The container was removed from outside{where}.",
    "engine_gone": "Docker did not answer, so the run was given up.",
    "folder_gone": "The run's folder is gone, so nothing tells how it ended.",
    "image_missing": "The Docker image {image} is not on this computer.",
    "docker_stopped": "Docker is not running.",
    "docker_missing": "Docker is not installed on this computer.",
    "docker_denied": "Docker does not let this user in.",
    "docker_old": "Docker is too old on this computer.",
    "name_taken": "Another container has the name that this run was to have.",
    "gpu_unavailable": "The GPU cannot be passed to a container on this computer.",
    "runtime_missing": "The training environment is not set up.",
    "no_token": "The training was to get the Hugging Face token, but none is set.",
    LOST: "The run's {thing} and its files are gone, so nobody knows how it ended.",
}
_ADVICE = {
    "cuda_oom": "Choose a smaller base model, or close what else uses the GPU.",
    "host_oom": "Choose a smaller base model, or close other programs.",
    "killed": "Close other programs, then go on.",
    "container_killed": "Nothing is wrong with the setup; go on where it ended.",
    "crashed": "Go on where it ended; if it happens again, look at the end of the log.",
    "silent": "Look at the end of the log, then go on where it ended.",
    "disk_full": "Free some space, then go on where it ended.",
    "bad_dataset": "Correct the dataset and import it again.",
    "bad_config": "Correct the setup and start again.",
    "auth": "Accept the model's licence on its page, and set a token that may read it.",
    "not_found": "Check the name in the setup; what is private needs a token.",
    "network": "Check the connection, then go on.",
    "driver": "Restart the computer or update the driver, then go on.",
    "nan_loss": "A lower learning rate helps nearly always.",
    "checkpoint_corrupt": "An earlier checkpoint may be sound.",
    "cancelled": "It can go on from its checkpoint.",
    "internal": "The end of the log has the details; it may be worth another try.",
    "stopped_outside": "A checkpoint was saved; go on whenever you like.",
    "container_gone": "What was trained is in the output folder; a new container goes on with it.",
    "engine_gone": "Start Docker, then go on from the last checkpoint.",
    "folder_gone": "A new run goes on from the checkpoint in the output folder, if it is there.",
    "image_missing": "Get it, then start again.",
    "docker_stopped": "Start Docker and try again, or train without it.",
    "docker_missing": "Install Docker, or train without it.",
    "docker_denied": "Let this user use Docker, or train without it.",
    "docker_old": "Update Docker, or train without it.",
    "name_taken": "Choose another name, or none: then a free one is taken.",
    "gpu_unavailable": "See what is missing, or train without the GPU.",
    "runtime_missing": "Set it up; that takes some minutes once.",
    "no_token": "Set it under Settings, or start without passing it.",
    LOST: "If a checkpoint is in the output folder, the run can go on from it.",
}
_OF_A_POD = {
    "host_oom": "The pod ran out of memory{where}.",
    "killed": "The training was killed{where}, most often because the pod ran out of memory.",
    "pod_disk_full": "The pod's disk was full{where}: the network volume, or without one the "
    "container disk.",
    "driver": "The driver of the pod's GPU failed{where}.",
}
_ADVICE_OF_A_POD = {
    "cuda_oom": "Choose a smaller base model, or a GPU with more memory.",
    "host_oom": "Choose a smaller base model, or a GPU whose pods have more memory.",
    "killed": "Go on where it ended; if it happens again, choose another GPU.",
    "pod_disk_full": "Make it larger, or delete what it no longer needs; then go on where it "
    "ended.",
    "driver": "Go on where it ended: another pod is rented.",
    "limit": "Go on where it ended with a higher limit, or with the same one anew.",
}
"""The same for a run on a rented pod, which this computer has no part in."""
_OURS = frozenset(
    {"cuda_oom", "host_oom", "container_oom", "killed", "container_killed", "crashed", "silent"}
    | {"disk_full", "pod_disk_full", "driver", "internal", "stopped_outside"}
)
"""Kinds of which we know more than the sentence that came with the failure says."""
_OUR_ADVICE = _OURS | {"limit"}


def kind_of(run: Run) -> str:
    """What happened, as the words and the remedies know it; finer than the stored kind."""
    kind = run.failure.kind if run.failure is not None else LOST
    code = None if run.exit_code is None else as_shell_code(run.exit_code)
    in_docker = run.runtime == RUNTIME_DOCKER
    if kind == "disk_full" and run.runtime == RUNTIME_RUNPOD:
        return "pod_disk_full"
    if kind == "host_oom" and in_docker and memory_limit(run):
        return "container_oom"
    if kind == "killed" and in_docker:
        return "container_killed"
    if kind == "internal" and code in CRASHED:
        return "crashed"
    if kind == "internal" and run.failure is not None and code not in {None, 1}:
        return "silent"
    return kind


def reason_of(run: Run) -> str:
    """Why an ended run failed: exactly one sentence, never a trace of the program's inside."""
    kind = kind_of(run)
    told = first_sentence(run.failure.message) if run.failure is not None else ""
    if told and kind not in _OURS:
        return told
    sentences = _SENTENCES | (_OF_A_POD if run.runtime == RUNTIME_RUNPOD else {})
    if kind not in sentences:
        return told or sentences["silent"].format(where=_where(run))
    return sentences[kind].format(
        where=_where(run),
        limit=f"{memory_limit(run):g}",
        code=run.exit_code,
        image=run.config.local.image,
        thing="container" if run.runtime == RUNTIME_DOCKER else "process",
    )


def advice_of(run: Run) -> str:
    """The next step, where no remedy says it better."""
    kind = kind_of(run)
    told = run.failure.hint.strip() if run.failure is not None else ""
    if told and kind not in _OUR_ADVICE:
        return " ".join(told.split())
    advice = _ADVICE | (_ADVICE_OF_A_POD if run.runtime == RUNTIME_RUNPOD else {})
    known = advice.get("host_oom" if kind == "container_oom" else kind)
    return known or told or _ADVICE["silent"]


def memory_limit(run: Run) -> float:
    """What the run's container may take of main memory in GB; 0 without a limit, and on a pod."""
    if run.runtime == RUNTIME_RUNPOD:
        return 0.0
    return run.config.local.memory_limit or 0.0


def first_sentence(text: str) -> str:
    """The first sentence of a message; of a traceback its last line, which says what it was."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    if lines[0].startswith("Traceback"):
        lines = [next((one for one in reversed(lines) if _ERROR_LINE.match(one)), lines[-1])]
    sentence = _SENTENCE_END.split(lines[0], maxsplit=1)[0].rstrip(" :;,")
    if len(sentence) > _LONGEST:
        sentence = f"{sentence[:_LONGEST].rstrip()} …"
    return sentence if sentence[-1:] in ".!?…" else f"{sentence}."


def _where(run: Run) -> str:
    return f" after step {run.step:,}" if run.step else ""
