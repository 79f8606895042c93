"""An adapter as part of its base model's weights, for programs that know no adapters.

The base is loaded again, in the precision it is kept in: the copy that was trained on may be
quantised, and weights that are merged into four bits lose much of what was learnt.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from trainer_image.engine import source_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def save_merged(
    base_model: str,
    adapter: Path,
    folder: Path,
    revision: str | None = None,
    tell: Callable[[str], None] = lambda _stage: None,
) -> None:
    """Write the base model with the adapter of ``adapter`` merged into it, and its tokenizer.

    ``revision`` is the commit of a Hub model that the adapter was trained on. ``tell`` hears what
    is done: loading, merging, writing.
    """
    from transformers import AutoTokenizer

    shutil.rmtree(folder, ignore_errors=True)
    model = _merged(base_model, adapter, revision, tell)
    tell("writing")
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(adapter).save_pretrained(folder)


def _merged(
    base_model: str, adapter: Path, revision: str | None, tell: Callable[[str], None]
) -> Any:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    tell("loading")
    source = source_of(base_model)
    base = AutoModelForCausalLM.from_pretrained(source, dtype="auto", revision=revision)
    if getattr(base, "is_quantized", False):  # a repository that holds four bits only
        base = base.dequantize()
    tell("merging")
    return PeftModel.from_pretrained(base, adapter).merge_and_unload()
