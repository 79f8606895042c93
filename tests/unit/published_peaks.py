"""Peaks of memory that others published, with all that decides them.

Other tools differ from our trainer in what they keep. Their peaks are predicted with the same
formulas; a :class:`Tool` says where it differs, by its documentation or its source, and nothing is
fitted to its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median

from models.domain import memory_terms as terms
from models.domain.memory import ALL_LINEAR
from models.domain.model_shape import ModelShape

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


def median_error(rows: tuple[Published, ...]) -> float:
    """The median of the errors' sizes."""
    return median(abs(row.error) for row in rows)
