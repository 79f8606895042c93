"""The numbers of a language model's architecture that decide how much memory it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from models.domain.errors import AppError

_NEEDED = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
_OTHER_NAMES = {
    "n_embd": "hidden_size",
    "d_model": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_layers": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_heads": "num_attention_heads",
    "n_inner": "intermediate_size",
    "ffn_dim": "intermediate_size",
}
"""Older models' words for the same numbers (GPT-2, MPT, Falcon, OPT)."""

_KNOWN_TYPES = frozenset(
    {
        "llama", "mistral", "ministral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3",
        "gemma3_text", "phi3", "smollm3", "olmo2", "granite",
    }
)  # fmt: skip
"""``model_type`` of decoders with gated MLPs, of which the count below was checked to be right."""

_TIED_BY_DEFAULT = frozenset({"gemma", "gemma2", "gemma3", "gemma3_text"})
"""Their configurations leave ``tie_word_embeddings`` out and mean yes."""

_FOUR_NORMS = frozenset({"gemma2", "gemma3", "gemma3_text"})
_HEAD_NORMS = frozenset({"qwen3", "gemma3", "gemma3_text"})

_CHANGED_LATER = (
    "final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier",
    "logits_soft_cap",
)  # fmt: skip
"""Settings that change what comes out of the head (the same as of trainer_image/head_loss.py)."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A decoder's sizes: ``parameters`` is the absolute count, tied embeddings counted once.

    ``head_dim`` is 0 where it is ``hidden / heads``; ``exact`` is False where the numbers were
    derived for an architecture that was not checked, so that an estimate says so. ``norms`` counts
    those of a block, ``head_norms`` are further ones of queries and keys (Qwen3, Gemma 3),
    ``logit_cap`` says that the output head's numbers are changed after it: capped (Gemma 2) or
    scaled (Granite).
    """

    parameters: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    intermediate: int
    vocab: int
    tied_embeddings: bool
    head_dim: int = 0
    exact: bool = True
    norms: int = 2
    head_norms: bool = False
    logit_cap: bool = False

    @property
    def query_width(self) -> int:
        """Outputs of the query projection."""
        return self.heads * (self.head_dim or self.hidden // self.heads)

    @property
    def kv_width(self) -> int:
        """Outputs of the key projection, and of the value projection."""
        return self.kv_heads * (self.head_dim or self.hidden // self.heads)

    @property
    def linear_sizes(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of each linear layer of a block, by the name that LoRA targets."""
        hidden, query, kv = self.hidden, self.query_width, self.kv_width
        return {
            "q_proj": (hidden, query),
            "k_proj": (hidden, kv),
            "v_proj": (hidden, kv),
            "o_proj": (query, hidden),
            "gate_proj": (hidden, self.intermediate),
            "up_proj": (hidden, self.intermediate),
            "down_proj": (self.intermediate, hidden),
        }

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the embedding and, where it is not the same matrix, of the output head."""
        return self.vocab * self.hidden * (1 if self.tied_embeddings else 2)

    @property
    def block_parameters(self) -> int:
        """Everything else: the blocks' linear layers and the few numbers of norms and biases."""
        return max(self.parameters - self.embedding_parameters, 0)

    @property
    def counted_parameters(self) -> int:
        """The parameters that these sizes add up to: linear layers, norms, embeddings.

        Biases and the norms of heads, below 0.1 %, are left out.
        """
        block = sum(inputs * outputs for inputs, outputs in self.linear_sizes.values())
        norms = self.hidden * (self.norms * self.layers + 1)
        return self.layers * block + norms + self.embedding_parameters


def shape_from_config(config: dict[str, Any]) -> ModelShape:
    """The shape of the model that a Hugging Face ``config.json`` describes.

    Raises :class:`AppError` (``unknown_shape``) where a number that all decoders have is missing.
    """
    words = _renamed(config.get("text_config") or config)
    missing = [name for name in _NEEDED if not _positive(words.get(name))]
    if missing:
        raise AppError(
            "unknown_shape",
            f"The model's config.json does not say {', '.join(missing)}.",
            "Its memory cannot be estimated; try a small batch first.",
        )
    hidden, heads = words["hidden_size"], words["num_attention_heads"]
    kind = str(words.get("model_type", ""))
    tied = words.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    shape = ModelShape(
        parameters=0,
        hidden=hidden,
        layers=words["num_hidden_layers"],
        heads=heads,
        kv_heads=_or(words.get("num_key_value_heads"), heads),
        intermediate=_or(words.get("intermediate_size"), 4 * hidden),
        vocab=words["vocab_size"],
        tied_embeddings=kind in _TIED_BY_DEFAULT if tied is None else bool(tied),
        head_dim=_or(words.get("head_dim"), 0),
        exact=kind in _KNOWN_TYPES,
        norms=4 if kind in _FOUR_NORMS else 2,
        head_norms=kind in _HEAD_NORMS,
        logit_cap=any(words.get(name) for name in _CHANGED_LATER),
    )
    return _counted(shape, words)


def _renamed(config: dict[str, Any]) -> dict[str, Any]:
    other = {new: config[old] for old, new in _OTHER_NAMES.items() if old in config}
    return other | config


def _positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _or(value: object, default: int) -> int:
    return int(value) if _positive(value) else default  # type: ignore[call-overload]


def _counted(shape: ModelShape, words: dict[str, Any]) -> ModelShape:
    """The same with its parameters counted; each expert of a mixture is an MLP of its own."""
    experts = _or(words.get("num_local_experts"), _or(words.get("num_experts"), 1))
    width = _or(words.get("moe_intermediate_size"), shape.intermediate)
    more = 3 * shape.hidden * (experts * width - shape.intermediate) if experts > 1 else 0
    return replace(shape, parameters=shape.counted_parameters + shape.layers * more)
