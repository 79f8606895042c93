"""The old GraphQL API as far as it is still worth asking: the account's money, and GPU types."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.emulators.runpod.api import LIBRARIES
from tests.emulators.runpod.catalogue import GPUS
from tests.emulators.server import Reply

if TYPE_CHECKING:
    from tests.emulators.runpod.cloud import Cloud
    from tests.emulators.server import Request

_ASKED = re.compile(r"\b(myself|gpuTypes)\s*(?:\([^)]*\))?\s*\{([^{}]*)\}")


def answer(cloud: Cloud, request: Request) -> Reply:
    """200 also for what is refused, with ``errors``; 401 where a key is needed and is bad."""
    agent = request.headers.get("user-agent", "").lower()
    if not agent or agent.startswith(LIBRARIES):
        return Reply(403, b"error code: 1010", {"Content-Type": "text/plain"})
    with cloud.lock:
        cloud.advance()
        return _answer(cloud, request)


def _answer(cloud: Cloud, request: Request) -> Reply:
    try:
        asked = _ASKED.search(str(json.loads(request.body)["query"]))
    except (ValueError, KeyError, TypeError):
        return _reply(400, {"errors": [{"message": "no query"}]})
    if asked is None:
        return _failed("This operation is not supported.")
    fields = asked[2].split()
    if asked[1] == "gpuTypes":
        rows = [
            {"id": gpu.id, "displayName": gpu.name, "memoryInGb": gpu.memory}
            for gpu in GPUS.values()
        ]
        return _selected("gpuTypes", rows, fields)
    word = request.headers.get("authorization", "").removeprefix("Bearer ")
    key = cloud.keys.get(word)
    if key is None or key.is_expired:
        return _reply(401, {"errors": [{"message": "Unauthorized"}]})
    account = {
        "id": "user_emulated", "clientBalance": round(cloud.balance, 6),
        "currentSpendPerHr": cloud.spend_per_hour(), "spendLimit": cloud.spend_limit,
        "minBalance": 0, "underBalance": cloud.balance <= 0,
    }  # fmt: skip
    return _selected("myself", account, fields)


def _selected(name: str, found: Any, fields: list[str]) -> Reply:
    rows = found if isinstance(found, list) else [found]
    unknown = [field for field in fields if field not in rows[0]]
    if unknown:
        return _failed(f'Cannot query field "{unknown[0]}".')
    chosen = [{field: row[field] for field in fields} for row in rows]
    return _reply(200, {"data": {name: chosen if isinstance(found, list) else chosen[0]}})


def _failed(message: str) -> Reply:
    return _reply(200, {"errors": [{"message": message}], "data": None})


def _reply(status: int, content: object) -> Reply:
    return Reply(status, json.dumps(content).encode(), {"Content-Type": "application/json"})
