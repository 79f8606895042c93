"""What a training needs of an image (``trainer_image/needs.txt``), and what one lacks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from models.domain.image_facts import BAD_PYTHON, NO_PYTHON, SHUT_PYTHON, SILENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from models.domain.hyperparameters import HyperparameterSection
    from models.domain.image_facts import ImageFacts

QUANTISED, WANDB = "quantised", "wandb"
"""The parts of needs.txt that only some setups need."""
_PYTHON = "python"
_TROUBLES = {
    NO_PYTHON: "it has no Python (python3)",
    BAD_PYTHON: "its Python does not work",
    SHUT_PYTHON: "its Python may be started by the image's own user only",
}
_SLOW = (
    "its Python did not answer in time, or was ended before, so what it holds is not known: this "
    "computer may be busy, and a training that starts in it will tell"
)


@dataclass(frozen=True, slots=True)
class ImageNeeds:
    """The libraries that a training needs, and the versions that were tested."""

    needs: tuple[Requirement, ...]
    tested: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The distributions to ask an image for."""
        return tuple(one.name for one in self.needs if one.name != _PYTHON)

    def lacks(self, facts: ImageFacts, parts: Collection[str] = ()) -> tuple[str, ...]:
        """Why no training of a setup with these parts can run there, as clauses; none where one
        can, or where it did not answer in time: that may be the computer's fault."""
        if facts.trouble == SILENT:
            return ()
        if facts.trouble:
            return (_TROUBLES[facts.trouble],)
        wanted = [one for one in self.needs if _is_wanted(one, parts)]
        return tuple(_lacks(facts, wanted))

    def notes(self, facts: ImageFacts) -> tuple[str, ...]:
        """What is worth knowing of an image that is not refused."""
        return tuple(self._notes(facts))

    def _notes(self, facts: ImageFacts) -> Iterator[str]:
        if facts.trouble == SILENT:
            yield _SLOW
        others = [
            f"{name} {facts.packages[name]} (tested: {version})"
            for name, version in self.tested.items()
            if name in facts.packages and not _is_same(facts.packages[name], version)
        ]
        if others:
            yield f"other versions than Temper is tested with: {', '.join(others)}"
        if "torch" in facts.packages and not facts.cuda:
            yield "its torch is built for the processor, so a GPU would not be used"
        if facts.cuda and not facts.compiler:
            yield "it has no C compiler, which Unsloth's kernels for GPUs want"


def read_needs(needs: Path, pins: Path) -> ImageNeeds:
    """Read the two lists of the trainer's folder. ValueError for a line that is no requirement."""
    exact = {
        one.name: next(iter(one.specifier)).version
        for one in _requirements(pins)
        if str(one.specifier).startswith("==")
    }
    return ImageNeeds(tuple(_requirements(needs)), exact)


def parts_of(config: TrainingConfig, *, on_gpu: bool) -> frozenset[str]:
    """Which of the parts a setup needs; what is chosen for it may take 8 bits on a GPU."""
    hp, parts = config.hp, set()
    # Weights that learn themselves are never quantised by themselves (``trainer_image/engine.py``).
    chosen = {hp.optimizer} if _stays_whole(hp) else {hp.quantization, hp.optimizer}
    if chosen & {"4-bit", "8-bit"} or "8bit" in hp.optimizer or (on_gpu and "auto" in chosen):
        parts.add(QUANTISED)
    if hp.report_to == "wandb":
        parts.add(WANDB)
    return frozenset(parts)


def _stays_whole(hp: HyperparameterSection) -> bool:
    return hp.tuning == "full" and hp.quantization == "auto"


def is_driver_too_old(image_cuda: str, driver_cuda: str) -> bool:
    """Whether torch with this CUDA cannot use a driver that knows CUDA up to ``driver_cuda``.

    Within one major version any driver of it serves (NVIDIA, "CUDA Compatibility", minor version
    compatibility). What is not known is not too old.
    """
    try:
        return int(driver_cuda.split(".")[0]) < int(image_cuda.split(".")[0])
    except ValueError:
        return False


def _requirements(path: Path) -> Iterator[Requirement]:
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text and not text.startswith("-"):
            try:
                yield Requirement(text)
            except InvalidRequirement as error:
                raise ValueError(f"{path}: {error}") from error


def _is_wanted(need: Requirement, parts: Collection[str]) -> bool:
    marker = need.marker
    return marker is None or any(marker.evaluate({"extra": part}) for part in parts)


def _lacks(facts: ImageFacts, needs: Sequence[Requirement]) -> Iterator[str]:
    python = [one for need in needs if need.name == _PYTHON for one in _misfit(need, facts.python)]
    if python:  # whatever else it lacks, another Python has libraries of its own
        yield from python
        return
    found = {_PYTHON: facts.python, **facts.packages}
    missing = [need.name for need in needs if need.name not in found]
    if missing:
        yield f"it has no {_listed(missing)}"
    if missing and facts.unreadable:
        yield (
            f"{facts.unreadable[0]} can be read by the image's own user only, "
            f"and trainings run as {facts.user}"
        )
    for need in needs:
        if need.name in facts.broken:
            yield f"its {need.name} is damaged: Python does not find its code"
        elif need.name in facts.packages:
            yield from _misfit(need, found[need.name])


def _misfit(need: Requirement, version: str) -> Iterator[str]:
    name = "Python" if need.name == _PYTHON else need.name
    try:
        # NVIDIA's images hold torch as 2.8.0a0+..., which has what 2.8 has or nearly so.
        known = Version(Version(version).base_version)
    except InvalidVersion:
        yield f"its {name} says {version!r}, which is no version"
        return
    if not need.specifier.contains(known, prereleases=True):
        yield f"its {name} is {version}, and {_bound(need, known)} is needed"


def _bound(need: Requirement, version: Version) -> str:
    """The side on which a version lies beyond what is needed."""
    for one in need.specifier:
        if one.operator == ">=" and version < Version(one.version):
            return f"{one.version} or later"
        if one.operator == "<" and version >= Version(one.version):
            return f"one before {one.version}"
    return str(need.specifier)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is_same(version: str, pin: str) -> bool:
    """Whatever it was built for: ``2.13.0+cu130`` is 2.13.0."""
    return version.partition("+")[0] == pin
