"""What a configuration's Runpod section means."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from models.domain.config import PRESETS, TARGET_RUNPOD, RunpodSection, TrainingConfig
from models.domain.gpu_offer import GpuOffer, Wanted
from models.domain.pod import COMMUNITY, SECURE
from models.domain.remote_plan import (
    CLOUDS,
    FASTEST,
    OUR_CUDA,
    has_volume,
    least_cuda,
    price_of,
    template_of,
    wanted_of,
    wants_fastest,
)

OFFER = GpuOffer("NVIDIA RTX A5000", "RTX A5000", 24, SECURE, 0.27, 8)


def config(**runpod: Any) -> TrainingConfig:
    return replace(TrainingConfig(), runpod=RunpodSection(**runpod))


def test_the_section_as_it_is_by_default() -> None:
    assert wanted_of(config(), 5) == Wanted("", 1, SECURE, "", 5, with_volume=True)
    template = template_of(RunpodSection())
    assert (template.name, template.disk, template.ports) == (
        "temper-trainer", 40, ("8000/http",),
    )  # fmt: skip


def test_a_volume_decides_where_the_pod_is() -> None:
    assert wanted_of(config(data_center=" eu-ro-1 "), None).data_center == "EU-RO-1"
    assert wanted_of(config(data_center="EU-RO-1"), None, "US-KS-2").data_center == "US-KS-2"


@pytest.mark.parametrize(
    ("section", "kept"),
    [({}, True), ({"cloud": "Community"}, False), ({"volume_name": " "}, False)],
)
def test_only_the_secure_cloud_keeps_files_on_a_volume(section: dict[str, Any], kept: bool) -> None:
    assert has_volume(RunpodSection(**section)) is kept
    assert price_of(RunpodSection(**section), OFFER).volume == (50 if kept else 0)


def test_every_gpu_is_paid_for() -> None:
    price = price_of(RunpodSection(gpu_count=4, max_cost=3.0), OFFER)
    assert (price.per_hour, price.max_hours, price.max_cost) == (pytest.approx(1.08), 6.0, 3.0)


def test_the_fastest_preset_wants_the_strongest() -> None:
    assert FASTEST in PRESETS[TARGET_RUNPOD]
    for preset in PRESETS[TARGET_RUNPOD]:
        chosen = config()
        chosen = replace(chosen, training=replace(chosen.training, preset=preset))
        assert wants_fastest(chosen) is (preset == FASTEST)


def test_every_choice_of_a_cloud_is_known() -> None:
    choices = {one.name: one for one in fields(RunpodSection)}["cloud"].metadata["rule"].choices
    assert {CLOUDS[one] for one in choices} == {SECURE, COMMUNITY}


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("ghcr.io/someone/temper-trainer:0.1.0-cuda", "13.0"),
        ("temper-trainer@sha256:0", "13.0"),
        ("docker.io/sbussiso/unsloth-trainer:latest", "12.8"),
        ("localhost:5000/x", "12.8"),
    ],
)
def test_the_driver_must_be_new_enough_for_the_image(image: str, version: str) -> None:
    assert least_cuda(image) == version


def test_our_image_is_built_with_the_cuda_that_is_asked_for() -> None:
    dockerfile = Path(__file__).parents[2] / "trainer_image" / "Dockerfile"
    assert f"nvidia/cuda:{OUR_CUDA}." in dockerfile.read_text()
