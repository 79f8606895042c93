"""Amazon's signature of version 4, by which Runpod's S3 service knows who asks.

By Amazon's description ("Create a signed AWS API request"). Only the hash of a body is signed, so
a part of a large file need not be held in memory.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING = hashlib.sha256(b"").hexdigest()
"""The hash of an empty body."""
_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


@dataclass(frozen=True, slots=True)
class S3Keys:
    """One S3 key of the account; the secret never shows."""

    access: str
    secret: str

    def __repr__(self) -> str:
        return f"S3Keys(access={self.access[:8]!r}…)"


class Asked(NamedTuple):
    """A request as it is signed; ``path`` and ``query`` are encoded already."""

    method: str
    host: str
    path: str
    query: str = ""


def encoded_path(path: str) -> str:
    """A path as it stands in the request and in what is signed: S3 encodes it once."""
    return quote(path, safe=f"/{_UNRESERVED}")


def encoded_query(query: Mapping[str, str]) -> str:
    """A query likewise, in the order in which it is signed."""
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def signed_headers(
    keys: S3Keys,
    region: str,
    asked: Asked,
    *,
    sha256: str = NOTHING,
    extra: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> dict[str, str]:
    """The headers with which a request may be sent, ``extra`` ones included; ``sha256`` is of its
    body."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    sent = {"host": asked.host, "x-amz-content-sha256": sha256, "x-amz-date": moment}
    sent |= {name.lower(): value.strip() for name, value in (extra or {}).items()}
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
    canonical = "\n".join((asked.method, asked.path, asked.query, lines, names, sha256))
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(_key(keys.secret, scope), text.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={keys.access}/{scope}"
    said = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    return sent | {"authorization": said}


def _key(secret: str, scope: str) -> bytes:
    """The key of a day, a region and a service, made from the secret."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _encoded(text: str) -> str:
    return quote(text, safe=_UNRESERVED)
