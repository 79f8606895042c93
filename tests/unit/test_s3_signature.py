"""The signature of S3 requests: Amazon's own examples, and another implementation's opinion."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import httpx
import pytest
from httpx_auth import AWS4Auth

from services.remote.signature import Asked, S3Keys, encoded_path, encoded_query, signed_headers

# From "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".
KEYS = S3Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HOST = "examplebucket.s3.amazonaws.com"
MOMENT = datetime(2013, 5, 24, tzinfo=UTC)


def signature(method: str, path: str, query: dict[str, str], **more: object) -> str:
    asked = Asked(method, HOST, encoded_path(path), encoded_query(query))
    headers = signed_headers(KEYS, "us-east-1", asked, now=MOMENT, **more)  # type: ignore[arg-type]
    return headers["authorization"].rpartition("Signature=")[2]


def test_amazons_example_of_a_range() -> None:
    assert signature("GET", "/test.txt", {}, extra={"Range": "bytes=0-9"}) == (
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_amazons_example_of_a_put() -> None:
    extra = {
        "Date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    body = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
    assert signature("PUT", "/test$file.text", {}, extra=extra, sha256=body) == (
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"lifecycle": ""}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            {"prefix": "J", "max-keys": "2"},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_amazons_examples_of_queries(query: dict[str, str], expected: str) -> None:
    assert signature("GET", "/", query) == expected


@pytest.mark.parametrize("key", ["/v/a b#c+d.jsonl", "/v/ä/ö~x", "/v/100%"])
def test_another_implementation_signs_odd_names_the_same(key: str) -> None:
    url = f"https://host.example{encoded_path(key)}?{encoded_query({'a b': 'c/d+e'})}"
    request = httpx.Request("GET", url)
    auth = AWS4Auth(KEYS.access, KEYS.secret, "EU-RO-1", "s3")
    theirs = next(auth.sync_auth_flow(request)).headers
    now = datetime.strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    path, _, query = request.url.raw_path.decode().partition("?")
    ours = signed_headers(KEYS, "EU-RO-1", Asked("GET", "host.example", path, query), now=now)
    assert ours["authorization"] == theirs["authorization"]


def test_the_secret_never_shows() -> None:
    assert KEYS.secret not in repr(KEYS)
