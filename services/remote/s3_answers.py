"""What the S3 service of network volumes answers: documents, refusals, what may be tried again."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import httpx

from models.domain.errors import AppError
from models.domain.secrets import S3_ACCESS_KEY, SECRETS
from services.redaction import redact
from services.runpod.agent_files import VOLUME_UNREACHABLE

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 16.0
_SERVICE = "The volume's S3 service"
_NO_UPLOAD = "NoSuchUpload"
_AGAIN = frozenset({408, 429, 500, 502, 503, 504, 520, 522, 524})
S3_FAULTS = {
    "InvalidAccessKeyId": "Runpod does not know this S3 access key.",
    "SignatureDoesNotMatch": "The S3 secret key does not belong to the S3 access key.",
}
"""By the code of the answer."""


class AgainError(Exception):
    """Another try may go well; ``error`` is what to say when there is none."""

    def __init__(self, error: AppError) -> None:
        self.error = error


class ForgottenError(Exception):
    """The service knows nothing of an upload's parts, or has joined them already."""


def judge(answer: httpx.Response) -> None:
    """Raise for what is neither a success nor a missing file."""
    status = answer.status_code
    if answer.is_success:
        return
    code = text_of(document(answer, lenient=True), "Code")
    if code == _NO_UPLOAD:
        raise ForgottenError
    if status in _AGAIN or code in {"InternalError", "SlowDown", "ServiceUnavailable"}:
        raise AgainError(unreachable(f"HTTP {status} {code}"))
    if status == httpx.codes.NOT_FOUND and code != "NoSuchBucket":
        return
    raise refusal(answer)


def refusal(answer: httpx.Response) -> AppError:
    """What a refusal means to a person."""
    page = SECRETS[S3_ACCESS_KEY].page
    status, code = answer.status_code, text_of(document(answer, lenient=True), "Code")
    details = redact(f"HTTP {status} {code}")
    if status == httpx.codes.INSUFFICIENT_STORAGE:
        message = "The network volume is full."
        return AppError("disk_full", message, "Enlarge it, or remove old outputs from it.", details)
    if code in S3_FAULTS:
        hint = f"Copy both of one S3 key again from {page}."
        return AppError("auth", S3_FAULTS[code], hint, details)
    if code == "RequestTimeTooSkewed":
        message = "This computer's clock is wrong by more than Runpod's S3 service allows."
        return AppError("clock", message, "Set the clock, then try again.", details)
    if code == "NoSuchKey":
        message = "A file that should be on the network volume is not there."
        return AppError("not_found", message, "Something may have removed it.", details)
    if code == "NoSuchBucket":
        message = "Runpod's S3 service does not know the network volume."
        return AppError("volume_gone", message, "It may have been deleted in the console.", details)
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        message = "Runpod knows these S3 keys, but does not let them at the network volume."
        return AppError("forbidden", message, f"Check the S3 key at {page}.", details)
    return not_understood(answer)


def not_understood(answer: httpx.Response) -> AppError:
    """An answer of something else, or of another version."""
    return AppError(
        "bad_answer",
        f"{_SERVICE} gave an answer that Temper does not understand (HTTP {answer.status_code}).",
        "Try again later; everything works without S3 keys, too.",
        redact(answer.text if answer.is_stream_consumed else "")[:500],
    )


def unreachable(details: str) -> AppError:
    """Nothing is known but that there was no proper answer."""
    return AppError(
        VOLUME_UNREACHABLE, f"{_SERVICE} cannot be reached just now.",
        "Check the network connection; everything works without S3 keys, too.",
        redact(details)[:500],
    )  # fmt: skip


def wait_between(attempt: int) -> float:
    """Seconds to wait after so many tries in a row."""
    return float(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)))


def document(answer: httpx.Response | None, *, lenient: bool = False) -> ElementTree.Element:
    """The answer's document; an empty one for what is none, where that does not matter."""
    content: Any = b"" if answer is None else answer.content
    try:
        return ElementTree.fromstring(content)  # noqa: S314 - expat refuses entity bombs
    except ElementTree.ParseError:
        if lenient or answer is None:
            return ElementTree.Element("Nothing")
        raise not_understood(answer) from None


def name_of(part: ElementTree.Element) -> str:
    """Without the namespace."""
    return part.tag.rpartition("}")[2]


def text_of(root: ElementTree.Element, name: str) -> str:
    """Of the first element of this name; empty where there is none."""
    return next((part.text or "" for part in root.iter() if name_of(part) == name), "")
