"""Everything that decided a run's bits, for whoever wants to repeat it: ``record.json``.

One entry for each boot, in the run's folder. Nothing in it is secret, and no path of the user's.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from trainer_image.contract import RECORD_FILE, Boot, Record
from trainer_image.run_folder import is_local, resolve, write_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer_image.checks import CheckedJob
    from trainer_image.engine import Engine

PACKAGES = (
    "torch", "transformers", "trl", "peft", "datasets", "accelerate", "tokenizers", "safetensors",
    "numpy", "bitsandbytes", "unsloth",
)  # fmt: skip
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_PIECE = 2**20
_PIECES = 8
_WHOLE = 64 * 2**20
"""Files up to 64 MiB are hashed whole; of larger ones nine pieces of 1 MiB, for a model of 16 GB
takes half a minute to read and the beginning, the end and seven places between tell two apart."""

_COMMIT = 40
"""Characters of a commit's hash; a folder's signature has more."""

_DECIDES = ("python", "platform", "cpu", "threads", "device", "driver", "engine", "code_sha256")
_WORDS = {"code_sha256": "the training code", "cpu": "the processor", "device": "the device",
          "threads": "the number of threads", "base_sha256": "the base model"}  # fmt: skip


def use_threads(job_threads: int | None) -> None:
    """Compute with so many threads as the run that is repeated did; before torch is imported."""
    if job_threads is not None:
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(job_threads)))


def read_record(path: Path) -> Record | None:
    """The record in a file, or nothing where there is none that can be read."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def write_boot(
    folder: Path, checked: CheckedJob, engine: Engine, base_sha256: str, now: float
) -> str:
    """Add this boot, which has loaded that base model, to the record; in words what is not as at
    the boot before, else nothing."""
    job, path = checked.job, folder / RECORD_FILE
    before = read_record(path)
    made = Boot(
        boot=len(before.boots) + 1 if before else 1,
        started_at=now,
        dataset_sha256=checked.dataset_sha256,
        base_sha256=base_sha256,
        fingerprint=job.fingerprint(),
        seed=job.hp.seed,
        processes=job.processes,
        engine=engine.name,
        device=engine.device,
        precision=engine.precision,
        quantization=engine.quantization,
        **surroundings(on_gpu=engine.on_gpu),
    )
    earlier = before.boots if before else ()
    record = Record(
        run_id=job.run_id,
        parent_run_id=job.parent_run_id,
        on_top_of=job.on_top_of,
        on_top_of_sha256=job.on_top_of_sha256,
        boots=(*earlier, made),
    )
    write_model(path, record)
    return "; ".join(changes(earlier[-1], made)) if earlier else ""


def changes(before: Boot, now: Boot) -> list[str]:
    """What is not the same in two boots of what can change a result, in words."""
    found = []
    for name in _DECIDES:
        one, other = getattr(before, name), getattr(now, name)
        if one and other and one != other:
            was = "" if name == "code_sha256" else f" ({one} then, {other} now)"
            found.append(f"{_WORDS.get(name, name)} is another one{was}")
    names = sorted({*before.versions, *now.versions})
    for name in names:
        one, other = before.versions.get(name, "none"), now.versions.get(name, "none")
        if one != other:
            found.append(f"{name} {one} then, {other} now")
    return found


def surroundings(*, on_gpu: bool) -> dict[str, Any]:
    """Software and hardware of this process. Imports torch, which a boot needs anyway."""
    import psutil
    import torch

    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": processor(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "memory_bytes": psutil.virtual_memory().total,
        "driver": f"CUDA {torch.version.cuda}" if on_gpu else "",
        "versions": dict(_versions()),
        "environment_sha256": environment_sha256(),
        "code_sha256": code_sha256(),
    }


def hardware(boot: Boot) -> dict[str, str]:
    """The hardware of a boot, as a result carries it."""
    return {
        "cpu": boot.cpu,
        "cores": str(boot.cores),
        "threads": str(boot.threads),
        "memory_bytes": str(boot.memory_bytes),
        "device": boot.device,
        "platform": boot.platform,
        "python": boot.python,
    }


@cache
def code_sha256() -> str:
    """The hash of this package's code, as the program computes it (services/trainer_code.py)."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def environment_sha256() -> str:
    """The hash of all that is installed beside the trainer, by names and versions."""
    found = {f"{one.name.lower()}=={one.version}" for one in distributions() if one.name}
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()


def processor() -> str:
    """The processor's name; on Linux from /proc, for platform.processor() is empty there."""
    if sys.platform.startswith("linux"):
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        for line in lines:
            if line.startswith(("model name", "Hardware")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def base_signature(base_model: str) -> str:
    """What a base model is: the commit of a Hub repository that lies in the cache, else of the
    files in a folder; empty where neither is known."""
    return local_base_signature(base_model) if is_local(base_model) else _commit(base_model)


def loaded_signature(model: Any, checked: CheckedJob) -> str:
    """What the base model is that has just been loaded (:func:`base_signature`). The cache may get
    another commit at any time: of a Hub model transformers notes the one that it read."""
    base_model = checked.job.base_model
    noted = getattr(getattr(model, "config", None), "_commit_hash", None)
    commit = commit_of(base_model, noted or "")
    return checked.base_revision or commit or base_signature(base_model)


def commit_of(base_model: str, signature: str) -> str | None:
    """The commit in a signature of a Hub model; none of a folder's."""
    return signature if len(signature) == _COMMIT and not is_local(base_model) else None


def local_base_signature(base_model: str) -> str:
    """SHA-256 over configuration and weights in a folder (large files in samples), and not over
    their dates: the same model elsewhere has the same signature. Empty for a Hub repository."""
    folder = resolve(base_model)
    if not is_local(base_model) or not folder.is_dir():
        return ""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and (path.suffix in {".safetensors", ".bin"} or path.name in _SMALL):
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            _add(digest, path)
    return digest.hexdigest()


_SMALL = frozenset(
    {"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
)


def _add(digest: Any, path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE:
            digest.update(hashlib.file_digest(file, "sha256").digest())
            return
        for number in range(_PIECES + 1):
            file.seek((size - _PIECE) * number // _PIECES)
            digest.update(file.read(_PIECE))


def _commit(repo: str) -> str:
    home = os.environ.get("HF_HOME") or str(Path.home() / ".cache" / "huggingface")
    folder = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    try:
        reference = folder / f"models--{repo.replace('/', '--')}" / "refs" / "main"
        return reference.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
