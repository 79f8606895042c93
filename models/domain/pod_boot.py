"""How far a pod is with booting, read from the lines of its machine: the system log.

The API says RUNNING while an image is still pulled, and also when its container can never start;
only these lines tell the one from the other. Their words are Docker's, and the examples of
Runpod's documentation and of reports from the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

_LAYER = re.compile(
    r"^(?P<layer>[0-9a-f]{12})[: ]+(?P<words>Pulling fs layer|Waiting|Downloading"
    r"|Verifying Checksum|Download complete|Extracting|Pull complete|Already exists)"
)
_DONE = frozenset({"Pull complete", "Already exists"})
_PULLED = ("Status: Downloaded newer image", "Status: Image is up to date", "Image is up to date")
_TROUBLES = (
    ("toomanyrequests", "pull_limit"),
    ("unauthorized", "image_denied"),
    ("denied: requested access", "image_denied"),
    ("manifest unknown", "image_missing"),
    ("not found", "image_missing"),
    ("no space left on device", "disk_full"),
    ("unsatisfied condition: cuda", "old_driver"),
    ("nvidia-container-cli", "gpu_broken"),
    ("error starting container", "start_refused"),
)
_SENTENCES = {
    "pull_limit": "The registry has reached its limit of pulls: give a registry login, or wait.",
    "image_denied": "The registry does not give out the image: it is private or its name is wrong.",
    "image_missing": "The registry does not have the image.",
    "disk_full": "The container disk is too small for the image.",
    "old_driver": "The machine's NVIDIA driver is too old for the image.",
    "gpu_broken": "The machine cannot give its GPU to the container.",
    "start_refused": "The machine cannot start the container.",
}


class BootPhase(StrEnum):
    """In this order, apart from ``failing``: that may pass, as the machine tries again for ever."""

    WAITING = "waiting"
    PULLING = "pulling"
    PULLED = "pulled"
    STARTING = "starting"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class PodBoot:
    """What the lines so far tell. ``layers`` are True once they are there.

    ``trouble`` is a word for programs, empty when nothing is wrong; ``failures`` counts how often
    it was said, ``starts`` how often a container was started.
    """

    phase: BootPhase = BootPhase.WAITING
    layers: dict[str, bool] = field(default_factory=dict)
    trouble: str = ""
    failures: int = 0
    starts: int = 0

    def after(self, line: str) -> PodBoot:
        """The same with one more line of the source ``system``."""
        trouble = next((word for words, word in _TROUBLES if words in line), "")
        if trouble:
            count = self.failures + 1 if trouble == self.trouble else 1
            return replace(self, phase=BootPhase.FAILING, trouble=trouble, failures=count)
        match = _LAYER.match(line)
        if match is not None:
            layers = self.layers | {match["layer"]: match["words"] in _DONE}
            return self._going(BootPhase.PULLING, layers)
        if line.startswith(_PULLED):
            return self._going(BootPhase.PULLED, dict.fromkeys(self.layers, True))
        if line.startswith("start container") and line.endswith("begin"):
            # Of a driver that is too old nothing else is known than that it is tried again.
            return replace(self, phase=BootPhase.STARTING, starts=self.starts + 1)
        if " Pulling from " in line or line.startswith("create container"):
            return self._going(BootPhase.PULLING, self.layers)
        return self

    @property
    def fraction(self) -> float | None:
        """Of the image's layers that are there, from 0 to 1; None before any is known."""
        return sum(self.layers.values()) / len(self.layers) if self.layers else None

    def words(self) -> str:
        """One line for a person."""
        if self.phase is BootPhase.FAILING:
            times = f" Tried {self.failures} times." if self.failures > 1 else ""
            return _SENTENCES[self.trouble] + times
        if self.phase is BootPhase.PULLING and self.layers:
            done = sum(self.layers.values())
            return f"Pulling the image: {done} of {len(self.layers)} layers."
        return {
            BootPhase.WAITING: "Waiting for a machine.",
            BootPhase.PULLING: "Pulling the image.",
            BootPhase.PULLED: "The image is there.",
            BootPhase.STARTING: "Starting the container.",
        }[self.phase]

    def _going(self, phase: BootPhase, layers: dict[str, bool]) -> PodBoot:
        """In order again: what went wrong before is over."""
        return replace(self, phase=phase, layers=layers, trouble="", failures=0)
