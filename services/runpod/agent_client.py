"""Talks to the agent on a pod: small calls that can be repeated, and transfers that survive cuts.

The proxy in front of a pod answers 502 while the pod starts, gives up after 100 seconds and drops
connections without a word, so whatever goes wrong on the way is one thing: the agent cannot be
reached just now. Files go in pieces whose size follows the line, each with its hash.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import httpx

from models.domain.errors import AppError
from models.domain.image_facts import facts_from
from services.redaction import redact
from services.web import anything_goes, hooks, new_client, user_agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from models.domain.image_facts import ImageFacts

UNREACHABLE = "agent_unreachable"
REFUSED = "agent_refused"
TOKEN_REFUSED = "agent_token"  # noqa: S105 - a kind of trouble
_READ_SECONDS = 45.0
"""The agent answers within 25, also where it waits for news or for a hash."""
_MARK = "X-Temper-Agent"
"""A header of all the agent's answers; any other answer is the proxy's own. Not ``Server``: there
the proxy always writes its own name."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 8.0


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """How the run on the pod is. Ages and limits are in seconds, ``price`` in dollars an hour.

    ``state_id`` is another one when the pod has lost its disk; ``self_delete`` is the way by which
    the pod can end itself, empty where it cannot (``self_delete_tried`` tells whether that is
    known yet). ``ends_in`` is when the pod will have ended itself if nobody does anything, and
    ``ending`` says why it is doing so right now.
    """

    run_id: str
    state_id: str
    phase: str
    reason: str
    exit_code: int | None
    oom_killed: bool
    boot_count: int
    starts: int
    log_size: int
    events_size: int
    age: float
    limit: float
    price: float | None
    self_delete: str
    self_delete_tried: bool
    self_delete_detail: str
    ending: str
    ends_in: float
    trouble: str
    waiting_for: tuple[str, ...]
    gpus: tuple[Mapping[str, str], ...]
    disk_free: int | None

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Self:
        """From the agent's answer; KeyError, TypeError where it is another's."""
        proof = answer["self_delete"]
        same = ("run_id", "state_id", "phase", "reason", "exit_code", "oom_killed", "boot_count",
                "starts", "log_size", "events_size", "age", "limit", "ending", "ends_in", "trouble",
                "disk_free")  # fmt: skip
        return cls(
            **{name: answer[name] for name in same},
            price=answer["price_per_hour"],
            self_delete=proof["way"],
            self_delete_tried=proof["tried"],
            self_delete_detail=proof["detail"],
            waiting_for=tuple(answer["waiting_for"]),
            gpus=tuple(answer["gpus"]),
        )


@dataclass(frozen=True, slots=True)
class Tail:
    """What a growing file has from an offset on; ``size`` is the file's by then."""

    data: bytes
    next_offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of the run: its path under the pod's data root, its bytes and their SHA-256."""

    path: str
    size: int
    sha256: str


_CAUSES = {
    "full": (
        "pod_disk_full", "The pod's disk is full: the network volume, or without one the container "
        "disk.",
        "Make it larger, or delete what it no longer needs; then resume.",
    ),
    "user": (
        "not_writable", "The image's user may not write on the network volume, which is root's.",
        "Use an image that runs as root: Temper's own is built for pods with "
        "--build-arg RUN_AS=0:0.",
    ),
}  # fmt: skip
"""Why a pod's disk takes nothing, by the agent's word."""
_STRANGER = (
    TOKEN_REFUSED, "The pod's agent does not know this program any more: the Runpod API key was "
    "changed, or the keychain cannot be used.",
    "Bring back what there was, or end the pod. It goes on by itself, and ends at its limit.",
)  # fmt: skip
"""Without a keychain the token is made of the key (:class:`services.remote.marks.RunTokens`)."""


class AgentRefusalError(AppError):
    """The agent has understood, and will not; ``facts`` say more (``size``, ``missing`` ...)."""

    def __init__(self, status: int, facts: Mapping[str, Any]) -> None:
        kind, hint = REFUSED, "Try again; if it goes on, end the pod and start anew."
        said = str(facts.get("error", ""))[:500]
        message = f"The pod's agent refused ({status}): {said}"
        if status == httpx.codes.UNAUTHORIZED:
            kind, message, hint = _STRANGER
        elif facts.get("cause") in _CAUSES:
            kind, message, hint = _CAUSES[facts["cause"]]
        super().__init__(kind, message, hint, said)
        self.status = status
        self.facts = facts


class AgentClient:
    """One pod's agent at ``url`` (the proxy's address). Thread-safe; close it.

    A call that does not get through is repeated ``tries`` times, then raises AppError of the kind
    ``agent_unreachable``; ``pause`` waits in between and may raise to end that. ``guard`` is called
    before each call and raises where it may not be made.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        tries: int = 8,
        pause: Callable[[float], None] = time.sleep,
        guard: Callable[[], None] = anything_goes,
    ) -> None:
        self._tries = tries
        self._pause = pause
        self._client = new_client(
            base_url=f"{url.rstrip('/')}/v1/",
            timeout=httpx.Timeout(_READ_SECONDS, connect=10.0),
            headers={
                "User-Agent": user_agent(),
                "Authorization": f"Bearer {token}",
                "Accept-Encoding": "identity",
            },
            event_hooks=hooks(guard),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def is_listening(self) -> bool:
        """Whether an agent answers yet: asked once, needs no token."""
        try:
            return _json(self.once("GET", "health")) == {"ok": True}
        except AppError:
            return False

    def status(self) -> AgentStatus:
        """How the run is."""
        return _status(self.call("GET", "status"))

    def image(self, names: Iterable[str]) -> ImageFacts | None:
        """What the pod's image holds of these libraries; None where an earlier program's agent is
        there, which cannot tell."""
        query = urlencode({"names": ",".join(names)})
        try:
            return facts_from(self.call("GET", f"image?{query}").json())
        except AgentRefusalError as refusal:
            if refusal.status != httpx.codes.NOT_FOUND:
                raise
        except ValueError:
            pass
        return None

    def send_secrets(self, secrets: Mapping[str, str]) -> None:
        """Hand secrets over; the agent keeps them in memory only, so again after its restart."""
        self.call("POST", "secrets", json=dict(secrets))

    def start(self, request: Mapping[str, Any]) -> AgentStatus:
        """Start the run: ``run_id``, ``job``, ``code`` (an input's name), ``inputs``, ``needs``
        (names of secrets) and ``environment``; ``take_volume`` where another pod that used the
        volume is known to be gone. The same request again changes nothing."""
        return _status(self.call("POST", "start", json=dict(request)))

    def cancel(self) -> AgentStatus:
        """Ask the trainer to save and end."""
        return _status(self.call("POST", "cancel", json={}))

    def acknowledge(self) -> None:
        """All is here and verified: the pod may end itself. Tried once: we end it, too."""
        self.once("POST", "ack", json={})

    def log(self, offset: int, wait: float = 0) -> Tail:
        """What the trainer printed from a byte on; waits up to ``wait`` seconds for some."""
        return self._tail("log", offset, wait)

    def events(self, offset: int, wait: float = 0) -> Tail:
        """The same of ``events.jsonl``; a line may be cut at the end."""
        return self._tail("events", offset, wait)

    def artifacts(self, pause: Callable[[float], None] = time.sleep) -> list[Artifact]:
        """All files of the run, as soon as the agent has hashed them."""
        while True:
            answer = self.call("GET", "artifacts")
            content = _json(answer)
            if answer.status_code == httpx.codes.OK:
                files = content.get("files")
                if not isinstance(files, list):
                    raise not_understood()
                return [_artifact(entry) for entry in files]
            pause(_FIRST_WAIT)

    def call(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """A call that may be repeated, with its answer."""
        for attempt in range(1, self._tries + 1):
            try:
                return self.once(method, path, **sent)
            except AppError as error:
                if error.kind != UNREACHABLE or attempt == self._tries:
                    raise
            self._pause(wait_after(attempt))
        raise AssertionError(self._tries)

    def once(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """One try of a call whose answer is small."""
        try:
            answer = self._client.request(method, path, **sent)
        except (httpx.HTTPError, OSError) as error:
            raise unreachable(f"{type(error).__name__}: {error}") from None
        refuse(answer)
        return answer

    def stream(self, path: str, headers: Mapping[str, str]) -> Any:
        """A context manager for an answer that is read piece by piece; ``refuse`` checks it."""
        return self._client.stream("GET", path, headers=dict(headers))

    def _tail(self, name: str, offset: int, wait: float) -> Tail:
        params = {"offset": str(offset), "wait": str(int(wait))}
        answer = self.call("GET", name, params=params)
        try:
            end, size = int(answer.headers["X-Next-Offset"]), int(answer.headers["X-Size"])
        except (KeyError, ValueError):
            raise not_understood() from None
        if end != offset + len(answer.content):
            raise unreachable("The answer was cut.")
        return Tail(answer.content, end, size)


def refuse(answer: httpx.Response) -> None:
    """AppError for an answer that is no success of the agent's. Reads the answer's body."""
    is_agents = _MARK in answer.headers
    if is_agents and answer.is_success:
        return
    try:
        answer.read()
        facts = answer.json()
    except (httpx.HTTPError, OSError, ValueError):
        facts = {}
    if not is_agents:
        raise unreachable(f"HTTP {answer.status_code} from something else than the agent.")
    raise AgentRefusalError(answer.status_code, facts if isinstance(facts, dict) else {})


def unreachable(details: str) -> AppError:
    """Nothing is known but that the agent did not answer."""
    return AppError(
        UNREACHABLE, "The pod's agent cannot be reached just now.",
        "Check the network connection; the run on the pod goes on by itself.",
        redact(details)[:500],
    )  # fmt: skip


def not_understood() -> AppError:
    """The agent is of another version, or no agent at all."""
    return AppError(
        "bad_answer", "The pod's agent gave an answer that Temper does not understand.",
        "End the pod, and start anew with the trainer image of this version.",
    )  # fmt: skip


def wait_after(attempt: int) -> float:
    """Seconds to wait after so many tries in a row that failed."""
    return float(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)))


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        raise not_understood() from None
    if not isinstance(content, dict):
        raise not_understood()
    return content


def _status(answer: httpx.Response) -> AgentStatus:
    try:
        return AgentStatus.read(_json(answer))
    except (KeyError, TypeError):
        raise not_understood() from None


def _artifact(entry: Any) -> Artifact:
    """An entry of the manifest; its path may lead nowhere else, whoever wrote it."""
    try:
        artifact = Artifact(str(entry["path"]), int(entry["size"]), str(entry["sha256"]))
    except (KeyError, TypeError, ValueError):
        raise not_understood() from None
    parts = artifact.path.split("/")
    odd = any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts)
    if odd or "\0" in artifact.path or artifact.size < 0:
        raise not_understood()
    return artifact
