"""What the processes that train together tell each other. Alone, everything is its own answer.

Small things (counts, whether to stop) go over gloo, from and to main memory; gradients over NCCL
where they are on GPUs. Each call must be made by all of them, in the same order.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trainer_image import world
from trainer_image.contract import FailureKind
from trainer_image.failures import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PATIENCE = timedelta(hours=4)
"""Others may wait while the first downloads a model. A process that dies is noticed at once by
whoever started it, so this only ends what hangs for another reason."""
_BUCKET = 2**24
"""Numbers that are added up in one message: few messages, and little memory beside the model."""


def join(*, use_gpu: bool) -> None:
    """Meet the others. RefusedError where this machine has no GPU for this process."""
    if world.size() == 1:
        return
    import torch
    from torch import distributed

    on_gpu = use_gpu and torch.cuda.is_available()
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
        rank=world.rank(),
        world_size=world.size(),
        timeout=_PATIENCE,
    )
    # It misses its own way of dividing the work.
    logging.getLogger("transformers.training_args").addFilter(_is_worth_reading)
    here = gathered([float(on_gpu)])
    if use_gpu and not all(one[0] for one in here):
        raise RefusedError(
            FailureKind.BAD_CONFIG,
            f"The run is for {world.size()} GPUs, and not all of its processes have one.",
            "Choose as many GPUs as there are, or run it on the processor.",
        )


def _is_worth_reading(record: logging.LogRecord) -> bool:
    return "process group is initialized" not in record.getMessage()


def leave() -> None:
    """Part: what the first does from now on, it does alone."""
    if world.size() == 1:
        return
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()


def from_first(value: Any) -> Any:
    """What the first process has for ``value``; the others may give anything."""
    if world.size() == 1:
        return value
    import torch
    from torch import distributed

    values = [value]
    distributed.broadcast_object_list(values, src=0, device=torch.device("cpu"))
    return values[0]


@contextmanager
def first_alone() -> Iterator[None]:
    """Something that the first process does before the others do it."""
    if not world.is_first():
        from_first(None)
    yield
    if world.is_first():
        from_first(None)


def gathered(values: Sequence[float]) -> list[list[float]]:
    """The same numbers of every process, in the order of their ranks."""
    if world.size() == 1:
        return [list(values)]
    import torch
    from torch import distributed

    own = torch.tensor(values, dtype=torch.float64)
    everybody = [torch.empty_like(own) for _ in range(world.size())]
    distributed.all_gather(everybody, own)
    return [one.tolist() for one in everybody]


def sums(values: Sequence[float]) -> list[float]:
    """The sum of each number over all processes."""
    return [sum(column) for column in zip(*gathered(values), strict=True)]


def any_says(yes: bool) -> bool:
    """Whether any process says yes."""
    return any(one[0] for one in gathered([float(yes)]))


def wait() -> None:
    """Go on when all are here."""
    gathered([0.0])


def add_up_gradients(parameters: Iterable[Any]) -> None:
    """Replace each gradient by its sum over all processes; one that a process lacks counts as 0."""
    if world.size() == 1:
        return
    import torch

    bucket: list[Any] = []
    for parameter in parameters:
        if not parameter.requires_grad:
            continue
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        same = not bucket or bucket[0].dtype == parameter.grad.dtype
        if not same or sum(one.numel() for one in bucket) >= _BUCKET:
            _add_up(bucket)
            bucket = []
        bucket.append(parameter.grad)
    if bucket:
        _add_up(bucket)


def _add_up(tensors: list[Any]) -> None:
    import torch
    from torch import distributed

    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    distributed.all_reduce(flat)
    start = 0
    for tensor in tensors:
        tensor.copy_(flat[start : start + tensor.numel()].view_as(tensor))
        start += tensor.numel()


def take_from_first(parameters: Iterable[Any]) -> None:
    """Give what is trained the values that it has in the first process."""
    if world.size() == 1:
        return
    from torch import distributed

    for parameter in parameters:
        if parameter.requires_grad:
            distributed.broadcast(parameter.data, src=0)
