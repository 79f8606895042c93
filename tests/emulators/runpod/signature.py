"""Amazon's signature of version 4, checked. Written from its description, not from any client."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:
    from tests.emulators.server import Request

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)
UNSIGNED = "UNSIGNED-PAYLOAD"
SKEW_SECONDS = 3600.0


def region_of(request: Request) -> str:
    """The region that a request is signed for; empty for one that is not signed."""
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    return match[3] if match else ""


def fault_of(request: Request, keys: dict[str, str], now: float) -> str:
    """The code of what is wrong with the signature; empty when nothing is."""
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        return "AccessDenied"
    access, day, region, signed, signature = match.groups()
    if access not in keys:
        return "InvalidAccessKeyId"
    moment = request.headers.get("x-amz-date", "")
    try:
        asked = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return "AccessDenied"
    if abs(asked - now) > SKEW_SECONDS:
        return "RequestTimeTooSkewed"
    if not moment.startswith(day):
        return "AuthorizationHeaderMalformed"
    said = request.headers.get("x-amz-content-sha256", "")
    payload = hashlib.sha256(request.body).hexdigest()
    if said not in {"", UNSIGNED, payload}:
        return "XAmzContentSHA256Mismatch"
    names = signed.split(";")
    expected = _signature(request, (day, region), names, keys[access], said or payload)
    return "" if hmac.compare_digest(expected, signature) else "SignatureDoesNotMatch"


def _signature(
    request: Request, scope: tuple[str, str], signed: list[str], secret: str, payload: str
) -> str:
    path, _, query = request.target.partition("?")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    asked = "&".join(f"{name}={value}" for name, value in pairs)
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed)
    canonical = "\n".join((request.method, path, asked, headers, ";".join(signed), payload))
    day, region = scope
    text = "\n".join(
        ("AWS4-HMAC-SHA256", request.headers["x-amz-date"], f"{day}/{region}/s3/aws4_request",
         hashlib.sha256(canonical.encode()).hexdigest())
    )  # fmt: skip
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
