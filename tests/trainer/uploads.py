"""What a trainer needs to upload to the emulated Hub."""

from __future__ import annotations

TOKEN = "hf_" + "w" * 30
OWNER = "me"


def hub_environment(address: str, token: str = TOKEN) -> dict[str, str]:
    """The Hub is at ``address``; the emulator knows the older way to upload."""
    return {"HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": token}
