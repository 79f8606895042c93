"""The training itself: TRL's trainer, with our loss, our evaluation and checkpoints one can trust.

``transformers`` keeps the loop, the schedule and the resuming, which are proven to repeat a run bit
for bit after a crash; see ``docs/architecture.md``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from trainer_image import checkpoints
from trainer_image.callbacks import (
    Reporter,
    best_step,
    held_out_losses,
    step_callback,
)
from trainer_image.checkpoints import Manifest
from trainer_image.collate import PackedCollator, PaddedCollator
from trainer_image.contract import Phase
from trainer_image.loss import summed_loss

if TYPE_CHECKING:
    from pathlib import Path

    from trainer_image.collate import Item
    from trainer_image.contract import Job
    from trainer_image.engine import Engine
    from trainer_image.output import OutputFolder, Start
    from trainer_image.steps import StepPlan
    from trainer_image.stopping import StopRequest
