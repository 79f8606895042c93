"""Jobs that fail, one after the other in one process, and how each ended: ``JOB_JSON...``.

A job whose folder's name begins with ``tight`` may take little more memory than is in use when its
training begins; one that ends with ``probe`` is only measured, and comes last.
"""

import gc
import json
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from trainer_image import train
from trainer_image.contract import Phase
from trainer_image.reporter import Reporter
from trainer_image.secrecy import guard_output

ROOM = 4 * 1024 * 1024
PIECE = 256 * 1024

real_phase = Reporter.phase
ballast: list[bytearray] = []


def limit_memory() -> None:
    """What the jobs before have freed is not given back to the system: it is taken up first."""
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used, resource.RLIM_INFINITY))
    with suppress(MemoryError):
        while True:
            ballast.append(bytearray(PIECE))
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, resource.RLIM_INFINITY))


def tight_phase(self: Reporter, phase: Phase, **fields: Any) -> None:
    real_phase(self, phase, **fields)
    if phase is Phase.TRAINING:
        limit_memory()


answers = os.fdopen(os.dup(1), "w")
guard_output()
train.guard_output = lambda: None  # once is enough for a process
codes = {}
for job in map(Path, sys.argv[1:]):
    Reporter.phase = tight_phase if job.parent.name.startswith("tight") else real_phase  # type: ignore[method-assign]
    is_probe = job.parent.name.endswith("probe")
    codes[job.parent.name] = train.main(["--job", str(job), *(["--probe"] if is_probe else [])])
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ballast.clear()
    gc.collect()
print("\n" + json.dumps(codes), file=answers, flush=True)
