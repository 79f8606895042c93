"""The doctor on the network: Hugging Face and Runpod, only while the program may use it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx

from models.domain.doctor import NETWORK, OPEN_SETTINGS, Check, CheckState
from models.domain.errors import AppError
from models.domain.secrets import HF_TOKEN, RUNPOD_KEY
from services.hub_client import hub_endpoint
from services.secret_checks import check_runpod_key, hf_token_owner
from services.web import http_client, proxy_for, refused, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.doctor.program import Secrets

HUB, HUB_TOKEN, RUNPOD, RUNPOD_ACCOUNT = (
    "Hugging Face", "Hugging Face token", "Runpod", "Runpod API key",
)  # fmt: skip
_HUB_MEANING = "Models and public datasets come from there."
_TOKEN_MEANING = "Gated models, private data and Push to Hub need it."  # noqa: S105
_RUNPOD_MEANING = "Only renting GPUs needs it."
_REFUSALS = {"auth", "forbidden", "blocked", "bad_answer"}
"""Somebody answered, and said no."""


def offline_check(is_offline: bool, *, is_known: bool = True) -> Check:
    """Whether the program may use the network at all, where its settings can be read."""
    meaning = "In Offline mode nothing leaves this computer."
    if not is_known:
        message = "Not known without the database, so nobody was asked."
    elif is_offline:
        message = "On, so Hugging Face and Runpod were not asked."
    else:
        message = "Off: the network may be used."
    return Check(NETWORK, "Offline mode", CheckState.OK, message, meaning)


def proxy_check(setting: str) -> Check:
    """The proxy that our calls and the trainer's take. ``setting`` is that of the Settings page."""
    meaning = "Company networks often want one."
    used = proxy_for(hub_endpoint())
    if not used:
        message = "None; connections go out directly."
    elif setting:
        message = f"{used}, as under Settings"
    else:
        message = f"{used}, from {_proxy_variable()}"
    return Check(NETWORK, "Proxy", CheckState.OK, message, meaning)


def hub_checks(secrets: Secrets, is_offline: Callable[[], bool]) -> list[Check]:
    """Whether the Hub answers, and whether it takes the token; one call with a token, or without.

    The account's name is left out: the result is made to be passed on.
    """
    if is_offline():
        return []
    try:
        token = secrets.get(HF_TOKEN)
    except AppError as error:  # the keychain's own check says what is wrong with it
        return [*_asked_without_token(), _token(CheckState.NOTE, error.message, error.hint)]
    if token is None:
        return [*_asked_without_token(), _token(CheckState.OK, "None is set.")]
    try:
        _, role = hf_token_owner(token)
    except ConnectionError:  # huggingface_hub's own answer while its variable holds
        message = "The variable HF_HUB_OFFLINE keeps Temper from asking it."
        return [_hub(AppError("offline", message, "Unset it and start Temper again."))]
    except AppError as error:
        if error.kind not in _REFUSALS:
            return [_hub(error)]
        return [_hub(None), _token(CheckState.FAIL, error.message, error.hint)]
    return [_hub(None), _token(CheckState.OK, f"It works. {role}".strip())]


def runpod_checks(secrets: Secrets, is_offline: Callable[[], bool]) -> list[Check]:
    """Whether Runpod answers and takes the key. Without a key nobody there is asked."""
    if is_offline():
        return []
    try:
        key = secrets.get(RUNPOD_KEY)
    except AppError as error:
        return [_runpod(RUNPOD_ACCOUNT, CheckState.NOTE, error.message, error.hint)]
    if key is None:
        message = "No API key is set, so Runpod was not asked."
        return [_runpod(RUNPOD, CheckState.OK, message)]
    try:
        words = check_runpod_key(key)
    except AppError as error:
        if error.kind not in _REFUSALS:
            return [_runpod(RUNPOD, CheckState.NOTE, error.message, error.hint)]
        refusal = _runpod(RUNPOD_ACCOUNT, CheckState.FAIL, error.message, error.hint)
        return [_runpod(RUNPOD, CheckState.OK, "It answers."), refusal]
    return [
        _runpod(RUNPOD, CheckState.OK, "It answers."),
        _runpod(RUNPOD_ACCOUNT, CheckState.OK, words),
    ]


def _asked_without_token() -> list[Check]:
    """Any answer will do, a refusal too: there is no token to show."""
    url = f"{hub_endpoint()}/api/whoami-v2"
    try:
        with http_client() as client:
            status = client.get(url).status_code
    except httpx.HTTPError as error:
        return [_hub(unreachable(error, url, HUB))]
    is_trouble = status >= httpx.codes.INTERNAL_SERVER_ERROR
    if is_trouble or status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        return [_hub(refused(status, HUB))]
    return [_hub(None)]


def _hub(error: AppError | None) -> Check:
    if error is None:
        where = hub_endpoint().partition("://")[2]
        return Check(NETWORK, HUB, CheckState.OK, f"{where} answers.", _HUB_MEANING)
    step = error.hint or "Check the network connection."
    return Check(NETWORK, HUB, CheckState.NOTE, error.message, _HUB_MEANING, step, OPEN_SETTINGS)


def _token(state: CheckState, message: str, step: str = "") -> Check:
    remedy = OPEN_SETTINGS if step else ""
    return Check(NETWORK, HUB_TOKEN, state, message, _TOKEN_MEANING, step, remedy)


def _runpod(name: str, state: CheckState, message: str, step: str = "") -> Check:
    remedy = OPEN_SETTINGS if step else ""
    return Check(NETWORK, name, state, message, _RUNPOD_MEANING, step, remedy)


def _proxy_variable() -> str:
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    name = next((one for one in names if os.environ.get(one)), "")
    return f"the variable {name}" if name else "the system's settings"
