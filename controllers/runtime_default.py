"""Chooses Docker or Python for setups that are new, once this computer has been looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.domain.config import RUNTIME_DOCKER, TrainingConfig
from models.domain.config_io import get_value, with_values
from models.domain.presets import SET_BY_PRESETS
from models.domain.runtime_choice import default_runtime
from models.qt.docker_model import EngineState, ImageState

if TYPE_CHECKING:
    from controllers.docker_controller import DockerController
    from models.qt.app_models import AppModels

_RUNTIME = "local.runtime"


class RuntimeDefault(QObject):
    """Chooses once for each new setup: never for one that was loaded, never after the user has
    chosen, and not while a training lives.
    """

    def __init__(
        self, models: AppModels, docker: DockerController, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._form = models.form
        self._model = models.docker
        self._hardware = models.hardware
        self._status = models.run.status
        self._docker = docker
        self._is_open = True
        self._form.value_changed.connect(self._on_value_changed)
        self._form.loaded.connect(self._on_loaded)
        docker.looked.connect(self._decide)
        self._hardware.changed.connect(self._decide)

    def begin(self) -> None:
        """Look for an engine, if that decides anything; the window is filled by now."""
        if self._is_open or self._docker.is_wanted:
            self._docker.look()

    @Slot(str)
    def _on_value_changed(self, path: str) -> None:
        """By the user or in the user's name; defaults are filled in without a word."""
        if path == _RUNTIME:
            self._is_open = False
            self._model.set_reason("")

    @Slot()
    def _on_loaded(self) -> None:
        self._model.set_reason("")
        self._is_open = self._is_new()
        if self._is_open and self._model.engine_state is EngineState.UNKNOWN:
            self._docker.look()
        self._decide()

    def _is_new(self) -> bool:
        """Whether this is nobody's setup yet; its preset may have been applied before we ask."""
        fresh = TrainingConfig()
        untouched = {path: get_value(fresh, path) for path in SET_BY_PRESETS}
        return not self._form.name and with_values(self._form.user_config, untouched) == fresh

    @Slot()
    def _decide(self) -> None:
        model, hardware = self._model, self._hardware.hardware
        if not self._is_open or self._status.is_live:
            return
        is_known = model.engine_state is EngineState.PROBLEM or (
            model.engine is not None and model.image_state is not ImageState.UNKNOWN
        )
        if not is_known or not hardware.probed:
            return
        self._is_open = False
        choice = default_runtime(
            model.engine,
            image_is_there=model.image_state is ImageState.THERE,
            gpu_count=len(hardware.gpus),
        )
        if choice.runtime != self._form.value(_RUNTIME):
            self._form.set_default(_RUNTIME, choice.runtime)
        if choice.runtime == RUNTIME_DOCKER:
            model.set_reason(choice.reason)
