"""Takes secrets out of what is shown or written: those that were set, and whatever looks like one.

One for the process: logs, crash reports and errors exist before any service does.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from typing import TYPE_CHECKING, Any

from models.domain.secrets import SECRET_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

REDACTED = "[redacted]"
_SHORTEST = 8
"""A shorter value would blank out ordinary words; none of the services hands one out."""

# Hugging Face tokens, Runpod API keys, Runpod S3 access and secret keys; what HTTP carries.
_LOOKS_SECRET = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{20,}|api_org_[A-Za-z0-9]{20,}"
    r"|rpa_[A-Za-z0-9]{20,}|rps_[A-Za-z0-9]{20,}|user_[A-Za-z0-9]{24,})"
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[^\s'\",;]{8,}")
_URL_PASSWORD = re.compile(r"(?<=://)[^/\s:@'\"]+:[^/\s@'\"]+(?=@)")


class Redactor:
    """Knows the values that must not be seen. Thread-safe."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def learn(self, *values: str | None) -> None:
        """From now on these are taken out wherever they occur."""
        new = {value for value in values if value and len(value) >= _SHORTEST}
        with self._lock:
            self._known |= new

    def learn_environment(self, environ: Mapping[str, str]) -> None:
        """Learn what the user's own variables hold."""
        self.learn(*(environ.get(name) for name in SECRET_VARIABLES))

    def __call__(self, text: str) -> str:
        """The text without anything secret."""
        for value in sorted(self._known, key=len, reverse=True):
            text = text.replace(value, REDACTED)
        text = _LOOKS_SECRET.sub(REDACTED, text)
        text = _BEARER.sub(rf"\1{REDACTED}", text)
        return _URL_PASSWORD.sub(REDACTED, text)


redact = Redactor()
redact.learn_environment(os.environ)


def redact_logging() -> None:
    """Clean every log record from now on, whoever's logger and handler it is.

    In the factory of records rather than in a filter: libraries bring handlers of their own.
    """
    if logging.getLogRecordFactory() is not _clean_record:
        logging.setLogRecordFactory(_clean_record)


def _clean_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **kwargs)
    try:
        message = record.getMessage()
    except (TypeError, ValueError):  # a wrong format string, which the handler will tell
        return record
    record.msg, record.args = redact(message), ()
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
    return record
