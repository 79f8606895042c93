"""Asks Runpod what the setup would rent and cost, and makes volume and template ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from models.domain.availability import disabled_reason
from models.domain.config import TARGET_RUNPOD
from models.domain.errors import AppError
from services.redaction import redact

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import RemotePort
    from models.domain.config import TrainingConfig
    from models.qt.app_models import AppModels
    from services.remote.quotes import RemoteQuote

_REST_MS = 700
"""A setup that is being changed is asked about once the changing rests: an account may ask Runpod
60 times a minute in all."""


class RunpodController(QObject):
    """In the lane ``remote``. Only while a pod is the target, online and with a key."""

    def __init__(
        self, desk: Desk, models: AppModels, remote: RemotePort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._form = models.form
        self._model = models.runpod
        self._hardware = models.hardware
        self._remote = remote
        self._asked: TrainingConfig | None = None
        self._is_busy = False
        self._anew = False
        self._rest = QTimer(self)
        self._rest.setInterval(_REST_MS)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self.ask)
        self._form.value_changed.connect(self._on_value_changed)
        self._form.reset.connect(self._wait)
        self._form.circumstances_changed.connect(self._wait)

    @property
    def is_wanted(self) -> bool:
        """Whether there is something to ask, and somebody who may be asked."""
        is_remote = self._form.value("training.target") == TARGET_RUNPOD
        return is_remote and not disabled_reason("runpod.start", self._form.circumstances)

    def stop(self) -> None:
        """Ask no more."""
        self._rest.stop()
        self._form.value_changed.disconnect(self._on_value_changed)
        self._form.reset.disconnect(self._wait)
        self._form.circumstances_changed.disconnect(self._wait)

    @Slot()
    def ask(self) -> None:
        """Ask about the form as it is, unless that was asked already."""
        self._rest.stop()
        if self.is_wanted and not self._is_busy and self._form.config != self._asked:
            self._is_busy = True
            self._model.begin()
            self._desk.tasks.start(self._ask())

    @Slot()
    def refresh(self) -> None:
        """Ask for prices and stock anew."""
        self._asked, self._anew = None, True
        self.ask()

    @Slot()
    def ensure(self) -> None:
        """Find or make the volume and the template that the form names."""
        if self.is_wanted and not self._model.is_ensuring:
            self._model.begin_ensuring()
            self._desk.tasks.start(self._ensure(self._form.config))

    @Slot(str)
    def _on_value_changed(self, _path: str) -> None:
        self._wait()

    @Slot()
    def _wait(self) -> None:
        if self.is_wanted:
            self._rest.start()
        elif self._asked is not None or self._model.lines or self._model.ensured:
            self._rest.stop()
            self._asked = None
            self._model.clear()
            self._hardware.set_remote_gpu("", 0)

    async def _ask(self) -> None:
        try:
            while self.is_wanted and self._form.config != self._asked:
                self._asked, anew, self._anew = self._form.config, self._anew, False
                await self._ask_about(self._asked, anew=anew)
        finally:
            self._is_busy = False

    async def _ask_about(self, config: TrainingConfig, *, anew: bool) -> None:
        lane, quotes = self._desk.lanes.remote, self._remote.quotes
        try:
            gpus = await lane.run(quotes.offers, config, refresh=anew)
            self._model.set_gpus(gpus)
            found = await lane.run(quotes.ask, config)
        except AppError as error:
            if self.is_wanted:
                self._model.set_problem(_words(error))
                self._hardware.set_remote_gpu("", 0)
            return
        if self.is_wanted:  # else the answer is about nothing that is shown
            self._show(found)

    def _show(self, found: RemoteQuote) -> None:
        """The quote in its section, and the memory of what would be rented beside the peak."""
        self._model.set_quote(found.quote, found.words(), is_sold_out=found.is_sold_out)
        if found.candidates:
            first = found.candidates[0].offer
            self._hardware.set_remote_gpu(first.gpu, first.usable)
        else:
            self._hardware.set_remote_gpu("", 0)

    async def _ensure(self, config: TrainingConfig) -> None:
        try:
            lines = await self._desk.lanes.remote.run(self._remote.infrastructure.ensure, config)
        except AppError as error:
            self._model.end_ensuring((), _words(error))
        else:
            self._model.end_ensuring(lines)


def _words(error: AppError) -> str:
    return redact(f"{error.message} {error.hint}".strip())
