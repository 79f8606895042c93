"""What a start needs beside its settings: a model that is given out, and room for all of it."""

from __future__ import annotations

import logging
import queue
import shutil
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from models.domain.config import SOURCE_HUB, TARGET_LOCAL
from models.domain.errors import AppError, Fix, Problem
from models.domain.start_fixes import ANOTHER_FOLDER, ANOTHER_MODEL, SET_TOKEN, pass_token
from models.domain.storage import Piece, freed_bytes
from services.hub_datasets import dataset_problems
from services.job_builder import is_local_model
from services.models.cached import is_cached_model
from services.models.fetching import lacking_bytes
from services.models.wanted import is_weights, wanted_files
from services.run_files import host_path
from services.storage.disk import file_names, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from huggingface_hub.hf_api import ModelInfo

    from models.domain.config import TrainingConfig

    Check = Callable[[TrainingConfig, Path, bool], list[Problem]]
    Answer = queue.SimpleQueue[Sequence[Problem]]

logger = logging.getLogger(__name__)

LIMIT_SECONDS = 1.5
"""What is not known by then is left to the trainer: a start is refused at once, or not."""
_MODEL, _KEPT, _FOLDER = "hp.base_model", "hp.save_total_limit", "local.host_data_dir"


class CheckpointSizes(Protocol):
    """Bytes of one checkpoint, and of the result."""

    @property
    def checkpoint(self) -> int:
        """One checkpoint."""

    @property
    def result(self) -> int:
        """What is made in the end."""


class Forecast(Protocol):
    """What a training will take of the disk (:mod:`models.domain.storage_forecast`)."""

    @property
    def size(self) -> CheckpointSizes:
        """Of its parts."""

    @property
    def count(self) -> int:
        """So many checkpoints at once at most."""

    @property
    def free(self) -> int | None:
        """What its place has left."""

    @property
    def place(self) -> str:
        """Where, in words."""

    @property
    def least(self) -> int:
        """Without this nothing can be saved."""

    @property
    def most(self) -> int:
        """The most that it takes at once."""


@dataclass(frozen=True, slots=True)
class StartNeeds:
    """Its answer blocks for :data:`LIMIT_SECONDS` at most; thread-safe.

    ``forecast`` raises AppError where nothing is known of a model.
    """

    hf_token: Callable[[], str | None]
    forecast: Callable[[TrainingConfig], Forecast]
    limit: float = LIMIT_SECONDS

    def ask(
        self, config: TrainingConfig, data_root: Path, *, offline: bool, clears: bool = False
    ) -> Callable[[], list[Problem]]:
        """Begin to look for what is missing, and return what waits for it: it is told as far as
        it is known in time, which counts from now. All is looked at at once.

        ``clears``: what lies in the output directory goes first, or may go: its room counts."""
        room = partial(self._room_problems, clears=clears)
        checks: tuple[Check, ...] = (self._model_problems, self._dataset_problems, room)
        answers = [_ask(check, config, data_root, offline) for check in checks]
        return partial(_told, answers, time.monotonic() + self.limit)

    def _model_problems(
        self, config: TrainingConfig, data_root: Path, offline: bool
    ) -> list[Problem]:
        model, is_local = config.hp.base_model.strip(), config.training.target == TARGET_LOCAL
        if offline or not model or is_local_model(model):
            return []
        if is_local and is_cached_model(model, data_root):
            return []
        passes = config.local.pass_hf_token or not is_local
        room = partial(_download_problems, model, data_root) if is_local else _no_problems
        return hub_model_problems(model, self.hf_token, self.limit, room, passes=passes)

    def _dataset_problems(
        self, config: TrainingConfig, _data_root: Path, offline: bool
    ) -> list[Problem]:
        repo = config.dataset.hf_repo.strip()
        if offline or config.dataset.source != SOURCE_HUB or not repo:
            return []
        passes = config.local.pass_hf_token or config.training.target != TARGET_LOCAL
        return dataset_problems(repo, self.hf_token, passes=passes)

    def _room_problems(
        self, config: TrainingConfig, data_root: Path, _offline: bool, *, clears: bool
    ) -> list[Problem]:
        try:
            forecast = self.forecast(config)
        except AppError as error:  # the training itself will know
            logger.info("no forecast of the disk: %s", error)
            return []
        is_here = config.training.target == TARGET_LOCAL
        return room_problems(
            config, forecast, _cleared(config, data_root) if clears and is_here else 0
        )


def hub_model_problems(
    repo: str,
    hf_token: Callable[[], str | None],
    seconds: float,
    room: Callable[[ModelInfo], list[Problem]],
    *,
    passes: bool,
) -> list[Problem]:
    """Why the Hub does not give this model to the training; empty where it does, or cannot be
    reached in so many ``seconds``. ``room`` says whether there is room for what the Hub has.

    ``passes``: the training is given the token, without which it gets no gated or private model."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    from services.hub_client import hub_api

    try:
        info = hub_api().model_info(repo, timeout=seconds, files_metadata=True)
    except RepositoryNotFoundError:
        return _hidden_problems(repo, hf_token(), seconds, room, passes=passes)
    except HFValidationError:
        return [_unusable(repo, "is not the name of a repo.", "Use user/name.")]
    except (HfHubHTTPError, httpx.HTTPError, OSError):
        return []  # not reached: the trainer's own words say why
    if not _has_weights(info):
        remedy = "Choose one with safetensors; GGUF files are for running only."
        return [_unusable(repo, "holds no weights that can be trained.", remedy)]
    if not info.gated:
        return room(info)
    token = hf_token()
    if not token:
        message = "is gated: its owner gives it to those who accept the conditions, by their token."
        return [Problem(_MODEL, repo, message, f"Accept them at {_page(repo)}, then set your "
                        "Hugging Face token under Settings.", fix=SET_TOKEN)]  # fmt: skip
    if not _is_granted(repo, token):
        message = "is gated, and its owner has not granted your token access."
        remedy = f"Accept the conditions at {_page(repo)}, or choose another model."
        return [Problem(_MODEL, repo, message, remedy, fix=ANOTHER_MODEL)]
    return room(info) if passes else [pass_token(f"{repo} is gated")]


def _hidden_problems(
    repo: str,
    token: str | None,
    seconds: float,
    room: Callable[[ModelInfo], list[Problem]],
    *,
    passes: bool,
) -> list[Problem]:
    """What is wrong with a repo that is not shown to everybody; empty where it cannot be known."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    from services.hub_client import hub_api

    if not token:
        remedy = "Check the name; a private one takes your Hugging Face token, under Settings."
        return [_unusable(repo, "is not on Hugging Face, or is private.", remedy)]
    try:
        info = hub_api(token).model_info(repo, timeout=seconds, files_metadata=True)
    except RepositoryNotFoundError:
        message = "is not on Hugging Face, or is private and not open to your token."
        return [_unusable(repo, message, "Check the name.")]
    except (HfHubHTTPError, httpx.HTTPError, OSError):
        return []
    return room(info) if passes else [pass_token(f"{repo} is private")]


def _download_problems(repo: str, data_root: Path, info: ModelInfo) -> list[Problem]:
    """Whether what the training would fetch of a model has room on the data folder's disk."""
    lacking = lacking_bytes(repo, info, data_root)
    free = shutil.disk_usage(nearest(data_root)).free
    if lacking <= free:
        return []
    message = (
        f"has {_size(lacking)} to be downloaded, and the disk of {data_root} has {_size(free)} "
        "free."
    )
    remedy = "Free some space, or choose a folder on another disk, or a smaller model."
    return [Problem(_MODEL, repo, message, remedy, fix=ANOTHER_FOLDER)]


def _no_problems(_info: ModelInfo) -> list[Problem]:
    return []


def _has_weights(info: ModelInfo) -> bool:
    """Of a repo that does not say what it holds it is taken for granted."""
    names = [one.rfilename for one in info.siblings or ()]
    return not names or any(is_weights(name) for name in wanted_files(names))


def _unusable(repo: str, message: str, remedy: str) -> Problem:
    return Problem(_MODEL, repo, message, remedy, fix=ANOTHER_MODEL)


def room_problems(config: TrainingConfig, forecast: Forecast, cleared: int = 0) -> list[Problem]:
    """Whether checkpoints and result fit; with fewer checkpoints where that would do. ``cleared``
    bytes are freed before anything is written."""
    if forecast.free is None or forecast.free + cleared >= forecast.most:
        return []
    free = forecast.free + cleared
    of_old = f", with {_size(cleared)} of what is overwritten" if cleared else ""
    kept, spare = config.hp.save_total_limit, forecast.count - config.hp.save_total_limit
    one, result = forecast.size.checkpoint, forecast.size.result
    fitting = (free - result) // one - max(spare, 0) if one > 0 else 0
    if 1 <= fitting < kept:
        return [
            Problem(
                _KEPT, str(kept),
                f"may fill {forecast.place}: {forecast.count} checkpoints at once and the result "
                f"take up to {_size(forecast.most)}, and {_size(free)} are free{of_old}.",
                f"Keep {fitting}, or free some space.",
                fix=Fix(f"Keep {fitting}", ((_KEPT, int(fitting)),)),
            )
        ]  # fmt: skip
    return [
        Problem(
            _FOLDER, config.local.host_data_dir,
            f"has too little room: checkpoints and result take up to {_size(forecast.most)}, and "
            f"{forecast.place} has {_size(free)} free{of_old}.",
            "Free some space, or choose a folder on another disk.", fix=ANOTHER_FOLDER,
        )
    ]  # fmt: skip


def _cleared(config: TrainingConfig, data_root: Path) -> int:
    """The bytes that overwriting the output directory frees."""
    output = host_path(data_root, config.output.directory)
    return freed_bytes([Piece(str(output), "", files=tuple(file_names(output)))])


def _is_granted(repo: str, token: str) -> bool:
    """Whether the Hub gives the model to this token; what cannot be asked is taken as granted."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError

    from services.hub_client import hub_api

    try:
        hub_api(token).auth_check(repo)
    except HfHubHTTPError as error:
        return error.response.status_code not in {401, 403}
    except (httpx.HTTPError, OSError):
        return True
    return True


def _told(answers: Sequence[Answer], until: float) -> list[Problem]:
    """What has been answered by then."""
    found: list[Problem] = []
    for answer in answers:
        try:
            found += answer.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            logger.info("a check before the start took too long")
    return found


def _ask(check: Check, config: TrainingConfig, data_root: Path, offline: bool) -> Answer:
    """Look in a thread that nobody waits for longer than the limit."""
    answer: Answer = queue.SimpleQueue()

    def look() -> None:
        try:
            answer.put(check(config, data_root, offline))
        except Exception:  # a check of what may be missing must never be what keeps a start back
            logger.exception("a check before the start failed")
            answer.put(())

    threading.Thread(target=look, name="start-needs", daemon=True).start()
    return answer


def _page(repo: str) -> str:
    return f"huggingface.co/{repo}"


def _size(count: float) -> str:
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
