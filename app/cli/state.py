"""What all commands share: the services, built when the first one needs them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from app.paths import app_paths
from services.offline import OfflinePolicy

if TYPE_CHECKING:
    from app.bootstrap import Services


class Session:
    """Choices made before the command's name (``temper --offline train …``)."""

    offline = False


@cache
def services() -> Services:
    """The program's services. Building them opens the database."""
    from app.bootstrap import build_services  # SQLAlchemy takes 0.4 s, which --help need not

    return build_services(app_paths(), OfflinePolicy(forced=Session.offline))
