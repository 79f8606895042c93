"""Whether a dataset of the Hub can be had, asked before a run starts that would fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from models.domain.errors import Problem
from models.domain.start_fixes import SET_TOKEN, pass_token
from services.hub_client import hub_api

if TYPE_CHECKING:
    from collections.abc import Callable

_FIELD = "dataset.hf_repo"


def dataset_problems(
    repo: str, hf_token: Callable[[], str | None], *, passes: bool = True
) -> list[Problem]:
    """Why the Hub does not give this dataset out; empty where it does, or cannot be reached now:
    the trainer may have it in its cache. The token is asked for only after a refusal; ``passes``:
    whoever fetches it is given the token.
    """
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError

    try:
        if not _is_open(repo, hf_token) and not passes:
            return [pass_token(f"{repo} is not open to everybody")]
    except HFValidationError:
        return [Problem(_FIELD, repo, "is not a repo id.", "Use user/name.")]
    except GatedRepoError:
        message = "is gated: its owner gives it only to those who accept the conditions."
        remedy = f"Accept them at huggingface.co/datasets/{repo}, and pass your token."
        return [Problem(_FIELD, repo, message, remedy, fix=SET_TOKEN)]
    except HfHubHTTPError as error:
        if error.response.status_code in {401, 403, 404}:
            message = "is not on Hugging Face, or is private."
            remedy = "Check the name, or set a token in Settings."
            return [Problem(_FIELD, repo, message, remedy, fix=SET_TOKEN)]
    except httpx.HTTPError:
        return []
    return []


def _is_open(repo: str, hf_token: Callable[[], str | None]) -> bool:
    """Whether everybody gets it; False: with the token. The Hub's error where nobody does."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        hub_api().auth_check(repo, repo_type="dataset")
    except HfHubHTTPError:
        token = hf_token()
        if not token:
            raise
        hub_api(token).auth_check(repo, repo_type="dataset")
        return False
    return True
