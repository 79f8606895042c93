"""GPUs to rent: which fit a training, and in which order they are tried."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.domain.gpu_offer import (
    Fit,
    GpuOffer,
    Stock,
    Wanted,
    candidates,
    in_stock,
    objection,
    suiting,
)
from models.domain.gpu_speed import peak_tflops, training_seconds
from models.domain.pod import COMMUNITY, SECURE

GIB = 2**30
PLACES = {"EU-RO-1": Stock.LOW, "US-KS-2": Stock.HIGH}


def offer(gpu: str, memory: int, price: float, cloud: str = SECURE) -> GpuOffer:
    return GpuOffer(gpu, gpu, memory, cloud, price, 8, Stock.HIGH, PLACES, ("12.8",))


H100 = offer("NVIDIA H100 80GB HBM3", 80, 3.99)
A5000 = offer("NVIDIA RTX A5000", 24, 0.27)
RTX4090 = offer("NVIDIA GeForce RTX 4090", 24, 0.74)
CHEAP = offer("NVIDIA RTX A5000", 24, 0.16, COMMUNITY)
AMD = replace(offer("AMD Instinct MI300X OAM", 192, 2.39), manufacturer="AMD")
ALL = (A5000, AMD, CHEAP, H100, RTX4090)


def order(wanted: Wanted, *, fastest: bool) -> list[tuple[str, str]]:
    found = candidates(ALL, wanted, fastest=fastest)
    return [(one.offer.gpu, one.data_center) for one in found]


def test_a_card_counts_as_what_error_correction_leaves_of_it() -> None:
    assert A5000.fit(round(22.5 * GIB)) is Fit.OVER
    assert A5000.fit(20 * GIB) is Fit.TIGHT
    assert A5000.fit(10 * GIB) is Fit.GOOD
    assert A5000.fit(None) is Fit.UNKNOWN


def test_the_strongest_that_fits_comes_first_each_in_the_fullest_place_first() -> None:
    tried = order(Wanted(need=10 * GIB), fastest=True)
    assert tried[:3] == [(H100.gpu, "US-KS-2"), (H100.gpu, "EU-RO-1"), (H100.gpu, "")]
    assert [gpu for gpu, _ in tried[::3]] == [H100.gpu, RTX4090.gpu, A5000.gpu]


def test_the_cheapest_whose_memory_fits_comes_first() -> None:
    assert order(Wanted(need=10 * GIB), fastest=False)[0][0] == A5000.gpu
    assert {gpu for gpu, _ in order(Wanted(need=30 * GIB), fastest=False)} == {H100.gpu}


def test_the_community_cloud_is_tried_only_without_a_volume() -> None:
    community = Wanted(cloud=COMMUNITY, need=GIB)
    assert suiting(ALL, community) == ()
    assert suiting(ALL, replace(community, with_volume=False)) == (CHEAP,)


def test_what_is_sold_out_is_not_tried() -> None:
    there = Wanted(data_center="EU-RO-1", need=GIB)
    gone = replace(A5000, data_centers={"EU-RO-1": Stock.NONE, "US-KS-2": Stock.HIGH})
    assert candidates([gone], there, fastest=False) == ()
    assert [one.data_center for one in candidates([A5000], there, fastest=False)] == ["EU-RO-1"]
    assert (
        candidates([replace(A5000, stock=Stock.NONE, data_centers={})], Wanted(), fastest=True)
        == ()
    )


def test_a_place_that_the_catalogue_does_not_name_has_none_of_it() -> None:
    assert in_stock(A5000, "US-CA-2") is Stock.NONE
    assert in_stock(replace(A5000, data_centers={}), "US-CA-2") is Stock.HIGH


def test_more_gpus_do_not_make_a_model_fit() -> None:
    assert candidates([A5000], Wanted(count=8, need=30 * GIB), fastest=True) == ()


@pytest.mark.parametrize(
    ("one", "wanted", "words"),
    [
        (AMD, Wanted(), "needs an NVIDIA GPU"),
        (CHEAP, Wanted(), "network volumes"),
        (A5000, Wanted(gpu=H100.gpu), "Another GPU"),
        (A5000, Wanted(cloud=COMMUNITY, with_volume=False), "Community Cloud is chosen"),
        (A5000, Wanted(count=9), "8 of them at most, 9 are wanted"),
        (A5000, Wanted(need=23 * GIB), "needs 23.0 GB on each GPU, it has 22.3 GB"),
        (A5000, Wanted(need=GIB), ""),
    ],
)
def test_why_an_offer_does_not_suit_is_said(one: GpuOffer, wanted: Wanted, words: str) -> None:
    assert words in objection(one, wanted)
    assert bool(objection(one, wanted)) == bool(words)


def test_the_rough_time_of_a_training() -> None:
    assert training_seconds("NVIDIA No Such GPU", 10**9, 10**6, full=False) is None
    assert training_seconds(H100.gpu, 10**9, 0, full=False) is None
    one = training_seconds(H100.gpu, 8 * 10**9, 10**7, full=False)
    assert one == pytest.approx(8e9 * 6e7 / (peak_tflops(H100.gpu) * 1e12 * 0.3))
    assert training_seconds(H100.gpu, 8 * 10**9, 10**7, full=True, count=4) == pytest.approx(
        one / 3
    )
