"""What cannot be fetched is said: gated, missing, no weights, no room, no Hub, a strange answer."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from services.models import fetching
from tests.integration import models_world
from tests.integration.models_world import GATED, REPO, World

if TYPE_CHECKING:
    from pathlib import Path

    pass

pytestmark = pytest.mark.slow
world = models_world.world

TOKEN = "hf_" + "g" * 34


@pytest.mark.parametrize(
    ("sha", "entry", "says"),
    [
        ("../../../../outside", {}, "its revision"),
        ("a" * 40, {"blobId": "../../../../outside"}, "the hash of model.safetensors"),
        ("a" * 40, {"blobId": "A" * 40}, "the hash of model.safetensors"),
        ("a" * 40, {"blobId": "a" * 41}, "the hash of model.safetensors"),
        (
            "a" * 40,
            {"lfs": {"sha256": "/outside", "size": 1, "pointerSize": 1}},
            "the hash of model.safetensors",
        ),
        ("a" * 40, {"rfilename": "..\\..\\outside.json"}, "the name"),
        ("a" * 40, {"rfilename": "C:outside.json"}, "the name"),
        ("a" * 40, {"rfilename": "\\outside.json"}, "the name"),
    ],
)
def test_no_answer_of_a_hub_leads_out_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sha: str, entry: dict[str, Any], says: str
) -> None:
    from huggingface_hub.hf_api import ModelInfo

    whole = {"rfilename": "model.safetensors", "blobId": "b" * 40, "size": 1}
    files = [whole | entry] if "rfilename" not in entry else [whole, whole | entry]
    info = ModelInfo(id=REPO, sha=sha, siblings=files)
    hub = SimpleNamespace(model_info=lambda *_args, **_options: info)
    monkeypatch.setattr(fetching, "hub_api", lambda _token: hub)
    with pytest.raises(AppError, match=says) as failure:
        fetching.Fetch(fetching.Order(REPO, str(tmp_path / "data")), lambda *_: None).run()
    assert failure.value.kind == "bad_answer"
    assert not list(tmp_path.iterdir())


def test_a_gated_model_says_where_its_conditions_are_and_opens_with_a_token(world: World) -> None:
    world.hub.gated.add(GATED)
    with pytest.raises(AppError) as caught:
        world.download(GATED)
    assert caught.value.kind == "gated"
    assert f"huggingface.co/{GATED}" in caught.value.hint
    world.tokens.append(TOKEN)
    with pytest.raises(AppError, match="your token was not granted"):
        world.download(GATED)
    world.hub.granted.add(TOKEN)
    found = world.download(GATED)
    assert (found.is_complete, found.gated) == (True, True)
    kept = [path for path in world.root.rglob("*") if path.is_file()]
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("repo", "kind"),
    [("me/nothing", "no_model"), ("a/b/c", "bad_use"), ("", "bad_use"), ("~/models/x", "bad_use")],
)
def test_what_cannot_be_fetched_is_said(world: World, repo: str, kind: str) -> None:
    with pytest.raises(AppError) as caught:
        world.download(repo)
    assert caught.value.kind == kind
    assert caught.value.hint


def test_a_repo_without_weights_is_refused_before_anything_is_fetched(world: World) -> None:
    world.hub.files["me/gguf"] = {"config.json": b"{}", "x.gguf": b"x"}
    with pytest.raises(AppError) as caught:
        world.download("me/gguf")
    assert caught.value.kind == "no_weights"
    assert world.hub.fetched() == []


def test_a_disk_without_room_is_said_before_anything_is_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(world.root.parent)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage._replace(free=100_000_000))
    with pytest.raises(AppError, match=r"0\.1 GB free") as caught:
        fetching.Fetch(fetching.Order(REPO, str(world.root)), lambda *_: None).run()
    assert caught.value.kind == "disk_full"
    assert world.hub.fetched() == []


def test_a_hub_that_cannot_be_reached_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(AppError, match="cannot be reached") as caught:
        world.download()
    assert caught.value.kind == "network"
    assert "What was fetched is kept" in caught.value.hint
