"""Network volume and template made ready before a run, on the user's click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.remote_plan import has_volume, template_of
from services.runpod.infrastructure import Infrastructure

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from services.remote.quotes import PodQuotes
    from services.runpod.account import RunpodAccount

_NO_VOLUME = "No network volume: only the Secure Cloud has them. The pod's own disk is used."


class PodInfrastructure:
    """Blocking, thread-safe. Rents nothing; a network volume costs by the month."""

    def __init__(self, account: RunpodAccount, quotes: PodQuotes) -> None:
        self._account = account
        self._quotes = quotes

    def ensure(self, config: TrainingConfig) -> tuple[str, ...]:
        """Find or make what the setup names; a line for each says which. AppError, RunpodError."""
        section = config.runpod
        places = self._places(config) if has_volume(section) else []
        with self._account.client("nothing is set up at Runpod") as client:
            infrastructure = Infrastructure(client)
            lines = [_NO_VOLUME]
            if has_volume(section):
                ensured = infrastructure.ensure_volume(
                    section.volume_name.strip(), section.volume_size, section.data_center, places
                )
                lines = [ensured.line]
            template = infrastructure.ensure_template(template_of(section))
        return (*lines, template.line)

    def _places(self, config: TrainingConfig) -> list[str]:
        """Where the wanted GPUs are, the best one's places first."""
        found = self._quotes.ask(config).candidates
        return list(dict.fromkeys(one.data_center for one in found if one.data_center))
