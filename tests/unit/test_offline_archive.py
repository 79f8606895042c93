"""The bundle's file: written so that a cut is gone on with, read so that nothing is believed."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from services.offline_bundle.archive import BundleReader, ByteMeter, write_bundle
from services.offline_bundle.manifest import BundledFile, Manifest, read_manifest
from services.progress import CancelToken

if TYPE_CHECKING:
    from pathlib import Path

_CONTENTS = {
    "models/m/model.safetensors": random.Random(1).randbytes(70_000),
    "models/m/tokenizer/" + "ü" * 80 + ".json": b"{}" * 700,
    "models/m/empty": b"",
    "models/m/config.json": b"{}",
}


def _meter(cancel: CancelToken | None = None) -> ByteMeter:
    return ByteMeter("Writing", 1, lambda _progress: None, cancel or CancelToken())


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "here").mkdir()
    found = {}
    for number, (name, content) in enumerate(_CONTENTS.items()):
        found[name] = tmp_path / "here" / str(number)
        found[name].write_bytes(content)
    return found


def _file(path: str, content: bytes) -> BundledFile:
    return BundledFile(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(program="1", files=[_file(*one) for one in _CONTENTS.items()])


@pytest.fixture
def bundle(tmp_path: Path, manifest: Manifest, sources: dict[str, Path]) -> Path:
    path = tmp_path / "x.temper"
    write_bundle(path, manifest, sources, _meter())
    return path


def _taken_out(bundle: Path, target: Path) -> dict[str, bytes]:
    with BundleReader(bundle) as reader:
        for member in reader.manifest.files:
            reader.take_out(member, target / member.path, lambda _count: None)
    files = (path for path in target.rglob("*") if path.is_file())
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in files}


def test_what_was_put_in_comes_out_and_any_tar_lists_it(bundle: Path, tmp_path: Path) -> None:
    assert _taken_out(bundle, tmp_path / "there") == _CONTENTS
    with tarfile.open(bundle) as tar:
        assert tar.getnames() == ["manifest.json", *_CONTENTS]


def test_writing_goes_on_after_a_cut_anywhere_to_the_same_bytes(
    bundle: Path, manifest: Manifest, sources: dict[str, Path]
) -> None:
    whole, part = bundle.read_bytes(), bundle.with_name(f"{bundle.name}.part")
    cuts = [0, 1, 512, *random.Random(2).sample(range(len(whole)), 12), len(whole)]
    for cut in cuts:
        bundle.unlink()
        part.write_bytes(whole[:cut])
        write_bundle(bundle, manifest, sources, _meter())
        assert bundle.read_bytes() == whole, cut
        assert not part.exists()


def test_writing_goes_on_over_bytes_that_were_damaged_meanwhile(
    bundle: Path, manifest: Manifest, sources: dict[str, Path]
) -> None:
    whole, part = bundle.read_bytes(), bundle.with_name(f"{bundle.name}.part")
    bundle.unlink()
    part.write_bytes(whole[:40_000] + b"\xff" + whole[40_001:])
    write_bundle(bundle, manifest, sources, _meter())
    assert bundle.read_bytes() == whole


@pytest.mark.parametrize("content", [b"my own film", b"x" * 5000, bytes(600)])
def test_what_another_program_has_begun_beside_the_bundle_is_left_alone(
    bundle: Path, manifest: Manifest, sources: dict[str, Path], content: bytes
) -> None:
    bundle.unlink()
    part = bundle.with_name(f"{bundle.name}.part")
    part.write_bytes(content)
    with pytest.raises(AppError, match="no beginning of a bundle") as failure:
        write_bundle(bundle, manifest, sources, _meter())
    assert failure.value.kind == "exists"
    assert part.read_bytes() == content
    assert not bundle.exists()


def test_a_file_that_changed_since_it_was_hashed_is_told(
    bundle: Path, manifest: Manifest, sources: dict[str, Path]
) -> None:
    bundle.unlink()
    sources["models/m/config.json"].write_bytes(b"[]")
    with pytest.raises(AppError) as failure:
        write_bundle(bundle, manifest, sources, _meter())
    assert failure.value.kind == "changed"
    assert not bundle.exists()


def test_a_file_that_is_gone_since_it_was_hashed_is_no_fault_of_the_bundles_place(
    tmp_path: Path, manifest: Manifest, sources: dict[str, Path]
) -> None:
    sources["models/m/config.json"].unlink()
    with pytest.raises(AppError, match="was changed meanwhile") as failure:
        write_bundle(tmp_path / "x.temper", manifest, sources, _meter())
    assert failure.value.kind == "changed"


def test_reading_goes_on_where_a_file_was_cut_and_begins_damaged_ones_anew(
    bundle: Path, tmp_path: Path
) -> None:
    content = _CONTENTS["models/m/model.safetensors"]
    with BundleReader(bundle) as reader:
        member = reader.manifest.files[0]
        for there in (content[:30_000], b"?" * 30_000, content + b"more"):
            target = tmp_path / "there" / "model"
            target.parent.mkdir(exist_ok=True)
            target.with_name("model.part").write_bytes(there)
            told: list[int] = []
            reader.take_out(member, target, told.append)
            assert target.read_bytes() == content
            target.unlink()
            assert list(target.parent.iterdir()) == []


def test_a_damaged_byte_is_found_and_nothing_is_placed(bundle: Path, tmp_path: Path) -> None:
    whole = bytearray(bundle.read_bytes())
    whole[40_000] ^= 1
    bundle.write_bytes(whole)
    with BundleReader(bundle) as reader, pytest.raises(AppError) as failure:
        reader.take_out(reader.manifest.files[0], tmp_path / "model", lambda _count: None)
    assert failure.value.kind == "bad_bundle"
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "model.part").exists()


def test_another_file_in_the_place_is_left_alone(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"mine")
    with BundleReader(bundle) as reader, pytest.raises(AppError) as failure:
        reader.take_out(reader.manifest.files[0], tmp_path / "model", lambda _count: None)
    assert failure.value.kind == "exists"
    assert (tmp_path / "model").read_bytes() == b"mine"


def test_a_bundle_that_is_cut_short_says_how_much_is_there(bundle: Path) -> None:
    whole = bundle.read_bytes()
    for cut in (len(whole) - 1, len(whole) // 2):
        bundle.write_bytes(whole[:cut])
        with pytest.raises(AppError) as failure:
            BundleReader(bundle)
        assert failure.value.kind == "cut_short"
    for content in (b"", b"PK\x03\x04" * 400, whole[:100]):
        bundle.write_bytes(content)
        with pytest.raises(AppError) as failure:
            BundleReader(bundle)
        assert failure.value.kind in {"bad_bundle", "cut_short"}


@pytest.mark.parametrize(
    "path",
    [
        "../up", "/etc/passwd", "models/m/../../../up", "models//m", "models/./m", "hub",
        "models/m",
        "C:/x", "models\\m\\x", "models/m/con.txt", "models/m/x.", "elsewhere/m", "hub/x/blobs/y",
        "models/m/\x00", "environment/wheels/x.sh", "environment/x.whl", "", "configs/1.yaml",
    ],
)  # fmt: skip
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    content = {"version": 1, "program": "1", "files": [_file("models/m/x", b"").model_dump()]}
    content["files"][0]["path"] = path  # type: ignore[index]
    with pytest.raises(AppError) as failure:
        read_manifest(json.dumps(content).encode(), "x.temper")
    assert failure.value.kind == "bad_bundle"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"version": 2}, "newer_version"),
        ({"more": 1}, "bad_bundle"),
        ({"files": [{"path": "models/m/x", "size": -1, "sha256": "0" * 64}]}, "bad_bundle"),
        ({"files": [{"path": f"models/{m}/x", "size": 0, "sha256": "0" * 64} for m in "mM"]},
         "bad_bundle"),
        ({"configs": [{"name": "one", "path": "configs/001.yaml"}]}, "bad_bundle"),
        ({"repos": [{"repo": "a/b", "folder": "models--a--b", "revision": "0" * 40,
                     "files": {"model.safetensors": "a" * 64}}],
          "files": [{"path": f"hub/models--a--b/blobs/{'a' * 64}", "size": 1,
                     "sha256": "b" * 64}]},
         "bad_bundle"),
    ],
)  # fmt: skip
def test_manifests_that_do_not_hold_are_refused(change: dict[str, Any], kind: str) -> None:
    content = {"version": 1, "program": "1", "files": []} | change
    with pytest.raises(AppError) as failure:
        read_manifest(json.dumps(content).encode(), "x.temper")
    assert failure.value.kind == kind


def test_a_tar_with_a_link_in_the_place_of_a_file_is_not_looked_into(
    tmp_path: Path, manifest: Manifest
) -> None:
    path, text = tmp_path / "evil.temper", manifest.model_dump_json().encode()
    with tarfile.open(path, "w") as tar:
        first = tarfile.TarInfo("manifest.json")
        first.size = len(text)
        tar.addfile(first, io.BytesIO(text))
        for member in manifest.files:
            info = tarfile.TarInfo(member.path)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(info)
        tar.addfile(tarfile.TarInfo("padding"), io.BytesIO())
    path.write_bytes(path.read_bytes() + bytes(200_000))
    with pytest.raises(AppError, match="where it should be"):
        BundleReader(path)
