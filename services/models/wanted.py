"""Which files of a model's repo a training needs, and which of them are missing."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

CONFIG = "config.json"
_TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json",
)  # fmt: skip
_FURTHER = (".tiktoken", ".model")
"""Endings of other tokenizers' vocabularies."""
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_SINGLE = ("model.safetensors", "pytorch_model.bin")
_WORDS = (".json", ".txt", ".model", ".jinja", ".tiktoken")
_WEIGHTS = (
    re.compile(r"model(-\d+-of-\d+)?\.safetensors"),
    re.compile(r"(?!consolidated).*\.safetensors"),
    re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin"),
)
"""The best first: Mistral's ``consolidated`` are the same weights once more."""


def wanted_files(names: Iterable[str]) -> tuple[str, ...]:
    """Those of a repo's files that a training reads: words, and one set of weights.

    Repos hold the same weights several times (``original/``, ``onnx/``, GGUF, ``.bin`` beside
    safetensors); only what transformers would load is wanted.
    """
    top = [name for name in names if "/" not in name]
    weights: list[str] = []
    for pattern in _WEIGHTS:
        weights = [name for name in top if pattern.fullmatch(name)]
        if weights:
            break
    is_safe = any(name.endswith(".safetensors") for name in weights)
    unwanted = "pytorch_model.bin.index.json" if is_safe else "model.safetensors.index.json"
    words = [name for name in top if name.endswith(_WORDS) and name != unwanted]
    return tuple(sorted({*words, *weights}))


def is_weights(name: str) -> bool:
    """Whether a file of a repo can be trained, by its name."""
    return name.endswith((".safetensors", ".bin"))


def missing_files(present: Mapping[str, Path]) -> tuple[str, ...]:
    """What a model lacks, by the rules of its own files: configuration, weights, tokenizer."""
    missing = [] if CONFIG in present else [CONFIG]
    missing += _missing_weights(present)
    if not any(name in _TOKENIZERS or name.endswith(_FURTHER) for name in present):
        missing.append(_TOKENIZERS[0])
    return tuple(missing)


def indexed_bytes(present: Mapping[str, Path]) -> int | None:
    """The bytes of all weights, as their index tells; None where there is no index."""
    for name in _INDEXES:
        if name in present:
            with suppress(OSError, ValueError, KeyError, TypeError):
                return int(json.loads(present[name].read_bytes())["metadata"]["total_size"])
    return None


def _missing_weights(present: Mapping[str, Path]) -> list[str]:
    lacks = []
    for parts in _sets(present):
        lack = sorted(part for part in parts if part not in present)
        if not lack:
            return []
        lacks.append(lack)
    return min(lacks, key=len, default=[_SINGLE[0]])


def _sets(present: Mapping[str, Path]) -> Iterator[set[str]]:
    for name in _INDEXES:
        if name in present:
            with suppress(OSError, ValueError, KeyError, TypeError):
                yield {str(part) for part in _weight_map(present[name]).values()}
    yield from ({name} for name in _SINGLE)


def _weight_map(path: Path) -> dict[str, object]:
    return dict(json.loads(path.read_bytes())["weight_map"])
