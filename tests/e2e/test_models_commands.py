"""``temper models``: what a terminal says of base models, and its exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.cli.state import services
from services.process_environment import tell_hub_library
from tests.emulators.hub_models import HubModels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow
REPO = "me/small"
CONFIG = b'{"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 32}'
FILES = {"config.json": CONFIG, "tokenizer.json": b"{}", "model.safetensors": b"w" * 5000}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubModels]:
    with HubModels({REPO: FILES}) as emulator:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_HUB_CACHE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_ENDPOINT", emulator.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "shared"))
        yield emulator
    monkeypatch.undo()
    tell_hub_library()


@pytest.fixture
def temper(hub: HubModels, command_line: Callable[..., Any]) -> Callable[..., Any]:
    """Where the Hub is the emulated one."""
    return command_line


def test_a_model_from_its_download_to_its_end(temper: Callable[..., Any], hub: HubModels) -> None:
    listed = temper("models", "list", "--json")
    assert listed[0]["state"] == "missing"
    huge = max(listed, key=lambda one: one["training_bytes"])
    assert huge["training_bytes"] > 20_000_000_000, "of 70 billion parameters in 4 bits"
    assert huge["fits"] in {"fits", "tight", "too large"}
    assert " FITS" in temper("models", "list").splitlines()[0]
    assert temper("models", "list", "--here", "--json") == []
    assert f"{REPO} is here, whole (5 kB)." in temper("models", "download", REPO)
    shown = temper("models", "show", REPO)
    for words in ("apache-2.0", "Open", "complete", "models--me--small", "Fits:        Yes, "):
        assert words in shown
    assert f"{REPO} is whole: 3 files checked." in temper("models", "verify", REPO)
    (blob,) = (Path(services().paths.data) / "cache").rglob("model.safetensors")
    blob.resolve().write_bytes(b"x" * 5000)
    said = temper("models", "verify", REPO, code=1)
    assert "is damaged: model.safetensors." in said
    assert f"temper models download {REPO}" in said
    hub.fetched()
    assert temper("models", "download", REPO, "--json")["state"] == "complete"
    assert hub.fetched() == ["model.safetensors"]
    assert "Add --yes" in temper("models", "remove", REPO, code=2)
    assert temper("models", "remove", REPO, "--yes", "--json")["bytes"] == 5000 + len(CONFIG) + 2
    assert temper("models", "list", "--here", "--json") == []


def test_a_folder_is_listed_and_forgotten(temper: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert "is not a folder" in temper("models", "add", str(folder), code=1)
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    assert "is listed now" in temper("models", "add", str(folder))
    assert str(folder) in temper("models", "list", "--here")
    assert "no longer listed" in temper("models", "remove", str(folder))
    assert (folder / "model.safetensors").exists()


def test_what_cannot_be_done_is_one_sentence(temper: Callable[..., Any], hub: HubModels) -> None:
    assert "no model me/nothing" in temper("models", "download", "me/nothing", code=1)
    assert "There is no model me/other" in temper("models", "show", "me/other", code=1)
    hub.requests.clear()
    services().close()  # the choice is made before the first command
    services.cache_clear()
    said = temper("--offline", "models", "download", REPO, code=1)
    assert f"Offline mode is on, so {REPO} cannot be downloaded." in said
    assert not hub.requests
