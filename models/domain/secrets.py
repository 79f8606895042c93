"""The tokens and keys that the program can be given: their names and words, never their values."""

from __future__ import annotations

from dataclasses import dataclass

HF_TOKEN = "hf_token"  # noqa: S105 - a name
RUNPOD_KEY = "runpod_key"
S3_ACCESS_KEY = "s3_access_key"
S3_SECRET_KEY = "s3_secret_key"  # noqa: S105 - a name

KEYCHAIN = "the system keychain"
ENVIRONMENT = "an environment variable"
MEMORY = "this session's memory"


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """One secret: what it is called, what it is for, which variables may hold it, where to get it.

    ``variables`` are read in this order where no keychain has a value.
    """

    name: str
    label: str
    purpose: str
    variables: tuple[str, ...]
    page: str


SECRETS: dict[str, SecretInfo] = {
    info.name: info
    for info in (
        SecretInfo(
            HF_TOKEN,
            "Hugging Face token",
            "Gated models, private datasets, Push to Hub",
            ("HF_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
            "https://huggingface.co/settings/tokens",
        ),
        SecretInfo(
            RUNPOD_KEY,
            "Runpod API key",
            "Renting GPUs on Runpod",
            ("RUNPOD_API_KEY",),
            "https://console.runpod.io/user/settings",
        ),
        SecretInfo(
            S3_ACCESS_KEY,
            "Runpod S3 access key",
            "Files on a network volume while no pod runs",
            ("RUNPOD_S3_ACCESS_KEY",),
            "https://console.runpod.io/user/settings",
        ),
        SecretInfo(
            S3_SECRET_KEY,
            "Runpod S3 secret key",
            "The second half of the S3 access key",
            ("RUNPOD_S3_SECRET_KEY",),
            "https://console.runpod.io/user/settings",
        ),
    )
}
"""By name, in the order in which they are shown."""

SECRET_VARIABLES = tuple(name for info in SECRETS.values() for name in info.variables)
"""Every environment variable that may hold one of them."""


@dataclass(frozen=True, slots=True)
class SecretState:
    """Whether a secret is set, and where it is kept (one of the three places, with its article).

    ``problem`` says why nothing could be found out, as when a keychain does not answer.
    """

    name: str
    is_set: bool = False
    where: str = ""
    problem: str = ""
