"""Runpod's S3 service for network volumes: path-style, the documented operations, 501 for others.

One server stands for all data centres: a request's signature says which it means.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.emulators.runpod.cloud import Cloud
from tests.emulators.runpod.signature import fault_of, region_of
from tests.emulators.server import Emulator, Reply

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulators.runpod.cloud import Volume
    from tests.emulators.server import Request

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MOST_BYTES = 500 * 10**6
"""Of one PutObject, and of one part."""
PARTS = ".s3compat_uploads"
"""The hidden folder of parts."""
_STATUS = {
    "NoSuchBucket": 404, "NoSuchKey": 404, "NoSuchUpload": 404, "NotImplemented": 501,
    "InsufficientStorage": 507, "EntityTooLarge": 400, "InvalidPart": 400, "InvalidRange": 416,
    "InvalidArgument": 400,
}  # fmt: skip


class _Fault(Exception):  # noqa: N818 - an answer
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RunpodS3(Emulator):
    """Serves the volumes of a cloud; with ``region`` those of one data centre alone.

    ``skew`` are seconds that its clock is ahead of the real one: signers know no other, however
    fast the cloud's runs. ``times_out`` of the next CompleteMultipartUpload
    calls get no answer in time, but are carried out.
    """

    def __init__(self, cloud: Cloud, region: str = "") -> None:
        super().__init__()
        self.cloud = cloud
        self.region = region
        self.skew = 0.0
        self.times_out = 0
        self.page = 1000
        self.repeats_token = False
        """Lists that go on give the same token again and again, as for large volumes."""
        self._begun: dict[str, str] = {}
        """Uploads in parts, and the keys of their files."""

    @classmethod
    def alone(cls, region: str, keys: dict[str, str], volumes: int) -> Self:
        """One data centre without a Runpod around it, with so many volumes."""
        cloud = Cloud(s3_keys=keys)
        for number in range(volumes):
            cloud.new_volume(f"volume-{number}", 10, region)
        return cls(cloud, region)

    def answer(self, request: Request) -> Reply:
        fault = self.cloud.faults.take(f"{request.method} /s3{request.target}")
        if fault is not None and not fault.after:
            return Reply(fault.status, fault.body.encode())
        try:
            reply = self._answer(request)
        except _Fault as wrong:
            reply = _error(wrong.code)
        return Reply(fault.status, fault.body.encode()) if fault is not None else reply

    def _answer(self, request: Request) -> Reply:
        code = fault_of(request, self.cloud.s3_keys, time.time() + self.skew)
        region = region_of(request)
        if not code and self.region not in {"", region}:
            code = "AuthorizationHeaderMalformed"
        if code:
            raise _Fault(code)
        parts = urlsplit(request.target)
        query = parse_qs(parts.query, keep_blank_values=True)
        asked = {name: values[0] for name, values in query.items()}
        bucket, _, key = parts.path.lstrip("/").partition("/")
        if not bucket:
            return self._buckets(region) if request.method == "GET" else _error("NotImplemented")
        volume = self.cloud.volumes.get(bucket)
        if volume is None or volume.data_center != region:
            raise _Fault("NoSuchBucket")
        if not key:
            return self._in_bucket(request, volume, asked)
        return self._in_object(request, volume, unquote(key), asked)

    def _buckets(self, region: str) -> Reply:
        names = (one.id for one in self.cloud.volumes.values() if one.data_center == region)
        buckets = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in names)
        return _xml("ListAllMyBucketsResult", f"<Buckets>{buckets}</Buckets>")

    def _in_bucket(self, request: Request, volume: Volume, asked: dict[str, str]) -> Reply:
        if request.method == "HEAD":
            return Reply(200)
        if request.method != "GET" or set(asked) & {"acl", "versioning", "tagging", "encryption"}:
            raise _Fault("NotImplemented")
        if "uploads" in asked:
            begun = [
                one for one in self._begun.items() if (volume.folder / PARTS / one[0]).is_dir()
            ]
            return _xml("ListMultipartUploadsResult", "".join(_upload_of(*one) for one in begun))
        prefix, after = asked.get("prefix", ""), asked.get("continuation-token", "")
        keys = sorted(
            str(one.relative_to(volume.folder).as_posix())
            for one in volume.folder.rglob("*")
            if one.is_file() and PARTS not in one.parts
        )
        keys = [key for key in keys if key.startswith(prefix)]
        rest = [key for key in keys if key > after]
        most = min(int(asked.get("max-keys", "1000")), self.page)
        more = len(rest) > most
        token = keys[0] if self.repeats_token else rest[most - 1] if more else ""
        next_token = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>"
        shown = "".join(_listed(volume.folder / key, key) for key in rest[:most])
        return _xml(
            "ListBucketResult",
            f"<Name>{volume.id}</Name><KeyCount>{len(rest[:most])}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{next_token if more else ''}{shown}",
        )

    def _in_object(
        self, request: Request, volume: Volume, key: str, asked: dict[str, str]
    ) -> Reply:
        path = _inside(volume, key)
        if "uploadId" in asked or "uploads" in asked:
            return self._upload(request, volume, path, asked)
        if asked:
            raise _Fault("NotImplemented")
        if request.method == "PUT":
            source = request.headers.get("x-amz-copy-source")
            content = request.body
            if source is not None:
                bucket, _, other = unquote(source).lstrip("/").partition("/")
                content = _read(_inside(self.cloud.volumes[bucket], other))
            _store(volume, path, content)
            return Reply(200, b"", {"ETag": _etag(content)})
        if request.method == "DELETE":
            path.unlink(missing_ok=True)
            return Reply(204)
        if request.method not in {"GET", "HEAD"}:
            raise _Fault("NotImplemented")
        return _sent(request, path)

    def _upload(self, request: Request, volume: Volume, path: Path, asked: dict[str, str]) -> Reply:
        if "uploads" in asked:
            if request.method != "POST":
                raise _Fault("NotImplemented")
            name = secrets.token_hex(8)
            (volume.folder / PARTS / name).mkdir(parents=True)
            self._begun[name] = path.relative_to(volume.folder.resolve()).as_posix()
            return _xml("InitiateMultipartUploadResult", f"<UploadId>{name}</UploadId>")
        folder = volume.folder / PARTS / re.sub(r"\W", "", asked["uploadId"])
        if not folder.is_dir():
            raise _Fault("NoSuchUpload")
        if request.method == "PUT":
            _store(volume, folder / f"{int(asked['partNumber']):06}", request.body)
            return Reply(200, b"", {"ETag": _etag(request.body)})
        if request.method == "GET":
            return _xml("ListPartsResult", "".join(_part(one) for one in sorted(folder.iterdir())))
        if request.method == "POST":
            return self._complete(request, folder, path)
        _remove(folder)
        return Reply(204)

    def _complete(self, request: Request, folder: Path, path: Path) -> Reply:
        root = ElementTree.fromstring(request.body)
        numbers = [
            int(one.text or 0) for one in root.iter() if one.tag.rpartition("}")[2] == "PartNumber"
        ]
        parts = [folder / f"{number:06}" for number in numbers]
        if not parts or numbers != sorted(numbers) or not all(one.is_file() for one in parts):
            raise _Fault("InvalidPart")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as whole:
            for one in parts:
                whole.write(one.read_bytes())
        _remove(folder)
        if self.times_out:
            self.times_out -= 1
            return Reply(524, b"error code: 524")
        return _xml("CompleteMultipartUploadResult", f"<Key>{escape(path.name)}</Key>")


def _inside(volume: Volume, key: str) -> Path:
    path = (volume.folder / key).resolve()
    if not path.is_relative_to(volume.folder.resolve()) or path == volume.folder.resolve():
        raise _Fault("InvalidArgument")
    return path


def _store(volume: Volume, path: Path, content: bytes) -> None:
    if len(content) > MOST_BYTES:
        raise _Fault("EntityTooLarge")
    if volume.used() + len(content) > volume.limit:
        raise _Fault("InsufficientStorage")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise _Fault("NoSuchKey")
    return path.read_bytes()


def _sent(request: Request, path: Path) -> Reply:
    content = _read(path)
    headers = {"ETag": _etag(content), "Accept-Ranges": "bytes"}
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if match is None or request.method == "HEAD":
        return Reply(200, content, headers)
    start, end = int(match[1]), int(match[2] or len(content) - 1)
    if start >= len(content):
        raise _Fault("InvalidRange")
    part = content[start : end + 1]
    said = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
    return Reply(206, part, headers | {"Content-Range": said})


def _remove(folder: Path) -> None:
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _listed(path: Path, key: str) -> str:
    size, tag = path.stat().st_size, escape(_etag(path.read_bytes()))
    return f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size><ETag>{tag}</ETag></Contents>"


def _upload_of(name: str, key: str) -> str:
    return f"<Upload><Key>{escape(key)}</Key><UploadId>{name}</UploadId></Upload>"


def _part(path: Path) -> str:
    number, size = int(path.name), path.stat().st_size
    return f"<Part><PartNumber>{number}</PartNumber><Size>{size}</Size></Part>"


def _error(code: str) -> Reply:
    reply = _xml("Error", f"<Code>{code}</Code><Message>No.</Message>")
    return Reply(_STATUS.get(code, 403), reply.body, reply.headers)


def _xml(root: str, content: str) -> Reply:
    name = f' xmlns="{_NAMESPACE}"' if root != "Error" else ""
    body = f'<?xml version="1.0" encoding="UTF-8"?><{root}{name}>{content}</{root}>'.encode()
    return Reply(200, body, {"Content-Type": "application/xml"})
