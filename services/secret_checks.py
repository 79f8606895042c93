"""Tries a token or key out, with a call that the program really makes, and says what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import httpx

from models.domain.errors import AppError
from models.domain.secrets import HF_TOKEN, RUNPOD_KEY, S3_ACCESS_KEY, S3_SECRET_KEY, SECRETS
from services.hub_client import hub_api, hub_endpoint
from services.remote.s3_answers import S3_FAULTS
from services.runpod.addresses import addresses
from services.runpod.refusals import SERVICE, refusal
from services.web import http_client, refused, unreachable

if TYPE_CHECKING:
    from services.offline import OfflinePolicy
    from services.secrets import SecretStore

DATA_CENTER = "EU-RO-1"
"""Any of Runpod's data centres with an S3 service does: the keys are the account's."""


class SecretChecker:
    """Makes the calls. Blocking, half a minute at most; never says the secret itself."""

    def __init__(self, secrets: SecretStore, offline: OfflinePolicy) -> None:
        self._secrets = secrets
        self._offline = offline

    def test(self, name: str, data_center: str = "") -> str:
        """Try a secret out and return what it is good for, in a sentence.

        ``data_center`` is for the S3 keys. Raises AppError: ``not_set``, ``offline``, ``auth``,
        ``forbidden``, ``timeout``, ``proxy``, ``network`` and further ones of :mod:`services.web`.
        """
        value = self._value(name)
        self._offline.refuse(f"the {SECRETS[name].label} was not tried out")
        if name == HF_TOKEN:
            return check_hf_token(value)
        if name == RUNPOD_KEY:
            return check_runpod_key(value)
        access, secret = self._value(S3_ACCESS_KEY), self._value(S3_SECRET_KEY)
        return check_s3_keys(access, secret, data_center or DATA_CENTER)

    def _value(self, name: str) -> str:
        value = self._secrets.get(name)
        if value is None:
            label = SECRETS[name].label
            raise AppError("not_set", f"There is no {label} to try out.", "Set it first.")
        return value


def check_hf_token(token: str) -> str:
    """Ask the Hub whose token it is, and what it may do."""
    name, role = hf_token_owner(token)
    return f"It works: signed in as {name}. {role}".strip()


def hf_token_owner(token: str) -> tuple[str, str]:
    """The account that the Hub knows a token by, and in a sentence what the token may do."""
    from huggingface_hub.errors import HfHubHTTPError

    service = "Hugging Face"
    try:
        answer = hub_api(token).whoami()
    except HfHubHTTPError as error:
        response = error.response
        raise _hub_refusal(response.status_code, f"{error}\n{response.text}") from None
    except httpx.HTTPError as error:
        raise unreachable(error, hub_endpoint(), service) from None
    except ValueError as error:  # an answer that is no JSON
        raise refused(200, service, str(error)) from None
    if not isinstance(answer, dict) or not answer.get("name"):
        raise refused(200, service, repr(answer))
    return str(answer["name"]), _role(answer)


def check_runpod_key(key: str) -> str:
    """Ask for the account's pods, as the program does before it rents one."""
    url = f"{addresses().rest}/v2/pods"
    try:
        with http_client() as client:
            response = client.get(url, headers={"Authorization": f"Bearer {key}"})
    except httpx.HTTPError as error:
        raise unreachable(error, url, SERVICE) from None
    if response.status_code != httpx.codes.OK:
        raise refusal(response, "see the account's pods")
    pods = _json(response, SERVICE).get("pods")
    if not isinstance(pods, list):
        raise refused(response.status_code, SERVICE, response.text)
    return f"It works: {_counted(len(pods), 'pod')} on this account."


def check_s3_keys(access: str, secret: str, data_center: str) -> str:
    """List the network volumes that the keys open, with a signed request."""
    from httpx_auth import AWS4Auth

    service, region = "Runpod's S3 service", data_center.strip().upper()
    url = addresses().volumes_in(region) + "/"
    try:
        with http_client() as client:
            response = client.get(url, auth=AWS4Auth(access, secret, region, "s3"))
    except httpx.HTTPError as error:
        raise unreachable(error, url, service) from None
    root = _xml(response)
    if response.status_code != httpx.codes.OK:
        raise _s3_refusal(response, _text(root, "Code"))
    if root is None or not root.tag.endswith("ListAllMyBucketsResult"):
        raise refused(response.status_code, service, response.text)
    volumes = [part for part in root.iter() if part.tag.rpartition("}")[2] == "Bucket"]
    return f"They work: {_counted(len(volumes), 'network volume')} in {region}."


def _hub_refusal(status: int, details: str) -> AppError:
    page = SECRETS[HF_TOKEN].page
    if status == httpx.codes.UNAUTHORIZED:
        message = "Hugging Face does not accept this token: it is wrong, expired or deleted."
        return AppError("auth", message, f"Make a new one at {page}.")
    if status == httpx.codes.FORBIDDEN:
        message = "Hugging Face knows this token, but it may not ask who its owner is."
        return AppError("forbidden", message, f"Check its permissions at {page}.")
    return refused(status, "Hugging Face", details)


def _role(answer: dict[str, Any]) -> str:
    """What the token may do, where the Hub says so."""
    auth = answer.get("auth")
    token = auth.get("accessToken") if isinstance(auth, dict) else None
    role = token.get("role") if isinstance(token, dict) else None
    words = {
        "read": "The token may only read: Push to Hub needs one that may write.",
        "write": "The token may read and write.",
        "fineGrained": "What the token may do was chosen one by one where it was made.",
    }
    return words.get(str(role), "")


def _s3_refusal(response: httpx.Response, code: str) -> AppError:
    page = SECRETS[S3_ACCESS_KEY].page
    if code in S3_FAULTS:
        return AppError("auth", S3_FAULTS[code], f"Copy both of one S3 key again from {page}.")
    if code == "RequestTimeTooSkewed":
        message = "This computer's clock is wrong by more than Runpod's S3 service allows."
        return AppError("clock", message, "Set the clock, then try again.")
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        message = "Runpod knows these S3 keys, but refuses to list the network volumes."
        return AppError("forbidden", message, f"Check the S3 key at {page}.", code)
    return refused(response.status_code, "Runpod's S3 service", response.text)


def _json(response: httpx.Response, service: str) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise refused(response.status_code, service, response.text)
    return content


def _xml(response: httpx.Response) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(response.content)  # noqa: S314 - expat refuses entity bombs
    except ElementTree.ParseError:
        return None


def _text(root: ElementTree.Element | None, name: str) -> str:
    parts = () if root is None else root.iter()
    return next((part.text or "" for part in parts if part.tag.rpartition("}")[2] == name), "")


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
