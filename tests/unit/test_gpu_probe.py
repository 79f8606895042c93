"""Asking NVIDIA's driver: cards, memory, and every way in which there is no answer."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from services.gpu_probe import GpuProbe
from tests.fakes.nvml import (
    GIB,
    Card,
    FakeNvml,
    NVMLError,
    NVMLError_GpuIsLost,
    NVMLError_NotSupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_SMALL = Card("NVIDIA GeForce RTX 3060", 12 * GIB, 11 * GIB)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml([Card()])
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return fake


@pytest.fixture
def probe() -> Iterator[GpuProbe]:
    made = GpuProbe()
    yield made
    made.close()


def test_cards_are_told_as_the_driver_reports_them(nvml: FakeNvml, probe: GpuProbe) -> None:
    nvml.cards.append(_SMALL)
    found = probe.probe()
    first, second = found.gpus
    assert (first.index, first.name, first.total, first.free) == (
        0, "NVIDIA GeForce RTX 4090", 24 * GIB, 22 * GIB,
    )  # fmt: skip
    assert (first.uuid, first.driver) == ("GPU-0a1b2c3", "570.86.15")
    assert (second.index, second.free) == (1, 11 * GIB)
    assert (found.probed, found.reason) == (True, "")
    assert found.ram_total == psutil.virtual_memory().total
    assert 0 < found.ram_free <= found.ram_total


def test_the_library_is_opened_once_and_closed_at_the_end(nvml: FakeNvml, probe: GpuProbe) -> None:
    for _ in range(3):
        probe.probe()
    probe.close()
    probe.close()
    assert [call for call in nvml.calls if call in {"init", "shutdown"}] == ["init", "shutdown"]


def test_free_memory_is_that_of_now(nvml: FakeNvml, probe: GpuProbe) -> None:
    probe.probe()
    nvml.cards[0].free = 3 * GIB
    assert probe.probe().gpus[0].free == 3 * GIB


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (12, "No NVIDIA driver is installed."),
        (9, "not running"),
        (18, "restart the computer"),
        (4, "may not ask"),
        (999, "does not answer (error 999)"),
    ],
)
def test_a_driver_that_refuses_is_a_reason_in_words(
    nvml: FakeNvml, probe: GpuProbe, value: int, words: str
) -> None:
    nvml.error = NVMLError(value)
    found = probe.probe()
    assert found.gpus == ()
    assert words in found.reason
    assert found.probed
    assert found.ram_total > 0


def test_a_driver_that_goes_away_and_comes_back_is_survived(
    nvml: FakeNvml, probe: GpuProbe
) -> None:
    assert probe.probe().gpus
    nvml.error = NVMLError(9)
    assert probe.probe().gpus == ()
    assert probe.probe().gpus == ()
    nvml.error = None
    assert probe.probe().gpus
    assert nvml.calls.count("init") == 3  # once at first, once refused, once again


def test_one_lost_card_does_not_hide_the_others(nvml: FakeNvml, probe: GpuProbe) -> None:
    nvml.cards = [Card(error=NVMLError_GpuIsLost()), _SMALL]
    assert [gpu.name for gpu in probe.probe().gpus] == ["NVIDIA GeForce RTX 3060"]
    nvml.cards.pop()
    assert "no longer answers" in probe.probe().reason


def test_a_gpu_without_memory_of_its_own_has_the_computers(nvml: FakeNvml, probe: GpuProbe) -> None:
    nvml.cards = [Card("NVIDIA GB10", error=NVMLError_NotSupported())]
    found = probe.probe()
    assert (found.gpus[0].total, found.gpus[0].free) == (found.ram_total, found.ram_free)


def test_no_card_at_all_is_said(nvml: FakeNvml, probe: GpuProbe) -> None:
    nvml.cards.clear()
    assert "finds no GPU" in probe.probe().reason


@pytest.mark.parametrize(
    ("visible", "indices"),
    [("1", [1]), ("1,0", [1, 0]), ("GPU-1a", [1]), ("0,7,1", [0]), ("", []), ("-1", [])],
)
def test_only_what_cuda_shows_is_counted(
    nvml: FakeNvml,
    probe: GpuProbe,
    monkeypatch: pytest.MonkeyPatch,
    visible: str,
    indices: list[int],
) -> None:
    nvml.cards.append(_SMALL)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = probe.probe()
    assert [gpu.index for gpu in found.gpus] == indices
    assert bool(found.reason) == (not indices)


def test_without_the_library_there_is_no_gpu_but_main_memory(
    probe: GpuProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    found = probe.probe()
    assert found.gpus == ()
    assert "nvidia-ml-py" in found.reason
    assert found.ram_total > 0


def test_several_threads_may_ask_at_once(nvml: FakeNvml, probe: GpuProbe) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(probe.probe().gpus))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8
    assert nvml.calls.count("init") == 1


def test_the_real_library_answers_on_this_computer(probe: GpuProbe) -> None:
    for _ in range(2):
        found = probe.probe()
        assert found.probed
        assert bool(found.gpus) != bool(found.reason)
