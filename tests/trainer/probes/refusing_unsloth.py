"""A trainer's process on a machine that seems to have a card and an Unsloth that takes no model.

Run as ``trainer_image.train`` is: ``--job PATH``. What is pretended is the machine; that Unsloth
refuses, that the process starts anew and that it trains then are real.
"""

import os
import sys
from types import ModuleType

import trainer_image.train as entry
from trainer_image.machine import REFUSAL_VARIABLE, Machine

CARD = Machine(gpu="a card", capability=(8, 9), unsloth="2026.10.9")


class Refusing(ModuleType):
    """An Unsloth that knows no architecture."""

    @property
    def FastLanguageModel(self) -> object:  # noqa: N802 - Unsloth's name
        """Where a model would be loaded."""
        raise NotImplementedError("Unsloth: tiny models\nare not supported yet")


sys.modules["unsloth"] = Refusing("unsloth")
entry.look_at_machine = lambda _: Machine() if os.environ.get(REFUSAL_VARIABLE) else CARD
if __name__ == "__main__":
    print(f"pid {os.getpid()}", flush=True)
    sys.exit(entry.main())
