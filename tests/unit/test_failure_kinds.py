"""The kind of an error by its class and its text, as the libraries raise them."""

from __future__ import annotations

import errno

import pytest

from trainer_image.contract import ExitCode, FailureKind
from trainer_image.failures import understand


def error_of(name: str, text: str = "", base: type[Exception] = RuntimeError) -> Exception:
    """An error whose class has this name, as that of a library that is not installed here."""
    return type(name, (base,), {})(text)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (error_of("OutOfMemoryError", "CUDA out of memory. Tried to allocate 2 GiB."), "cuda_oom"),
        (error_of("AcceleratorError", "CUDA error: out of memory"), "cuda_oom"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), "cuda_oom"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "host_oom"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "host_oom"),
        (RuntimeError("std::bad_alloc"), "host_oom"),
        (MemoryError(), "host_oom"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (RuntimeError("PytorchStreamWriter failed writing file data/3"), "disk_full"),
        (error_of("AcceleratorError", "CUDA error: an illegal memory access"), "driver"),
        (RuntimeError("CUDA driver version is insufficient for CUDA runtime version"), "driver"),
        (error_of("ReadTimeout", "", type("TransportError", (Exception,), {})), "network"),
        (ConnectionResetError("reset by peer"), "network"),
        (RuntimeError("Cannot send a request, as the client has been closed."), "network"),
        (error_of("SafetensorError", "incomplete metadata, file not fully covered"), "bad_config"),
        (error_of("SafetensorError", "I/O error: No space left on device"), "disk_full"),
        (KeyError("anything"), "internal"),
    ],
)  # fmt: skip
def test_the_kind(error: Exception, kind: str) -> None:
    told = understand(error)
    assert told.kind == kind
    assert told.message.endswith(".")
    assert told.hint
    wanted = ExitCode.CUDA_OOM if kind == "cuda_oom" else ExitCode.FAILED
    assert told.exit_code is wanted


def test_the_cause_tells_more_than_what_was_made_of_it() -> None:
    made = OSError("You are trying to access a gated repo.")
    made.__cause__ = error_of("GatedRepoError", "403 Client Error", OSError)
    assert understand(made).kind is FailureKind.AUTH
