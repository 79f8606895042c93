"""What one would write by hand: a bare Unsloth script (TRL's without Unsloth), for comparison.

    <trainer's python> gpu_speed_bare.py MODEL ROWS LENGTH BATCH STEPS

``ROWS`` is a JSON-lines file of texts; all of them, cut into sequences of ``LENGTH`` tokens, are
what is trained. Prints as its last line the seconds since the start at the end of each step, and
the peak of the card's memory.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

WITH_UNSLOTH = importlib.util.find_spec("unsloth") is not None
if WITH_UNSLOTH:
    import unsloth  # noqa: F401

# isort: split
import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from transformers import AutoTokenizer, TrainerCallback  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402

RANK, ALPHA, SEED = 16, 32, 3407
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Stopwatch(TrainerCallback):  # type: ignore[misc]
    """When each step ended; the card is waited for."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())


def load(model: str, length: int) -> Any:
    """The base model in 4 bits below an adapter, as Unsloth's examples do it."""
    if not WITH_UNSLOTH:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        base = AutoModelForCausalLM.from_pretrained(model)
        config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS, task_type="CAUSAL_LM")
        return get_peft_model(base, config)
    from unsloth import FastLanguageModel

    base, _ = FastLanguageModel.from_pretrained(model, max_seq_length=length, load_in_4bit=True)
    return FastLanguageModel.get_peft_model(
        base,
        r=RANK,
        lora_alpha=ALPHA,
        target_modules=TARGETS,
        use_gradient_checkpointing="unsloth",
        random_state=SEED,
    )


def sequences(tokenizer: Any, rows: Path, length: int) -> Dataset:
    """Whole sequences of all texts, one behind the other."""
    texts = [json.loads(line)["text"] for line in rows.read_text().splitlines()]
    ids = [token for text in texts for token in tokenizer(text)["input_ids"]]
    starts = range(0, len(ids) - length + 1, length)
    return Dataset.from_dict({"input_ids": [ids[start : start + length] for start in starts]})


def main() -> None:
    """Train, and print the times."""
    model, rows = sys.argv[1], Path(sys.argv[2])
    length, batch, steps = map(int, sys.argv[3:6])
    on_gpu = torch.cuda.is_available()
    tokenizer = AutoTokenizer.from_pretrained(model)
    watch = Stopwatch()
    trainer = SFTTrainer(
        model=load(model, length),
        processing_class=tokenizer,
        train_dataset=sequences(tokenizer, rows, length),
        callbacks=[watch],
        args=SFTConfig(
            output_dir=str(rows.parent / "bare"),
            max_length=length,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=1,
            max_steps=steps,
            learning_rate=2e-4,
            optim="adamw_8bit" if on_gpu else "adamw_torch",
            bf16=on_gpu,
            use_cpu=not on_gpu,
            gradient_checkpointing=on_gpu,
            seed=SEED,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
    )
    start = time.perf_counter()
    trainer.train()
    peak = torch.cuda.max_memory_reserved() if on_gpu else 0
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    ends = [end - start for end in watch.ends]
    print(json.dumps({"ends": ends, "peak": peak, "losses": losses, "unsloth": WITH_UNSLOTH}))


if __name__ == "__main__":
    main()
