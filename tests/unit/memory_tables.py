"""The tables of docs/memory.md, made from the estimator.

python -m tests.unit.memory_tables [--write]
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from models.domain.base_models import load_base_models
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.memory import CONTEXT, MemoryEstimate, estimate_memory
from tests.unit.published_peaks import FIELD, GB, GIB, MORE, Published, median_error

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "memory.md"
SIMULATED = ROOT / "tests" / "data" / "simulated_memory.json"
MEASURED = ROOT / "tests" / "data" / "measured_cpu_memory.json"
MODELS = load_base_models(ROOT / "resources" / "base_models.toml")


@dataclass(frozen=True)
class Simulated:
    """A case of tests/benchmarks/simulate_memory.py and the estimate for it, in bytes."""

    repo: str
    batch: int
    length: int
    hp: dict[str, object]
    allocated: int
    reserved: int

    @property
    def predicted(self) -> int:
        """Without the CUDA context, which a simulation does not have."""
        estimate = _estimate(self.repo, self.batch, self.length, self.hp, on_gpu=True)
        return sum(part.bytes for part in estimate.parts if part.key != CONTEXT)

    @property
    def error(self) -> float:
        return self.predicted / self.reserved - 1


@dataclass(frozen=True)
class Measured:
    """A case of tests/benchmarks/cpu_memory.py and the estimate for it, in bytes."""

    repo: str
    batch: int
    length: int
    hp: dict[str, object]
    measured: int

    @property
    def predicted(self) -> int:
        return _estimate(self.repo, self.batch, self.length, self.hp, on_gpu=False).total

    @property
    def error(self) -> float:
        return self.predicted / self.measured - 1


def _estimate(
    repo: str, batch: int, length: int, hp: dict[str, object], *, on_gpu: bool
) -> MemoryEstimate:
    values = {"batch_size": batch, "max_seq_length": length, **hp}
    config = with_values(TrainingConfig(), {f"hp.{name}": x for name, x in values.items()})
    shape = next(model.shape for model in MODELS if model.repo == repo)
    assert shape is not None
    return estimate_memory(config, shape, on_gpu=on_gpu)


def measured() -> list[Measured]:
    """What the trainer took on a processor."""
    return [Measured(**row) for row in json.loads(MEASURED.read_bytes())]


def simulated() -> list[Simulated]:
    """What the simulation found."""
    return [Simulated(**row) for row in json.loads(SIMULATED.read_bytes())]


def tables() -> dict[str, str]:
    """The generated parts of the page by their names."""
    return {
        "published": _published_table(FIELD),
        "published-median": _median(FIELD),
        "published-more": _published_table(MORE),
        "differences": _differences(),
        "simulated": _simulated_table(),
        "simulated-summary": _simulated_summary(),
        "parts": _parts_table(),
        "processor": _processor_table(),
    }


def _published_table(rows: tuple[Published, ...]) -> str:
    lines = [
        "| tool | model | weights | batch x length | rank | published | estimate | error |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        unit = "GiB" if row.unit == GIB else "GB"
        weights = "16-bit" if row.quantization == "none" else "NF4"
        rank = f"{row.rank} (default)" if row.rank_is_default else str(row.rank)
        lines.append(
            f"| {row.tool.name} | {row.model} | {weights} | {row.batch} x {row.length} | {rank} "
            f"| {row.published:g} {unit} | {row.predicted / row.unit:.1f} {unit} "
            f"| {row.error:+.0%} |"
        )
    return "\n".join(lines)


def _median(rows: tuple[Published, ...]) -> str:
    return f"Median error {median_error(rows):.0%} over {len(rows)} rows (at most 15 % wanted)."


def _differences() -> str:
    tools = {row.tool.differs: row.tool.name for row in (*FIELD, *MORE)}
    lines = ["| tool | what it does otherwise than our trainer |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {name} | {words} |" for words, name in tools.items())])


def _simulated_table() -> str:
    lines = [
        "| model | batch x length | otherwise | tensors | reserved | estimate | error |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in simulated():
        label = next(model.label for model in MODELS if model.repo == row.repo)
        lines.append(
            f"| {label} | {row.batch} x {row.length} | {_settings(row.hp)} "
            f"| {row.allocated / GB:.2f} | {row.reserved / GB:.2f} "
            f"| {row.predicted / GB:.2f} | {row.error:+.1%} |"
        )
    return "\n".join(lines)


def _settings(hp: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in hp.items()) or "defaults"


def _processor_table() -> str:
    lines = [
        "| batch x length | otherwise | measured | estimate | error |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in measured():
        lines.append(
            f"| {row.batch} x {row.length} | {_settings(row.hp)} | {row.measured / GB:.2f} "
            f"| {row.predicted / GB:.2f} | {row.error:+.0%} |"
        )
    return "\n".join(lines)


def _simulated_summary() -> str:
    errors = [row.error for row in simulated()]
    return (
        f"{len(errors)} cases: median error {median(map(abs, errors)):.1%}, "
        f"largest {max(errors):+.1%}, smallest {min(errors):+.1%}."
    )


def _parts_table() -> str:
    """The default model with the default settings, batch by batch."""
    shape = MODELS[0].shape
    assert shape is not None
    estimates = {
        batch: estimate_memory(
            with_values(TrainingConfig(), {"hp.batch_size": batch}), shape, on_gpu=True
        )
        for batch in (1, 2, 4, 8)
    }
    head = "| part | " + " | ".join(f"batch {batch}" for batch in estimates) + " |"
    lines = [head, "| --- " * (len(estimates) + 1) + "|"]
    for number, part in enumerate(estimates[1].parts):
        sizes = (f"{found.parts[number].bytes / GB:.2f}" for found in estimates.values())
        lines.append(f"| {part.label} | " + " | ".join(sizes) + " |")
    totals = (f"**{found.total / GB:.2f}**" for found in estimates.values())
    lines.append("| **predicted peak** | " + " | ".join(totals) + " |")
    return "\n".join(lines)


def filled(page: str) -> str:
    """The page with its generated parts made anew."""
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        assert found, f"docs/memory.md has no place for {name}"
        assert closed, f"docs/memory.md never ends {name}"
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print("\n\n".join(f"{name}\n{table}" for name, table in tables().items()))
