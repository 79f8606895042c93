"""Which saved configurations are ready to train without a network, where they are listed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.domain.errors import AppError

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.offline_prepare_controller import BundlesPort
    from models.qt.configs_model import ConfigsModel

_log = logging.getLogger(__name__)


class OfflineMarksController(QObject):
    """Looks in a lane of its own, since an engine may be slow to answer. However often it is told
    that something has changed meanwhile, it looks once more."""

    def __init__(
        self,
        desk: Desk,
        configs: ConfigsModel,
        bundles: BundlesPort,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._configs = configs
        self._bundles = bundles
        self._is_looking = False
        self._is_stale = False

    @Slot()
    def refresh(self) -> None:
        """Something may be ready now, or no longer."""
        self._is_stale = True
        if not self._is_looking:
            self._is_looking = True
            self._desk.tasks.start(self._look())

    async def _look(self) -> None:
        try:
            while self._is_stale:
                self._is_stale = False
                readiness = self._bundles.readiness
                self._configs.set_offline(await self._desk.lanes.ready.run(readiness.once_ready))
        except AppError as error:  # a mark is missing, and the dialog tells why
            _log.info("what is ready for offline is not known: %s", error.kind)
            self._configs.set_offline(())
        finally:
            self._is_looking = False
