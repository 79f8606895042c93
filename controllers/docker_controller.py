"""Looks at the container engine, and fetches, builds and removes its images for the window."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from controllers.image_relay import ImageRelay
from models.domain.availability import disabled_reason
from models.domain.config import DEFAULT_IMAGE, RUNTIME_DOCKER, TARGET_LOCAL
from models.domain.container_rules import image_problem
from models.domain.errors import AppError
from models.qt.docker_model import BUILD, PULL, EngineState, ImageState, ImageTask, Outcome
from models.qt.docker_words import VARIANTS
from services.progress import Cancelled, CancelToken
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controllers.desk import Desk
    from controllers.ports import DockerPort, ImagePort
    from models.domain.docker import EngineInfo, ImageInfo, ImageProgress
    from models.qt.app_models import AppModels

_IMAGE = "local.image"
_TYPING_MS = 400
"""A name being typed is looked for once the typing rests."""
_FRESH_SECONDS = 10.0
"""What was found is not looked for again within this time, unless the user asks."""


class DockerController(QObject):
    """Asks in the lane ``docker``, fetches and builds in ``pulls``, one image at a time; logins
    wait for the keychain in ``secrets``.

    It looks when Docker is what the form runs with, when the user asks, and after failures; never
    because time goes by. What goes wrong stands in the model, beside what it is about.

    Signals:
        looked: engine and chosen image have been asked for; the model knows the answers.
        start_wanted: the image that a training waited for is there.
    """

    looked = Signal()
    start_wanted = Signal()

    def __init__(
        self,
        desk: Desk,
        models: AppModels,
        engine: DockerPort,
        images: ImagePort,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._form = models.form
        self._model = models.docker
        self._engine = engine
        self._images = images
        self._cancel: CancelToken | None = None
        self._is_looking = False
        self._is_stale = False
        self._looked_at = float("-inf")
        self._relay = ImageRelay(self)
        self._relay.reported.connect(self._on_reported)
        self._rest = QTimer(self)
        self._rest.setInterval(_TYPING_MS)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._find_chosen)
        self._form.value_changed.connect(self._on_value_changed)
        self._form.reset.connect(self._on_reset)
        self._form.circumstances_changed.connect(self._on_circumstances_changed)
        self._model.choose(self._chosen())

    @property
    def is_wanted(self) -> bool:
        """Whether the form would run in a container."""
        config = self._form.config
        runs_here = config.training.target == TARGET_LOCAL
        return runs_here and config.local.runtime == RUNTIME_DOCKER

    @Slot()
    def look(self) -> None:
        """Ask engine and images now; while an answer is awaited, once more after it."""
        self._is_stale = True
        if not self._is_looking:
            self._is_looking = True
            self._model.set_looking()
            self._desk.tasks.start(self._look())

    @Slot()
    def refresh(self) -> None:
        """Look at everything, with the registries' logins, which only the keychain knows."""
        self.look()
        self._desk.tasks.start(self._read_logins())

    @Slot()
    def look_if_old(self) -> None:
        """Look where Docker is wanted and nobody has looked just now."""
        if self.is_wanted and time.monotonic() - self._looked_at > _FRESH_SECONDS:
            self.look()

    @Slot()
    def look_if_wanted(self) -> None:
        """Look where Docker is wanted: something failed, or the user asks for news."""
        if self.is_wanted:
            self.look()

    @Slot()
    def look_after_trouble(self) -> None:
        """The user comes back to the window, perhaps from starting the engine."""
        if self._model.engine_state is EngineState.PROBLEM:
            self.look_if_wanted()

    @Slot(str)
    def pull(self, tag: str) -> None:
        """Fetch an image."""
        self._begin(ImageTask(PULL, tag.strip()))

    @Slot(str)
    def build(self, tag: str) -> None:
        """Build one of ours, by its tag."""
        self._begin(ImageTask(BUILD, tag))

    @Slot()
    def get_and_start(self) -> None:
        """Fetch or build the image that the form names, then start the training."""
        tag = self._chosen()
        self._begin(ImageTask(BUILD if tag in VARIANTS else PULL, tag, then_start=True))

    @Slot()
    def start_afterwards(self) -> None:
        """A start was refused while its image is on its way: if that was all, it starts then."""
        task, problems = self._model.task, self._form.problems()
        is_all = bool(problems) and all(one.field == _IMAGE for one in problems)
        if is_all and task is not None and task.tag == self._chosen():
            self._form.show_problems(())
            self._model.start_afterwards()
            self._desk.notices.said.emit(f"The training starts once {task.tag} is here")

    @Slot()
    def cancel(self) -> None:
        """Give up what is being fetched or built."""
        if self._cancel is not None:
            self._cancel.cancel()

    @Slot(str)
    def remove(self, tag: str) -> None:
        """Take an image off this computer."""
        self._desk.tasks.start(self._remove(tag))

    @Slot(str, str, str)
    def login(self, registry: str, user: str, password: str) -> None:
        """Log in to a registry; the password goes to the service and nowhere else."""
        self._desk.tasks.start(self._login(registry.strip(), user.strip(), password))

    @Slot(str)
    def logout(self, registry: str) -> None:
        """Forget a registry's login."""
        self._desk.tasks.start(self._logout(registry))

    async def _look(self) -> None:
        anew = self._model.task is None  # a pull under way needs the connection that is there
        try:
            while self._is_stale:
                self._is_stale = False
                try:
                    engine = await self._desk.lanes.docker.run(self._ask, anew)
                except AppError as error:
                    self._model.set_problem(error)
                else:
                    self._model.set_engine(engine)
                    await self._look_at_images()
        finally:
            self._is_looking = False
            self._looked_at = time.monotonic()
        self.looked.emit()

    def _ask(self, anew: bool) -> EngineInfo:
        """In the lane. The engine that was found may be gone, and another one there."""
        try:
            return self._engine.info()
        except AppError:
            if not anew:
                raise
        self._engine.forget()
        return self._engine.info()

    async def _look_at_images(self) -> None:
        chosen = self._chosen()
        await self._find(chosen)
        also = [DEFAULT_IMAGE] if image_problem(chosen) else [DEFAULT_IMAGE, chosen]
        try:
            images = await self._desk.lanes.docker.run(self._images.list, also)
            self._model.set_images(images)
        except AppError as error:
            self._model.say(redact(str(error)), "warning")

    @Slot()
    def _find_chosen(self) -> None:
        self._rest.stop()
        tag = self._chosen()
        is_open = self._model.image_state is ImageState.UNKNOWN
        if self._model.engine is not None and is_open and not image_problem(tag):
            self._desk.tasks.start(self._find(tag))

    async def _find(self, tag: str) -> None:
        if image_problem(tag):
            return
        try:
            image = await self._desk.lanes.docker.run(self._images.find, tag)
        except AppError as error:
            self._model.say(redact(str(error)), "warning")
        else:
            self._model.set_image(tag, image)

    def _begin(self, task: ImageTask) -> None:
        reason = disabled_reason(f"docker.{task.kind}", self._form.circumstances)
        problem = image_problem(task.tag)
        if problem is not None:
            reason = f"The image's name {problem.message} {problem.remedy}".strip()
        if self._cancel is not None:
            reason = "One image at a time: wait for the other, or cancel it."
        if reason:
            self._model.say(reason, "warning")
            return
        self._cancel = CancelToken()
        self._model.begin(task)
        self._relay.start()
        self._desk.tasks.start(self._work(task, self._cancel))

    async def _work(self, task: ImageTask, cancel: CancelToken) -> None:
        ended = Outcome()
        try:
            await self._desk.lanes.pulls.run(self._get, task, cancel)
            ended = Outcome(f"{task.tag} is on this computer now.", "good")
        except Cancelled:
            ended = Outcome("Cancelled.", "warning")
        except AppError as error:
            ended = Outcome(redact(str(error)), "bad")
        finally:
            self._cancel = None
            self._relay.stop()
            task = self._model.task or task  # a training may wait for it by now
            self._model.end(ended, interrupted=ended.tone != "good")
        await self._after(task, is_there=ended.tone == "good")

    def _get(self, task: ImageTask, cancel: CancelToken) -> ImageInfo:
        """In the lane."""
        if task.kind == BUILD:
            variant = VARIANTS[task.tag]
            return self._images.build(task.tag, variant, self._relay.report, cancel)
        return self._images.pull(task.tag, self._relay.report, cancel)

    async def _after(self, task: ImageTask, *, is_there: bool) -> None:
        if not is_there:
            self.look_if_wanted()  # the engine may have gone
            return
        self._desk.notices.said.emit(f"{task.tag} is on this computer now")
        await self._look_at_images()
        if task.tag != self._chosen():
            return
        rest = [one for one in self._form.problems() if one.field != _IMAGE]
        if len(rest) < len(self._form.problems()):
            self._form.show_problems(rest)
        if task.then_start and self.is_wanted:
            self.start_wanted.emit()

    async def _remove(self, tag: str) -> None:
        try:
            await self._desk.lanes.docker.run(self._images.remove, tag)
        except AppError as error:
            self._model.say(redact(str(error)), "bad")
        else:
            self._model.say(f"{tag} was removed.", "good")
        await self._look_at_images()

    async def _login(self, registry: str, user: str, password: str) -> None:
        reason = disabled_reason("docker.login", self._form.circumstances)
        if reason:
            self._model.say(reason, "warning")
            return
        self._model.say(f"Logging in to {registry}…")
        try:
            found = await self._desk.lanes.secrets.run(self._images.login, registry, user, password)
        except AppError as error:
            self._model.say(redact(str(error)), "bad")
        else:
            self._model.say(f"Logged in to {found.registry} as {found.user}.", "good")
            await self._read_logins()

    async def _logout(self, registry: str) -> None:
        try:
            await self._desk.lanes.secrets.run(self._images.logout, registry)
        except AppError as error:
            self._model.say(redact(str(error)), "bad")
        else:
            self._model.say(f"Logged out of {registry}.", "good")
        await self._read_logins()

    async def _read_logins(self) -> None:
        try:
            self._model.set_logins(await self._desk.lanes.secrets.run(self._images.logins))
        except AppError as error:
            self._model.say(redact(str(error)), "warning")

    def _chosen(self) -> str:
        return str(self._form.value(_IMAGE)).strip()

    @Slot(object, object)
    def _on_reported(self, progress: ImageProgress, lines: Sequence[str]) -> None:
        self._model.take(progress, lines)

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        if path == _IMAGE:
            self._model.choose(self._chosen())
            self._rest.start()
        elif path == "local.runtime":
            self.look_if_old()

    @Slot()
    def _on_reset(self) -> None:
        self._model.choose(self._chosen())
        self._find_chosen()
        self.look_if_old()

    @Slot()
    def _on_circumstances_changed(self) -> None:
        """Back from Offline mode: an engine of another computer may be asked again."""
        problem = self._model.problem
        if problem is not None and problem.kind == "offline":
            self.look_if_wanted()
