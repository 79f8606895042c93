"""The network volume and the template: found, made, changed, and said which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from models.domain.pod import PodTemplate
from services.runpod.infrastructure import Infrastructure
from tests.integration.runpod_world import client_of, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.runpod.emulator import RunpodEmulator


@pytest.fixture
def runpod() -> Iterator[RunpodEmulator]:
    with world(speed=600) as emulator:
        yield emulator


@pytest.fixture
def helper(runpod: RunpodEmulator) -> Iterator[Infrastructure]:
    with client_of(runpod) as client:
        yield Infrastructure(client, runpod.cloud.clock.sleep)


def kind_of(helper: Infrastructure, size: int = 50, place: str = "", *preferred: str) -> str:
    with pytest.raises(AppError) as caught:
        helper.ensure_volume("temper-volume", size, place, preferred)
    assert caught.value.hint
    return caught.value.kind


def test_a_volume_is_made_then_found_then_enlarged_and_never_shrunk(
    runpod: RunpodEmulator, helper: Infrastructure
) -> None:
    lines = [helper.ensure_volume("v", size, "eu-ro-1").line for size in (50, 50, 80, 20)]
    assert lines == [
        "Network volume v (50 GB, EU-RO-1) created.",
        "Network volume v (50 GB, EU-RO-1) found.",
        "Network volume v (80 GB, EU-RO-1) found, enlarged from 50 GB.",
        "Network volume v (80 GB, EU-RO-1) found; 20 GB are enough, it stays as it is.",
    ]
    (volume,) = runpod.cloud.volumes.values()
    assert volume.size == 80


def test_a_volume_of_the_same_name_elsewhere_is_another_one(
    runpod: RunpodEmulator, helper: Infrastructure
) -> None:
    there = helper.ensure_volume("temper-volume", 50, "US-KS-2").volume
    here = helper.ensure_volume("temper-volume", 50, "EU-RO-1").volume
    assert there.id != here.id
    assert helper.ensure_volume("temper-volume", 50, "US-KS-2").volume == there
    assert kind_of(helper) == "volume_ambiguous"


def test_without_a_place_the_volume_is_taken_where_it_is_or_made_where_the_gpus_are(
    helper: Infrastructure,
) -> None:
    made = helper.ensure_volume("v", 50, "", ["US-TX-3", "us-ks-2"]).volume
    assert made.data_center == "US-KS-2"  # the first that has volumes at all
    assert helper.ensure_volume("v", 50, "", ["EU-RO-1"]).volume == made


def test_places_without_volumes_and_impossible_sizes_are_refused(helper: Infrastructure) -> None:
    assert kind_of(helper, 50, "US-TX-3") == "no_volumes_there"
    assert kind_of(helper, 50, "", "US-TX-3") == "no_volumes_there"
    assert kind_of(helper, 9) == kind_of(helper, 4097) == "volume_size"


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("silence", [None, 1.0])
def test_after_a_doubtful_answer_there_is_one_of_each(
    runpod: RunpodEmulator, helper: Infrastructure, silence: float | None, after: bool
) -> None:
    for path in ("network-volumes", "templates"):
        runpod.broken.add(f"POST /v2/{path}", after=after, silence=silence)
    helper.ensure_volume("v", 50, "EU-RO-1")
    helper.ensure_template(PodTemplate("t", "image"))
    assert len(runpod.cloud.volumes) == len(runpod.cloud.templates) == 1


def test_a_template_is_made_found_and_really_updated(
    runpod: RunpodEmulator, helper: Infrastructure
) -> None:
    first = PodTemplate("temper-trainer", "image:1", 40, ("8000/http",), {"A": "1"})
    assert helper.ensure_template(first).line == "Template temper-trainer created."
    assert helper.ensure_template(first).line == "Template temper-trainer found."
    changed = PodTemplate("temper-trainer", "image:2", 60, ("8000/http",), {"B": "2"})
    done = helper.ensure_template(changed)
    assert done.line == (
        "Template temper-trainer found, updated: image, container disk, variables."
    )
    (kept,) = runpod.cloud.templates.values()
    assert (kept["image"], kept["disk"], kept["env"]) == ("image:2", 60, {"B": "2"})
    assert (kept["startSsh"], kept["startJupyter"], kept["public"]) == (False, False, False)
    assert done.template.id == kept["id"]
    assert helper.ensure_template(changed).line == "Template temper-trainer found."


def test_a_registry_login_that_is_not_wanted_any_more_is_taken_out_of_the_template(
    runpod: RunpodEmulator, helper: Infrastructure
) -> None:
    runpod.cloud.registries["login1"] = {"name": "x", "username": "u", "password": "p"}
    helper.ensure_template(PodTemplate("t", "image", registry="login1"))
    done = helper.ensure_template(PodTemplate("t", "image"))
    assert done.line == "Template t found, updated: registry login."
    assert [one["registry"] for one in runpod.cloud.templates.values()] == [None]


def test_what_is_refused_is_not_hidden(runpod: RunpodEmulator, helper: Infrastructure) -> None:
    runpod.broken.add("POST /v2/network-volumes", status=402, body="no money")
    assert kind_of(helper, 50, "EU-RO-1") == "no_balance"
