"""What transformers loads by a name: a folder, or a repository that the cache may hold already."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer_image.contract import FailureKind
from trainer_image.engine import source_of
from trainer_image.failures import TrainerError
from trainer_image.run_folder import is_local, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def without_torch() -> Iterator[None]:
    """transformers asks once whether torch is there, and would load it with the tokenizers: 260 MB
    and some seconds that nobody here needs."""
    find = importlib.util.find_spec

    def find_but_torch(name: str, package: str | None = None) -> Any:
        return None if name == "torch" else find(name, package)

    importlib.util.find_spec = find_but_torch
    try:
        yield
    finally:
        importlib.util.find_spec = find


def from_pretrained(kind: Any, name: str, **options: Any) -> Any:
    """From the cache where it is there: these are the very files that the training read, nothing
    is asked of the network, and a token for a gated model is not needed again."""
    if is_local(name):
        return kind.from_pretrained(source_of(name), **options)
    here: dict[str, Any] = {"local_files_only": True}
    if kind.__name__.startswith("AutoModel"):
        # Beside a model it looks for an adapter, and would ask the network for that all the same.
        here["adapter_kwargs"] = {"local_files_only": True}
    try:
        return kind.from_pretrained(name, **here, **options)
    except OSError:  # transformers' word for "not all of it is in the cache"
        return kind.from_pretrained(name, **options)


def tokenizer_of(name: str, revision: str | None = None) -> Any:
    """A model's own tokenizer; ``revision`` is the commit of a Hub repository that is wanted."""
    from transformers import AutoTokenizer

    return from_pretrained(AutoTokenizer, name, revision=revision)


def configuration_of(name: str) -> dict[str, Any]:
    """What stands in a model's config.json; OSError, ValueError where it cannot be had."""
    from transformers import PretrainedConfig

    if is_local(name):
        return PretrainedConfig.get_config_dict(source_of(name))[0]  # type: ignore[no-any-return]
    try:
        found, _ = PretrainedConfig.get_config_dict(name, local_files_only=True)
    except OSError:
        found, _ = PretrainedConfig.get_config_dict(name)
    return found  # type: ignore[no-any-return]


def file_signature(folder: Path) -> tuple[object, ...]:
    """Name, size, times and number of each file: another one after each change, also after one
    that set the modification time back."""
    stats = ((path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file())
    return tuple(
        (name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        for name, stat in stats
    )


def signature_of_base(base_model: str) -> tuple[object, ...]:
    """Nothing for a Hub repository, which the cache holds by its commit."""
    if not is_local(base_model):
        return ()
    folder = resolve(base_model)
    if not (folder / "config.json").is_file():
        raise TrainerError(FailureKind.NOT_FOUND, f"There is no model in {folder}.")
    return file_signature(folder)
