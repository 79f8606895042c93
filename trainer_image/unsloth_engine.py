"""Training with Unsloth: what it is told, and what is kept from it.

Unsloth changes transformers, PEFT and TRL for the whole process, so it is imported before them. Of
its changes three would alter what is learnt, and are avoided here: its own count of tokens in the
trainer, its trainers in TRL's place, and packed rows of a batch that it lets see each other
(docs/engines.md says how this was found out).
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from trainer_image.contract import FailureKind
from trainer_image.data import NOT_TRAINED
from trainer_image.engine import source_of
from trainer_image.failures import understand
from trainer_image.machine import REFUSAL_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer_image.collate import Item
    from trainer_image.contract import Job
    from trainer_image.engine import Engine
    from trainer_image.reporter import Reporter

_LONGEST_REASON = 300
"""Characters of Unsloth's words that are told: some of its errors are pages."""


def import_first(engine: Engine) -> None:
    """Import Unsloth, if it is to train, before what it changes."""
    if engine.is_unsloth:
        import unsloth  # noqa: F401


def load_with_unsloth(job: Job, engine: Engine, revision: str | None) -> Any:
    """The base model below a fresh adapter, with Unsloth's kernels in it."""
    import torch
    from unsloth import FastLanguageModel

    hp = job.hp
    checkpointing = "unsloth" if hp.gradient_checkpointing in ("auto", "on") else False
    model, _ = FastLanguageModel.from_pretrained(
        source_of(job.base_model),
        max_seq_length=hp.max_seq_length,
        dtype=getattr(torch, engine.precision),
        load_in_4bit=engine.quantization == "4-bit",
        device_map={"": 0},
        use_gradient_checkpointing=checkpointing,
        # Not a look-alike that Unsloth has quantised: the adapter belongs to the model named.
        use_exact_model_name=True,
        fix_tokenizer=False,
        random_state=hp.seed,
        revision=revision,
        local_files_only=job.offline,
    )
    targets = [name.strip() for name in hp.lora_targets.split(",") if name.strip()]
    return FastLanguageModel.get_peft_model(
        model,
        r=hp.lora_r,
        target_modules=hp.lora_targets if hp.lora_targets == "all-linear" else targets,
        lora_alpha=hp.lora_alpha,
        lora_dropout=hp.lora_dropout,
        use_rslora=hp.lora_variant == "rsLoRA",
        use_gradient_checkpointing=checkpointing,
        random_state=hp.seed,
    )


class OneSequence:
    """Packed sequences of a batch one behind the other, as one.

    Unsloth finds the rows of a packed batch by their positions only where it has one sequence; in
    a batch of two it takes the positions for the rotation alone, and rows see each other.
    """

    def __init__(self, collate: Callable[[list[Item]], dict[str, Any]]) -> None:
        self._collate = collate

    def __call__(self, items: list[Item]) -> dict[str, Any]:
        batch = self._collate(items)
        batch["labels"][:, 0] = NOT_TRAINED  # what lies before it is another sequence's now
        return {name: values.reshape(1, -1) for name, values in batch.items()}


class OwnCount:
    """A part of the trainer: a step's batches and their units, as transformers collects them.

    Here, because Unsloth puts a count of tokens of its own in that method's place.
    """

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
        """The batches of a step, and what their loss is divided by."""
        samples = list(islice(epoch_iterator, num_batches))
        return samples, self._get_num_items_in_batch(samples, device)  # type: ignore[attr-defined]


@contextmanager
def or_start_anew(engine: Engine, reporter: Reporter) -> Iterator[None]:
    """Where Unsloth does not take the model in this block, train it without: in a new process."""
    try:
        yield
    except Exception as error:  # Unsloth has no class of its own for what it refuses
        if not (engine.is_unsloth and _is_refusal(error)):
            raise
        reason = first_words(error)
        reporter.warn(f"Unsloth does not take this model, so Transformers trains it. {reason}")
        start_anew_without(reason)


def _is_refusal(error: Exception) -> bool:
    """Whether Unsloth does not take the model, rather than that it is missing or does not fit.

    Unsloth's own refusals are of many classes; a failure with a cause that is known (memory, disk,
    network, access) would be the same with any engine.
    """
    return understand(error).kind in (FailureKind.INTERNAL, FailureKind.BAD_CONFIG)


def first_words(error: Exception) -> str:
    """What the error says, in one line that ends as a sentence."""
    line = " ".join(str(error).split()).removeprefix("Unsloth: ")[:_LONGEST_REASON]
    line = line or type(error).__name__
    return line if line.endswith((".", "!", "?")) else f"{line}."


def start_anew_without(reason: str) -> None:
    """Replace this process by a new one that trains with Transformers, and never return.

    What Unsloth changed in the libraries cannot be taken back; the number of the process, by which
    the run is known, stays. Linux only, as Unsloth's use is.
    """
    os.environ[REFUSAL_VARIABLE] = reason
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the very command of this process
