"""The end of a run: the adapter under its final name, then ``result.json``."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from trainer_image.adapters import save_trained
from trainer_image.callbacks import held_out_losses
from trainer_image.contract import RECORD_FILE, Result
from trainer_image.peaks import peak_memory, process_peak_memory
from trainer_image.publish import publish
from trainer_image.record import hardware, read_record
from trainer_image.run_folder import write_model
from trainer_image.whole_model import weights_sha256

if TYPE_CHECKING:
    from pathlib import Path

    from trainer_image.callbacks import History
    from trainer_image.contract import Record
    from trainer_image.run_folder import RunFolder
    from trainer_image.trainer import Training

_PACKAGES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate")


def finish(training: Training, history: History, folder: RunFolder) -> Result:
    """Save the adapter, then the result: its presence means that all the rest is there."""
    output = training.checked.output
    save_trained(training, output.adapter)
    record = read_record(folder.path / RECORD_FILE)
    result = publish(training, _result(training, history, output.adapter, record), folder)
    write_model(folder.result, result)
    output.mark(finished=True)
    return result


def _result(training: Training, history: History, adapter: Path, record: Record | None) -> Result:
    job, reporter = training.checked.job, training.reporter
    held_out = held_out_losses(history)
    last = max(held_out, default=None)
    kept = training.best_step(history) if job.hp.load_best else last
    boot = record.boots[-1] if record and record.boots else None
    losses = [entry["loss"] for entry in history if "loss" in entry]
    return Result(
        run_id=job.run_id,
        adapter_path=f"{job.output_directory}/{adapter.name}",
        base_model=job.base_model,
        kind="model" if job.hp.tuning == "full" else "adapter",
        engine=training.engine.name,
        engine_reason=training.engine.reason,
        device=training.engine.device,
        chat_template_sha256=_text_sha256(training.tokenizer.chat_template),
        steps=max((entry["step"] for entry in history), default=0),
        train_loss=sum(losses) / len(losses) if losses else None,
        eval_loss_before=held_out.get(0),
        eval_loss_after=held_out.get(kept) if kept is not None else None,
        trained_tokens=reporter.trained_tokens,
        processed_tokens=reporter.processed_tokens,
        seconds=reporter.seconds,
        peak_memory_bytes=peak_memory(training.engine.on_gpu),
        process_peak_memory_bytes=process_peak_memory(),
        fingerprint=job.fingerprint(),
        dataset_sha256=training.checked.dataset_sha256,
        adapter_sha256=weights_sha256(adapter),
        versions=boot.versions if boot else {name: version(name) for name in _PACKAGES},
        base_sha256=boot.base_sha256 if boot else "",
        code_sha256=boot.code_sha256 if boot else "",
        hardware=hardware(boot) if boot else {},
        seed=job.hp.seed,
    )


def _text_sha256(text: Any) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if isinstance(text, str) else ""
