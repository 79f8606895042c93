"""Values that tests begin with: runs, datasets, engines, images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.domain.config import DEFAULT_IMAGE, TrainingConfig
from models.domain.dataset import DatasetSession
from models.domain.docker import EngineInfo, GpuSupport, ImageInfo
from models.domain.run import Run, RunEvent, RunState

NOW = 1_780_000_000.0
GIB = 1024**3


def make_session(number: int = 1, name: str = "Support answers", rows: int = 400) -> DatasetSession:
    return DatasetSession(
        id=number,
        name=name,
        source=f"/home/me/{name.lower().replace(' ', '-')}.jsonl",
        format="messages",
        rows=rows,
        size=rows * 700,
        sha256=f"{number:064x}",
        created_at=NOW + number,
    )


def make_run(run_id: str = "run-1", state: RunState = RunState.RUNNING, **changes: Any) -> Run:
    run = Run(
        id=run_id,
        name=changes.pop("name", run_id),
        config=changes.pop("config", TrainingConfig()),
        state=state,
        runtime="Python on this computer",
        data_root="/tmp/data",
        created_at=NOW,
        output_directory="/tmp/data/outputs/local_run",
        started_at=NOW,
        base_model="unsloth/Qwen2.5-0.5B-Instruct",
    )
    if state is RunState.FINISHED:
        run = replace(run, adapter_path="/data/outputs/local_run/adapter", ended_at=NOW + 61)
    return replace(run, **changes)


def progress_event(step: int, total: int = 10, loss: float = 2.0, **more: Any) -> RunEvent:
    fields = {"step": step, "total_steps": total, "loss": loss, "learning_rate": 2e-4, **more}
    return RunEvent(step, NOW + step, "progress", fields)


def make_engine(**changes: Any) -> EngineInfo:
    engine = EngineInfo(
        version="28.2.1",
        api_version="1.50",
        kind="Docker Engine",
        endpoint="unix:///var/run/docker.sock",
        is_rootless=False,
        is_local=True,
        architecture="x86_64",
        cpus=2,
        memory=23 * GIB,
        data_root="/var/lib/docker",
        gpu=GpuSupport(False, "This Docker engine has no NVIDIA runtime."),
    )
    return replace(engine, **changes)


def make_image(tag: str = DEFAULT_IMAGE, **changes: Any) -> ImageInfo:
    image = ImageInfo(tag, f"sha256:{tag}", "sha256:of-the-registry", 8_100_000_000, NOW)
    return replace(image, **changes)
