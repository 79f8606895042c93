"""The base model and its tokenizer, as the chosen engine trains them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer_image.adapters import made_trainable
from trainer_image.contract import FailureKind
from trainer_image.engine import source_of, stored_quantization
from trainer_image.failures import RefusedError
from trainer_image.unsloth_engine import load_with_unsloth

if TYPE_CHECKING:
    from trainer_image.contract import Job
    from trainer_image.engine import Engine


def load_tokenizer(job: Job, *, needs_template: bool, revision: str | None = None) -> Any:
    """The tokenizer, refused if conversations cannot be rendered and masked with it.

    ``revision`` is the commit of a Hub repository that is wanted, here and below.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source_of(job.base_model), revision=revision)
    if needs_template and not tokenizer.chat_template:
        raise RefusedError(
            FailureKind.BAD_CONFIG,
            f"{job.base_model} has no chat template, so it cannot learn conversations.",
            "Choose an instruction-tuned model, or a dataset of plain text.",
        )
    if not tokenizer.is_fast:
        raise RefusedError(FailureKind.BAD_CONFIG, f"{job.base_model} has no fast tokenizer.")
    if tokenizer.pad_token_id is None:
        # Any token will do: what is padded is neither seen nor learnt.
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def load_model(job: Job, engine: Engine, revision: str | None = None) -> Any:
    """The base model with a fresh adapter, or all of it, ready to train."""
    if engine.is_unsloth:
        return load_with_unsloth(job, engine, revision)
    import torch
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(job.hp.seed)  # before the adapter is drawn, or a resumed run would draw another
    is_full = job.hp.tuning == "full"  # weights that learn are float32, whatever computes with them
    options: dict[str, Any] = {"dtype": getattr(torch, "float32" if is_full else engine.precision)}
    options["revision"] = revision
    if engine.quantization in ("4-bit", "8-bit") and not stored_quantization(job.base_model):
        options["quantization_config"] = quantization_config(engine.quantization, engine.precision)
    if engine.on_gpu:
        options["device_map"] = {"": 0}
    model = AutoModelForCausalLM.from_pretrained(source_of(job.base_model), **options)
    model.config.use_cache = False
    _keep_differentiable(model)
    return made_trainable(model, job)


def _keep_differentiable(model: Any) -> None:
    """On some processors bitsandbytes stores 4-bit weights anew at the first evaluation, in an
    order through which no gradient passes: what is trained after it would learn next to nothing."""
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def quantization_config(quantization: str, precision: str) -> Any:
    """How the base model's weights are packed; an answer must see them as the training did."""
    import torch
    from transformers import BitsAndBytesConfig

    if quantization == "8-bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, precision),
    )
