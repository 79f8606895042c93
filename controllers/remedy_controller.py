"""Does what the buttons of an autopsy say: trains again with a change, goes on, or leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.config_io import with_values
from models.domain.remedies import RemedyAction, setup_of

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.training_controller import TrainingController
    from models.domain.remedies import Remedy
    from models.domain.run import Run
    from models.qt.app_models import AppModels

BUSY = "Another training is running. Wait for its end or stop it, then press this again."


class RemedyController(QObject):
    """Between the autopsies of both pages and the controller that trains.

    Signals:
        place_wanted: the RemedyAction (payload) whose place in the window is to be shown.
        setup_wanted: the Run (payload) whose setup is to be changed by hand.
        environment_wanted: the Run (payload) that lacks the training environment, and starts then.
        began: something trains, or tries to.
        applied: values went into the form.
    """

    place_wanted = Signal(object)
    setup_wanted = Signal(object)
    environment_wanted = Signal(object)
    began = Signal()
    applied = Signal()

    def __init__(self, desk: Desk, models: AppModels, training: TrainingController) -> None:
        super().__init__(training)
        self._desk = desk
        self._models = models
        self._training = training

    @Slot(object, object)
    def apply(self, run: Run, remedy: Remedy) -> None:
        """Do what a remedy says for a run that has failed."""
        action = remedy.action
        if action in {RemedyAction.START, RemedyAction.RESUME}:
            self._train(run, remedy)
        elif action is RemedyAction.APPLY:
            self._models.form.apply(remedy.values)
            self._desk.notices.said.emit(f"{remedy.label}: changed in the setup. Start again.")
            self.applied.emit()
        elif action is RemedyAction.SETUP:
            self.setup_wanted.emit(run)
        elif action is RemedyAction.ENVIRONMENT:
            self.environment_wanted.emit(run)
        else:
            self.place_wanted.emit(action)

    def _train(self, run: Run, remedy: Remedy) -> None:
        if self._models.run.status.is_live:
            self._desk.notices.said.emit(BUSY)
            return
        if remedy.action is RemedyAction.RESUME:
            self._desk.tasks.start(self._training.resume_run(run))
        else:
            if self._models.form.config == run.config:  # else the form holds something else by now
                self._models.form.apply(remedy.values)
            changed = with_values(setup_of(run), remedy.values)
            self._training.start_setup(changed, run.name, remedy.on_existing)
        self.began.emit()
