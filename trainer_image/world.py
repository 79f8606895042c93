"""Which of a run's processes this is: with several GPUs each has one, started by torchrun.

Only the first writes the run's files. The variables are torchrun's (docs.pytorch.org, "torchrun"),
those of a cluster Kubeflow's, Runpod's and Slurm's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer_image.agent_child import LEADER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

_STARTED_BY_TORCHRUN = ("TORCHELASTIC_RUN_ID", "LOCAL_RANK")
_TAKEN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
_MACHINES = ("PET_NNODES", "NUM_NODES", "NNODES", "SLURM_NNODES")
_MACHINE = ("PET_NODE_RANK", "NODE_RANK", "SLURM_NODEID")
_ADDRESS = ("PET_MASTER_ADDR", "MASTER_ADDR", "PRIMARY_ADDR")
_PORT = ("PET_MASTER_PORT", "MASTER_PORT", "PRIMARY_PORT")
_DEFAULT_PORT = "29500"
"""torchrun's own."""


@dataclass(frozen=True)
class _Place:
    rank: int = 0
    local_rank: int = 0
    size: int = 1


@dataclass(frozen=True)
class Cluster:
    """The machines that train together; ``number`` is this one's, 0 is where the first process is.

    ``address`` and ``port`` are where they meet.
    """

    machines: int = 1
    number: int = 0
    address: str = ""
    port: str = _DEFAULT_PORT


_place = _Place()


def is_worker(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun started this process, and not the program or a user."""
    return all(name in environ for name in _STARTED_BY_TORCHRUN) and LEADER_VARIABLE in environ


def enter() -> None:
    """Find out which process this is, and take the variables away.

    Libraries would divide the data by them in their own way; ours gives every process a share of
    each step's batches, so that how many there are changes nothing but the time.
    """
    global _place
    if is_worker():
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
        _place = _Place(*(int(os.environ[name]) for name in names))
    for name in _TAKEN:
        os.environ.pop(name, None)


def cluster(environ: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster that this machine belongs to; one of itself alone where nothing is said."""
    machines = _number(environ, _MACHINES, 1)
    if machines <= 1:
        return Cluster()
    return Cluster(
        machines,
        _number(environ, _MACHINE, 0),
        _first(environ, _ADDRESS),
        _first(environ, _PORT) or _DEFAULT_PORT,
    )


def rank() -> int:
    """The number of this process among all of the run, on all machines; 0 is the first."""
    return _place.rank


def local_rank() -> int:
    """The number of this process on its machine, which is also that of its GPU."""
    return _place.local_rank


def size() -> int:
    """How many processes train together."""
    return _place.size


def is_first() -> bool:
    """Whether this process is the one that writes and reports."""
    return rank() == 0


def leader() -> int:
    """The number by which the system knows the run's outermost process: this one, if alone."""
    return int(os.environ.get(LEADER_VARIABLE, os.getpid()))


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environ[name].strip() for name in names if environ.get(name, "").strip()), "")


def _number(environ: Mapping[str, str], names: tuple[str, ...], default: int) -> int:
    """The first that is a number; Kubeflow may say a range or "auto", which is none."""
    found = _first(environ, names)
    return int(found) if found.isdecimal() else default
