"""Where a base model's size comes from: catalogue, folder, cache, a hub over a real socket."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import close_session, constants

from models.domain.errors import AppError
from services.model_shapes import ModelShapes
from services.offline import OfflinePolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CATALOGUE = Path(__file__).resolve().parents[2] / "resources" / "base_models.toml"
LLAMA = {
    "model_type": "llama",
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}


class Hub(ThreadingHTTPServer):
    """Answers for config.json: some models for everybody, some for who shows the token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.configs: dict[str, Any] = {}
        self.gated: dict[str, Any] = {}
        self.asked: list[str] = []
        self.status = 0

    @property
    def template(self) -> str:
        """As the library wants it, with our address."""
        return f"http://127.0.0.1:{self.server_port}/{{repo_id}}/resolve/{{revision}}/{{filename}}"


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        hub, repo = self.server, self.path.removeprefix("/").split("/resolve/")[0]
        hub.asked.append(repo)
        has_token = self.headers.get("Authorization") == "Bearer hf_secret"
        if hub.status:
            self._send(hub.status)
        elif repo in hub.configs or (repo in hub.gated and has_token):
            content = {**hub.configs, **hub.gated}[repo]
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self._send(200, body=body)
        elif repo in hub.gated:
            self._send(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        elif repo.startswith("empty/"):
            self._send(404, "EntryNotFound")
        else:
            self._send(401, "RepoNotFound")

    def _send(self, status: int, code: str = "", body: bytes = b"") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quietly."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "own cache"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    close_session()
    yield server
    close_session()
    server.shutdown()
    server.server_close()


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., ModelShapes]:
    def build(*, offline: bool = False, token: str | None = None) -> ModelShapes:
        policy = OfflinePolicy(forced=offline)
        return ModelShapes(CATALOGUE, lambda: tmp_path / "data", policy, lambda: token)

    return build


def _place_in_cache(cache: Path, repo: str, config: object) -> None:
    folder = cache / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    (snapshot / "config.json").write_text(json.dumps(config))


def test_a_model_of_the_catalogue_needs_nothing_else(
    hub: Hub, make: Callable[..., ModelShapes]
) -> None:
    answer = make().find("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit")
    assert answer.shape is not None
    assert (answer.shape.layers, answer.shape.hidden) == (32, 4096)
    assert hub.asked == []


def test_a_folder_tells_by_its_config_and_is_read_anew(
    hub: Hub, make: Callable[..., ModelShapes], tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "models" / "mine"
    folder.mkdir(parents=True)
    shapes = make()
    assert "config.json" in shapes.find(str(folder)).reason
    (folder / "config.json").write_text(json.dumps(LLAMA))
    small = shapes.find("/data/models/mine").shape
    assert small == shapes.find(str(folder)).shape
    assert small is not None
    assert 130e6 < small.parameters < 140e6
    (folder / "config.json").write_text(json.dumps({**LLAMA, "num_hidden_layers": 10}))
    other = shapes.find(str(folder)).shape
    assert other is not None
    assert other.layers == 10
    assert hub.asked == []


def test_another_data_root_is_looked_at(
    hub: Hub, make: Callable[..., ModelShapes], tmp_path: Path
) -> None:
    cache = tmp_path / "elsewhere" / "cache" / "huggingface" / "hub"
    _place_in_cache(cache, "me/model", LLAMA)
    assert make(offline=True).find("me/model").shape is None
    assert make(offline=True).find("me/model", str(tmp_path / "elsewhere")).shape is not None


def test_what_was_downloaded_is_not_asked_for_again(
    hub: Hub, make: Callable[..., ModelShapes], tmp_path: Path
) -> None:
    _place_in_cache(tmp_path / "data" / "cache" / "huggingface" / "hub", "me/trained", LLAMA)
    _place_in_cache(tmp_path / "own cache", "me/tried", LLAMA)
    assert make().find("me/trained").shape is not None
    assert make().find_here("me/tried").shape is not None
    assert hub.asked == []


def test_the_hub_is_asked_once_and_nothing_is_written(
    hub: Hub, make: Callable[..., ModelShapes], tmp_path: Path
) -> None:
    hub.configs["me/model"] = LLAMA
    shapes = make()
    assert shapes.find_here("me/model").shape is None
    assert shapes.find(" me/model ").shape == shapes.find("me/model").shape
    assert hub.asked == ["me/model"]
    assert list(tmp_path.iterdir()) == []


def test_offline_nothing_is_asked(hub: Hub, make: Callable[..., ModelShapes]) -> None:
    hub.configs["me/model"] = LLAMA
    answer = make(offline=True).find("me/model")
    assert answer.shape is None
    assert "Offline mode is on" in answer.reason
    assert hub.asked == []


def test_a_token_is_used_only_where_one_is_needed(
    hub: Hub, make: Callable[..., ModelShapes]
) -> None:
    hub.configs["open/model"] = LLAMA
    hub.gated["gated/model"] = LLAMA
    tokens: list[str] = []

    def token() -> str:
        tokens.append("asked")
        return "hf_secret"

    shapes = make()
    shapes._token = token
    assert shapes.find("open/model").shape is not None
    assert tokens == []
    assert shapes.find("gated/model").shape is not None
    assert tokens == ["asked"]
    assert "takes a Hugging Face token" in make().find("gated/model").reason
    assert "gives no access" in make(token="hf_wrong").find("gated/model").reason


def test_a_locked_keychain_is_like_no_token(hub: Hub, make: Callable[..., ModelShapes]) -> None:
    def locked() -> str:
        raise AppError("keychain", "The keychain does not answer.")

    hub.gated["gated/model"] = LLAMA
    shapes = make()
    shapes._token = locked
    assert "takes a Hugging Face token" in shapes.find("gated/model").reason


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("no/such", "no model no/such that is open"),
        ("empty/model", "has no config.json"),
        ("not a name", "neither a folder nor"),
        ("", "no base model is chosen"),
        ("me/text", "cannot be understood"),
        ("me/list", "cannot be understood"),
        ("me/vision", "num_hidden_layers"),
        ("me/odd", "cannot be understood"),
    ],
)
def test_what_is_unknown_has_a_reason(
    hub: Hub, make: Callable[..., ModelShapes], model: str, words: str
) -> None:
    hub.configs |= {
        "me/text": b"hello",
        "me/list": [1, 2],
        "me/vision": {"hidden_size": 5},
        "me/odd": {"text_config": "a text"},
    }
    answer = make().find(model)
    assert answer.shape is None
    assert words in answer.reason


def test_a_hub_that_fails_is_a_reason_and_asked_again(
    hub: Hub, make: Callable[..., ModelShapes]
) -> None:
    hub.configs["me/model"] = LLAMA
    hub.status = 503
    shapes = make()
    assert "answered 503" in shapes.find("me/model").reason
    hub.status = 0
    assert shapes.find("me/model").shape is not None


def test_a_hub_that_cannot_be_reached_costs_little_time(
    hub: Hub, make: Callable[..., ModelShapes], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", nowhere)
    assert make().find("me/model").reason == "Hugging Face cannot be reached"
