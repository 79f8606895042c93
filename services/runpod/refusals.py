"""What Runpod's refusals mean, as errors that a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from models.domain.secrets import RUNPOD_KEY, SECRETS
from services.redaction import redact
from services.web import refused

if TYPE_CHECKING:
    import httpx

SERVICE = "Runpod"
NO_CAPACITY = "no_capacity"
UNCLEAR = "create_unclear"
"""Whether something was made is not known: look before trying again."""
NOT_FOUND = "not_found"
BAD_ANSWER = "bad_answer"
_BLOCKED = "error code: 1010"
"""Cloudflare's words for a client or network that it does not let through."""
_CAPACITY = (
    "no longer any instances available",
    "does not have the resources to deploy your pod",
    "no instances currently available",
)
"""Capacity has no code of its own: these are the words of Runpod's documentation and tests."""
_LONGEST_DETAILS = 2000


class RunpodError(AppError):
    """A refusal with its HTTP status (0: no answer) and the seconds that Runpod wants to be left
    alone for (0: it did not say)."""

    def __init__(
        self,
        kind: str,
        message: str,
        hint: str = "",
        details: str = "",
        *,
        status: int = 0,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(kind, message, hint, details)
        self.status = status
        self.retry_after = retry_after


def refusal(response: httpx.Response, what: str) -> RunpodError:
    """The error for an answer that is not a success.

    ``what`` completes "Runpod could not …": "rent a pod". Kinds: ``auth``, ``blocked``,
    ``forbidden``, ``no_balance``, ``no_capacity``, ``refused``, ``not_found``, ``conflict``,
    ``too_large``, ``bad_request``, ``rate_limited``, ``server``, ``proxy``, ``bad_answer``.
    """
    status, said = response.status_code, problem_text(response)
    kind, message, hint = _meaning(status, said, what)
    details = _details(response, said)
    if not kind:
        known = refused(status, SERVICE, details)
        kind, message, hint = known.kind, known.message, known.hint
    return RunpodError(
        kind, message, hint, details, status=status, retry_after=retry_after(response)
    )


def unclear(error: AppError, what: str) -> RunpodError:
    """The error for a call that was sent, got no proper answer and may have made something."""
    return RunpodError(
        UNCLEAR,
        f"Runpod gave no clear answer, so whether it could {what} is not known.",
        "Temper looks before it tries again.",
        redact(f"{error.message} {error.details}")[:_LONGEST_DETAILS],
        status=getattr(error, "status", 0),
    )


def problem_text(response: httpx.Response) -> str:
    """What an answer of the kind ``application/problem+json`` says; of any other the body."""
    try:
        content: Any = response.json()
    except ValueError:
        return response.text
    if not isinstance(content, dict):
        return response.text
    errors = content.get("errors")
    parts = [content.get("detail") or content.get("title") or ""]
    parts += errors if isinstance(errors, list) else []
    return "; ".join(str(part) for part in parts if part)


def retry_after(response: httpx.Response) -> float:
    """The seconds of the header ``Retry-After``; 0 where it is missing or is a date."""
    try:
        return max(0.0, float(response.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0


def _meaning(status: int, said: str, what: str) -> tuple[str, str, str]:
    """Kind, sentence and next step; an empty kind where nothing is special about Runpod's."""
    page = SECRETS[RUNPOD_KEY].page
    if status == 403 and _BLOCKED in said:
        return (
            "blocked", "Runpod's network does not let this computer through (error code 1010).",
            "Try another network, or leave the proxy or VPN.",
        )  # fmt: skip
    if status == 400 and any(words in said for words in _CAPACITY):
        return (
            NO_CAPACITY, "Runpod has no such GPU free at the moment.",
            "Choose another GPU, cloud or data centre, or try again later.",
        )  # fmt: skip
    table = {
        400: ("refused", f"Runpod refused to {what}: {_short(said)}", "Change what it names."),
        401: (
            "auth", "Runpod does not accept this key: it is wrong, disabled or deleted.",
            f"Make a new one at {page}.",
        ),
        402: (
            "no_balance", f"The Runpod account's balance is too low to {what}.",
            "Add credit in Runpod's console, under Billing.",
        ),
        403: (
            "forbidden", f"Runpod knows this key, but it may not {what}.",
            f"Give it the permission at {page}.",
        ),
        404: (NOT_FOUND, f"Runpod could not {what}: it is not there.", "It may have been deleted."),
        409: (
            "conflict", f"Runpod could not {what} as things are: {_short(said)}",
            "Wait a moment, then try again.",
        ),
        413: (
            "too_large", f"Runpod could not {what}: the request is too large.",
            "A pod's settings may have 100 kB.",
        ),
        422: (
            "bad_request", f"Runpod did not understand the request to {what}: {_short(said)}",
            "If the settings are right, this is a fault of Temper: please report it.",
        ),
    }  # fmt: skip
    return table.get(status, ("", "", ""))


def _short(said: str) -> str:
    words = redact(" ".join(said.split()))
    shown = words if len(words) <= 300 else words[:299] + "…"
    return shown if shown.endswith((".", "…")) else f"{shown}."


def _details(response: httpx.Response, said: str) -> str:
    request_id = response.headers.get("x-request-id", "")
    parts = (f"HTTP {response.status_code}", request_id and f"request {request_id}", said)
    return redact(", ".join(part for part in parts if part))[:_LONGEST_DETAILS]
