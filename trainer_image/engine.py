"""Which engine, device and precision a job gets, and the model and tokenizer built for it.

There is one engine, transformers with PEFT and TRL; this module is the seam for faster ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer_image.checks import gpu_problems
from trainer_image.contract import FailureKind
from trainer_image.failures import RefusedError
from trainer_image.run_folder import is_local, resolve

if TYPE_CHECKING:
    from trainer_image.contract import Hyperparameters, Job


@dataclass(frozen=True)
class Engine:
    """What a job is trained with; ``reason`` is shown to the user."""

    name: str
    device: str
    precision: str
    quantization: str
    reason: str

    @property
    def on_gpu(self) -> bool:
        """Whether there is a GPU and it is to be used."""
        return self.device != "cpu"


def choose_engine(job: Job) -> Engine:
    """Settle every "auto" by what this machine has; RefusedError if it lacks something."""
    import torch

    if not (job.use_gpu and torch.cuda.is_available()):
        problems = list(gpu_problems(job.hp))
        if problems:
            raise problems[0]
        reason = "no GPU was found" if job.use_gpu else "the job asks for the processor"
        quantization = "none" if job.hp.quantization == "auto" else job.hp.quantization
        return Engine("transformers", "cpu", "float32", quantization, reason)
    half = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return Engine(
        name="transformers",
        device=torch.cuda.get_device_name(0),
        precision=half if job.hp.precision == "auto" else job.hp.precision,
        quantization="4-bit" if job.hp.quantization == "auto" else job.hp.quantization,
        reason="a GPU was found",
    )


def source_of(base_model: str) -> str:
    """What ``from_pretrained`` is given: a folder's real place, or a repository's name."""
    return str(resolve(base_model)) if is_local(base_model) else base_model


def load_tokenizer(job: Job, *, needs_template: bool) -> Any:
    """The tokenizer, refused if conversations cannot be rendered and masked with it."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source_of(job.base_model))
    if needs_template and not tokenizer.chat_template:
        raise RefusedError(
            FailureKind.BAD_CONFIG,
            f"{job.base_model} has no chat template, so it cannot learn conversations.",
            "Choose an instruction-tuned model, or a dataset of plain text.",
        )
    if not tokenizer.is_fast:
        raise RefusedError(FailureKind.BAD_CONFIG, f"{job.base_model} has no fast tokenizer.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(job: Job, engine: Engine) -> Any:
    """The base model with a fresh adapter, ready to train."""
    import torch
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(job.hp.seed)  # before the adapter is drawn, or a resumed run would draw another
    options: dict[str, Any] = {"dtype": getattr(torch, engine.precision)}
    if engine.quantization != "none":
        options["quantization_config"] = quantization_config(engine.quantization, engine.precision)
    if engine.on_gpu:
        options["device_map"] = {"": 0}
    model = AutoModelForCausalLM.from_pretrained(source_of(job.base_model), **options)
    model.config.use_cache = False
    return _with_adapter(model, job.hp)


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


def _with_adapter(model: Any, hp: Hyperparameters) -> Any:
    from peft import LoraConfig, get_peft_model

    targets = [name.strip() for name in hp.lora_targets.split(",") if name.strip()]
    config = LoraConfig(
        r=hp.lora_r,
        lora_alpha=hp.lora_alpha,
        lora_dropout=hp.lora_dropout,
        target_modules=hp.lora_targets if hp.lora_targets == "all-linear" else targets,
        use_rslora=hp.lora_variant == "rsLoRA",
        use_dora=hp.lora_variant == "DoRA",
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:  # PEFT's word for targets that the model does not have
        raise RefusedError(FailureKind.BAD_CONFIG, f"The adapter does not fit: {error}") from error
