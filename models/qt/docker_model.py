"""What the window knows of the container engine, its images, and a pull or build under way."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.domain.docker import ImageProgress
from models.qt.images_model import ImagesModel, LayersModel
from models.qt.log_model import LogModel
from models.qt.transfer_rate import TransferRate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.docker import EngineInfo, ImageInfo, RegistryLogin
    from models.domain.errors import AppError

PULL, BUILD = "pull", "build"


class EngineState(Enum):
    """What is known of the engine. While it is looked for anew, what was known still shows."""

    UNKNOWN = "unknown"
    LOOKING = "looking"
    THERE = "there"
    PROBLEM = "problem"


class ImageState(Enum):
    """What is known of the chosen image."""

    UNKNOWN = "unknown"
    THERE = "there"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class ImageTask:
    """A pull or build: of which image, and whether a training starts once it is there."""

    kind: str
    tag: str
    then_start: bool = False

    @property
    def title(self) -> str:
        """What is done, in words."""
        does = f"{'Building' if self.kind == BUILD else 'Pulling'} {self.tag}"
        return f"{does}, then the training starts" if self.then_start else does


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last thing that was asked for came out; ``tone`` is good, warning or bad."""

    text: str = ""
    tone: str = ""


class DockerModel(QObject):
    """Filled by the controller, shown by the Local section and the dialog of images.

    Signals:
        changed: engine, chosen image, logins, outcome, or what is under way is another now.
        progressed: the pull or build went on.
    """

    changed = Signal()
    progressed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.engine: EngineInfo | None = None
        self.problem: AppError | None = None
        self.is_looking = False
        self.images = ImagesModel(self)
        self.layers = LayersModel(self)
        self.output = LogModel(self)
        self.logins: tuple[RegistryLogin, ...] = ()
        self.chosen = ""
        self.image: ImageInfo | None = None
        self.image_state = ImageState.UNKNOWN
        self.task: ImageTask | None = None
        self.progress = ImageProgress("")
        self.outcome = Outcome()
        self.chosen_because = ""
        self._rate = TransferRate()
        self._interrupted: set[str] = set()

    @property
    def engine_state(self) -> EngineState:
        """What is known of the engine."""
        if self.engine is not None:
            return EngineState.THERE
        if self.problem is not None and not self.is_looking:
            return EngineState.PROBLEM
        return EngineState.LOOKING if self.is_looking else EngineState.UNKNOWN

    @property
    def per_second(self) -> float | None:
        """Bytes that come in a second, while that is known."""
        is_pull = self.task is not None and self.task.kind == PULL
        return self._rate.per_second if is_pull else None

    @property
    def seconds_left(self) -> float | None:
        """Until the pull has everything, while that can be told."""
        return self._rate.seconds_left(self.progress.total) if self.per_second else None

    def is_interrupted(self, tag: str) -> bool:
        """Whether a pull of this image was ended half-way; what came is kept by the engine."""
        return tag in self._interrupted or any(one.partial_of == tag for one in self.images.items)

    def start_afterwards(self) -> None:
        """A training waits for the image that is on its way."""
        if self.task is not None:
            self.task = replace(self.task, then_start=True)
            self.changed.emit()

    def set_looking(self) -> None:
        """Somebody asks the engine just now."""
        self.is_looking = True
        self.changed.emit()

    def set_engine(self, engine: EngineInfo) -> None:
        """An engine answered."""
        self.engine, self.problem, self.is_looking = engine, None, False
        self.changed.emit()

    def set_problem(self, problem: AppError) -> None:
        """No engine answers, and so nothing is known of images."""
        self.engine, self.problem, self.is_looking = None, problem, False
        self.image, self.image_state = None, ImageState.UNKNOWN
        self.images.set_items(())
        self.changed.emit()

    def choose(self, tag: str) -> None:
        """The form names this image now; nothing is known of it until somebody has looked."""
        if tag != self.chosen:
            self.chosen, self.image, self.image_state = tag, None, ImageState.UNKNOWN
            self.changed.emit()

    def set_image(self, tag: str, image: ImageInfo | None) -> None:
        """Take whether an image is there; of no account where another one is chosen by now."""
        if tag == self.chosen:
            self.image = image
            self.image_state = ImageState.MISSING if image is None else ImageState.THERE
            self.changed.emit()

    def set_images(self, images: Sequence[ImageInfo]) -> None:
        """Take all images that a training could run in."""
        if tuple(images) != self.images.items:
            self.images.set_items(images)
        self.changed.emit()

    def set_logins(self, logins: Sequence[RegistryLogin]) -> None:
        """Take which registries know us."""
        self.logins = tuple(logins)
        self.changed.emit()

    def set_reason(self, reason: str) -> None:
        """Why the program chose to run with Docker; empty where the user did."""
        if reason != self.chosen_because:
            self.chosen_because = reason
            self.changed.emit()

    def say(self, text: str = "", tone: str = "") -> None:
        """Tell how something came out."""
        self.outcome = Outcome(text, tone)
        self.changed.emit()

    def begin(self, task: ImageTask) -> None:
        """A pull or build starts."""
        self.task, self.progress, self._rate = task, ImageProgress(""), TransferRate()
        self._interrupted.discard(task.tag)
        self.outcome = Outcome()
        self.layers.set_items(())
        if task.kind == BUILD:
            self.output.clear()
        self.changed.emit()
        self.progressed.emit()

    def take(self, progress: ImageProgress, lines: Sequence[str] = ()) -> None:
        """How far it is, with the build's new lines."""
        if self.task is None:
            return
        self.progress = progress
        if self.task.kind == PULL:
            self._rate.take(time.monotonic(), progress.done)
        self.layers.show(progress.layers)
        self.output.feed("".join(f"{line}\n" for line in lines))
        self.progressed.emit()

    def end(self, outcome: Outcome, *, interrupted: bool = False) -> None:
        """It is over. ``interrupted``: what came so far is kept, and can be gone on with."""
        if self.task is not None and interrupted and self.task.kind == PULL:
            self._interrupted.add(self.task.tag)
        self.task, self.outcome = None, outcome
        self.output.finish()
        self.changed.emit()
