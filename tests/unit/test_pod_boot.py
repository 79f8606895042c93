"""A pod's boot, read from its machine's lines."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.pod_boot import BootPhase, PodBoot

IMAGE = "docker.io/sbussiso/unsloth-trainer:latest"
PULL = [
    f"create container {IMAGE}",
    f"latest Pulling from {IMAGE}",
    "0123456789ab Pulling fs layer",
    "aaaaaaaaaaaa Already exists",
    "0123456789ab Downloading",
    "bbbbbbbbbbbb: Pulling fs layer",
]
CUDA = (
    "error starting container: failed to create shim task: OCI runtime create failed: "
    "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update"
)
START = f"start container for {IMAGE}: begin"


def after(*lines: str) -> PodBoot:
    return reduce(PodBoot.after, lines, PodBoot())


def test_layers_are_counted_as_they_come() -> None:
    assert PodBoot().words() == "Waiting for a machine."
    assert after(PULL[0]).words() == "Pulling the image."
    boot = after(*PULL)
    assert (boot.words(), boot.fraction) == ("Pulling the image: 1 of 3 layers.", 1 / 3)
    boot = boot.after("0123456789ab Pull complete")
    assert boot.fraction == 2 / 3
    boot = boot.after(f"Status: Downloaded newer image for {IMAGE}")
    assert (boot.phase, boot.fraction) == (BootPhase.PULLED, 1.0)
    boot = boot.after(START)
    assert (boot.words(), boot.starts) == ("Starting the container.", 1)


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (CUDA, "old_driver"),
        ("toomanyrequests: You have reached your unauthenticated pull rate limit.", "pull_limit"),
        (f"manifest for {IMAGE} not found: manifest unknown", "image_missing"),
        ("pull access denied, unauthorized: authentication required", "image_denied"),
        ("failed to register layer: write /x: no space left on device", "disk_full"),
        ("nvidia-container-cli: device error: unknown device id", "gpu_broken"),
        ("error starting container: exec: python3", "start_refused"),
    ],
)
def test_what_goes_wrong_is_told_in_words(line: str, trouble: str) -> None:
    boot = after(*PULL, line)
    assert (boot.phase, boot.trouble) == (BootPhase.FAILING, trouble)
    assert boot.words().endswith(".")


def test_a_driver_that_is_tried_again_and_again_counts() -> None:
    boot = after(*[START, CUDA] * 3)
    assert (boot.phase, boot.failures, boot.starts) == (BootPhase.FAILING, 3, 3)
    assert boot.words() == "The machine's NVIDIA driver is too old for the image. Tried 3 times."


def test_what_passes_is_over() -> None:
    boot = after("toomanyrequests: wait", *PULL)
    assert (boot.phase, boot.trouble, boot.failures) == (BootPhase.PULLING, "", 0)


@given(st.lists(st.one_of(st.text(), st.sampled_from([*PULL, CUDA, START]))))
def test_no_line_is_too_odd(lines: list[str]) -> None:
    boot = after(*lines)
    assert boot.words()
    assert boot.fraction is None or 0 <= boot.fraction <= 1
