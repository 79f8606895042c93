"""Every model of the window in one place: views read them, controllers fill them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from models.qt.form_model import FormModel

if TYPE_CHECKING:
    from models.domain.base_models import BaseModel
    from models.qt.compare_model import CompareModel
    from models.qt.configs_model import ConfigsModel
    from models.qt.datasets_model import DatasetsModel
    from models.qt.docker_model import DockerModel
    from models.qt.doctor_model import DoctorModel
    from models.qt.hardware_model import HardwareModel
    from models.qt.models_model import ModelsModel
    from models.qt.pods_model import PodsModel
    from models.qt.preset_model import PresetModel
    from models.qt.queue_model import QueueModel
    from models.qt.rows_model import DatasetRowsModel
    from models.qt.run_models import RunModels
    from models.qt.runpod_model import RunpodModel
    from models.qt.runs_model import RunsModel
    from models.qt.settings_model import SettingsModel
    from models.qt.storage_model import StorageModel


class AppModels(QObject):
    """``run`` is the run of the Training page, ``shown_run`` the one selected on the Runs page,
    ``compared`` are those selected there if they are several, ``queue`` is what waits,
    ``base_models`` the catalogue, once it has been read, ``base_library`` all base models with what
    of each is on this computer.

    Only the form is there from the start: the first frame needs no other, and their imports cost
    as much time as Qt's own. The rest comes with :meth:`complete`.
    """

    datasets: DatasetsModel
    rows: DatasetRowsModel
    base_library: ModelsModel
    configs: ConfigsModel
    runs: RunsModel
    queue: QueueModel
    compared: CompareModel
    run: RunModels
    shown_run: RunModels
    hardware: HardwareModel
    preset: PresetModel
    doctor: DoctorModel
    docker: DockerModel
    pods: PodsModel
    runpod: RunpodModel
    settings: SettingsModel
    storage: StorageModel

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.form = FormModel(self)
        self.base_models: tuple[BaseModel, ...] = ()

    def complete(self) -> None:
        """Make the other models; doing it twice changes nothing."""
        if hasattr(self, "datasets"):
            return
        from models.qt.compare_model import CompareModel
        from models.qt.configs_model import ConfigsModel
        from models.qt.datasets_model import DatasetsModel
        from models.qt.docker_model import DockerModel
        from models.qt.doctor_model import DoctorModel
        from models.qt.hardware_model import HardwareModel
        from models.qt.models_model import ModelsModel
        from models.qt.pods_model import PodsModel
        from models.qt.preset_model import PresetModel
        from models.qt.queue_model import QueueModel
        from models.qt.rows_model import DatasetRowsModel
        from models.qt.run_models import RunModels
        from models.qt.runpod_model import RunpodModel
        from models.qt.runs_model import RunsModel
        from models.qt.settings_model import SettingsModel
        from models.qt.storage_model import StorageModel

        self.datasets = DatasetsModel(self)
        self.rows = DatasetRowsModel(self)
        self.base_library = ModelsModel(self)
        self.configs = ConfigsModel(self)
        self.runs = RunsModel(self)
        self.queue = QueueModel(self)
        self.compared = CompareModel(self)
        self.run = RunModels(self)
        self.shown_run = RunModels(self)
        self.hardware = HardwareModel(self)
        self.preset = PresetModel(self.form, self)
        self.doctor = DoctorModel(self)
        self.docker = DockerModel(self)
        self.runpod = RunpodModel(self)
        self.pods = PodsModel(self)
        self.settings = SettingsModel(self)
        self.storage = StorageModel(self)
        self.form.set_datasets(self.datasets)
        for shown in (self.run, self.shown_run):
            shown.autopsy.set_hardware(self.hardware)
