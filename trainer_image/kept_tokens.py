"""Tokens that are kept for the next time: the data gate has just made those that a training needs.

They lie under the data root, named by all that they depend on: the rows, the tokenizer's files, the
options, the versions of the libraries and our own code. Nothing heavy here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from trainer_image.contract import CONTAINER_DATA_ROOT, TOKENS_FOLDER
from trainer_image.record import code_sha256
from trainer_image.run_folder import is_local, resolve
from trainer_image.token_file import read_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer_image.row_formats import DatasetFormat

_TOKENIZER_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "additional_chat_templates/*",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
    "*.tiktoken",
)
_LIBRARIES = ("transformers", "tokenizers", "jinja2")
_MOST_BYTES, _MOST_FILES = 4 << 30, 40
"""What is kept in all; a million short rows take 300 MB."""
_SPARE_BYTES = 1 << 30
"""What must be free beside twice the rows, so that checkpoints have their room."""
_YOUNG_SECONDS, _STALE_SECONDS = 600, 86_400


def folder() -> Path:
    """Where tokens are kept."""
    return resolve(f"{CONTAINER_DATA_ROOT}/{TOKENS_FOLDER}")


def kept_path(
    sha256: str,
    base_model: str,
    format_: DatasetFormat,
    options: tuple[object, ...],
    template: str | None = None,
    revision: str | None = None,
) -> Path | None:
    """Where the tokens of these rows are, or would be; None where the tokenizer's files are not
    there yet, or there is no data root. ``options`` are the maximum length and what of a row is
    learnt."""
    has_root = resolve(CONTAINER_DATA_ROOT).is_dir()
    files = _tokenizer_of(base_model, revision) if has_root else None
    if not sha256 or files is None:
        return None
    facts = [files, template, str(format_), list(options), _versions(), code_sha256()]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    return folder() / f"{sha256}-{key[:32]}.tokens"


def is_kept(path: Path | None) -> bool:
    """Whether tokens are there: then every row has been read and none was refused."""
    try:
        facts = read_facts(path) if path is not None else None
        return facts is not None and facts["texts"] > 0
    except (OSError, ValueError, KeyError, TypeError):
        return False


def touch(path: Path) -> None:
    """Tokens that are used stay longest."""
    with contextlib.suppress(OSError):
        os.utime(path)


def may_keep(dataset: Path) -> bool:
    """Whether the disk has room for the tokens of a file."""
    try:
        place = next(one for one in folder().parents if one.is_dir())
        return shutil.disk_usage(place).free > 2 * dataset.stat().st_size + _SPARE_BYTES
    except (OSError, StopIteration):
        return False


def tidy() -> None:
    """Remove what is too much, the longest unused first, and what killed processes left."""
    now = time.time()
    with contextlib.suppress(OSError):
        total = count = 0
        for used, size, path in sorted(_found(), reverse=True):
            total, count = total + size, count + 1
            is_too_much = total > _MOST_BYTES or count > _MOST_FILES
            is_left = path.suffix == ".tmp" and now - used > _STALE_SECONDS
            if is_left or (is_too_much and now - used > _YOUNG_SECONDS):
                path.unlink(missing_ok=True)


def _found() -> Iterator[tuple[float, int, Path]]:
    for path in folder().iterdir():
        if path.suffix in (".tokens", ".tmp"):
            stat = path.stat()
            yield stat.st_mtime, stat.st_size, path


def _tokenizer_of(base_model: str, revision: str | None) -> str | None:
    """A hash over all files that a tokenizer is made of."""
    place = _model_folder(base_model, revision)
    if place is None:
        return None
    found = sorted({path for pattern in _TOKENIZER_FILES for path in place.glob(pattern)})
    if not any(path.name.startswith(("tokenizer", "vocab")) for path in found):
        return None
    digest = hashlib.sha256()
    for path in found:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(place)}\0{content}\0".encode())
    return digest.hexdigest()


def _model_folder(base_model: str, revision: str | None) -> Path | None:
    if is_local(base_model):
        place = resolve(base_model)
        return place if place.is_dir() else None
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = try_to_load_from_cache(base_model, "tokenizer_config.json", revision=revision)
    return Path(found).parent if isinstance(found, str) else None


@cache
def _versions() -> tuple[str, ...]:
    return tuple(map(_version, _LIBRARIES))


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
