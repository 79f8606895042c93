"""Connects the window's wishes with the controllers, and what they tell with the window."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from app.connect_autopsy import AutopsyConnection
from app.connect_closing import ClosingConnection
from app.connect_configs import ConfigsConnection
from app.connect_datasets import DatasetsConnection
from app.connect_docker import DockerConnection
from app.connect_doctor import DoctorConnection
from app.connect_fixes import FixConnection
from app.connect_gate import GateConnection
from app.connect_hardware import HardwareConnection
from app.connect_help import HelpConnection
from app.connect_import import ImportConnection
from app.connect_inference import InferenceConnection
from app.connect_learning import LearningConnection
from app.connect_measure import MeasureConnection
from app.connect_models import ModelsConnection
from app.connect_offline import OfflineConnection
from app.connect_pod_list import PodListConnection
from app.connect_pods import PodsConnection
from app.connect_prepare import PrepareConnection
from app.connect_presets import PresetConnection
from app.connect_rented import RentedConnection
from app.connect_runs import RunsConnection
from app.connect_settings import SettingsConnection
from app.connect_storage import StorageConnection
from app.connect_tray import TrayConnection
from controllers.environment_controller import EnvironmentController
from controllers.run_follower import RunFollower
from controllers.training_controller import SETUP_RUNTIME, TrainingController
from views.main_window import TRAINING
from views.window_dialogs import WindowDialogs

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from models.domain.run import Run
    from services.progress import Progress
    from views.main_window import MainWindow
    from views.widgets.task_bar import TaskBar


class Wiring(QObject):
    """The controllers of a window, connected; lives as long as the window."""

    def __init__(self, window: MainWindow, desk: Desk, services: WindowServices) -> None:
        super().__init__(window)
        self._window = window
        self._desk = desk
        self.configuration_shown = 0.0
        models = window.models
        runs = services.runs
        self.follower = RunFollower(desk, runs, self)
        self.gate = GateConnection(window, desk, services, self)
        self.training = TrainingController(
            desk, models, runs, services.runtime, self.follower, self.gate.controller
        )
        self.saved = ConfigsConnection(window, desk, services.configs, self)
        self.configs = self.saved.controller
        self.environment = EnvironmentController(desk, services.runtime, self)
        self.gate.follow(self.environment)
        self.settings = SettingsConnection(window, desk, services, self)
        self.offline = OfflineConnection(window, self.settings.controller, self)
        self.fixes = FixConnection(window, self.settings.controller, self)
        self.inference = InferenceConnection(window, desk, services, self)
        self.presets = PresetConnection(window, self)
        self.hardware = HardwareConnection(window, desk, services, self.training, self)
        self.dialogs = WindowDialogs(window)
        self.library = DatasetsConnection(window, desk, services, self.environment, self)
        self.datasets = self.library.controller
        self.base_models = ModelsConnection(window, desk, services, self)
        self.storage = StorageConnection(window, desk, services, self)
        self.importing = ImportConnection(
            window, desk, services, self.library, self.environment, self
        )
        self.library.follow_import(self.importing.controller)
        self.importing.configs_changed.connect(self.configs.list.refresh)
        self.history = RunsConnection(window, desk, services, self)
        self.runs = self.history.controller
        self._connect_training()
        self.inference.connect_training(self.training, self.runs, self.follower)
        self.inference.connect_views(self.dialogs)
        self._connect_notices()
        self.autopsy = AutopsyConnection(window, desk, self)
        self.tray = TrayConnection(window, self.training, self.runs, self.follower)
        self.pods = PodsConnection(window, desk, services.remote, self.follower)
        self.pod_list = PodListConnection(window, desk, services.remote, self.pods.controller)
        self.rented = RentedConnection(window, desk, services, self)
        self.closing = ClosingConnection(window, desk, runs, self.follower, self.saved, self.pods)
        self.history.connect_closing(self.closing.controller)
        self.help = HelpConnection(window, desk, services, self)
        self.doctor = DoctorConnection(window, desk, services, self)
        self.docker = DockerConnection(window, desk, services, self.training, self)
        self.learning = LearningConnection(window, desk, services, self)
        self.measure = MeasureConnection(window, desk, services, self)
        self.prepare = PrepareConnection(window, desk, services, self)

    async def fill(self) -> None:
        """Fill the window with what there is, the most urgent first."""
        await self.settings.read()
        self.hardware.start()
        self.presets.controller.begin()
        await self.configs.load_last_used()
        self.configuration_shown = time.time()
        await self.datasets.read_list()
        await self.configs.read_list()
        self.settings.read_secrets()
        self.runs.refresh()
        self.docker.begin()
        await self.training.reattach()
        self.history.queue.refresh()
        self.pods.controller.begin()
        await self.help.greet()

    def stop_work(self) -> None:
        """Give up what would keep the program from ending; runs go on."""
        self.history.finish()
        self.library.stop_work()
        self.base_models.stop_work()
        self.importing.controller.cancel()
        self.environment.cancel()
        self.gate.controller.cancel()
        self.measure.controller.cancel()
        self.prepare.controller.cancel()
        self.help.demo.cancel()
        self.doctor.controller.cancel()
        self.learning.controller.cancel()
        self.docker.controller.cancel()
        self.inference.cancel()

    def _connect_training(self) -> None:
        page, actions, training = self._window.training, self._window.actions_, self.training
        page.start_bar.start_requested.connect(training.start)
        page.start_bar.stop_requested.connect(training.stop)
        actions.start.triggered.connect(training.start)
        actions.stop.triggered.connect(training.stop)
        actions.reattach.triggered.connect(training.find_again)
        training.problems_found.connect(self._on_problems)
        training.output_asked.connect(self.dialogs.ask_output)
        self.dialogs.output_answered.connect(training.start_with)
        training.started.connect(self._on_started)
        page.run_panel.resume_requested.connect(training.resume)
        environment, bar = self.environment, page.environment
        environment.began.connect(bar.begin)
        environment.progressed.connect(self._on_environment_progress)
        environment.ended.connect(bar.end)
        environment.ready.connect(training.start_prepared)
        bar.cancel_requested.connect(environment.cancel)

    def _connect_notices(self) -> None:
        notices = self._desk.notices
        notices.noticed.connect(self._window.show_notice)
        notices.withdrawn.connect(self._window.training.banner.withdraw)
        notices.said.connect(self._window.show_message)
        self._window.training.banner.action_requested.connect(self._on_action)

    @Slot()
    def _on_problems(self) -> None:
        self._window.show_page(TRAINING)
        self._window.training.setup.show_first_problem()

    @Slot(object)
    def _on_started(self, _run: Run) -> None:
        self._window.training.banner.dismiss()
        self._window.training.show_run()

    @Slot(str)
    def _on_action(self, action: str) -> None:
        if action == SETUP_RUNTIME:
            self.environment.create()

    @Slot(object)
    def _on_environment_progress(self, progress: Progress) -> None:
        _show_progress(self._window.training.environment, progress)


def _show_progress(bar: TaskBar, progress: Progress) -> None:
    bar.show_progress(progress.fraction, progress.message)
