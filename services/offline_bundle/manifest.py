"""What a bundle says of itself: every file with its size and hash, and what the files are for.

A bundle comes from somebody else, so nothing in it is believed: each path is checked here before
anything is written anywhere.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.domain.dataset import DatasetPart, DatasetSession
from models.domain.errors import AppError

MANIFEST = "manifest.json"
WHEELS = "environment/wheels"
PYTHON = "environment/python.tar.gz"
MOST_BYTES = 32_000_000
"""A manifest of a thousand files has 200,000 bytes."""
MOST_IDS = 8
"""By so many ids engines may know one image: two are usual."""
_HASH = r"^[0-9a-f]{64}$"
_PLACES = ("environment", "images", "hub", "models", "datasets", "configs")
_NAMED_BY_HASH = re.compile(r"hub/[^/]+/blobs/([0-9a-f]{64})")
_FREE = re.compile(rf"models/[^/]+/.+|{WHEELS}/[^/]+\.whl|{re.escape(PYTHON)}")
"""Files that nothing else in the manifest names."""
_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
"""Signs that Windows has no files for, or that mean something else there."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_path(path: str) -> str:
    """The path as it is; ValueError where it could lead out of its folder on any system."""
    parts = path.split("/")
    bad = _UNSAFE.search(path) or any(
        part in {"", ".", ".."} or part.endswith((".", " ")) or _RESERVED.fullmatch(part)
        for part in parts
    )
    if bad or len(path) > 1000:
        raise ValueError(f"{path[:200]!r} is no path for a file of a bundle")
    return path


def portable_name(name: str) -> str:
    """A folder's name as every system has it, and as nothing hidden."""
    shown = _UNSAFE.sub("-", name).strip(". ") or "model"
    return f"model-{shown}" if _RESERVED.fullmatch(shown) else shown


def is_misnamed(path: str, sha256: str) -> bool:
    """Whether a file that its SHA-256 names, as the Hub's large ones are, has another content: then
    it would pass for the Hub's ever after."""
    named = _NAMED_BY_HASH.fullmatch(path)
    return named is not None and named[1] != sha256


def _known_place(path: str) -> str:
    if safe_path(path).split("/")[0] not in _PLACES:
        raise ValueError(f"{path[:200]!r} is in no folder of a bundle")
    return path


_Path = Annotated[str, AfterValidator(_known_place)]
_Name = Annotated[str, AfterValidator(safe_path)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BundledFile(_Part):
    """One file; ``size`` in bytes."""

    path: _Path
    size: int = Field(ge=0)
    sha256: str = Field(pattern=_HASH)


class BundledEnvironment(_Part):
    """The trainer's packages as wheels, and the computers that they are for.

    ``python`` is its version as "3.11", ``platform`` as :func:`services.offline_bundle.computer
    .platform_word` says it, ``pins`` the fingerprint of the lock file that they were chosen by.
    """

    python: str = Field(pattern=r"^3\.\d+$")
    platform: str
    accelerator: str
    pins: str


class BundledImage(_Part):
    """A Docker image: the name that configurations call it by, the ids by which engines know its
    content, the first of which names its file, and the processor it is for, as engines say it."""

    name: str = Field(min_length=1, max_length=255)
    ids: list[Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]] = Field(
        min_length=1, max_length=MOST_IDS
    )
    architecture: str = Field(max_length=40)

    @property
    def path(self) -> str:
        """Its file in the bundle."""
        return f"images/{self.ids[0].removeprefix('sha256:')}.tar"


class BundledRepo(_Part):
    """A model of the Hub as its cache holds it: ``files`` maps a snapshot's file to a blob."""

    repo: str
    folder: str = Field(pattern=r"^models--[A-Za-z0-9._-]+$")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    files: dict[_Name, Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]]


class BundledDataset(_Part):
    """Facts of a dataset; its rows are the file that its hash names. ``size`` in bytes."""

    name: str
    source: str
    format: str
    rows: int
    size: int
    sha256: str = Field(pattern=_HASH)
    created_at: float
    splits: list[tuple[str, int]] = []
    licence: str = ""
    mapping: str = ""
    columns: list[str] = []
    parts: list[dict[str, str | int | float]] = []

    @classmethod
    def of(cls, session: DatasetSession) -> BundledDataset:
        """The facts of a dataset of the library."""
        facts = {name: getattr(session, name) for name in cls.model_fields if name != "parts"}
        parts = [
            {name: getattr(part, name) for name in DatasetPart.__slots__} for part in session.parts
        ]
        facts |= {"splits": list(session.splits), "columns": list(session.columns)}
        return cls(**facts, parts=parts)

    def session(self) -> DatasetSession:
        """The dataset as a library keeps it; it has no number yet."""
        facts = {name: getattr(self, name) for name in type(self).model_fields}
        facts |= {
            "splits": tuple(self.splits),
            "columns": tuple(self.columns),
            "parts": tuple(DatasetPart(**part) for part in self.parts),  # type: ignore[arg-type]
        }
        return DatasetSession(id=0, **facts)


class BundledConfig(_Part):
    """A configuration: its name, and its file."""

    name: str = Field(min_length=1, max_length=1000)
    path: _Path


class Manifest(_Part):
    """The first file of a bundle. ``program`` is the version of Temper that made it."""

    version: Literal[1] = 1
    program: str
    environment: BundledEnvironment | None = None
    images: list[BundledImage] = []
    repos: list[BundledRepo] = []
    datasets: list[BundledDataset] = []
    configs: list[BundledConfig] = []
    files: list[BundledFile]

    @model_validator(mode="after")
    def _whole(self) -> Manifest:
        """Each file once, also where a system takes a and A for the same; each that is named."""
        paths = [file.path.casefold() for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError("a file is in it twice")
        if forged := [file.path for file in self.files if is_misnamed(file.path, file.sha256)]:
            raise ValueError(f"{min(forged)} is not what its name says")
        wanted = [one.path for one in self.configs]
        wanted += [f"datasets/{one.sha256}.jsonl" for one in self.datasets]
        wanted += [one.path for one in self.images]
        for repo in self.repos:
            wanted += [f"hub/{repo.folder}/blobs/{blob}" for blob in repo.files.values()]
        there = {file.path for file in self.files}
        if missing := set(wanted) - there:
            raise ValueError(f"it lacks {min(missing)}")
        if odd := [path for path in there.difference(wanted) if not _FREE.fullmatch(path)]:
            raise ValueError(f"nothing in it needs {min(odd)[:200]!r}")
        return self

    def below(self, place: str) -> list[BundledFile]:
        """Its files in one of its folders."""
        return [file for file in self.files if file.path.startswith(f"{place}/")]


def read_manifest(content: bytes, where: str) -> Manifest:
    """The manifest of a bundle; AppError("bad_bundle") says what is wrong with it."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["loc"] == ("version",):
            raise AppError(
                "newer_version",
                f"{where} was made by a newer Temper.",
                "Install that version here, too.",
            ) from error
        raise bad_bundle(where, str(first["msg"]), str(error)) from error


def bad_bundle(where: str, reason: str, details: str = "") -> AppError:
    """A file that is no bundle, or is not what it says it is."""
    return AppError(
        "bad_bundle",
        f"{where} is no bundle that can be used: {reason}.",
        "Copy it again, or make it again with temper offline export.",
        details,
    )
