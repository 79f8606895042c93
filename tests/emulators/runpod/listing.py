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
    country,
    region,
    version,
)
from tests.emulators.runpod.problems import Refused

if TYPE_CHECKING:
    from tests.emulators.runpod.catalogue import GpuType
    from tests.emulators.runpod.cloud import Cloud

_WITH_STOCK = ("product", "count", "cloud", "countryCodes", "cudaVersions", "minCudaVersion")
"""What may be asked for only together with ``include=AVAILABILITY``."""


def gpus(cloud: Cloud, query: dict[str, str]) -> list[dict[str, Any]]:
    """``/v2/catalog/gpus``: what is in stock only where it is asked for."""
    found = [gpu(cloud, kind, query) for kind in GPUS.values()]
    if "countryCodes" in query:
        return [one for one in found if "dataCenters" in one]
    return found


def gpu(cloud: Cloud, kind: GpuType, query: dict[str, str]) -> dict[str, Any]:
    """One GPU type. 400 for a query that breaks a rule."""
    _check(query)
    shown: dict[str, Any] = {
        "id": kind.id, "name": kind.name, "pool": "ADA_24", "manufacturer": kind.manufacturer,
        "memory": kind.memory, "secure": bool(kind.secure), "community": bool(kind.community),
        "price": {"secure": kind.secure, "community": kind.community},
        "maxCount": {
            "secure": kind.most if kind.secure else 0,
            "community": kind.most if kind.community else 0,
        },
    }  # fmt: skip
    return shown if "include" not in query else shown | _stock(cloud, kind, query)


def data_centers(cloud: Cloud, query: dict[str, str]) -> list[dict[str, Any]]:
    """``/v2/catalog/datacenters``."""
    found = [data_center(cloud, place, query) for place in DATA_CENTERS]
    return [one for one in found if _is_wanted(one, query)]


def data_center(cloud: Cloud, place: str, query: dict[str, str]) -> dict[str, Any]:
    """One place; the GPUs that it has only where they are asked for."""
    shown: dict[str, Any] = {
        "id": place, "name": place, "region": region(place), "globalNetwork": True,
        "compliance": [], "networkVolumeTypes": ["STANDARD"] if place in WITH_VOLUMES else [],
    }  # fmt: skip
    here = sorted({name for name, _, at in cloud.stock.free if at == place})
    if "GPU_AVAILABILITY" in query.get("include", "") and here:
        both = (SECURE, COMMUNITY)
        shown["gpuAvailability"] = [
            {"id": name, "name": GPUS[name].name,
             "availability": cloud.stock.level(name, both, 1, place)}
            for name in here
        ]  # fmt: skip
    return shown


def _check(query: dict[str, str]) -> None:
    if "include" in query and "product" not in query:
        raise Refused(400, "include=AVAILABILITY requires product.")
    alone = [name for name in _WITH_STOCK if name in query and "include" not in query]
    if alone:
        raise Refused(400, f"{', '.join(alone)}: valid only with include=AVAILABILITY.")
    if "cudaVersions" in query and "minCudaVersion" in query:
        raise Refused(400, "Give cudaVersions or minCudaVersion, not both.")


def _stock(cloud: Cloud, kind: GpuType, query: dict[str, str]) -> dict[str, Any]:
    clouds, count = (query.get("cloud", SECURE),), int(query.get("count", "1"))
    countries = query["countryCodes"].split(",") if "countryCodes" in query else []
    drivers = _drivers(kind, query)
    asks_driver = {"cudaVersions", "minCudaVersion"} & set(query)
    places = {
        at: "NONE" if asks_driver and not drivers else cloud.stock.level(kind.id, clouds, count, at)
        for one, where, at in sorted(cloud.stock.free)
        if (one, where) == (kind.id, clouds[0]) and (not countries or country(at) in countries)
    }
    levels = ("NONE", "LOW", "MEDIUM", "HIGH")
    best = max(places.values(), key=levels.index, default="NONE")
    shown: dict[str, Any] = {"availability": best}
    if best != "NONE":
        shown["dataCenters"] = [
            {"id": at, "name": at, "availability": level} for at, level in places.items()
        ]
    if drivers:
        is_there = best != "NONE"
        shown["cudaVersions"] = [{"version": one, "available": is_there} for one in drivers]
    return shown


def _drivers(kind: GpuType, query: dict[str, str]) -> list[str]:
    """The versions of CUDA that machines with it have, as far as they are asked for."""
    if kind.manufacturer != "NVIDIA":
        return []
    exact = query["cudaVersions"].split(",") if "cudaVersions" in query else CUDA_VERSIONS
    least = version(query.get("minCudaVersion", "0"))
    return [one for one in CUDA_VERSIONS if one in exact and version(one) >= least]


def _is_wanted(place: dict[str, Any], query: dict[str, str]) -> bool:
    wishes = {name: query[name].split(",") for name in query}
    return (
        place["region"] in wishes.get("regions", [place["region"]])
        and set(wishes.get("networkVolumeTypes", [])) <= set(place["networkVolumeTypes"])
        and set(wishes.get("compliance", [])) <= set(place["compliance"])
        and query.get("globalNetwork", "true") == "true"
    )
