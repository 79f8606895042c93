"""One tool trains some steps, and says when each of them ended: ``TOOL TASK.json``.

Run by the Python in which the tool lives, by train_speed.py. ``held-out`` is no tool: it measures
an adapter's loss on rows that were not trained, the same way for all.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

BEGAN = time.monotonic()
TASK: dict[str, Any] = json.loads(Path(sys.argv[2]).read_bytes())
FOLDER = Path(TASK["folder"])
_STEPS: list[dict[str, float]] = []


def step_ended(step: int) -> None:
    """Note the time."""
    cpu = time.process_time()
    _STEPS.append({"step": step, "cpu": cpu, "wall": time.monotonic() - BEGAN})


def watcher() -> Any:
    """A callback that notes when optimiser steps end."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            step_ended(state.global_step)

    return Watcher()


def ours() -> None:
    """The whole trainer, from its job to its result."""
    from trainer_image import train, trainer

    parts = trainer._parts

    def watched(training: Any) -> dict[str, Any]:
        found = parts(training)
        return found | {"callbacks": [*found["callbacks"], watcher()]}

    trainer._parts = watched
    code = train.main(["--job", str(FOLDER / "runs/run/job.json")])
    if code:
        raise SystemExit(int(code))


def trl() -> None:
    """A bare script, as TRL's documentation has it."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    rows = [{"prompt": row[:-1], "completion": row[-1:]} for row in TASK["rows"]]
    SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(TASK["model"], dtype=torch.float32),
        args=SFTConfig(
            output_dir=str(FOLDER / "out"), max_steps=TASK["steps"],
            per_device_train_batch_size=TASK["batch"], learning_rate=TASK["rate"],
            lr_scheduler_type="linear", optim="adamw_torch", seed=TASK["seed"],
            max_length=TASK["length"], gradient_checkpointing=False, bf16=False, use_cpu=True,
            logging_steps=1, save_strategy="no", report_to="none", disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(rows),
        peft_config=LoraConfig(
            r=TASK["rank"], lora_alpha=TASK["alpha"], lora_dropout=0.0,
            target_modules=TASK["targets"], task_type="CAUSAL_LM",
        ),
        callbacks=[watcher(), keeper()],
    ).train()  # fmt: skip


def llama_factory() -> None:
    """Its own entry point, with a configuration as its examples have it."""
    from llamafactory.train.tuner import run_exp

    conversations = [{"messages": row} for row in TASK["rows"]]
    (FOLDER / "rows.json").write_text(json.dumps(conversations))
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user",
            "assistant_tag": "assistant"}  # fmt: skip
    info = {"rows": {"file_name": "rows.json", "formatting": "sharegpt",
                     "columns": {"messages": "messages"}, "tags": tags}}  # fmt: skip
    (FOLDER / "dataset_info.json").write_text(json.dumps(info))
    run_exp(
        {
            "model_name_or_path": TASK["model"], "stage": "sft", "do_train": True,
            "finetuning_type": "lora", "lora_target": ",".join(TASK["targets"]),
            "lora_rank": TASK["rank"], "lora_alpha": TASK["alpha"], "lora_dropout": 0.0,
            "dataset": "rows", "dataset_dir": str(FOLDER), "template": "smollm2",
            "cutoff_len": TASK["length"], "mask_history": True, "overwrite_cache": True,
            "output_dir": str(FOLDER / "out"), "max_steps": TASK["steps"],
            "per_device_train_batch_size": TASK["batch"], "gradient_accumulation_steps": 1,
            "learning_rate": TASK["rate"], "lr_scheduler_type": "linear",
            "optim": "adamw_torch", "seed": TASK["seed"], "bf16": False, "fp16": False,
            "use_cpu": True, "disable_gradient_checkpointing": True, "logging_steps": 1,
            "save_strategy": "no", "report_to": "none", "disable_tqdm": True,
            "dataloader_num_workers": 0,
        },
        callbacks=[watcher(), keeper()],
    )  # fmt: skip


def keeper() -> Any:
    """A callback that keeps the adapter at the end."""
    from transformers import TrainerCallback

    class Keeper(TrainerCallback):  # type: ignore[misc]
        def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            rest["model"].save_pretrained(FOLDER / "adapter")

    return Keeper()


def held_out() -> None:
    """The loss of answers that nobody trained, by an adapter; and the answers' tokens of rows."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trainer_image.data import Recipe, encode
    from trainer_image.joined import JoinedCollator
    from trainer_image.loss import token_losses
    from trainer_image.row_formats import DatasetFormat

    recipe = Recipe(
        AutoTokenizer.from_pretrained(TASK["model"]), DatasetFormat.MESSAGES, TASK["length"],
        assistant_only=True, last_only=True,
    )  # fmt: skip
    texts = [text for row in TASK["held_out"] for text in encode({"messages": row}, recipe)]
    base = AutoModelForCausalLM.from_pretrained(TASK["model"], dtype=torch.float32)
    model = PeftModel.from_pretrained(base, TASK["adapter"]).eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for text in texts:
            item = {"input_ids": text.input_ids, "labels": text.labels}
            losses = token_losses(model, JoinedCollator(share=False)([item]))
            total, count = total + losses.sum().item(), count + len(losses)
    trained = [sum(text.trained_tokens for text in encode({"messages": row}, recipe))
               for row in TASK["rows"]]  # fmt: skip
    answer = {"loss": total / count, "trained_tokens": sum(trained) / len(trained)}
    print("RESULT " + json.dumps(answer), flush=True)


TOOLS = {"ours": ours, "trl": trl, "llama-factory": llama_factory, "held-out": held_out}

if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    TOOLS[sys.argv[1]]()
    if _STEPS:
        print("RESULT " + json.dumps({"steps": _STEPS}), flush=True)
