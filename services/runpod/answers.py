"""Runpod's JSON as values. A field that is missing or of another kind spoils only itself.

Save an identity: what has none cannot be ended, so that is an answer we do not understand.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from models.domain.gpu_offer import GpuOffer, Stock
from models.domain.pod import (
    COMMUNITY,
    SECURE,
    DataCenter,
    NetworkVolume,
    Pod,
    PodStatus,
    PodTemplate,
)
from services.runpod.refusals import SERVICE, RunpodError
from services.web import refused

Json = dict[str, Any]


def pod(content: Json) -> Pod:
    """A pod of ``/v2/pods``."""
    runtime, gpu = _object(content, "runtime"), _object(content, "gpu")
    ssh = _object(_object(content, "ssh"), "direct")
    uses = (int(_number(one, "util")) for one in _objects(runtime, "gpus"))
    return Pod(
        id=identity(content),
        name=_text(content, "name"),
        status=_status(_text(content, "status")),
        cost=_number(content, "cost"),
        image=_text(content, "image"),
        gpu=_text(gpu, "id"),
        gpu_count=int(_number(gpu, "count")),
        cloud=_text(content, "cloud") or SECURE,
        data_center=_text(content, "dataCenterId").upper(),
        volume_id=_volume_of(content),
        env={name: str(value) for name, value in _object(content, "env").items()},
        uptime=int(_number(runtime, "uptime")) if runtime else None,
        gpu_use=tuple(uses),
        ssh_command=_text(ssh, "command"),
        created=_moment(_text(content, "createdAt")),
        started=_moment(_text(content, "startedAt")),
    )


def volume(content: Json) -> NetworkVolume:
    """A volume of ``/v2/network-volumes``."""
    place = content.get("dataCenter")
    place = place.get("id") if isinstance(place, dict) else place
    return NetworkVolume(
        identity(content),
        _text(content, "name"),
        int(_number(content, "size")),
        str(place or content.get("dataCenterId") or "").upper(),
    )


def template(content: Json) -> PodTemplate:
    """A template of ``/v2/templates``."""
    return PodTemplate(
        id=identity(content),
        name=_text(content, "name"),
        image=_text(content, "image"),
        disk=int(_number(content, "disk")),
        ports=tuple(str(port) for port in _list(content, "ports")),
        env={name: str(value) for name, value in _object(content, "env").items()},
        args=_text(content, "args"),
        registry=_text(content, "registry"),
    )


def data_center(content: Json) -> DataCenter:
    """A place of ``/v2/catalog/datacenters``."""
    stock = {
        _text(one, "id"): str(_stock(_text(one, "availability")))
        for one in _objects(content, "gpuAvailability")
    }
    name = identity(content).upper()
    return DataCenter(
        name,
        _text(content, "name") or name,
        _text(content, "region"),
        bool(_list(content, "networkVolumeTypes")),
        stock,
    )


def offer(content: Json, cloud: str) -> GpuOffer | None:
    """A GPU type of ``/v2/catalog/gpus`` in one cloud; None where that cloud does not have it."""
    key = {SECURE: "secure", COMMUNITY: "community"}[cloud]
    price = _number(_object(content, "price"), key)
    if not content.get(key) or price <= 0:
        return None
    places = {
        _text(one, "id").upper(): _stock(_text(one, "availability"))
        for one in _objects(content, "dataCenters")
    }
    versions = (
        _text(one, "version")
        for one in _objects(content, "cudaVersions")
        if one.get("available", True)
    )
    return GpuOffer(
        gpu=identity(content),
        name=_text(content, "name") or identity(content),
        memory=int(_number(content, "memory")),
        cloud=cloud,
        price=price,
        most=int(_number(_object(content, "maxCount"), key)),
        stock=_stock(_text(content, "availability")),
        data_centers=places,
        cuda=tuple(versions),
        manufacturer=_text(content, "manufacturer"),
    )


def billed(records: list[Json], pod_id: str) -> float | None:
    """Dollars of all records of a pod in ``/v2/billing/pods``; None where there is none."""
    own = [_number(one, "totalAmount") for one in records if one.get("podId") == pod_id]
    return sum(own) if own else None


def account(content: Json) -> Json:
    """``myself`` of a GraphQL answer. RunpodError("bad_answer") where there is no balance in it:
    an account must not look empty because an answer was not understood."""
    found = _object(content, "myself")
    if not isinstance(found.get("clientBalance"), int | float):
        error = refused(200, SERVICE, f"no clientBalance in {sorted(found)}")
        raise RunpodError("bad_answer", error.message, error.hint, error.details)
    return found


def identity(content: Json) -> str:
    """The ``id``. RunpodError("bad_answer") without one."""
    found = content.get("id")
    if not isinstance(found, str) or not found:
        error = refused(200, SERVICE, f"no id in {sorted(content)}")
        raise RunpodError("bad_answer", error.message, error.hint, error.details)
    return found


def objects(content: Json, name: str) -> list[Json]:
    """The list that an answer wraps. RunpodError("bad_answer") where there is none."""
    if not isinstance(content.get(name), list):
        error = refused(200, SERVICE, f"no list {name} in {sorted(content)}")
        raise RunpodError("bad_answer", error.message, error.hint, error.details)
    return _objects(content, name)


def _volume_of(content: Json) -> str:
    mounts = _objects(_object(content, "mounts"), "network")
    return _text(mounts[0], "volumeId") if mounts else ""


def _status(word: str) -> PodStatus:
    return PodStatus(word) if word in set(PodStatus) else PodStatus.UNKNOWN


def _stock(word: str) -> Stock:
    return Stock(word) if word in set(Stock) else Stock.UNKNOWN


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _text(content: Json, name: str) -> str:
    found = content.get(name)
    return found if isinstance(found, str) else ""


def _number(content: Json, name: str) -> float:
    found = content.get(name)
    return float(found) if isinstance(found, int | float) else 0.0


def _object(content: Json, name: str) -> Json:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _list(content: Json, name: str) -> list[Any]:
    found = content.get(name)
    return found if isinstance(found, list) else []


def _objects(content: Json, name: str) -> list[Json]:
    return [one for one in _list(content, name) if isinstance(one, dict)]
