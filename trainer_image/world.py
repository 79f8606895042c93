"""Which of a run's processes this is: with several GPUs each has one, started by torchrun.

Only the first writes the run's files; the variables are torchrun's (docs.pytorch.org, "torchrun").
"""

from __future__ import annotations

import os


def rank() -> int:
    """The number of this process among all of the run, on all machines; 0 is the first."""
    return int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """The number of this process on its machine, which is also that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes and reports."""
    return rank() == 0
