"""The upload of a finished run to the Hugging Face Hub: one commit, so that nobody sees half of it.

Whether the token may write there is asked before the training, not after a night of it. An upload
that fails leaves the saved adapter as it is, and a resume of the run does nothing but upload.
"""

from __future__ import annotations

import json
import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from trainer_image.contract import FailureKind
from trainer_image.failures import RefusedError, StoppedError, TrainerError, understand
from trainer_image.run_folder import is_local
from trainer_image.secrecy import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer_image.contract import Job
    from trainer_image.stopping import StopRequest

_T = TypeVar("_T")
_WAITS = (30, 60, 120, 240)
"""Seconds before the next try; the client itself has tried each request for half a minute."""
_TOKEN_PAGE = "https://huggingface.co/settings/tokens"  # noqa: S105 - a page, not a token
_RESUME = "The adapter is saved. Resume the run: all that it does is upload."
_TRY_LATER = 429
"""HTTP's "too many requests"; the numbers from 500 are the server's own troubles."""


def refuse_without_access(job: Job) -> None:
    """RefusedError where this token cannot upload to the job's repository."""
    if not job.hp.push_to_hub:
        return
    token = os.environ.get("HF_TOKEN", "")
    if not token:
        raise RefusedError(
            FailureKind.AUTH,
            "The run is to be uploaded to Hugging Face, and the trainer was given no token.",
            "Set a token under Settings and let the training use it, or switch Push to Hub off.",
        )
    who = _identity()
    role = who.get("auth", {}).get("accessToken", {}).get("role", "")
    if role == "read":
        raise RefusedError(
            FailureKind.AUTH,
            "The Hugging Face token may only read, so the run could not be uploaded.",
            f"Make a token that may write ({_TOKEN_PAGE}), or switch Push to Hub off.",
        )
    _refuse_strange_owner(job.hp.hub_repo, who)


def _identity() -> dict[str, Any]:
    try:
        return _asked(lambda: _api().whoami())
    except TrainerError as error:
        raise RefusedError(error.kind, f"Push to Hub is on. {error}", error.hint) from error


def _refuse_strange_owner(repo: str, who: dict[str, Any]) -> None:
    owners = [who.get("name", ""), *(one.get("name", "") for one in who.get("orgs", []))]
    owner = repo.partition("/")[0]
    if owner not in owners:
        raise RefusedError(
            FailureKind.AUTH,
            f"The token belongs to {owners[0]}, who cannot upload to {repo}.",
            f"Name a repository of yours, such as {owners[0]}/{repo.partition('/')[2]}.",
        )


def push(
    folder: Path, job: Job, message: str, stop: StopRequest, warn: Callable[[str], None]
) -> str:
    """Upload the files of ``folder`` in one commit; the address of the repository.

    A new repository is private unless the job says otherwise; one that is there keeps what it is.
    TrainerError, with what was saved safe on the disk, where it cannot be done.
    """
    with stop.interrupting():
        try:
            return patiently(lambda: _upload(folder, job, message), stop, warn)
        except StoppedError:
            raise
        except TrainerError as error:
            raise TrainerError(error.kind, f"The upload failed. {error}", _RESUME) from error


def patiently(
    attempt: Callable[[], _T],
    stop: StopRequest,
    warn: Callable[[str], None],
    waits: tuple[float, ...] = _WAITS,
) -> _T:
    """Try again for some minutes while it is only the network that fails."""
    for wait in waits:
        try:
            return _asked(attempt)
        except TrainerError as error:
            if error.kind is not FailureKind.NETWORK:
                raise
        warn(f"Hugging Face could not be reached; the upload is tried again in {wait:g} seconds.")
        stop.wait(wait)
    return _asked(attempt)


def _upload(folder: Path, job: Job, message: str) -> str:
    from huggingface_hub import CommitOperationAdd

    api, repo = _api(), job.hp.hub_repo
    address = api.create_repo(repo, private=job.hp.hub_private, exist_ok=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    additions = [
        CommitOperationAdd(path.relative_to(folder).as_posix(), _shown(path, job)) for path in files
    ]
    api.create_commit(repo, additions, commit_message=message)
    # Of a repository that was there, an older client takes for its address what the Hub calls it.
    return f"{api.endpoint}/{address.repo_id}"


def _shown(path: Path, job: Job) -> str | bytes:
    """What others get of a file: all of it, but of a base model's folder only the name."""
    if path.name != "adapter_config.json" or not is_local(job.base_model):
        return str(path)
    config = json.loads(path.read_bytes())
    config["base_model_name_or_path"] = PurePath(job.base_model).name
    return json.dumps(config, indent=2, sort_keys=True).encode()


def _asked(question: Callable[[], _T]) -> _T:
    """The Hub's answer; TrainerError in our words where it refuses or cannot be reached."""
    try:
        return question()
    except TrainerError:
        raise
    except Exception as error:  # the client raises of many classes; each gets its sentence
        raise _in_words(error) from error


def _in_words(error: Exception) -> TrainerError:
    kind, status = understand(error).kind, _status(error)
    if status in (401, 403):
        message = "Hugging Face does not let this token write there."
        return TrainerError(FailureKind.AUTH, message, f"Make one that may: {_TOKEN_PAGE}")
    if kind is FailureKind.NETWORK or (status is not None and status >= _TRY_LATER):
        message = "Hugging Face could not be reached."
        return TrainerError(FailureKind.NETWORK, message, "Check the connection.")
    said = without_secrets(str(error)).partition("\n")[0]
    return TrainerError(kind, f"Hugging Face did not take it: {said}")


def _status(error: BaseException | None) -> int | None:
    """The number of the HTTP answer that is at the bottom of an error."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None:
            return int(response.status_code)
        error = error.__cause__ or error.__context__
    return None


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi(token=os.environ.get("HF_TOKEN"))
