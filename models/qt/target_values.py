"""What each training target keeps for itself while the other one is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.config import OUTPUT_DIRECTORIES, PRESETS
from models.domain.config_io import get_value

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig

OWN_BY_TARGET = ("output.directory", "training.preset")


class TargetValues:
    """Output directory and preset by target; the sections of both lie in the setup anyway."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, object]] = {
            target: {"output.directory": folder, "training.preset": PRESETS[target][0]}
            for target, folder in OUTPUT_DIRECTORIES.items()
        }

    def switch(self, config: TrainingConfig, target: str) -> dict[str, object]:
        """Keep the present target's values, and return what ``target`` had."""
        self._kept[config.training.target] = {
            path: get_value(config, path) for path in OWN_BY_TARGET
        }
        return dict(self._kept[target]) if target in self._kept else {}
