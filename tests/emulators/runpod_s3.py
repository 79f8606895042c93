"""Runpod's S3 service as far as listing volumes goes: it checks the signature of version 4.

Written from Amazon's description of the algorithm, not from any client.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

from tests.emulators.server import Emulator, Reply, Request

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)


class RunpodS3(Emulator):
    """One data centre; knows access keys with their secret keys, and the volumes there are."""

    def __init__(self, region: str, keys: dict[str, str], volumes: tuple[str, ...]) -> None:
        super().__init__()
        self.region = region
        self.keys = keys
        self.volumes = volumes
        self.clock = datetime.now(UTC)

    def answer(self, request: Request) -> Reply:
        fault = self._fault(request)
        if fault:
            return _xml(403, f"<Error><Code>{fault}</Code><Message>No.</Message></Error>")
        if request.method != "GET" or request.target != "/":
            return _xml(501, "<Error><Code>NotImplemented</Code></Error>")
        buckets = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in self.volumes)
        return _xml(
            200,
            f'<ListAllMyBucketsResult xmlns="{_NAMESPACE}"><Buckets>{buckets}</Buckets>'
            "</ListAllMyBucketsResult>",
        )

    def _fault(self, request: Request) -> str:
        match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if match is None:
            return "AccessDenied"
        access, day, region, signed, signature = match.groups()
        if access not in self.keys:
            return "InvalidAccessKeyId"
        moment = request.headers.get("x-amz-date", "")
        asked = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(asked - self.clock) > timedelta(hours=1):
            return "RequestTimeTooSkewed"
        if region != self.region or not moment.startswith(day):
            return "AuthorizationHeaderMalformed"
        expected = self._signature(request, day, signed.split(";"), self.keys[access])
        return "" if hmac.compare_digest(expected, signature) else "SignatureDoesNotMatch"

    def _signature(self, request: Request, day: str, signed: list[str], secret: str) -> str:
        path, _, query = request.target.partition("?")
        headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in signed)
        payload = hashlib.sha256(request.body).hexdigest()
        canonical = "\n".join((request.method, path, query, headers, ";".join(signed), payload))
        scope = f"{day}/{self.region}/s3/aws4_request"
        text = "\n".join(
            ("AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope,
             hashlib.sha256(canonical.encode()).hexdigest())
        )  # fmt: skip
        key = f"AWS4{secret}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _xml(status: int, content: str) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>{content}'.encode()
    return Reply(status, body, {"Content-Type": "application/xml"})
