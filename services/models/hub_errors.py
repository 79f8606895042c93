"""What the Hub's refusals mean for somebody who wants a model."""

from __future__ import annotations

import errno

import httpx

from models.domain.errors import AppError
from services.hub_client import hub_endpoint
from services.web import unreachable

GATED, NO_MODEL = "gated", "no_model"
NEEDS_TOKEN = frozenset({GATED, NO_MODEL})
"""Refusals that a token may turn: a private repo is hidden as if it were not there."""
_KEPT = "What was fetched is kept: the next download goes on from there."


def hub_failure(repo: str, error: Exception, *, with_token: bool) -> AppError | None:
    """The failure in words; None where it is a bug of ours."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, HFValidationError):
        return AppError("bad_use", f"{repo} is not the name of a repo.", "Use user/name.")
    if isinstance(error, GatedRepoError):
        return _gated(repo, with_token=with_token)
    if isinstance(error, RevisionNotFoundError):
        return AppError("no_revision", f"{repo} has no such revision.", "Look on its page.")
    if isinstance(error, RepositoryNotFoundError):
        return AppError(
            NO_MODEL,
            f"Hugging Face has no model {repo}, or it is private.",
            "Check the name; a private one needs a token of yours under Settings.",
        )
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return AppError("hub", f"Hugging Face answered {status} for {repo}.", f"Try later. {_KEPT}")
    if isinstance(error, OfflineModeIsEnabled):
        words = "HF_HUB_OFFLINE is set, so nothing can be fetched from Hugging Face."
        return AppError("offline", words, "Take the variable away and start the program again.")
    if isinstance(error, httpx.HTTPError):
        failure = unreachable(error, hub_endpoint(), "Hugging Face")
        return AppError(failure.kind, failure.message, f"{failure.hint} {_KEPT}", failure.details)
    return _of_disk(repo, error) if isinstance(error, OSError) else None


def _gated(repo: str, *, with_token: bool) -> AppError:
    page = f"huggingface.co/{repo}"
    if with_token:
        hint = f"Accept its conditions on {page} as the user whose token is set."
        return AppError(GATED, f"{repo} is gated, and your token was not granted access.", hint)
    hint = f"Accept its conditions on {page}, then set a token under Settings."
    return AppError(GATED, f"{repo} is gated: it takes a token that was granted access.", hint)


def _of_disk(repo: str, error: OSError) -> AppError:
    if error.errno == errno.ENOSPC:
        return AppError("disk_full", f"The disk is full; {repo} is not complete.", _KEPT)
    if "Consistency check failed" in str(error):
        message = f"A file of {repo} ended before its size."
        return AppError("network", message, f"Try again. {_KEPT}", str(error))
    return AppError("io", f"{repo} cannot be kept: {error}.", "Check the disk.", str(error))
