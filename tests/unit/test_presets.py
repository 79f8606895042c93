"""The Beginner presets: the values of the specification, in full, and never more than fits."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.base_models import load_base_models
from models.domain.config import PRESETS, TrainingConfig
from models.domain.config_io import settings_index, with_values
from models.domain.hardware import Gpu, Hardware
from models.domain.hyperparameters import DEFAULT_MODEL
from models.domain.memory import estimate_memory
from models.domain.presets import (
    AUTO_SET,
    CHEAPEST,
    FASTEST,
    QUICK_TEST,
    PresetContext,
    PresetResult,
    apply_preset,
)

MODELS = load_base_models(Path(__file__).parents[2] / "resources" / "base_models.toml")
BY_REPO = {model.repo: model for model in MODELS}
SMALL = "HuggingFaceTB/SmolLM2-135M-Instruct"
ALL_PRESETS = tuple(name for names in PRESETS.values() for name in names)
PATHS = {"hp.learning_rate", "hp.batch_size", "hp.grad_accum", "hp.max_steps", "hp.packing"}
GIB, GB = 2**30, 10**9
CARDS = (6, 7.7, 8, 11.6, 12, 15.7, 16, 23.6, 24, 40, 47.5, 80)
STEPS = {
    6: 100, 7.7: 150, 8: 150, 11.6: 200, 12: 200, 15.7: 300, 16: 300,
    23.6: 400, 24: 400, 40: 400, 47.5: 400, 80: 400,
}  # fmt: skip
TIMES = "\N{MULTIPLICATION SIGN}"


def _config(repo: str = DEFAULT_MODEL, **hp: object) -> TrainingConfig:
    values = {f"hp.{name}": value for name, value in hp.items()}
    return with_values(TrainingConfig(), values | {"hp.base_model": repo})


def _computer(*cards: tuple[float, float], unit: int = GIB) -> Hardware:
    """Cards of (total, free) memory."""
    gpus = tuple(
        Gpu(number, f"card {number}", int(total * unit), int(free * unit))
        for number, (total, free) in enumerate(cards)
    )
    return Hardware(gpus, 32 * GIB, 24 * GIB, probed=True)


def _context(hardware: Hardware, repo: str = DEFAULT_MODEL, **more: object) -> PresetContext:
    context = PresetContext(hardware, MODELS, BY_REPO[repo].shape)
    return replace(context, **more)  # type: ignore[arg-type]


def _auto(hardware: Hardware, repo: str = DEFAULT_MODEL, **more: object) -> PresetResult:
    return apply_preset(AUTO_SET, _config(repo), _context(hardware, repo, **more))


def _peak(
    result: PresetResult, repo: str, *, batch: object = None, gpu: bool = True, factor: float = 1
) -> int:
    values = result.values | ({} if batch is None else {"hp.batch_size": batch})
    shape = BY_REPO[repo].shape
    assert shape is not None
    setup = with_values(_config(repo), values)
    return estimate_memory(setup, shape, on_gpu=gpu, factor=factor).total


def _number(result: PresetResult, name: str) -> int:
    value = result.values[f"hp.{name}"]
    assert isinstance(value, int)
    return value


@pytest.mark.spec("Fastest (Runpod)", "Cheapest (Runpod)", "Quick local test")
@pytest.mark.parametrize(
    ("preset", "values"),
    [
        (FASTEST, (2e-4, 8, 1, 600, True)),
        (CHEAPEST, (1e-4, 1, 8, 200, True)),
        (QUICK_TEST, (2e-4, 1, 1, 20, False)),
    ],
)
def test_the_fixed_presets_set_what_the_specification_says(
    preset: str, values: tuple[object, ...]
) -> None:
    result = apply_preset(preset, TrainingConfig(), PresetContext())
    names = ("learning_rate", "batch_size", "grad_accum", "max_steps", "packing")
    assert result.values == {f"hp.{name}": x for name, x in zip(names, values, strict=True)}
    assert result.fits
    assert not result.suggested_model


@pytest.mark.spec("Higher learning rate and per‑device batch size.")
@pytest.mark.spec("Lower gradient accumulation.")
@pytest.mark.spec("Higher max steps (for more training under good GPUs).")
@pytest.mark.spec("Lower learning rate.")
@pytest.mark.spec("Smaller batch sizes.")
@pytest.mark.spec("Higher gradient accumulation to keep effective batch size reasonable.")
def test_fastest_against_cheapest() -> None:
    fast = apply_preset(FASTEST, TrainingConfig(), PresetContext())
    cheap = apply_preset(CHEAPEST, TrainingConfig(), PresetContext())
    rates = [result.values["hp.learning_rate"] for result in (fast, cheap)]
    assert rates == [2e-4, 1e-4]
    assert _number(fast, "batch_size") > _number(cheap, "batch_size")
    assert _number(fast, "grad_accum") < _number(cheap, "grad_accum")
    assert _number(fast, "max_steps") > _number(cheap, "max_steps")
    for result in (fast, cheap):
        assert _number(result, "batch_size") * _number(result, "grad_accum") == 8


@pytest.mark.spec("`Fastest (Runpod)` – favors throughput on stronger GPUs.")
@pytest.mark.spec(
    "`Cheapest (Runpod)` – favors smaller/cheaper GPUs with more conservative params."
)
def test_the_rented_presets_say_which_gpu_they_want_and_how_much_memory_it_needs() -> None:
    context = _context(Hardware())
    fast = apply_preset(FASTEST, _config(), context)
    cheap = apply_preset(CHEAPEST, _config(), context)
    assert "strongest GPU in stock" in fast.reason
    assert "cheapest GPU in stock" in cheap.reason
    for result in (fast, cheap):
        wanted = int(result.reason.rpartition("at least ")[2].removesuffix(" GB"))
        assert _peak(result, DEFAULT_MODEL) <= 0.85 * wanted * GIB
        assert _peak(result, DEFAULT_MODEL) > 0.85 * (wanted - 1) * GIB
    unknown = apply_preset(FASTEST, _config(), PresetContext())
    assert "strongest GPU in stock that fits" in unknown.reason


@pytest.mark.spec("`Quick local test` – short run with small batch for fast sanity checks.")
@pytest.mark.spec(
    "Short run with a small batch and low max steps.",
    "Intended for smoke tests: checks wiring, dataset, and HF token without long runs.",
)
def test_the_quick_test_is_short_and_small() -> None:
    result = apply_preset(QUICK_TEST, _config(), _context(_computer((24, 22))))
    assert _number(result, "max_steps") == 20
    assert _number(result, "batch_size") == _number(result, "grad_accum") == 1
    assert "20 steps" in result.reason
    assert "predicted peak" in result.reason


def test_the_quick_test_says_when_even_that_is_not_expected_to_fit() -> None:
    result = apply_preset(QUICK_TEST, _config(), _context(_computer((8, 7))))
    assert not result.fits
    assert "7.0 GB are free" in result.reason


@pytest.mark.parametrize("preset", ALL_PRESETS)
@pytest.mark.parametrize("other", ALL_PRESETS)
def test_nothing_of_one_preset_stays_when_another_is_applied(preset: str, other: str) -> None:
    context = _context(_computer((24, 22)))
    alone = apply_preset(preset, _config(), context)
    before = with_values(_config(), apply_preset(other, _config(), context).values)
    after = apply_preset(preset, before, context)
    assert after == alone
    assert set(after.values) == PATHS
    assert with_values(before, after.values) == with_values(_config(), alone.values)


def test_a_name_that_is_no_preset_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="Auto Set"):
        apply_preset("Auto Set", TrainingConfig(), PresetContext())


def test_every_value_is_one_that_the_form_accepts() -> None:
    for preset in ALL_PRESETS:
        for path, value in apply_preset(
            preset, _config(), _context(_computer((8, 8)))
        ).values.items():
            info = settings_index()[path]
            assert info.rule.problem(path, value, info.kind) is None


# Auto Set


@pytest.mark.spec(
    "`Auto Set (local)` – uses detected GPU VRAM to pick batch size, grad accumulation, and max "
    "steps that push your GPU reasonably hard without being reckless."
)
@pytest.mark.spec("Per‑device batch size,", "Gradient accumulation steps,", "Max steps,")
@pytest.mark.parametrize("size", CARDS)
@pytest.mark.parametrize("repo", [DEFAULT_MODEL, "unsloth/Qwen3-4B-bnb-4bit", SMALL])
def test_auto_set_takes_the_largest_batch_that_leaves_room(size: float, repo: str) -> None:
    free = size * 0.96
    result = _auto(_computer((size, free)), repo)
    batch = _number(result, "batch_size")
    assert batch * _number(result, "grad_accum") == 16
    assert result.values["hp.packing"] is True
    budget = 0.85 * int(free * GIB)
    if not result.fits:
        assert batch == 1
        assert _peak(result, repo) > budget
        return
    assert _peak(result, repo) <= budget
    if batch < 16:
        assert _peak(result, repo, batch=batch * 2) > budget
    peak = f"predicted peak {_peak(result, repo) / GIB:.1f} GB"
    assert f"{free:.1f} GB free: batch {batch} {TIMES} {16 // batch}, {peak}" in result.reason


@pytest.mark.parametrize(
    ("reported", "nominal"), [(7.7, 8), (11.6, 12), (15.7, 16), (23.6, 24), (47.5, 48)]
)
@pytest.mark.parametrize("unit", [GIB, GB], ids=["GiB", "GB"])
def test_a_card_that_reports_a_little_less_stays_in_its_tier(
    reported: float, nominal: float, unit: int
) -> None:
    less, full = (
        _auto(_computer((size, size), unit=unit), SMALL).values for size in (reported, nominal)
    )
    assert less == full


def test_real_cards_are_in_the_tier_that_their_box_says() -> None:
    """Totals in MiB as drivers print them: T4 with and without what it keeps for itself, RTX 3080,
    2080 Ti, 4000 Ada, 4090."""
    totals = {15109: 300, 15360: 300, 10240: 150, 11264: 200, 20475: 300, 24564: 400}
    for total, steps in totals.items():
        size = total / 1024
        assert _number(_auto(_computer((size, size)), SMALL), "max_steps") == steps, total


@pytest.mark.spec("A safe learning rate for your tier.")
@pytest.mark.parametrize("size", CARDS)
def test_rate_and_steps_by_total_memory(size: float) -> None:
    for unit in (GIB, GB):
        values = _auto(_computer((size, size), unit=unit), SMALL).values
        assert values["hp.learning_rate"] == (2e-4 if size >= 11 else 1e-4)
        assert values["hp.max_steps"] == STEPS[size]


@pytest.mark.parametrize(
    ("rows", "steps"), [(None, 400), (100_000, 400), (1000, 63), (16, 1), (1, 1), (0, 1)]
)
def test_steps_are_those_of_one_epoch_where_that_is_less(rows: int | None, steps: int) -> None:
    assert _number(_auto(_computer((24, 22)), SMALL, rows=rows), "max_steps") == steps


@pytest.mark.spec(
    "Heuristics favor avoiding OOM on common consumer GPUs (e.g., 8–12 GB cards).",
    "Good default for first runs when you're unsure what hyperparameters to pick.",
    "Auto Set (local)",
)
@given(
    total=st.floats(2, 200),
    share=st.floats(0, 1),
    repo=st.sampled_from(sorted(BY_REPO)),
    length=st.sampled_from([16, 512, 2048, 8192, 131_072]),
    rank=st.integers(1, 256),
    factor=st.floats(0.5, 2),
)
@settings(max_examples=200, deadline=None)
def test_auto_set_never_proposes_what_is_not_expected_to_fit(
    total: float, share: float, repo: str, length: int, rank: int, factor: float
) -> None:
    free = total * share
    config = _config(repo, max_seq_length=length, lora_r=rank)
    result = apply_preset(AUTO_SET, config, _context(_computer((total, free)), repo, factor=factor))
    shape = BY_REPO[repo].shape
    assert shape is not None
    setup = with_values(config, result.values)
    peak = estimate_memory(setup, shape, on_gpu=True, factor=factor).total
    assert result.fits == (peak <= 0.85 * int(free * GIB))
    assert _number(result, "batch_size") * _number(result, "grad_accum") == 16
    if result.suggested_model:
        proposed = BY_REPO[result.suggested_model].shape
        assert proposed is not None
        assert estimate_memory(setup, proposed, on_gpu=True).total <= 0.85 * free * GIB


@given(st.floats(4, 100), st.floats(4, 100), st.sampled_from(sorted(BY_REPO)))
@settings(max_examples=100, deadline=None)
def test_more_free_memory_never_gives_a_smaller_batch(one: float, two: float, repo: str) -> None:
    less, more = (_auto(_computer((100, free)), repo) for free in sorted((one, two)))
    assert _number(more, "batch_size") >= _number(less, "batch_size")
    assert more.fits or not less.fits


def test_little_free_memory_counts_not_the_size_of_the_card() -> None:
    full = _auto(_computer((24, 23)), "unsloth/Qwen3-4B-bnb-4bit")
    crowded = _auto(_computer((24, 11)), "unsloth/Qwen3-4B-bnb-4bit")
    assert _number(crowded, "batch_size") < _number(full, "batch_size")
    assert crowded.values["hp.learning_rate"] == full.values["hp.learning_rate"]
    assert crowded.reason.startswith("11.0 GB free: ")


def test_of_several_cards_the_smallest_decides() -> None:
    model = "unsloth/Llama-3.2-3B-Instruct-bnb-4bit"
    both = _auto(_computer((24, 23), (12, 11)), model)
    small = _auto(_computer((12, 11)), model)
    assert both.values == small.values | {"hp.grad_accum": _number(small, "grad_accum") / 2}
    assert "11.0 GB free on the fullest of 2 GPUs" in both.reason
    assert _auto(_computer((12, 11), (24, 23)), model) == both


def test_of_two_cards_the_least_free_memory_and_the_least_total_count() -> None:
    """A large card that others use, beside a small free one: a run must fit either."""
    model = "unsloth/Qwen2.5-0.5B-Instruct"
    mixed, small = _auto(_computer((24, 4), (8, 7.5)), model), _auto(_computer((8, 4)), model)
    assert mixed.values["hp.learning_rate"] == 1e-4
    assert mixed.values["hp.batch_size"] == small.values["hp.batch_size"] == 4


def test_too_big_a_model_is_said_and_the_largest_that_would_fit_is_named() -> None:
    result = _auto(_computer((8, 7.4)))
    assert not result.fits
    budget = 0.85 * 7.4 * GIB
    fitting = [model for model in MODELS if _peak(result, model.repo) <= budget]
    largest = max(fitting, key=lambda model: model.parameters)
    assert result.suggested_model == largest.repo
    assert largest.label in result.reason
    assert f"needs {_peak(result, DEFAULT_MODEL) / GIB:.1f} GB" in result.reason
    assert "6.3 GB of 7.4 GB free" in result.reason


def test_where_no_model_fits_at_all_none_is_named() -> None:
    result = _auto(_computer((2, 0.4)))
    assert not result.fits
    assert not result.suggested_model
    assert "No model of the list would fit" in result.reason


def test_without_a_gpu_a_few_small_steps_and_a_small_model_is_proposed() -> None:
    computer = Hardware((), 16 * GIB, 12 * GIB, probed=True, reason="No NVIDIA driver was found.")
    result = _auto(computer)
    values = (1e-4, 1, 4, 50, True)
    names = ("learning_rate", "batch_size", "grad_accum", "max_steps", "packing")
    assert result.values == {f"hp.{name}": x for name, x in zip(names, values, strict=True)}
    assert result.suggested_model == SMALL
    assert result.reason.startswith(
        f"No NVIDIA driver was found: batch 1 {TIMES} 4, at most 50 steps on the processor"
    )


def test_without_a_gpu_a_chosen_model_that_fits_is_left_alone() -> None:
    computer = Hardware((), 32 * GIB, 24 * GIB, probed=True)
    chosen = _auto(computer, "HuggingFaceTB/SmolLM2-360M-Instruct")
    assert (chosen.suggested_model, chosen.fits) == ("", True)
    small = _auto(computer, SMALL)
    assert (small.suggested_model, small.fits) == ("", True)
    too_big = _auto(replace(computer, ram_free=2 * GIB), "unsloth/Qwen3-14B-bnb-4bit")
    assert (too_big.suggested_model, too_big.fits) == (SMALL, False)


def test_a_gpu_that_is_switched_off_is_no_gpu() -> None:
    config = with_values(_config(SMALL), {"local.use_gpu": False})
    result = apply_preset(AUTO_SET, config, _context(_computer((24, 22)), SMALL))
    assert _number(result, "grad_accum") == 4
    assert result.reason.startswith("The GPU is switched off: ")


def test_a_model_of_unknown_size_gets_the_smallest_batch_and_is_said() -> None:
    config = _config("somebody/unknown")
    result = apply_preset(AUTO_SET, config, PresetContext(_computer((24, 22)), MODELS))
    assert (_number(result, "batch_size"), _number(result, "grad_accum")) == (1, 16)
    assert result.fits
    assert "the size of this model is not known" in result.reason


def test_what_earlier_runs_measured_is_counted() -> None:
    repo = "unsloth/Qwen3-4B-bnb-4bit"
    plain = _auto(_computer((24, 20)), repo)
    heavier = _auto(_computer((24, 20)), repo, factor=1.6)
    assert _number(heavier, "batch_size") < _number(plain, "batch_size")
    peak = _peak(heavier, repo, factor=1.6)
    assert f"predicted peak {peak / GIB:.1f} GB" in heavier.reason
    assert not math.isclose(peak, _peak(heavier, repo))
