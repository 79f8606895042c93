"""The emulated S3 service of network volumes, asked by a signer that is neither ours nor its."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from httpx_auth import AWS4Auth

from tests.emulators.runpod.cloud import Cloud
from tests.emulators.runpod.s3 import PARTS, RunpodS3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.runpod.cloud import Volume

ACCESS, SECRET, REGION = "user_" + "a" * 30, "rps_" + "s" * 40, "EU-RO-1"


@pytest.fixture
def s3() -> Iterator[RunpodS3]:
    cloud = Cloud(s3_keys={ACCESS: SECRET})
    cloud.new_volume("v", 10, REGION)
    with RunpodS3(cloud) as emulator:
        yield emulator
    cloud.close()


@pytest.fixture
def volume(s3: RunpodS3) -> Volume:
    (found,) = s3.cloud.volumes.values()
    return found


@pytest.fixture
def http(s3: RunpodS3, volume: Volume) -> Iterator[httpx.Client]:
    signer = AWS4Auth(ACCESS, SECRET, REGION, "s3")
    with httpx.Client(base_url=f"{s3.url}/{volume.id}", auth=signer) as client:
        yield client


def code(answer: httpx.Response) -> tuple[int, str]:
    found = re.search(r"<Code>(\w+)</Code>", answer.text)
    return answer.status_code, found[1] if found else ""


def test_a_file_is_put_seen_read_in_part_and_removed(http: httpx.Client, volume: Volume) -> None:
    put = http.put("/datasets/rows%20%231.jsonl", content=b"0123456789")
    assert put.status_code == 200
    assert (volume.folder / "datasets" / "rows #1.jsonl").read_bytes() == b"0123456789"
    head = http.head("/datasets/rows%20%231.jsonl")
    assert (head.headers["content-length"], head.headers["etag"]) == ("10", put.headers["etag"])
    part = http.get("/datasets/rows%20%231.jsonl", headers={"Range": "bytes=3-5"})
    assert (part.status_code, part.content) == (206, b"345")
    assert part.headers["content-range"] == "bytes 3-5/10"
    beyond = http.get("/datasets/rows%20%231.jsonl", headers={"Range": "bytes=10-"})
    assert code(beyond) == (416, "InvalidRange")
    assert http.delete("/datasets/rows%20%231.jsonl").status_code == 204
    assert code(http.get("/datasets/rows%20%231.jsonl")) == (404, "NoSuchKey")


def test_parts_become_one_file_even_when_the_answer_is_late(
    s3: RunpodS3, http: httpx.Client, volume: Volume
) -> None:
    upload = re.search("<UploadId>(.*)</UploadId>", http.post("/big?uploads=").text)
    assert upload is not None
    where = f"/big?uploadId={upload[1]}"
    for number, content in ((1, b"one"), (2, b"two")):
        sent = http.put(f"/big?partNumber={number}&uploadId={upload[1]}", content=content)
        assert sent.status_code == 200
    assert http.get(where).text.count("<Part>") == 2
    assert not (volume.folder / "big").exists()
    assert PARTS not in http.get("/?list-type=2").text
    whole = "".join(f"<Part><PartNumber>{n}</PartNumber></Part>" for n in (1, 2))
    wrong = f"<C>{whole}<Part><PartNumber>3</PartNumber></Part></C>"
    assert code(http.post(where, content=wrong)) == (400, "InvalidPart")
    s3.times_out = 1
    assert http.post(where, content=f"<C>{whole}</C>").status_code == 524
    assert (volume.folder / "big").read_bytes() == b"onetwo"
    assert code(http.post(where, content=f"<C>{whole}</C>")) == (404, "NoSuchUpload")


def test_a_full_volume_takes_no_more(http: httpx.Client, volume: Volume) -> None:
    volume.full_at = 10
    assert http.put("/a", content=b"x" * 10).status_code == 200
    assert code(http.put("/b", content=b"x")) == (507, "InsufficientStorage")


def test_lists_go_on_and_large_ones_repeat_themselves(s3: RunpodS3, http: httpx.Client) -> None:
    for name in "abc":
        http.put(f"/in/{name}", content=b"x")
    s3.page = 2
    first = http.get("/?list-type=2&prefix=in/").text
    assert re.findall("<Key>(.*?)</Key>", first) == ["in/a", "in/b"]
    token = re.findall("<NextContinuationToken>(.*)</Next", first)
    rest = http.get(f"/?list-type=2&prefix=in/&continuation-token={token[0]}").text
    assert re.findall("<Key>(.*?)</Key>", rest) == ["in/c"]
    s3.repeats_token, s3.page = True, 1
    again = http.get("/?list-type=2&prefix=in/&continuation-token=in/a").text
    assert "<NextContinuationToken>in/a<" in again


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/?delete"), ("GET", "/?acl"), ("PUT", "/"), ("DELETE", "/"), ("PUT", "/a?tagging")],
)
def test_what_runpod_does_not_offer_is_not_offered(
    http: httpx.Client, method: str, path: str
) -> None:
    assert code(http.request(method, path)) == (501, "NotImplemented")


def test_signatures_are_checked(s3: RunpodS3, volume: Volume) -> None:
    def ask(access: str, secret: str, region: str = REGION) -> tuple[int, str]:
        signer = AWS4Auth(access, secret, region, "s3")
        return code(httpx.put(f"{s3.url}/{volume.id}/a", content=b"x", auth=signer))

    assert ask(ACCESS, "rps_wrong") == (403, "SignatureDoesNotMatch")
    assert ask("user_nobody", SECRET) == (403, "InvalidAccessKeyId")
    assert ask(ACCESS, SECRET, "US-KS-2") == (404, "NoSuchBucket")
    assert code(httpx.get(f"{s3.url}/{volume.id}/a")) == (403, "AccessDenied")
    s3.skew = 4000
    assert ask(ACCESS, SECRET) == (403, "RequestTimeTooSkewed")
    s3.skew = 0
    s3.cloud.clock.move(1e6)  # the cloud's fast clock is not what a signer has
    assert ask(ACCESS, SECRET) == (200, "")


def test_nothing_beside_a_volume_is_reached(http: httpx.Client, volume: Volume) -> None:
    (volume.folder.parent / "other").write_text("not on the volume")
    source = {"x-amz-copy-source": f"/{volume.id}/../other"}
    assert code(http.put("/copy", headers=source)) == (400, "InvalidArgument")
    http.put("/a", content=b"x")
    assert http.put("/copy", headers={"x-amz-copy-source": f"/{volume.id}/a"}).status_code == 200
    assert (volume.folder / "copy").read_bytes() == b"x"
