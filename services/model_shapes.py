"""The sizes of base models: from the catalogue, a folder, what was downloaded, or Hugging Face."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.base_models import load_base_models
from models.domain.errors import AppError
from models.domain.model_shape import shape_from_config
from services.job_builder import is_local_model, local_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.model_shape import ModelShape
    from services.offline import OfflinePolicy

logger = logging.getLogger(__name__)

CONFIG = "config.json"
_SECONDS = 5.0
"""For the one small file; hf_hub_download would try for 23 seconds before it gave up."""
_ODD = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
"""What somebody else's config.json can bring about, besides what we know to be missing in it."""


@dataclass(frozen=True, slots=True)
class ShapeAnswer:
    """A model's shape, or in words why it is not known."""

    shape: ModelShape | None = None
    reason: str = ""


class ModelShapes:
    """Looks for the shape of a base model. Blocking for up to ten seconds; it never raises.

    ``data_root`` says where models are downloaded to when a configuration names no other place;
    ``token`` gives the user's Hugging Face token, and is asked only where one is needed: a keychain
    may want to be unlocked. Nothing is written: a cache of nothing but a config.json would look
    like a downloaded model.
    """

    def __init__(
        self,
        catalogue: Path,
        data_root: Callable[[], Path],
        offline: OfflinePolicy,
        token: Callable[[], str | None],
    ) -> None:
        self._catalogue = catalogue
        self._data_root = data_root
        self._offline = offline
        self._token = token
        self._known: dict[str, ModelShape] = {}

    def find(self, model: str, data_root: str = "") -> ShapeAnswer:
        """The shape of a repo id or a folder, from wherever it is known."""
        return self._find(model.strip(), self._root(data_root), may_ask=True)

    def find_here(self, model: str, data_root: str = "") -> ShapeAnswer:
        """The same without the network: all that a finished run needs is on this computer."""
        return self._find(model.strip(), self._root(data_root), may_ask=False)

    def _root(self, data_root: str) -> Path:
        chosen = data_root.strip()
        return Path(chosen).expanduser() if chosen else self._data_root()

    def _find(self, model: str, root: Path, *, may_ask: bool) -> ShapeAnswer:
        if not model:
            return ShapeAnswer(reason="no base model is chosen")
        if is_local_model(model):  # read anew each time: somebody may work on it
            return _from_file(Path(local_model(model, root)) / CONFIG, model)
        if model not in self._known:
            answer = self._look(model, root, may_ask=may_ask)
            if answer.shape is None:
                return answer
            self._known[model] = answer.shape
        return ShapeAnswer(self._known[model])

    def _look(self, model: str, root: Path, *, may_ask: bool) -> ShapeAnswer:
        listed = {known.repo: known.shape for known in load_base_models(self._catalogue)}
        if (shape := listed.get(model)) is not None:
            return ShapeAnswer(shape)
        try:
            cached = _cached(model, root)
        except ValueError:
            return ShapeAnswer(reason=f"{model} is neither a folder nor a Hugging Face name")
        if cached is not None:
            return _from_file(cached, model)
        if not may_ask or self._offline.is_offline():
            return ShapeAnswer(
                reason=f"Offline mode is on, and this computer does not know the size of {model}"
            )
        return self._ask(model)

    def _ask(self, model: str) -> ShapeAnswer:
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        try:
            return _from_hub(model, None)
        except GatedRepoError:
            reason = f"{model} is gated: it takes a Hugging Face token that was granted access"
        except RepositoryNotFoundError:
            reason = f"Hugging Face has no model {model} that is open to everybody"
        token = self._the_token()
        if token is None:
            return ShapeAnswer(reason=reason)
        try:
            return _from_hub(model, token)
        except RepositoryNotFoundError:  # a gated one is one, too
            return ShapeAnswer(reason=f"your Hugging Face token gives no access to {model}")

    def _the_token(self) -> str | None:
        try:
            return self._token()
        except AppError as error:  # a keychain that is locked
            logger.info("no Hugging Face token: %s", error)
            return None


def _cached(model: str, root: Path) -> Path | None:
    """The model's config.json among what was downloaded; ValueError where it is no repo id."""
    from huggingface_hub import constants, try_to_load_from_cache

    for cache in (root / "cache" / "huggingface" / "hub", Path(constants.HF_HUB_CACHE)):
        found = try_to_load_from_cache(model, CONFIG, cache_dir=cache)
        if isinstance(found, str):
            return Path(found)
    return None


def _from_file(path: Path, model: str) -> ShapeAnswer:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ShapeAnswer(reason=f"{model} has no {CONFIG}")
    except OSError as error:
        return ShapeAnswer(reason=f"{path} cannot be read ({error.strerror})")
    return _from_bytes(content, model)


def _from_hub(model: str, token: str | None) -> ShapeAnswer:
    """Ask the hub; raises RepositoryNotFoundError where it gives no access to the model."""
    import httpx
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    headers = build_hf_headers(token=token or False, library_name="temper")
    try:
        response = get_session().get(
            hf_hub_url(model, CONFIG), headers=headers, timeout=_SECONDS, follow_redirects=True
        )
        hf_raise_for_status(response)
    except RepositoryNotFoundError:
        raise
    except EntryNotFoundError:
        return ShapeAnswer(reason=f"{model} has no {CONFIG}")
    except HfHubHTTPError as error:
        return ShapeAnswer(reason=f"Hugging Face answered {error.response.status_code}")
    except (httpx.HTTPError, OfflineModeIsEnabled) as error:
        logger.info("%s: %s", model, error)
        return ShapeAnswer(reason="Hugging Face cannot be reached")
    return _from_bytes(response.content, model)


def _from_bytes(content: bytes, model: str) -> ShapeAnswer:
    try:
        return ShapeAnswer(shape_from_config(json.loads(content)))
    except AppError as error:
        return ShapeAnswer(reason=f"{model}: {error.message.rstrip('.')}")
    except _ODD as error:
        logger.info("%s: %s", model, error)
        return ShapeAnswer(reason=f"the {CONFIG} of {model} cannot be understood")
