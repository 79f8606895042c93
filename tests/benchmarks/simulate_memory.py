"""The memory of training steps without a GPU: real code, tensors that have sizes but no numbers.

    <trainer's python> tests/benchmarks/simulate_memory.py [--only TEXT] [--write]

The model is built from its configuration under PyTorch's FakeTensorMode and gets the adapter that
the trainer gives it; two optimiser steps of two batches run forward and backward. Every tensor that
comes and goes is booked by a model of the CUDA caching allocator. Prints JSON, a line a case;
``--write`` keeps them in tests/data/simulated_memory.json, which the tests compare the estimate
with.

What differs from a GPU: attention keeps what the processor's flash kernel keeps, memory inside a
kernel is not seen, and neither is the CUDA context. Every position is trained, because tensors
without numbers cannot be selected by their values.
"""

from __future__ import annotations

import argparse
import json
import sys
import weakref
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_iter  # noqa: E402
from torch.utils.weak import WeakIdKeyDictionary  # noqa: E402

from models.domain.base_models import load_base_models  # noqa: E402
from tests.benchmarks.caching_allocator import CachingAllocator  # noqa: E402
from trainer_image import head_loss, loss  # noqa: E402
from trainer_image.adapters import in_float32, with_adapter  # noqa: E402
from trainer_image.contract import Hyperparameters  # noqa: E402
from trainer_image.whole_model import all_weights_learn  # noqa: E402

if TYPE_CHECKING:
    from models.domain.model_shape import ModelShape

RESULTS = ROOT / "tests" / "data" / "simulated_memory.json"
LLAMA_8B = "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"
LLAMA_3B = "unsloth/Llama-3.2-3B-Instruct-bnb-4bit"
LLAMA_1B = "unsloth/Llama-3.2-1B-Instruct-bnb-4bit"
_KINDS = {"mistral": "mistral", "qwen3": "qwen3", "qwen2": "qwen2", "gemma-2": "gemma2"}
_ROWS_PACKED = 4
_MICRO_BATCHES = _STEPS = 2


@dataclass(frozen=True)
class Case:
    """One setup: settings that differ from the defaults stand in ``hp``."""

    repo: str
    batch: int
    length: int
    hp: dict[str, Any] = field(default_factory=dict)


def cases() -> list[Case]:
    """Three sizes, lengths and batches, and one of each other kind of training.

    As many tokens take as much memory however they are divided, which the small model shows; of
    the others each number of tokens is there, and one of them divided twice.
    """
    every = [(batch, length) for length in (512, 1024, 2048) for batch in (1, 2, 4)]
    some = [(1, 512), (2, 512), (4, 512), (4, 1024), (1, 2048), (4, 2048)]
    sizes = {LLAMA_1B: every, LLAMA_3B: some, LLAMA_8B: some}
    grid = [Case(repo, *size) for repo, wanted in sizes.items() for size in wanted]
    others = [
        Case(LLAMA_1B, 2, 1024, {"quantization": "none"}),
        Case(LLAMA_1B, 2, 1024, {"quantization": "none", "lora_targets": "q_proj,v_proj"}),
        Case(LLAMA_1B, 2, 1024, {"quantization": "none", "gradient_checkpointing": "off"}),
        Case(LLAMA_1B, 2, 1024, {"quantization": "none", "lora_variant": "DoRA"}),
        Case(LLAMA_1B, 2, 1024, {"gradient_checkpointing": "off"}),
        Case(LLAMA_1B, 2, 1024, {"lora_r": 128}),
        Case(LLAMA_1B, 1, 4096),
        Case(LLAMA_8B, 1, 8192),
        Case("unsloth/mistral-7b-instruct-v0.3-bnb-4bit", 4, 2048),
        Case("unsloth/Qwen2.5-7B-Instruct-bnb-4bit", 2, 2048),
        Case("unsloth/Qwen3-4B-bnb-4bit", 2, 2048),
        Case("unsloth/gemma-2-2b-it-bnb-4bit", 2, 1024),
        Case(LLAMA_1B, 1, 512, {"tuning": "full"}),
        Case(LLAMA_1B, 4, 1024, {"tuning": "full"}),
    ]
    return grid + others


class Ledger(TorchDispatchMode):
    """Books each tensor's memory when it is made and when nobody holds it any more."""

    def __init__(self) -> None:
        super().__init__()
        self.allocator = CachingAllocator()
        self._seen = WeakIdKeyDictionary()

    def book(self, value: object) -> None:
        """Book a tensor's memory, once."""
        if not isinstance(value, torch.Tensor):
            return
        storage = value.untyped_storage()
        if storage in self._seen or not storage.nbytes():
            return
        self._seen[storage] = True
        weakref.finalize(storage, self.allocator.give, self.allocator.take(storage.nbytes()))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in tree_iter(out):
            self.book(value)
        return out


def simulate(case: Case) -> dict[str, Any]:
    """The highest allocated and reserved bytes of this case."""
    shape = next(m.shape for m in load_base_models(ROOT / "resources/base_models.toml")
                 if m.repo == case.repo)  # fmt: skip
    assert shape is not None
    hp = Hyperparameters(**case.hp)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = _model(case, shape, hp)
        ledger = Ledger()
        with ledger:
            for tensor in (*model.parameters(), *model.buffers()):
                ledger.book(tensor)
            for storage in _quantisation_constants(model):
                ledger.book(storage)
            _train(model, case)
    allocator = ledger.allocator
    return {
        **asdict(case),
        "allocated": allocator.peak_allocated,
        "reserved": allocator.peak_reserved,
    }


def _model(case: Case, shape: ModelShape, hp: Hyperparameters) -> Any:
    from transformers import AutoModelForCausalLM

    _let_fake_tensors_through()
    is_full = hp.tuning == "full"
    model = AutoModelForCausalLM.from_config(
        configuration(case.repo, shape),
        dtype=torch.float32 if is_full else torch.bfloat16,
        attn_implementation="sdpa",
    )
    model.config.use_cache = False
    if is_full:
        model = all_weights_learn(model, case.repo)
    else:
        if hp.quantization != "none":
            _quantise(model)
        model = with_adapter(model, hp)
        in_float32(model)
    if hp.gradient_checkpointing != "off":
        model.gradient_checkpointing_enable()
        model.enable_input_require_grads()
    return model.train()


def _let_fake_tensors_through() -> None:
    """Moving a module swaps its tensors, which fake ones refuse, and there is nowhere to go; PEFT
    and bitsandbytes ask CUDA's autocast, while ours is that of the processor."""
    torch.nn.Module.to = lambda self, *_, **__: self  # type: ignore[method-assign,assignment]
    torch.nn.Module.float = lambda self: self  # type: ignore[method-assign,assignment]
    torch.is_autocast_enabled = lambda *_: True  # type: ignore[assignment]
    head_loss.POSITIONS_CPU = head_loss.POSITIONS_GPU


def configuration(repo: str, shape: ModelShape) -> Any:
    """The configuration of transformers for a model of the catalogue."""
    from transformers import AutoConfig

    name = repo.rpartition("/")[2].lower()
    kind = next((kind for start, kind in _KINDS.items() if name.startswith(start)), "llama")
    kind = "qwen2" if name.startswith("qwen2") else kind
    return AutoConfig.for_model(
        kind,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        intermediate_size=shape.intermediate,
        vocab_size=shape.vocab,
        tie_word_embeddings=shape.tied_embeddings,
        head_dim=shape.query_width // shape.heads,
    )


def _quantise(model: Any) -> None:
    """Linear layers as bitsandbytes has them in NF4 with double quantisation."""
    for name, module in list(model.named_modules()):
        if type(module) is torch.nn.Linear and name != "lm_head":
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, _nf4(module))
    model.is_loaded_in_4bit = True


def _nf4(linear: Any) -> Any:
    import bitsandbytes
    from bitsandbytes.functional import QuantState

    class Nf4(bitsandbytes.nn.Linear4bit):  # type: ignore[misc]
        """The layer without what quantises real numbers when it is moved to a GPU."""

        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            self.in_features, self.out_features = linear.in_features, linear.out_features
            packed = torch.zeros((linear.weight.numel() + 1) // 2, 1, dtype=torch.uint8)
            self.weight = torch.nn.Parameter(packed, requires_grad=False)
            self.weight.compress_statistics, self.weight.quant_type = True, "nf4"
            self.bias = linear.bias
            self.compute_dtype, self.compute_type_is_set = torch.bfloat16, True
            self.constants = _constants(linear.weight.numel())
            nested = QuantState(
                self.constants[1], code=self.constants[3], blocksize=256, dtype=torch.float32
            )
            self.quant_state = QuantState(
                self.constants[0], shape=linear.weight.shape, code=self.constants[2], blocksize=64,
                quant_type="nf4", dtype=torch.bfloat16, offset=torch.zeros(()), state2=nested,
            )  # fmt: skip

        def forward(self, x: Any) -> Any:
            kind = x.dtype
            out = bitsandbytes.matmul_4bit(
                x.to(torch.bfloat16), self.weight, bias=self.bias, quant_state=self.quant_state
            )
            return out.to(kind)

    return Nf4()


def _constants(count: int) -> list[Any]:
    blocks = -(-count // 64)
    return [
        torch.zeros(blocks, dtype=torch.uint8),
        torch.zeros(-(-blocks // 256)),
        torch.zeros(16),
        torch.zeros(256),
    ]


def _quantisation_constants(model: Any) -> list[Any]:
    found = [getattr(module, "constants", ()) for module in model.modules()]
    return [constant for constants in found for constant in constants]


def _train(model: Any, case: Case) -> None:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    states: list[Any] = []
    for _ in range(_STEPS):
        for _ in range(_MICRO_BATCHES):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                total = _loss(model, case)
            (total / 10).backward()
            del total
        # AdamW in 8 bits: two moments, and a float32 for each 256 numbers of them
        states = states or [
            torch.zeros(2 * (p.numel() + p.numel() // 64), dtype=torch.uint8) for p in trained
        ]
        for parameter in trained:
            parameter.grad = None


def _loss(model: Any, case: Case) -> Any:
    """As ``trainer_image.loss.summed_loss`` on a GPU, where every position is trained."""
    rows = case.length // _ROWS_PACKED
    positions = torch.arange(rows).repeat(_ROWS_PACKED).repeat(case.batch, 1)
    ids = torch.zeros(case.batch, case.length, dtype=torch.long)
    named = {"input_ids": ids, "position_ids": positions, "use_cache": False}
    if getattr(model.config, "final_logit_softcapping", None):
        logits = model(**named).logits
        logits = logits.reshape(-1, logits.shape[-1]).float()
        return torch.nn.functional.cross_entropy(logits, ids.reshape(-1), reduction="none").sum()
    head, seen = model.get_output_embeddings(), list[Any]()
    with loss._head_sees_nothing(head, seen):
        model(**named)
    # The trained positions are selected, which makes a copy.
    hidden = seen.pop().reshape(-1, head.in_features).clone()
    return head_loss.summed_head_loss(hidden, head, ids.reshape(-1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose JSON contains this text")
    parser.add_argument("--write", action="store_true", help="keep the results for the tests")
    options = parser.parse_args()
    results = []
    for case in cases():
        if options.only in json.dumps(asdict(case)):
            results.append(simulate(replace(case)))
            print(json.dumps(results[-1]), flush=True)
    if options.write:
        lines = ",\n".join(json.dumps(result) for result in results)
        RESULTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
