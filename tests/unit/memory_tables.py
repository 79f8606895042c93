"""The tables of docs/memory.md, made from the estimator, and the published peaks in them.

    python -m tests.unit.memory_tables [--write]

Other tools differ from our trainer in what they keep. Their peaks are predicted with the same
formulas; a :class:`Tool` says where it differs, by its documentation or its source, and nothing is
fitted to its numbers.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from models.domain import memory_terms as terms
from models.domain.base_models import load_base_models
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.memory import ALL_LINEAR, CONTEXT, MemoryEstimate, estimate_memory
from models.domain.model_shape import ModelShape

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "memory.md"
SIMULATED = ROOT / "tests" / "data" / "simulated_memory.json"
MEASURED = ROOT / "tests" / "data" / "measured_cpu_memory.json"
MODELS = load_base_models(ROOT / "resources" / "base_models.toml")
GIB, GB = 2**30, 10**9

LLAMA_31_8B = ModelShape(8_030_261_248, 4096, 32, 32, 8, 14336, 128256, tied_embeddings=False)
LLAMA_32_3B = ModelShape(3_212_749_824, 3072, 28, 24, 8, 8192, 128256, tied_embeddings=True)
LLAMA_2_7B = ModelShape(6_738_415_616, 4096, 32, 32, 32, 11008, 32000, tied_embeddings=False)
LLAMA_2_13B = ModelShape(13_015_864_320, 5120, 40, 40, 40, 13824, 32000, tied_embeddings=False)
_QUERY_VALUE = ("q_proj", "v_proj")


@dataclass(frozen=True)
class Tool:
    """Where a tool differs from our trainer.

    ``logit_bytes`` for each number of the output head at its worst moment; ``adapter_bytes`` for
    each trained number, with gradient and states. ``counts_device``: the number is what the device
    lost, with cache and CUDA context, else what tensors took at the worst moment.
    """

    name: str
    logit_bytes: float
    adapter_bytes: float
    counts_device: bool
    differs: str
    offloads: bool = False
    scores: bool = False
    keeps_inputs: bool = False
    dropout: bool = False
    embedding_bytes: float = 2
    nf4_bytes: float = terms.NF4_BYTES


TORCHTUNE = Tool(
    "torchtune",
    logit_bytes=2 + 2 / 8,
    adapter_bytes=8,
    counts_device=False,
    differs="compiled loss in eight chunks: 16-bit logits and a gradient of an eighth; 16-bit "
    "adapter and states; tensors alone",
)
TORCHTUNE_OFFLOAD = replace(
    TORCHTUNE,
    name="torchtune, offloading",
    offloads=True,
    differs=TORCHTUNE.differs + "; block inputs in main memory",
)
LLAMA_FACTORY = Tool(
    "LLaMA-Factory, HF",
    logit_bytes=14,
    adapter_bytes=16 + 2,
    counts_device=True,
    differs="AdamW in 32 bits; attention that keeps its scores",
    scores=True,
)
LLAMA_FACTORY_FA2 = replace(
    LLAMA_FACTORY, name="LLaMA-Factory, HF + FA2", scores=False, differs="AdamW in 32 bits"
)
LLAMA_FACTORY_UNSLOTH = replace(
    LLAMA_FACTORY,
    name="LLaMA-Factory, Unsloth + FA2",
    logit_bytes=2,
    scores=False,
    differs="AdamW in 32 bits; 16-bit logits, their gradient in their place",
)
HF_FA2 = Tool(
    "Unsloth's comparison, HF + FA2",
    logit_bytes=14,
    adapter_bytes=12,
    counts_device=True,
    differs="embeddings and head in float32 (`prepare_model_for_kbit_training`)",
    embedding_bytes=4,
)
LITGPT = Tool(
    "LitGPT, 16-bit",
    logit_bytes=2,
    adapter_bytes=8,
    counts_device=False,
    differs="no checkpointing; 16-bit logits, loss in chunks; dropout of 0.05; tensors alone",
    dropout=True,
)
LITGPT_NF4 = replace(
    LITGPT,
    name="LitGPT, NF4",
    keeps_inputs=True,
    nf4_bytes=0.5 + 4 / 64,
    differs=LITGPT.differs + "; single quantisation; bitsandbytes 0.41 keeps each layer's input",
)
LITGPT_NF4_DQ = replace(
    LITGPT_NF4,
    name="LitGPT, NF4 doubly quantised",
    nf4_bytes=terms.NF4_BYTES,
    differs=LITGPT.differs + "; bitsandbytes 0.41 keeps each layer's input",
)


@dataclass(frozen=True)
class Published:
    """A peak that somebody published, in bytes, with all that decides it."""

    tool: Tool
    model: str
    shape: ModelShape
    quantization: str
    batch: int
    length: int
    rank: int
    published: float
    unit: int
    targets: tuple[str, ...] = ALL_LINEAR
    checkpoints: bool = True
    rank_is_default: bool = False

    @property
    def plan(self) -> terms.Plan:
        return terms.Plan(
            batch=self.batch,
            length=self.length,
            quantization=self.quantization,
            width=2,
            targets=self.targets,
            rank=self.rank,
            is_dora=False,
            checkpoints=self.checkpoints,
            optimizer="adamw_torch",
        )

    @property
    def peak(self) -> float:
        """The published number in bytes."""
        return self.published * self.unit

    @property
    def predicted(self) -> float:
        """The estimator's formulas for this tool, in bytes."""
        tool, shape = self.tool, self.shape
        logits = self.plan.tokens * shape.vocab * tool.logit_bytes
        kept, passing = self._activations()
        if tool.counts_device:
            return self._standing() + kept + passing + logits + terms.CONTEXT_BYTES
        return self._standing() + kept + max(passing, logits)

    @property
    def error(self) -> float:
        """Share by which the prediction is above the published peak."""
        return self.predicted / self.peak - 1

    def _standing(self) -> float:
        tool, shape = self.tool, self.shape
        each = tool.nf4_bytes if self.quantization == "4-bit" else 2
        weights = shape.block_parameters * each + shape.embedding_parameters * tool.embedding_bytes
        return weights + terms.adapter_parameters(shape, self.plan) * tool.adapter_bytes

    def _activations(self) -> tuple[float, float]:
        """Kept from forward to backward, and passing, as our formulas have them."""
        tool, shape, plan = self.tool, self.shape, self.plan
        kept, passing = terms.kept_bytes(shape, plan), terms.passing_bytes(shape, plan)
        if tool.offloads:
            kept -= shape.layers * shape.hidden * 2 * plan.tokens
        if tool.keeps_inputs:
            own, every = plan, replace(plan, targets=ALL_LINEAR)
            more = terms.block_bytes(shape, every) - terms.block_bytes(shape, own)
            kept += more * (1 if plan.checkpoints else shape.layers)
        if tool.scores:  # a 16-bit and a 32-bit matrix of scores kept, a 32-bit gradient passing
            passing += plan.tokens * plan.length * shape.heads * (2 + 4 + 4)
        if tool.dropout:  # the mask, a byte, and what is left of the adapter's input
            kept += shape.layers * plan.tokens * shape.hidden * 3
        return kept, passing


FIELD = (
    Published(
        TORCHTUNE, "Llama 3.1 8B", LLAMA_31_8B, "4-bit", 2, 2048, 8, 7.4, GIB, rank_is_default=True
    ),
    Published(
        TORCHTUNE, "Llama 3.1 8B", LLAMA_31_8B, "none", 2, 2048, 8, 16.2, GIB, _QUERY_VALUE,
        rank_is_default=True,
    ),
    Published(
        TORCHTUNE_OFFLOAD, "Llama 3.2 3B", LLAMA_32_3B, "4-bit", 2, 4096, 64, 4.6, GIB,
        ("q_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), rank_is_default=True,
    ),
    Published(LLAMA_FACTORY, "Llama 2 7B", LLAMA_2_7B, "4-bit", 4, 1024, 8, 9, GIB),
    Published(LLAMA_FACTORY_UNSLOTH, "Llama 2 7B", LLAMA_2_7B, "4-bit", 4, 1024, 8, 7, GIB),
    Published(
        LLAMA_FACTORY_FA2, "Llama 2 7B", LLAMA_2_7B, "4-bit", 1, 2048, 8, 7, GIB,
        rank_is_default=True,
    ),
    Published(
        LLAMA_FACTORY_UNSLOTH, "Llama 2 7B", LLAMA_2_7B, "4-bit", 1, 2048, 8, 6, GIB,
        rank_is_default=True,
    ),
    Published(
        LITGPT_NF4, "Llama 2 7B", LLAMA_2_7B, "4-bit", 1, 1304, 8, 14.14, GB, _QUERY_VALUE,
        checkpoints=False,
    ),
)  # fmt: skip
"""The rows of the field study that say batch, length, rank and quantisation, or whose rank is a
documented default of the tool."""

MORE = (
    Published(LLAMA_FACTORY, "Llama 2 7B", LLAMA_2_7B, "none", 4, 1024, 8, 18, GIB),
    Published(LLAMA_FACTORY_FA2, "Llama 2 7B", LLAMA_2_7B, "none", 4, 1024, 8, 17, GIB),
    Published(LLAMA_FACTORY_UNSLOTH, "Llama 2 7B", LLAMA_2_7B, "none", 4, 1024, 8, 16, GIB),
    *(
        Published(HF_FA2, "Llama 3.1 8B", LLAMA_31_8B, "4-bit", 1, length, 32, size, GB)
        for size, length in (
            (12, 932), (16, 2551), (24, 5789), (40, 12264), (48, 15502), (80, 28454),
        )
    ),
    *(
        Published(
            tool, model, shape, quantization, batch, 1304, 8, peak, GB, _QUERY_VALUE,
            checkpoints=False,
        )
        for tool, model, shape, quantization, batch, peak in (
            (LITGPT, "Llama 2 7B", LLAMA_2_7B, "none", 1, 21.30),
            (LITGPT, "Llama 2 7B", LLAMA_2_7B, "none", 2, 29.07),
            (LITGPT_NF4_DQ, "Llama 2 7B", LLAMA_2_7B, "4-bit", 1, 13.84),
            (LITGPT, "Llama 2 13B", LLAMA_2_13B, "none", 1, 38.12),
            (LITGPT_NF4, "Llama 2 13B", LLAMA_2_13B, "4-bit", 1, 23.14),
            (LITGPT_NF4_DQ, "Llama 2 13B", LLAMA_2_13B, "4-bit", 1, 22.55),
        )
    ),
)  # fmt: skip
"""Further rows of the same publishers that say everything; shown, and not in the median."""


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


def median_error(rows: tuple[Published, ...]) -> float:
    """The median of the errors' sizes."""
    return median(abs(row.error) for row in rows)


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
