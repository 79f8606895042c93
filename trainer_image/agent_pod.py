"""The agent's own pod: what Runpod says of it, and the three ways to delete it.

Nothing but a call of the API ends the billing. Which rights the pod's own key has is documented
nowhere, so the agent proves at boot that it can find its pod with it, and by which way.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trainer_image.agent_settings import Settings

_TIMEOUT = 20.0
_TOOL_TIMEOUT = 60.0
_USER_AGENT = "Temper-agent/1"
"""Our own: Runpod's network refuses the names of common libraries."""
_SDK = (
    "import os, runpod as r; r.api_key = os.environ['RUNPOD_API_KEY']; "
    "i = os.environ['RUNPOD_POD_ID']; "
)
_SDK_FINDS = _SDK + "assert (r.get_pod(i) or {}).get('id') == i"
_SDK_DELETES = _SDK + "r.terminate_pod(i)"
_CTL_FINDS = (("pod", "get"), ("get", "pod"))
_CTL_DELETES = (("pod", "delete"), ("remove", "pod"))
"""As the newer and the older runpodctl have it."""


@dataclass(frozen=True)
class Proof:
    """Whether the pod can be found with its own key, by which way; else ``detail`` says why not.

    ``age`` (seconds) and ``price`` (dollars per hour, of the whole pod) are known by REST only.
    """

    way: str = ""
    detail: str = ""
    age: float | None = None
    price: float | None = None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to wherever it points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class OwnPod:
    """The pod that the agent runs in."""

    def __init__(self, settings: Settings) -> None:
        self._id = settings.pod_id
        self._key = settings.api_key
        self._url = f"{settings.rest_url}/pods/{settings.pod_id}"
        self._opener = urllib.request.build_opener(_NoRedirect)

    def prove(self) -> Proof:
        """Find the pod with its own key, by REST, else by the SDK, else by runpodctl."""
        if not (self._id and self._key):
            return Proof(detail="The environment names no pod, or holds no key for it.")
        status, body, headers = self._call("GET")
        if status == 200 and body.get("id") == self._id:
            return Proof("rest", "", _age(body, headers), _number(body.get("cost")))
        if self._python(_SDK_FINDS):
            return Proof("sdk")
        if any(self._runpodctl(words) for words in _CTL_FINDS):
            return Proof("runpodctl")
        return Proof(detail=f"Runpod's API answered {status or 'nothing'} to the pod's own key.")

    def delete(self) -> str:
        """Ask for the pod's deletion by every way until one says yes; its name, or nothing."""
        if not (self._id and self._key):
            return ""
        ways: tuple[tuple[str, Callable[[], bool]], ...] = (
            ("rest", lambda: self._call("DELETE")[0] in (200, 204, 404)),
            ("action", self._terminate),
            ("sdk", lambda: self._python(_SDK_DELETES)),
            ("runpodctl", lambda: any(self._runpodctl(words) for words in _CTL_DELETES)),
        )
        return next((name for name, way in ways if way()), "")

    def _terminate(self) -> bool:
        return self._call("POST", "/action", {"action": "terminate"})[0] in (200, 204, 404)

    def _call(
        self, method: str, path: str = "", body: object = None
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """Status (0 for no answer), JSON object, headers. What went wrong is never an exception."""
        headers = {"Authorization": f"Bearer {self._key}", "User-Agent": _USER_AGENT}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310 - the address is a setting of ours
            self._url + path, data, headers, method=method
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as answer:
                value = json.loads(answer.read(1_000_000) or b"{}")
                return answer.status, value if isinstance(value, dict) else {}, answer.headers
        except urllib.error.HTTPError as error:
            error.close()
            return error.code, {}, {}
        except (OSError, ValueError):
            return 0, {}, {}
        except Exception:  # noqa: BLE001 - http.client has its own kinds; a deletion must go on
            return 0, {}, {}

    def _python(self, code: str) -> bool:
        return self._tool([sys.executable, "-c", code])

    def _runpodctl(self, words: tuple[str, ...]) -> bool:
        program = shutil.which("runpodctl")
        return program is not None and self._tool([program, *words, self._id])

    def _tool(self, command: list[str]) -> bool:
        quiet, environ = subprocess.DEVNULL, dict(os.environ)
        environ |= {"RUNPOD_API_KEY": self._key, "RUNPOD_POD_ID": self._id}
        try:
            done = subprocess.run(
                command, stdin=quiet, stdout=quiet, stderr=quiet, env=environ,
                timeout=_TOOL_TIMEOUT, check=False,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0


def _age(pod: dict[str, Any], headers: Mapping[str, str]) -> float | None:
    """How old Runpod's clock says the pod is; ours is not asked."""
    try:
        created = datetime.fromisoformat(str(pod["createdAt"]).replace("Z", "+00:00"))
        return (parsedate_to_datetime(headers["Date"]) - created).total_seconds()
    except (KeyError, TypeError, ValueError):
        return None


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and value > 0 else None  # type: ignore[arg-type,operator]
