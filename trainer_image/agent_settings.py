"""What the pod's environment tells the agent; only Runpod's own key in it is secret.

The agent's modules use the standard library only: they also run in images that have nothing else.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HASH = re.compile(r"[0-9a-f]{64}")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_REST_URL = "https://api.runpod.io/v2"

WITHHELD = (
    "RUNPOD_API_KEY", "TEMPER_TOKEN_SHA256", "TEMPER_AGENT", "HF_TOKEN",
    "HUGGINGFACE_HUB_TOKEN", "HUGGING_FACE_HUB_TOKEN",
)  # fmt: skip
"""Variables of the agent that the trainer does not inherit."""


class SettingsError(Exception):
    """The environment cannot be used; the text names every variable that is wrong."""


@dataclass(frozen=True)
class Settings:
    """Times are in seconds, money in dollars; None means that there is no such limit.

    ``max_seconds`` counts from the pod's creation, for that is what is paid. ``created_at`` is that
    moment as the window's clock had it, used only where Runpod cannot be asked.
    """

    run_id: str
    token_sha256: str
    data_root: Path
    max_seconds: float
    max_cost: float | None = None
    price_per_hour: float | None = None
    created_at: float | None = None
    boot_grace: float = 1800.0
    retrieve_grace: float = 3600.0
    stop_reserve: float = 300.0
    silence: float | None = None
    stop_seconds: float = 120.0
    retry_seconds: float = 60.0
    secret_wait: float = 600.0
    port: int = 8000
    pod_id: str = ""
    api_key: str = ""
    rest_url: str = _REST_URL

    @property
    def run_folder(self) -> Path:
        """Where the run's files lie, as on any other machine."""
        return self.data_root / "runs" / self.run_id

    def __repr__(self) -> str:
        return f"Settings(run_id={self.run_id!r}, pod_id={self.pod_id!r})"  # the key never shows


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of an environment; SettingsError names all that is wrong with it."""
    reader = _Reader(environ)
    settings = Settings(
        run_id=reader.text("TEMPER_RUN_ID", _RUN_ID),
        token_sha256=reader.text("TEMPER_TOKEN_SHA256", _HASH),
        data_root=Path(environ.get("TEMPER_DATA_ROOT") or "/data"),
        max_seconds=reader.number("TEMPER_MAX_SECONDS"),
        max_cost=reader.optional("TEMPER_MAX_COST"),
        price_per_hour=reader.optional("TEMPER_PRICE_PER_HOUR"),
        created_at=reader.optional("TEMPER_CREATED_AT"),
        boot_grace=reader.number("TEMPER_BOOT_GRACE", Settings.boot_grace),
        retrieve_grace=reader.number("TEMPER_RETRIEVE_GRACE", Settings.retrieve_grace),
        stop_reserve=reader.number("TEMPER_STOP_RESERVE", Settings.stop_reserve),
        silence=reader.optional("TEMPER_SILENCE_SECONDS"),
        stop_seconds=reader.number("TEMPER_STOP_SECONDS", Settings.stop_seconds),
        retry_seconds=reader.number("TEMPER_RETRY_SECONDS", Settings.retry_seconds),
        secret_wait=reader.number("TEMPER_SECRET_WAIT", Settings.secret_wait),
        port=int(reader.number("TEMPER_AGENT_PORT", Settings.port)),
        pod_id=environ.get("RUNPOD_POD_ID", ""),
        api_key=environ.get("RUNPOD_API_KEY", ""),
        rest_url=(environ.get("TEMPER_REST_URL") or _REST_URL).rstrip("/"),
    )
    if reader.wrong:
        raise SettingsError("Unusable in the pod's environment: " + ", ".join(reader.wrong))
    return settings


class _Reader:
    """Reads variables and remembers which of them cannot be used."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.wrong: list[str] = []

    def text(self, name: str, form: re.Pattern[str]) -> str:
        value = self._environ.get(name, "")
        if not form.fullmatch(value):
            self.wrong.append(name)
        return value

    def number(self, name: str, default: float | None = None) -> float:
        value = self.optional(name, default)
        if value is None:
            self.wrong.append(name)
            return 0.0
        return value

    def optional(self, name: str, default: float | None = None) -> float | None:
        text = self._environ.get(name, "")
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value) and value >= 0:
            return value
        self.wrong.append(name)
        return default
