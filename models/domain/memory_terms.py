"""The formulas of the memory estimate, one function a term, each in bytes.

They describe this program's own trainer: transformers with PEFT and TRL, the libraries of
``trainer_image/requirements.txt``. Where a term follows from how these libraries are written, it
was read off the tensors that one training step of theirs keeps
(``tests/benchmarks/simulate_memory.py``); docs/memory.md says what was compared with what.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.domain.model_shape import ModelShape

NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes of a weight in NF4 with double quantisation: 4 bits, an 8-bit constant for each 64 weights
and a float32 constant for each 256 of those (Dettmers et al. 2023, "QLoRA", section 3)."""

CONTEXT_BYTES = 600_000_000
"""What the driver keeps for the process before the first tensor, and the kernels of cuBLAS, of
attention and of bitsandbytes as they are loaded. 287 MB were measured after one kernel with
CUDA 11.7 (pytorch/pytorch #86509), 447 MB before any with CUDA 13 on an RTX 6000 Ada
(unslothai/unsloth-zoo #1053)."""

PROCESS_BYTES = 600_000_000
"""Main memory of a trainer on a processor beside its tensors: 345 MB after its imports, and the
file of a small model while it is read (measured, docs/memory.md)."""

_HEAP_COPIES = 12
"""Copies of the logits that a processor's heap ends up with, three of them alive: glibc cannot use
an aligned block again for one of the same size (its bug 14581), and gives nothing back as the
trainer is started (``MALLOC_MMAP_MAX_=0``). Measured: twelve for head and loss alone, and eleven
to twelve in the trainer."""

HEAP_SHARE = 1.4
"""What a processor's heap makes of the activations, for the same reason. Measured: 1.3 to 1.4
(docs/memory.md)."""

SLICE_GPU, SLICE_CPU = 1024, 128
"""Positions of a slice of the output head (``POSITIONS_GPU`` and ``POSITIONS_CPU`` of
trainer_image/head_loss.py)."""
_SLICE_COPIES = 8
"""Copies of a slice's logits that a processor's heap ends up with. Measured with checkpointing,
where little else is there."""

MOST_REORDERED = 1 << 30
"""Bytes of weights that a processor keeps a second time (``_MOST_PACKED`` of
trainer_image/lora_linear.py)."""

_HOLES = 4 / 3
"""From the simulation: at rank 128 a third of the gradients is lost to holes (docs/memory.md)."""

_PASSING_HOLES = 3 / 4
"""From the simulation: what PyTorch holds beyond the tensors is 0.4 to 0.75 of what passes."""

_FLOAT32 = 4
_STATE_BLOCK = 256
"""Numbers that share a constant in an 8-bit optimiser state (bitsandbytes ``optimizer.py``)."""
_SHARED_INPUTS = {
    "q_proj": "attention", "k_proj": "attention", "v_proj": "attention", "qkv_proj": "attention",
    "gate_proj": "mlp", "up_proj": "mlp", "gate_up_proj": "mlp", "down_proj": "product",
}  # fmt: skip
"""Linear layers that read the same tensor. ``o_proj`` reads what the attention keeps anyway."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A training as far as memory goes, with every "auto" settled.

    ``width`` is the bytes of an activation: 2 in mixed precision, 4 in float32. ``targets`` are
    the linear layers of a block that carry an adapter; none for a full fine-tune.
    """

    batch: int
    length: int
    quantization: str
    width: int
    targets: tuple[str, ...]
    rank: int
    is_dora: bool
    checkpoints: bool
    optimizer: str
    on_gpu: bool = True
    sliced: bool = True
    """Whether the logits are made in slices: where no answers are compared."""
    reorders: bool = False
    """Whether the weights of adapted layers are kept a second time, if they are few."""

    @property
    def tokens(self) -> int:
        """Positions of one batch, taken as full."""
        return self.batch * self.length

    @property
    def is_full(self) -> bool:
        """Whether the model's own weights are trained."""
        return not self.targets

    @property
    def stream(self) -> int:
        """Bytes of a number between blocks: weights that are trained are float32, and so is what
        is added up in their type."""
        return _FLOAT32 if self.is_full else self.width


def weight_bytes(shape: ModelShape, plan: Plan) -> int:
    """The base model. Quantised are the linear layers of the blocks alone: bitsandbytes leaves
    embeddings and the output head as they are, and norms are too small to count.

    8 bits have a float32 scale for each row besides. Trained weights are float32 (``_in_float32``
    of the trainer), with a 16-bit copy that autocast makes and keeps for the backward pass.
    """
    if plan.is_full:
        return shape.parameters * (_FLOAT32 + (plan.width if plan.width < _FLOAT32 else 0))
    each = {"4-bit": NF4_BYTES, "8-bit": 1 + _FLOAT32 / shape.hidden}.get(plan.quantization)
    if each is None:
        return shape.parameters * plan.width + _reordered_bytes(shape, plan)
    return ceil(shape.block_parameters * each) + shape.embedding_parameters * plan.width


def _reordered_bytes(shape: ModelShape, plan: Plan) -> int:
    """The adapted layers' weights in the order in which oneDNN multiplies fastest, beside the
    usual one."""
    sizes = shape.linear_sizes
    block = sum(sizes[name][0] * sizes[name][1] for name in plan.targets)
    copy = shape.layers * block * _FLOAT32
    return copy if plan.reorders and copy <= MOST_REORDERED else 0


def adapter_parameters(shape: ModelShape, plan: Plan) -> int:
    """Two matrices of the rank for each target (Hu et al. 2021, "LoRA", section 4.1); with DoRA a
    magnitude for each output besides (Liu et al. 2024, "DoRA", section 4.1)."""
    sizes = shape.linear_sizes
    block = sum(plan.rank * sum(sizes[name]) for name in plan.targets)
    magnitudes = sum(sizes[name][1] for name in plan.targets) if plan.is_dora else 0
    return shape.layers * (block + magnitudes)


def trained_parameters(shape: ModelShape, plan: Plan) -> int:
    """What learns: the adapter, or the whole model."""
    return shape.parameters if plan.is_full else adapter_parameters(shape, plan)


def adapter_bytes(shape: ModelShape, plan: Plan) -> int:
    """The adapter in float32 and autocast's 16-bit copy of it, kept for the backward pass."""
    copy = plan.width if plan.width < _FLOAT32 else 0
    return adapter_parameters(shape, plan) * (_FLOAT32 + copy)


def gradient_bytes(shape: ModelShape, plan: Plan) -> int:
    """A float32 number for each that is trained; alive at the peak where batches are summed. Those
    of an adapter, many and small, are made anew at each step among what is there by then, and leave
    holes (``_HOLES``)."""
    count = trained_parameters(shape, plan) * _FLOAT32
    return count if plan.is_full else ceil(count * _HOLES)


def optimizer_bytes(shape: ModelShape, plan: Plan) -> int:
    """The optimiser's states for what is trained.

    AdamW has two moments (Loshchilov and Hutter 2019), in float32 or in 8 bits with a float32 for
    each 256 of them (Dettmers et al. 2022, "8-bit Optimizers"). The pages of ``paged_`` may leave
    the GPU only when it is full, so they count in full. Adafactor has a number for each row and
    column (Shazeer and Stern 2018). SGD, as it is used here, has no momentum.
    """
    name = plan.optimizer
    if name == "sgd":
        return 0
    if name == "adafactor":
        return _adafactor_numbers(shape, plan) * _FLOAT32
    each = 2 * (1 + _FLOAT32 / _STATE_BLOCK) if name.endswith("8bit") else 2 * _FLOAT32
    return ceil(trained_parameters(shape, plan) * each)


def _adafactor_numbers(shape: ModelShape, plan: Plan) -> int:
    sizes = shape.linear_sizes
    if plan.is_full:
        block = sum(sum(size) for size in sizes.values())
        return shape.layers * block + 2 * (shape.vocab + shape.hidden)
    block = sum(2 * plan.rank + sum(sizes[name]) for name in plan.targets)
    return shape.layers * block


def activation_bytes(shape: ModelShape, plan: Plan) -> int:
    """What the blocks keep, and what passes; on a processor what its heap makes of them."""
    tensors = kept_bytes(shape, plan) + passing_bytes(shape, plan)
    return tensors if plan.on_gpu else ceil(HEAP_SHARE * tensors)


def kept_bytes(shape: ModelShape, plan: Plan) -> int:
    """Activations that live from the forward pass to the backward pass.

    With checkpointing only the input of each block (Chen et al. 2016; the term ``2sbhL`` of
    Korthikanti et al. 2022, section 5), else all of :func:`block_bytes`; and the float32 input of
    the last norm either way.
    """
    if plan.checkpoints:
        blocks = shape.layers * shape.hidden * plan.stream * plan.tokens
    else:
        blocks = shape.layers * block_bytes(shape, plan)
    mask = plan.length if _has_mask(shape, plan) else 0
    return blocks + plan.tokens * (_FLOAT32 * shape.hidden + mask)


def _has_mask(shape: ModelShape, plan: Plan) -> bool:
    """Whether a mask keeps rows apart. A processor attends to each row by itself, where a method
    takes rows of one sequence and the model is of a kind that is known
    (trainer_image/attention.py)."""
    return plan.on_gpu or not plan.sliced or not shape.exact


def block_bytes(shape: ModelShape, plan: Plan) -> int:
    """What one block keeps for its backward pass.

    The counting of Korthikanti et al. 2022 ("Reducing Activation Recomputation in Large
    Transformer Models", section 4.1) for today's blocks: no dropout, a gated MLP, RMSNorm that
    keeps its input in float32, and attention that keeps no matrix of scores (Dao et al. 2022), but
    a mask where rows are packed or padded.
    """
    hidden, query, width = shape.hidden, shape.query_width, plan.width
    norms = shape.norms * _FLOAT32 * hidden
    if shape.head_norms:
        norms += _FLOAT32 * (query + shape.kv_width)
    if plan.is_full:  # the normalised values, for the gradient of the norm's own weights
        norms *= 2
    attention = 4 * width * query + _FLOAT32 * shape.heads
    if _has_mask(shape, plan):
        attention += width * plan.length
    mlp = 3 * width * shape.intermediate
    return plan.tokens * (norms + attention + mlp + _linear_inputs(shape, plan))


def _linear_inputs(shape: ModelShape, plan: Plan) -> int:
    """Bytes a token that linear layers keep of their inputs, to make the gradient of a weight.

    Frozen weights need none; an adapter's do. Layers that read the same tensor share it. Not so
    where autocast has to convert it for each of them: PEFT hands a 16-bit base's input to the
    adapter in float32. LLM.int8 keeps every input of its own.
    """
    sizes, width = shape.linear_sizes, plan.width
    names = tuple(sizes) if plan.is_full or plan.quantization == "8-bit" else plan.targets
    if plan.is_full:
        inputs = sum(sizes[name][0] for name in names if name != "o_proj")
    elif plan.quantization == "none" and width < _FLOAT32:
        inputs = sum(sizes[name][0] for name in names)
    else:
        groups = {_SHARED_INPUTS[name]: sizes[name][0] for name in names if name in _SHARED_INPUTS}
        inputs = sum(groups.values())
    outputs = sum(2 * sizes[name][1] for name in plan.targets) if plan.is_dora else 0
    return width * (inputs + plan.rank * len(plan.targets) + outputs)


def passing_bytes(shape: ModelShape, plan: Plan) -> int:
    """What the backward pass of one block needs while it runs: with checkpointing the block that
    is computed anew, then gradients on their way, copies in another type, and of a quantised model
    the largest linear layer in full width (bitsandbytes ``MatMul4Bit.backward``).
    """
    hidden, wide = shape.hidden, shape.intermediate
    if plan.quantization != "none":
        passing = plan.tokens * plan.width * wide + plan.width * hidden * wide
    elif plan.width < _FLOAT32:
        passing = plan.tokens * 3 * plan.width * (wide + hidden)
    else:
        passing = plan.tokens * plan.width * (2 * wide + hidden)
    if plan.is_dora:  # PEFT multiplies the adapter out, from an identity matrix in two types
        largest = max(hidden, wide)
        passing += (_FLOAT32 + plan.width) * largest**2 + 2 * plan.width * hidden * wide
    return passing + (block_bytes(shape, plan) if plan.checkpoints else 0)


def head_bytes(shape: ModelShape, plan: Plan) -> int:
    """The logits; on a GPU at least the holes that a backward pass leaves for lack of them: where
    the logits are small against what passes, its own blocks do not find their places again."""
    holes = ceil(_PASSING_HOLES * passing_bytes(shape, plan)) if plan.on_gpu else 0
    return max(logit_bytes(shape, plan), holes)


def logit_bytes(shape: ModelShape, plan: Plan) -> int:
    """The output head's numbers, of which those of a slice of positions exist at a time
    (trainer_image/head_loss.py): float32 ones, and the 16-bit ones that they were made of and
    become. For all positions the hidden states that the head sees and two of their gradients.

    Not so for a method that compares answers and for a head whose numbers are changed later:
    :func:`_whole_logit_bytes`.
    """
    if not plan.sliced or shape.logit_cap:
        return _whole_logit_bytes(shape, plan)
    narrow = plan.width if plan.width < _FLOAT32 else 0
    if plan.on_gpu:
        logits = min(plan.tokens, SLICE_GPU) * shape.vocab * (_FLOAT32 + narrow)
    else:
        logits = min(plan.tokens, SLICE_CPU) * shape.vocab * _SLICE_COPIES * _FLOAT32
    return (
        logits
        + 3 * plan.width * shape.hidden * plan.tokens
        + _head_gradient_bytes(shape, plan, narrow)
    )


def _head_gradient_bytes(shape: ModelShape, plan: Plan, narrow: int) -> int:
    """Of a head that learns its gradient until autograd takes it, a slice's part of that, and the
    16-bit ones of both that part and the weights."""
    return 2 * (_FLOAT32 + narrow) * shape.vocab * shape.hidden if plan.is_full else 0


def _whole_logit_bytes(shape: ModelShape, plan: Plan) -> int:
    """Three float32 copies at the worst moment (log-probabilities, and the gradient before and
    after the softmax), and the memory of the 16-bit ones, which PyTorch holds for later use; on a
    processor what its heap makes of them. A capped head (Gemma 2) keeps what it capped.

    For every position: the upper bound. ``trainer_image/loss.py`` computes trained ones alone, and
    how many of a batch are is not known before its rows are seen.
    """
    each = 3 * _FLOAT32 + (plan.width if plan.width < _FLOAT32 else 0)
    if not plan.on_gpu:
        each = _HEAP_COPIES * _FLOAT32
    if shape.logit_cap:
        each += plan.width
    return plan.tokens * shape.vocab * each
