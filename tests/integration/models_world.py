"""Base models on an emulated Hub: the repo, what a training wants of it, and the library."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.hub_cache import hub_cache
from services.models.inventory import Inventory
from services.models.layout import folder_of
from services.models.library import ModelLibrary
from services.models.users import ModelUsers
from services.offline import OfflinePolicy
from services.process_environment import ProcessEnvironment, tell_hub_library
from services.progress import CancelToken, Progress
from tests.emulators.hub_models import HubModels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.cached_model import CachedModel

ROOT = Path(__file__).parents[2]
REPO, GATED = "me/small", "me/careful"
WEIGHTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def repo_files(seed: int = 1, size: int = 3_000_000) -> dict[str, bytes]:
    """What the repo holds: two files of weights of ``size`` bytes, and copies nobody needs."""
    generator = random.Random(seed)
    parts = dict.fromkeys(("a", "b"), "")
    index = {"metadata": {"total_size": 2 * size}}
    index["weight_map"] = dict(zip(parts, WEIGHTS, strict=True))  # type: ignore[assignment]
    config = {
        "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "vocab_size": 256, "intermediate_size": 128,
    }  # fmt: skip
    return {
        "README.md": b"# A model\n",
        "config.json": json.dumps(config | {"seed": seed}).encode(),
        "tokenizer.json": b'{"version": "1.0"}' + b" " * 300_000,
        "tokenizer_config.json": b"{}",
        "model.safetensors.index.json": json.dumps(index).encode(),
        **{name: generator.randbytes(size) for name in WEIGHTS},
        "pytorch_model.bin": b"the same once more",
        "original/consolidated.00.pth": b"and once more",
        "small.Q4_K_M.gguf": b"and once more",
    }


WORDS = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors.index.json")
WANTED = sorted((*WORDS, *WEIGHTS))


class World:
    """A data folder, a cache of other programs, the Hub, and the library between them."""

    def __init__(self, folder: Path, hub: HubModels) -> None:
        self.root = folder / "data"
        self.shared = folder / "shared" / "hub"
        self.hub = hub
        self.tokens: list[str] = []
        self.used: list[str] = []
        self.users: dict[str, list[str]] = {}
        self.inventory = Inventory(ROOT / "resources" / "base_models.toml", lambda: self.root)
        self.library = self.made()

    def made(self, *, offline: bool = False) -> ModelLibrary:
        """A library as a program that has just been started has it."""
        environment = ProcessEnvironment({})
        policy = OfflinePolicy(forced=offline, environment=environment)
        return ModelLibrary(self.inventory, policy, self._token, self._users)

    def _users(self) -> ModelUsers:
        return ModelUsers(**{"waiting": self.used, **self.users})

    def _token(self) -> str | None:
        return self.tokens[-1] if self.tokens else None

    def download(self, repo: str = REPO) -> CachedModel:
        """Fetch a model; nobody looks or cancels."""
        return self.library.download(repo, quiet, CancelToken())

    def rows(self, repo: str = REPO) -> list[CachedModel]:
        """What the list says of a model."""
        return [one for one in self.library.all() if one.repo_id_or_path == repo]

    def blob(self, name: str, cache: Path | None = None) -> Path:
        """The file that a name in the only snapshot leads to."""
        folder = folder_of(cache or hub_cache(self.root), REPO)
        (snapshot,) = (folder / "snapshots").iterdir()
        return (snapshot / name).resolve()


def quiet(_progress: Progress) -> None:
    """Nobody looks."""
    return


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The Hub is the only one there is, and nothing has been fetched."""
    with HubModels({REPO: repo_files(), GATED: repo_files(2, 5000)}) as hub:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "shared"))
        tell_hub_library()
        yield World(tmp_path, hub)
    monkeypatch.undo()
    tell_hub_library()
