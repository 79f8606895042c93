"""Every way a run can end without success, and the sentence, hint and exit code that go with it."""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass

from trainer_image.contract import ExitCode, FailureKind


class TrainerError(Exception):
    """A failure that we understand: ``message`` is a plain sentence for the user."""

    exit_code = ExitCode.FAILED

    def __init__(self, kind: FailureKind, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint


class RefusedError(TrainerError):
    """The job cannot be done as it was asked for; nothing was changed."""

    exit_code = ExitCode.REFUSED


class StoppedError(TrainerError):
    """Somebody asked the run to stop."""

    exit_code = ExitCode.CANCELLED

    def __init__(self, message: str = "The run was stopped.") -> None:
        super().__init__(FailureKind.CANCELLED, message, "Resume it to go on from the checkpoint.")


@dataclass(frozen=True)
class Failure:
    """What the ``failed`` event says. ``details`` is for experts and never shown by itself."""

    kind: FailureKind
    message: str
    hint: str = ""
    details: str = ""
    exit_code: ExitCode = ExitCode.FAILED


_SENTENCES = {
    FailureKind.CUDA_OOM: (
        "The GPU ran out of memory.",
        "Halve the batch size and double the accumulation, or shorten the maximum length.",
    ),
    FailureKind.HOST_OOM: (
        "The computer ran out of memory.",
        "Use a smaller batch, a shorter maximum length or a smaller base model.",
    ),
    FailureKind.DISK_FULL: (
        "The disk is full.",
        "Free some space and resume: the run goes on from its last checkpoint.",
    ),
    FailureKind.AUTH: (
        "Hugging Face did not let us in.",
        "Accept the model's licence on its page, and set a token that may read it.",
    ),
    FailureKind.NOT_FOUND: (
        "The model or dataset was not found on Hugging Face.",
        "Check its name; a private one needs a token.",
    ),
    FailureKind.NETWORK: (
        "Hugging Face could not be reached.",
        "Check the connection, or use a model and a dataset that are on this computer.",
    ),
    FailureKind.DRIVER: (
        "The GPU driver failed.",
        "Restart the computer or update the driver; the run can be resumed.",
    ),
    FailureKind.INTERNAL: (
        "The trainer met an error that it does not know.",
        "The log has the details; please report it.",
    ),
}

_BY_CLASS = {
    "OutOfMemoryError": FailureKind.CUDA_OOM,
    "GatedRepoError": FailureKind.AUTH,
    "RepositoryNotFoundError": FailureKind.NOT_FOUND,
    "RevisionNotFoundError": FailureKind.NOT_FOUND,
    "DatasetNotFoundError": FailureKind.NOT_FOUND,
    "EntryNotFoundError": FailureKind.NOT_FOUND,
    "OfflineModeIsEnabled": FailureKind.NETWORK,
    "LocalEntryNotFoundError": FailureKind.NETWORK,
    "TransportError": FailureKind.NETWORK,
    "ConnectionError": FailureKind.NETWORK,
    "Timeout": FailureKind.NETWORK,
    "ClientConnectionError": FailureKind.NETWORK,
    "AcceleratorError": FailureKind.DRIVER,
}
"""By name, so that no library has to be imported to understand its errors. TransportError is the
base of all that httpx meets on the line, the others are those of requests and aiohttp."""

_MEMORY_TEXTS = {
    "CUDA out of memory": FailureKind.CUDA_OOM,
    "CUDA error: out of memory": FailureKind.CUDA_OOM,
    "CUBLAS_STATUS_ALLOC_FAILED": FailureKind.CUDA_OOM,
    "can't allocate memory": FailureKind.HOST_OOM,
    "Cannot allocate memory": FailureKind.HOST_OOM,
    "std::bad_alloc": FailureKind.HOST_OOM,
    "could not create a primitive": FailureKind.HOST_OOM,
}
"""A lack of memory has many classes; what does not fit is no fault of the driver. oneDNN, which
multiplies on CPUs, drops the status of its allocation and says only what it could not make."""

_BY_TEXT = {
    "No space left on device": FailureKind.DISK_FULL,
    "PytorchStreamWriter failed": FailureKind.DISK_FULL,
    "unexpected pos": FailureKind.DISK_FULL,
    "401 Client Error": FailureKind.AUTH,
    "403 Client Error": FailureKind.AUTH,
    "401 Unauthorized": FailureKind.AUTH,
    "403 Forbidden": FailureKind.AUTH,
    "couldn't connect to": FailureKind.NETWORK,
    "Server Error": FailureKind.NETWORK,
    "the client has been closed": FailureKind.NETWORK,
    "CUDA error": FailureKind.DRIVER,
    "CUDA driver": FailureKind.DRIVER,
    "cuDNN error": FailureKind.DRIVER,
}
"""torch and safetensors say by text alone that the disk is full. A huggingface_hub before 1.27
closes its client after a connection that failed, and tries again with it."""

_OF_THE_MODEL = {
    "SafetensorError": (
        "The base model's files are damaged or incomplete.",
        "Download the model again, or choose another folder.",
    ),
    "does not recognize this architecture": (
        "The trainer does not know this kind of model.",
        "Choose another base model.",
    ),
}
"""What is wrong with a base model, by the class of the error or by its text."""


def sentence_of(kind: FailureKind) -> tuple[str, str]:
    """What is said of a kind, and what helps."""
    return _SENTENCES[kind]


def understand(error: BaseException) -> Failure:
    """Turn any exception into what the user is told."""
    if isinstance(error, TrainerError):
        return Failure(error.kind, str(error), error.hint, exit_code=error.exit_code)
    details = "".join(traceback.format_exception(error))
    links = _chain(error)
    kind = next((kind for link in links if (kind := _kind(link))), FailureKind.INTERNAL)
    of_model = next((told for link in links if (told := _of_the_model(link))), None)
    if kind is FailureKind.INTERNAL and of_model is not None:
        return Failure(FailureKind.BAD_CONFIG, *of_model, details)
    exit_code = ExitCode.CUDA_OOM if kind is FailureKind.CUDA_OOM else ExitCode.FAILED
    return Failure(kind, *_SENTENCES[kind], details, exit_code)


def _kind(error: BaseException) -> FailureKind | None:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FailureKind.DISK_FULL
    if isinstance(error, MemoryError):
        return FailureKind.HOST_OOM
    text = str(error)
    of_memory = next((kind for part, kind in _MEMORY_TEXTS.items() if part in text), None)
    if of_memory is not None:
        return of_memory
    for cls in type(error).__mro__:
        if cls.__name__ in _BY_CLASS:
            return _BY_CLASS[cls.__name__]
    return next((kind for part, kind in _BY_TEXT.items() if part in text), None)


def _of_the_model(error: BaseException) -> tuple[str, str] | None:
    text = f"{type(error).__name__}: {error}"
    return next((told for word, told in _OF_THE_MODEL.items() if word in text), None)


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what caused it, innermost first: the cause knows better what happened."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.insert(0, link)
        link = link.__cause__ or link.__context__
    return links
