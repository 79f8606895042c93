"""The settings under ``hp``: what the trainer itself goes by, whatever computer it runs on."""

from __future__ import annotations

from dataclasses import dataclass

from models.domain.settings_spec import setting

DEFAULT_MODEL = "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"
SCHEDULERS = ("cosine", "linear", "constant", "constant_with_warmup")
OPTIMIZERS = ("auto", "adamw_torch", "adamw_8bit", "paged_adamw_8bit", "adafactor", "sgd")
ON_OFF_AUTO = ("auto", "on", "off")


@dataclass(frozen=True, slots=True)
class HyperparameterSection:
    """Everything that changes what is learned or how fast."""

    base_model: str = setting(
        DEFAULT_MODEL, "Base model", help="A Hugging Face repo id or a local folder."
    )
    epochs: float = setting(
        1.0,
        "Epochs",
        help="Passes over the training rows; fractions are allowed.",
        above=0,
        maximum=1000,
    )
    learning_rate: float = setting(
        2e-4, "Learning rate", help="2e-4 suits LoRA.", above=0, maximum=1, expert=True
    )
    batch_size: int = setting(
        2,
        "Per-device batch size",
        help="Rows per device and step.",
        minimum=1,
        maximum=4096,
        expert=True,
    )
    grad_accum: int = setting(
        4,
        "Gradient accumulation steps",
        help="Batches summed before the weights change.",
        minimum=1,
        maximum=4096,
        expert=True,
    )
    max_steps: int | None = setting(
        None,
        "Max steps",
        help="Upper bound on optimiser steps.",
        minimum=1,
        maximum=10_000_000,
        optional=True,
        none_means="no limit",
        expert=True,
    )
    packing: bool = setting(
        True, "Packing", help="Joins short rows to fill a sequence; they do not see each other."
    )
    auto_resume: bool = setting(
        True,
        "Auto-resume",
        help="Goes on from the newest valid checkpoint of an unfinished run of the same job.",
    )
    resume_from: str = setting(
        "",
        "Resume from",
        help="A checkpoint of this output directory, such as checkpoint-40, or a folder of one.",
        none_means="the newest checkpoint, if auto-resume is on",
        expert=True,
    )
    push_to_hub: bool = setting(
        False, "Push to Hub", help="Uploads the adapter to Hugging Face when the run has finished."
    )
    hub_repo: str = setting(
        "", "Hub repo", help="Where to upload: user/name.", none_means="user/name"
    )
    hub_private: bool = setting(
        True,
        "Private repo",
        help="A new repo can be seen by you only; one that exists stays as it is.",
    )
    hub_content: str = setting(
        "adapter",
        "Upload",
        help="The adapter alone, or the whole model with the adapter merged into its weights.",
        choices=("adapter", "merged"),
        expert=True,
    )
    max_seq_length: int = setting(
        2048,
        "Sequence length",
        help="Longer rows are cut.",
        minimum=16,
        maximum=1_048_576,
        unit="tokens",
        expert=True,
    )
    assistant_only_loss: bool = setting(
        True,
        "Train on answers only",
        help="The loss covers the assistant's tokens only.",
        expert=True,
    )
    train_on: str = setting(
        "every answer",
        "Answers to learn",
        help="Of a conversation with several: all of them, or only the last.",
        choices=("every answer", "last answer"),
        expert=True,
    )
    quantization: str = setting(
        "auto",
        "Quantisation",
        help="auto: 4-bit on a GPU, none on a CPU.",
        choices=("auto", "4-bit", "8-bit", "none"),
        expert=True,
    )
    method: str = setting(
        "SFT",
        "Method",
        help="SFT learns answers. DPO and ORPO compare pairs; KTO takes good and bad answers.",
        choices=("SFT", "DPO", "ORPO", "KTO"),
        expert=True,
    )
    beta: float = setting(
        0.1,
        "Beta",
        help="DPO and KTO: how close it stays to the base model; ORPO: weight of the comparison.",
        above=0,
        maximum=10,
        expert=True,
    )
    tuning: str = setting(
        "LoRA",
        "Tuning",
        help="LoRA trains a small adapter; full changes every weight.",
        choices=("LoRA", "full"),
        expert=True,
    )
    lora_r: int = setting(
        16,
        "LoRA rank",
        help="Size of the adapter: more can learn more, and takes more memory.",
        minimum=1,
        maximum=1024,
        expert=True,
    )
    lora_alpha: int = setting(
        32,
        "LoRA alpha",
        help="Strength of the adapter; often twice the rank.",
        minimum=1,
        maximum=4096,
        expert=True,
    )
    lora_dropout: float = setting(
        0.0,
        "LoRA dropout",
        help="Share of the adapter switched off at random; against overfitting.",
        minimum=0,
        maximum=0.9,
        expert=True,
    )
    lora_targets: str = setting(
        "all-linear",
        "LoRA targets",
        help="all-linear, or module names separated by commas.",
        expert=True,
    )
    lora_variant: str = setting(
        "LoRA",
        "LoRA variant",
        help="rsLoRA scales high ranks better; DoRA learns more per rank and is slower.",
        choices=("LoRA", "rsLoRA", "DoRA"),
        expert=True,
    )
    scheduler: str = setting(
        "cosine",
        "Schedule",
        help="How the learning rate falls after the warm-up.",
        choices=SCHEDULERS,
        expert=True,
    )
    warmup_ratio: float = setting(
        0.05, "Warm-up", help="Share of all steps.", minimum=0, maximum=1, expert=True
    )
    weight_decay: float = setting(
        0.01,
        "Weight decay",
        help="Pulls weights towards zero; a little helps to generalise.",
        minimum=0,
        maximum=1,
        expert=True,
    )
    optimizer: str = setting(
        "auto",
        "Optimiser",
        help="auto: 8-bit AdamW on a GPU, AdamW on a CPU. The 8-bit ones take less memory.",
        choices=OPTIMIZERS,
        expert=True,
    )
    max_grad_norm: float = setting(
        1.0, "Gradient clipping", help="0 does not clip.", minimum=0, maximum=1000, expert=True
    )
    seed: int = setting(
        3407,
        "Seed",
        help="The same seed and setup give the same adapter.",
        minimum=0,
        maximum=2**31 - 1,
        expert=True,
    )
    precision: str = setting(
        "auto",
        "Precision",
        help="auto: bfloat16 where the GPU has it, float32 on a CPU.",
        choices=("auto", "float32", "bfloat16", "float16"),
        expert=True,
    )
    gradient_checkpointing: str = setting(
        "auto",
        "Gradient checkpointing",
        help="Less memory for about a third more time. auto: on for a GPU, off for a CPU.",
        choices=ON_OFF_AUTO,
        expert=True,
    )
    eval_steps: int | None = setting(
        None,
        "Evaluate every",
        help="How often the held-out loss is measured.",
        minimum=1,
        maximum=10_000_000,
        unit="steps",
        optional=True,
        none_means="auto",
        expert=True,
    )
    save_steps: int | None = setting(
        None,
        "Save every",
        help="How often a checkpoint is written.",
        minimum=1,
        maximum=10_000_000,
        unit="steps",
        optional=True,
        none_means="auto",
        expert=True,
    )
    save_total_limit: int = setting(
        2,
        "Checkpoints kept",
        help="Older ones are deleted.",
        minimum=1,
        maximum=1000,
        expert=True,
    )
    early_stopping: int | None = setting(
        None,
        "Early stopping",
        help="Stops after this many evaluations without a better one.",
        minimum=1,
        maximum=1000,
        unit="evaluations",
        optional=True,
        none_means="off",
        expert=True,
    )
    load_best: bool = setting(
        True,
        "Keep the best",
        help="Ends with the checkpoint of the lowest held-out loss.",
        expert=True,
    )
    logging_steps: int = setting(
        1,
        "Report every",
        help="How often loss and speed are shown.",
        minimum=1,
        maximum=10_000,
        unit="steps",
        expert=True,
    )
    report_to: str = setting(
        "none",
        "Report to",
        help="Also writes the metrics for TensorBoard or Weights & Biases.",
        choices=("none", "tensorboard", "wandb"),
        expert=True,
    )
