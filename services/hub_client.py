"""huggingface_hub with our limits: its own client waits for ever."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from services.web import TIMEOUT, program_version

if TYPE_CHECKING:
    import httpx
    from huggingface_hub import HfApi

_DEFAULT_ENDPOINT = "https://huggingface.co"


def hub_endpoint() -> str:
    """The Hub's address, or that of a mirror (``HF_ENDPOINT``), as it is set now."""
    return (os.environ.get("HF_ENDPOINT") or _DEFAULT_ENDPOINT).rstrip("/")


def hub_api(token: str | None = None) -> HfApi:
    """The Hub's API; without a token it takes none from elsewhere. Import and call in a lane."""
    from huggingface_hub import HfApi, constants

    # Else the first call also asks the Hub for a list by which it names the calling program, and
    # writes it to the user's own cache folder. The variable is read at the library's import only.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    _limit_waiting()
    return HfApi(
        endpoint=hub_endpoint(),
        token=token or False,
        library_name="temper",
        library_version=program_version(),
    )


@cache
def _limit_waiting() -> None:
    """Give the library's shared client our limits, once: setting them closes the client in use."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    def limited() -> httpx.Client:
        client: httpx.Client = default_client_factory()
        client.timeout = TIMEOUT
        return client

    set_client_factory(limited)
