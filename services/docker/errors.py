"""What the Docker SDK raises, as our own errors: sentences, never an address with parameters."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.docker.advice import STOPPED
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

_DETAILS = 2000
"""Characters of the engine's own words that a report carries."""
_TOOLKIT = (
    "Install the NVIDIA Container Toolkit, then: sudo nvidia-ctk runtime configure "
    "--runtime=docker, and restart Docker. Or untick Use GPU."
)


def translate(error: Exception, what: str) -> AppError:
    """The error for a person; ``what`` completes "The engine could not …" ("start the container").

    Kinds: ``docker_stopped`` (no answer), ``docker_no_gpu``, ``disk_full``, ``image_missing``,
    ``not_found``, ``conflict`` (a name is taken, something is in use), ``docker`` (anything else).
    """
    if isinstance(error, AppError):
        return error
    if is_unreachable(error):
        return AppError(
            STOPPED,
            f"The Docker engine does not answer, so it could not {what}.",
            "Start Docker, then try again.",
            redact(_root(error)),
        )
    words = explanation(error)
    return _gpu_refusal(words) or _disk_refusal(words, what) or _by_status(error, words, what)


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Whatever the SDK raises inside becomes the AppError of :func:`translate`."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (DockerException, RequestException, HTTPError, OSError) as error:
        raise translate(error, what) from error


def is_unreachable(error: BaseException) -> bool:
    """Whether the engine gave no answer at all: stopped, restarting, or too busy."""
    from docker.errors import APIError
    from requests.exceptions import ChunkedEncodingError, Timeout
    from requests.exceptions import ConnectionError as NoConnection
    from urllib3.exceptions import ProtocolError
    from urllib3.exceptions import TimeoutError as NoAnswer

    if isinstance(error, AppError):
        return error.kind == STOPPED
    if isinstance(error, APIError):
        return False
    broken = (NoConnection, Timeout, ChunkedEncodingError, ProtocolError, NoAnswer, ConnectionError)
    return any(isinstance(one, broken) for one in _chain(error))


def explanation(error: BaseException) -> str:
    """The engine's own words. Never ``str(error)``: that has the whole request's address in it."""
    given = getattr(error, "explanation", None) or getattr(error, "msg", None)
    if isinstance(given, bytes):
        given = given.decode("utf-8", "replace")
    return redact(str(given or _root(error)).strip())[:_DETAILS]


def _by_status(error: Exception, words: str, what: str) -> AppError:
    from docker.errors import APIError, ImageNotFound, NotFound

    said = f"The Docker engine could not {what}: {_sentence(words)}"
    if isinstance(error, ImageNotFound):
        return AppError("image_missing", said, "Pull or build the image first.", words)
    if isinstance(error, NotFound):
        return AppError("not_found", said, "Somebody else may have removed it.", words)
    if isinstance(error, APIError) and error.status_code == 409:
        return AppError("conflict", said, "", words)
    return AppError("docker", said, "", words)


def _gpu_refusal(words: str) -> AppError | None:
    """Why the engine passes no GPU, from what Docker and NVIDIA's tools say in that case."""
    lower = words.lower()
    if "could not select device driver" in lower or "unresolvable cdi devices" in lower:
        message, hint = "The Docker engine cannot pass a GPU to a container.", _TOOLKIT
    elif "unknown device" in lower and "nvidia" in lower:
        message = "A chosen GPU is not there."
        hint = "Look at the numbers that nvidia-smi -L prints, and choose among them."
    elif "nvidia-container-cli" in lower and ("driver" in lower or "nvml" in lower
                                              or "libnvidia-ml" in lower):  # fmt: skip
        message = "The NVIDIA driver of the engine's computer does not work."
        hint = "Run nvidia-smi there: install the driver, or restart after an update of it."
    elif "bpf_prog_query" in lower:
        message = "A rootless engine passes no GPU while it controls devices by cgroup."
        hint = "Run: sudo nvidia-ctk config --set nvidia-container-cli.no-cgroups --in-place"
    else:
        return None
    return AppError("docker_no_gpu", message, hint, words)


def _disk_refusal(words: str, what: str) -> AppError | None:
    if "no space left on device" not in words.lower():
        return None
    return AppError(
        "disk_full",
        f"The disk with Docker's data is full, so the engine could not {what}.",
        "Free some space, for example with: docker system prune",
        words,
    )


def _sentence(words: str) -> str:
    """The engine's words, without the layers of wrapping around them, ending in a full stop."""
    words = re.sub(r"^Error response from daemon: ", "", words) or "it gave no reason"
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _root(error: BaseException) -> str:
    last = [*_chain(error)][-1]
    return f"{type(last).__name__}: {last}" if str(last) else type(last).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from; urllib3 hides causes in arguments."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        one = pending.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            pending.extend((one.__cause__, getattr(one, "reason", None), *one.args))
