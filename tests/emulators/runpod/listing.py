"""The catalogue's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.runpod.catalogue import (
    COMMUNITY,
    CUDA_VERSIONS,
    DATA_CENTERS,
    GPUS,
    SECURE,
    WITH_VOLUMES,
    version,
)
from tests.emulators.runpod.problems import Refused

if TYPE_CHECKING:
    from tests.emulators.runpod.catalogue import GpuType
    from tests.emulators.runpod.cloud import Cloud


def gpus(cloud: Cloud, query: dict[str, str]) -> list[dict[str, Any]]:
    """``/v2/catalog/gpus``: what is in stock only where it is asked for."""
    if ("include" in query) != ("product" in query):
        raise Refused(422, "include and product must be sent together.")
    included, product = query.get("include", "AVAILABILITY"), query.get("product", "POD")
    if included != "AVAILABILITY" or product not in {"POD", "SERVERLESS"}:
        raise Refused(422, "Unknown value of include or product.")
    if query.get("cloud", SECURE) not in {SECURE, COMMUNITY}:
        raise Refused(422, "cloud: value must be one of 'SECURE', 'COMMUNITY'")
    clouds = (query["cloud"],) if "cloud" in query else (SECURE, COMMUNITY)
    return [
        _gpu(cloud, kind, clouds, query)
        for kind in GPUS.values()
        if any(kind.price(one) for one in clouds)
    ]


def data_centers(cloud: Cloud, query: dict[str, str]) -> list[dict[str, Any]]:
    """``/v2/catalog/datacenters``."""
    return [_data_center(cloud, place, query) for place in DATA_CENTERS]


def _gpu(
    cloud: Cloud, kind: GpuType, clouds: tuple[str, ...], query: dict[str, str]
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": kind.id, "name": kind.name, "pool": "ADA_24", "manufacturer": kind.manufacturer,
        "memory": kind.memory, "secure": bool(kind.secure), "community": bool(kind.community),
        "price": {"secure": kind.secure or None, "community": kind.community or None},
        "maxCount": {
            "secure": kind.most if kind.secure else 0,
            "community": kind.most if kind.community else 0,
        },
    }  # fmt: skip
    if "include" not in query:
        return shown
    count = int(query.get("count", "1"))
    least = version(query.get("minCudaVersion", "0"))
    places = sorted({place for one, where, place in cloud.stock.free if one == kind.id})
    return shown | {
        "availability": cloud.stock.level(kind.id, clouds, count),
        "dataCenters": [
            {"id": at, "name": at, "availability": cloud.stock.level(kind.id, clouds, count, at)}
            for at in places
        ],
        "cudaVersions": [
            {"version": one, "available": True} for one in CUDA_VERSIONS if version(one) >= least
        ],
    }


def _data_center(cloud: Cloud, place: str, query: dict[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": place, "name": place, "region": place.partition("-")[0],
        "globalNetwork": True, "compliance": [],
        "networkVolumeTypes": ["STANDARD"] if place in WITH_VOLUMES else [],
    }  # fmt: skip
    if query.get("include") == "GPU_AVAILABILITY":
        shown["gpuAvailability"] = [
            {"id": gpu, "availability": cloud.stock.level(gpu, (SECURE, COMMUNITY), 1, place)}
            for gpu in GPUS
        ]
    return shown
