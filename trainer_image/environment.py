"""What must be settled in a process before torch and its friends are imported."""

from __future__ import annotations

import ctypes
import logging
import os
import sys

from trainer_image import world
from trainer_image.contract import CONTAINER_DATA_ROOT
from trainer_image.run_folder import resolve

_ALWAYS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "UNSLOTH_DISABLE_STATISTICS": "1",
    "WANDB_ERROR_REPORTING": "false",
}
"""No telemetry, and no progress bars: they fill a log with carriage returns. wandb is imported by
TRL, whoever uses it, and before 0.19 it reads at that moment whether to report its errors."""

_FEW_SHAPES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16", "LRU_CACHE_CAPACITY": "16"}
"""oneDNN and ideep (torch's layer above it) keep what they made for each shape of a product, 1,024
of them: rows of many lengths made the memory of a small model grow from 620 MB to 1,450 MB in 80
steps, most of it holes between what was kept. A model's layers repeat few shapes in a batch: with
16 a step took the same time, and the memory stayed at 700 MB."""

_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt``, from ``malloc.h``."""


def prepare_process(*, offline: bool, use_gpu: bool) -> None:
    """Switch off telemetry and, if so asked, the network and the GPU; tune the allocator."""
    os.environ.update(_ALWAYS)
    for name, capacity in _FEW_SHAPES.items():
        os.environ.setdefault(name, capacity)
    # Threads that wait must sleep, not spin: with another program on the processor a spinning one
    # takes the core that the thread it waits for needs (2 to 3 times slower on two cores).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if resolve(CONTAINER_DATA_ROOT).is_dir():  # what is downloaded is kept for the next run
        os.environ.setdefault("HF_HOME", str(resolve(f"{CONTAINER_DATA_ROOT}/cache/huggingface")))
        # Else it writes the code that it compiles into whatever folder the process is in.
        compiled = resolve(f"{CONTAINER_DATA_ROOT}/cache/unsloth")
        os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", str(compiled))
    if offline:
        os.environ.update(_OFFLINE)
    if not use_gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    else:
        # One process uses one card: with several, transformers would quietly split each batch.
        shown = os.environ.get("CUDA_VISIBLE_DEVICES")
        os.environ["CUDA_VISIBLE_DEVICES"] = card_of(world.local_rank(), shown)
    # On a processor it says that it failed to load something nobody asked for.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    _keep_freed_memory()


def card_of(number: int, shown: str | None) -> str:
    """The card of a machine's process ``number``, of those that are ``shown`` to it.

    Without so many CUDA shows none, and the run is refused.
    """
    if shown is None:
        return str(number)
    cards = [card.strip() for card in shown.split(",")]
    return cards[number] if number < len(cards) else ""


def _keep_freed_memory() -> None:
    """Keep freed memory instead of giving it back to the kernel at every step.

    The next step needs the same amount again, and on virtual machines the way to the kernel and
    back costs about a tenth of a step. Same as MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)
