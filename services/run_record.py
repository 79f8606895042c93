"""What a run was computed with, so that it can be repeated, and what is another one here now."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_PYTHON
from services.host_info import cpu_name
from services.run_follower import run_folder
from trainer_image.contract import RECORD_FILE, Boot, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from models.domain.run import Run

_CPU = "cpu"


def read_record(run: Run) -> Record | None:
    """The record of a run; None where it has not begun to train, or is of an earlier version."""
    try:
        return Record.model_validate_json((run_folder(run).path / RECORD_FILE).read_bytes())
    except (OSError, ValueError):
        return None


def last_boot(run: Run) -> Boot | None:
    """What the last boot of a run was computed with."""
    record = read_record(run)
    return record.boots[-1] if record is not None and record.boots else None


def facts(run: Run) -> dict[str, str]:
    """All that is needed to repeat a run, by name and as text, without what is not known."""
    record = read_record(run)
    boot = record.boots[-1] if record is not None and record.boots else None
    result = run_folder(run).result()
    parent = run.parent_run_id or (record.parent_run_id if record else "")
    known: dict[str, object] = {
        "image": run.image,
        "image digest": run.image_digest,
        "training code": boot.code_sha256 if boot else run.trainer_sha256,
        "base model": run.base_model,
        "base model version": boot.base_sha256 if boot else "",
        "dataset": run.dataset_name,
        "dataset sha256": run.dataset_sha256,
        "parent run": parent,
        "on top of": record.on_top_of if record else "",
        "adapter sha256": result.adapter_sha256 if result else "",
        **(_boot_facts(boot, len(record.boots)) if boot and record else {}),
    }
    return {name: str(value) for name, value in known.items() if value not in ("", None, 0)}


def _boot_facts(boot: Boot, boots: int) -> dict[str, object]:
    packages = ", ".join(f"{name} {version}" for name, version in boot.versions.items())
    return {
        "seed": str(boot.seed),
        "python": f"{boot.python} on {boot.platform}",
        "packages": packages,
        "environment": boot.environment_sha256,
        "device": boot.device,
        "driver": boot.driver,
        "processor": f"{boot.cpu}, {boot.cores} cores",
        "threads": boot.threads,
        "memory": f"{boot.memory_bytes / 2**30:.0f} GB" if boot.memory_bytes else "",
        "engine": f"{boot.engine}, {boot.precision}, quantisation {boot.quantization}",
        "processes": boot.processes,
        "boots": boots,
    }


class Surroundings:
    """Says what is not here now as it was for a run. ``installed`` tells name and version of what
    is in the managed environment; empty where there is none."""

    def __init__(self, installed: Callable[[], Mapping[str, str]] = dict) -> None:
        self._installed = installed

    def differences(self, run: Run) -> list[str]:
        """What differs of all that can change the last bits, in sentences; nothing where it was not
        recorded what the run was computed with."""
        boot = last_boot(run)
        if boot is None:
            return []
        return [*self._hardware(boot), *self._packages(run, boot)]

    def _hardware(self, boot: Boot) -> Iterator[str]:
        if boot.device not in ("", _CPU):
            yield f"It trained on {boot.device}: a GPU does not give the same result to the bit."
        here = cpu_name()
        if boot.cpu and here != boot.cpu:
            yield f"The processor was {boot.cpu} and is {here} now: the last bits may differ."
        system = f"{platform.system()} {platform.machine()}"
        if boot.platform and boot.platform != system:
            yield f"It ran on {boot.platform}, and this is {system}."

    def _packages(self, run: Run, boot: Boot) -> Iterator[str]:
        if run.runtime != RUNTIME_PYTHON:
            return
        here = self._installed()
        for name, version in boot.versions.items():
            now = here.get(name, "")
            if here and now != version:
                yield f"{name} was {version} and is {now or 'not installed'} now."


def site_packages(python: Path) -> Path:
    """The folder of packages beside a virtual environment's Python."""
    root = python.parent.parent
    found = sorted(root.glob("lib/python3*/site-packages"))
    return found[0] if found else root / "Lib" / "site-packages"
