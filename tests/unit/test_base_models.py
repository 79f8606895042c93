"""The catalogue of base models: every entry is complete, and its numbers agree with each other."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from models.domain.base_models import BaseModel, load_base_models
from models.domain.errors import AppError
from models.domain.hyperparameters import DEFAULT_MODEL
from models.domain.model_shape import ModelShape, shape_from_config

CATALOGUE = Path(__file__).parents[2] / "resources" / "base_models.toml"
MODELS = load_base_models(CATALOGUE)
LLAMA_8B = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
}


def _shape(model: BaseModel) -> ModelShape:
    assert model.shape is not None, model.repo
    return model.shape


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.repo)
def test_the_parameters_of_each_model_agree_with_its_sizes(model: BaseModel) -> None:
    shape = _shape(model)
    assert shape.counted_parameters == pytest.approx(model.parameters * 1e6, rel=0.005)
    assert shape.parameters == model.parameters * 1_000_000


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.repo)
def test_each_models_sizes_are_possible(model: BaseModel) -> None:
    shape = _shape(model)
    assert shape.heads % shape.kv_heads == 0
    assert shape.head_dim or shape.hidden % shape.heads == 0
    assert shape.exact
    assert model.license
    assert model.repo.count("/") == 1


@pytest.mark.spec(
    "The default base models offered in the Training tab are Unsloth‑optimized variants of "
    "popular open models."
)
def test_each_model_is_there_once_and_the_default_comes_first() -> None:
    assert MODELS[0].repo == DEFAULT_MODEL
    assert len({model.repo for model in MODELS}) == len({model.label for model in MODELS})
    assert len({model.repo for model in MODELS}) == len(MODELS)
    others = [model.repo for model in MODELS if not model.repo.startswith("unsloth/")]
    assert all(repo.startswith("HuggingFaceTB/SmolLM2-") for repo in others), "for a processor"
    assert len(others) * 5 < len(MODELS)


def test_there_is_a_model_for_a_processor_and_one_for_every_size_of_card() -> None:
    sizes = sorted(model.parameters for model in MODELS)
    assert sizes[0] < 200
    assert all(later <= 3 * earlier for earlier, later in pairwise(sizes))


def test_a_hugging_face_config_gives_the_same_shape_as_the_catalogue() -> None:
    listed = _shape(MODELS[0])
    found = shape_from_config(LLAMA_8B)
    assert found.parameters == pytest.approx(listed.parameters, rel=1e-3)
    assert found.linear_sizes == listed.linear_sizes
    assert found.exact


def test_the_language_part_of_a_model_with_images_counts() -> None:
    found = shape_from_config({"model_type": "gemma3", "text_config": GEMMA_3_TEXT})
    assert (found.hidden, found.layers, found.norms) == (2560, 34, 4)
    assert found.head_norms
    assert found.tied_embeddings
    assert found.parameters == pytest.approx(3.88e9, rel=0.01)


GEMMA_3_TEXT = {
    "model_type": "gemma3_text",
    "hidden_size": 2560,
    "num_hidden_layers": 34,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "intermediate_size": 10240,
    "vocab_size": 262208,
}


def test_gemma_2_is_recognised_by_its_capped_head_and_its_four_norms() -> None:
    found = shape_from_config(
        LLAMA_8B | {"model_type": "gemma2", "final_logit_softcapping": 30.0, "head_dim": 256}
    )
    assert found.logit_cap
    assert found.norms == 4


def test_a_mixture_of_experts_counts_every_expert_and_is_not_exact() -> None:
    mixtral = LLAMA_8B | {
        "model_type": "mixtral", "num_local_experts": 8, "vocab_size": 32000,
    }  # fmt: skip
    found = shape_from_config(mixtral)
    assert found.parameters == pytest.approx(46.7e9, rel=0.01)
    assert not found.exact


def test_older_names_of_the_same_numbers_are_understood() -> None:
    gpt2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257}
    found = shape_from_config(gpt2)
    assert (found.hidden, found.layers, found.kv_heads, found.intermediate) == (768, 12, 12, 3072)
    assert not found.exact


@pytest.mark.parametrize("missing", ["hidden_size", "num_hidden_layers", "vocab_size"])
def test_a_config_that_lacks_a_number_says_which(missing: str) -> None:
    with pytest.raises(AppError, match=missing) as caught:
        shape_from_config({name: value for name, value in LLAMA_8B.items() if name != missing})
    assert caught.value.kind == "unknown_shape"
    assert caught.value.hint


def test_a_number_that_is_none_counts_as_missing_or_takes_its_default() -> None:
    with pytest.raises(AppError, match="vocab_size"):
        shape_from_config(LLAMA_8B | {"vocab_size": None})
    assert shape_from_config(LLAMA_8B | {"num_key_value_heads": None}).kv_heads == 32
