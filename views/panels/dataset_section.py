"""What to learn from: a dataset of the library, or one of Hugging Face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from views.panels.dataset_field import DatasetField
from views.panels.settings_card import SettingsCard

if TYPE_CHECKING:
    from models.qt.datasets_model import DatasetsModel
    from views.panels.hub_row import HubRow
    from views.panels.setup_form import SetupForm

_HUB = ("dataset.hf_repo", "dataset.hf_split", "dataset.hf_config")
_HELD_OUT = ("dataset.eval_percent", "dataset.eval_split")


class DatasetSection(SettingsCard):
    """Source, dataset, and the part that is held out."""

    hub: HubRow

    def __init__(self, form: SetupForm) -> None:
        super().__init__(form, "dataset", "Dataset", "datasets")
        self.library = DatasetField()
        self.add(("dataset.source",), wide=("dataset.source",))
        self.adopt(form.adopt(self.library), wide=True)

    def complete(self, datasets: DatasetsModel) -> None:
        """Build what the first frame does not show."""
        from views.panels.hub_row import HubRow

        self.library.attach(datasets)
        self.add(_HUB, wide=("dataset.hf_repo",))
        self.hub = HubRow(self._form.model)
        self.hub.changed.connect(self.grid.arrange)
        self.grid.add(self.hub, wide=True)
        self.add(_HELD_OUT)
