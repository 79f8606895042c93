"""The memory bar's numbers and words for setups and computers of several kinds."""

from __future__ import annotations

import pytest

from models.domain.config import TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.hardware import Gpu, Hardware
from models.domain.memory import estimate_memory
from models.domain.model_shape import ModelShape
from models.qt.hardware_model import HardwareModel
from models.qt.memory_forecast import Fit, forecast_memory
from models.qt.wording import memory

GIB = 1024**3
SHAPE = ModelShape(135_000_000, 576, 30, 9, 3, 1536, 49152, tied_embeddings=True)
CONFIG = with_values(TrainingConfig(), {"hp.base_model": "me/model"})


def computer(*free: float, total: float = 24, ram_free: float = 12) -> Hardware:
    gpus = tuple(
        Gpu(index, f"Card {index}", round(total * GIB), round(one * GIB))
        for index, one in enumerate(free)
    )
    reason = "" if gpus else "No NVIDIA driver is installed."
    return Hardware(gpus, 16 * GIB, round(ram_free * GIB), probed=True, reason=reason)


def known(hardware: Hardware, factor: float = 1.0, device: str = "Card 0") -> HardwareModel:
    made = HardwareModel()
    made.set_hardware(hardware)
    made.set_shape("me/model", SHAPE)
    made.set_factor("me/model", device, factor)
    return made


def peak(*, on_gpu: bool = True, config: TrainingConfig = CONFIG) -> int:
    return estimate_memory(config, SHAPE, on_gpu=on_gpu).total


@pytest.mark.parametrize(
    ("share", "fit", "end"),
    [(0.5, Fit.GOOD, "free"), (0.9, Fit.TIGHT, "free: tight"), (1.1, Fit.OVER, ": does not fit")],
)
def test_the_prediction_is_compared_with_what_is_free(share: float, fit: Fit, end: str) -> None:
    free = peak() / share / GIB
    forecast = forecast_memory(CONFIG, known(computer(free, total=100)))
    assert forecast.fit is fit
    assert forecast.sentence.startswith(f"Predicted peak {memory(peak())} of ")
    assert forecast.sentence.endswith(end)
    assert (forecast.room.free, forecast.room.words) == (round(free * GIB), "Card 0")


def test_of_two_cards_the_fuller_one_decides() -> None:
    forecast = forecast_memory(CONFIG, known(computer(20, 9)))
    assert forecast.room.words == "Card 1, fullest of 2"
    assert forecast.room.free == 9 * GIB


def test_without_a_gpu_it_is_main_memory_and_said_why() -> None:
    forecast = forecast_memory(CONFIG, known(computer()))
    assert (forecast.peak, forecast.room.free) == (peak(on_gpu=False), 12 * GIB)
    assert forecast.room.words == "No GPU: main memory"
    assert "No NVIDIA driver is installed." in forecast.notes


def test_a_gpu_that_is_not_to_be_used_does_not_count() -> None:
    config = with_values(CONFIG, {"local.use_gpu": False})
    forecast = forecast_memory(config, known(computer(20)))
    assert forecast.room.words == "GPU not used: main memory"
    assert forecast.peak == peak(on_gpu=False, config=config)


def test_a_rented_gpu_is_compared_only_once_its_size_is_told() -> None:
    config = with_values(CONFIG, {"training.target": TARGET_RUNPOD})
    hardware = known(computer())
    forecast = forecast_memory(config, hardware)
    assert (forecast.fit, forecast.room.total) == (Fit.PLAIN, 0)
    assert forecast.sentence == f"Predicted peak {memory(peak())}"
    hardware.set_remote_gpu("NVIDIA A40", 48 * GIB)
    forecast = forecast_memory(config, hardware)
    assert forecast.fit is Fit.GOOD
    assert forecast.sentence.endswith("of 48.0 GB")


def test_before_the_first_probe_nothing_is_compared() -> None:
    hardware = HardwareModel()
    hardware.set_shape("me/model", SHAPE)
    assert forecast_memory(CONFIG, hardware).fit is Fit.PLAIN


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hp.base_model": "me/other"}, "looking up the size of me/other"),
        ({"hp.base_model": "me/gated"}, "it takes a token"),
        ({"hp.base_model": "  "}, "no base model is chosen"),
        ({"hp.batch_size": 0}, "out of its range"),
        ({"hp.max_seq_length": -5}, "out of its range"),
    ],
)
def test_what_cannot_be_predicted_says_why(changes: dict[str, object], words: str) -> None:
    hardware = known(computer(20))
    hardware.set_shape("me/gated", None, "it takes a token")
    forecast = forecast_memory(with_values(CONFIG, changes), hardware)
    assert not forecast.is_known
    assert forecast.sentence.startswith("Memory not predicted: ")
    assert words in forecast.sentence
    assert forecast.parts == ()


def test_earlier_runs_correct_every_part_and_it_is_said() -> None:
    forecast = forecast_memory(CONFIG, known(computer(20), factor=1.25))
    expected = estimate_memory(CONFIG, SHAPE, on_gpu=True, factor=1.25).total
    assert forecast.peak == expected > peak()
    assert sum(part.bytes for part in forecast.parts) == pytest.approx(forecast.peak, abs=10)
    assert any("+25 %" in note for note in forecast.notes)
    assert not any("+" in note for note in forecast_memory(CONFIG, known(computer(20))).notes)


def test_what_a_running_training_takes_is_not_held_against_the_next() -> None:
    hardware = known(computer(0.1))
    assert forecast_memory(CONFIG, hardware).fit is Fit.OVER
    hardware.set_training(True)
    forecast = forecast_memory(CONFIG, hardware)
    assert forecast.fit is Fit.GOOD
    assert forecast.sentence.endswith("of 24.0 GB")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 MB"), (480 * 1024**2, "480 MB"), (1000 * 1024**2, "1.0 GB"), (22.1 * GIB, "22.1 GB")],
)
def test_memory_in_words(count: float, text: str) -> None:
    assert memory(count) == text
