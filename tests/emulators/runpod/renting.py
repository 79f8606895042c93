"""``POST /v2/pods`` and changes of a pod: the rules beyond the schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.emulators.runpod.catalogue import (
    CUDA_VERSIONS,
    DATA_CENTERS,
    GPUS,
    SECURE,
    version,
)
from tests.emulators.runpod.problems import NO_CAPACITY, Refused

if TYPE_CHECKING:
    from tests.emulators.runpod.cloud import Cloud
    from tests.emulators.runpod.pods import Pod

_CPU_PRICE = 0.03
"""Dollars an hour for a virtual CPU."""
_FROM_TEMPLATE = ("image", "args", "disk", "ports", "registry")


def rent(cloud: Cloud, body: dict[str, Any]) -> Pod:
    """Carry out a create request that the schema has passed. Refused for whatever is against it."""
    body = _with_template(cloud, body)
    if ("gpu" in body) == ("cpu" in body):
        raise Refused(400, "Exactly one of gpu and cpu must be given.")
    if not body.get("image"):
        raise Refused(400, "image is required unless templateId is given.")
    where = body.get("cloud", SECURE)
    wanted = _places(cloud, body, where)
    http = [port for port in body.get("ports", []) if port.endswith("/http")]
    if len(http) > 10:
        raise Refused(400, "At most 10 HTTP ports may be exposed.")
    if body.get("registry") and body["registry"] not in cloud.registries:
        raise Refused(404, "The registry credential does not exist.")
    price, place, cuda = _machine(cloud, body, where, wanted)
    if cloud.balance < price:
        raise Refused(402, "Insufficient balance: at least one hour must be paid for.")
    if cloud.spend_per_hour() + price > cloud.spend_limit:
        raise Refused(402, "The spend limit of the account would be exceeded.")
    record = {
        "name": body["name"], "image": body["image"], "args": _args(body),
        "disk": body.get("disk", 20), "mounts": body.get("mounts", {}),
        "ports": body.get("ports", []), "env": body.get("env", {}),
        "registry": body.get("registry"), "cloud": where, "dataCenterId": place,
        "globalNetworking": {"enabled": bool(body.get("globalNetworking"))},
    }  # fmt: skip
    if "gpu" in body:
        record["gpu"] = {"id": body["gpu"]["id"], "count": body["gpu"].get("count", 1)}
    else:
        record["cpu"] = {"id": body["cpu"]["id"], "vcpuCount": body["cpu"].get("vcpuCount", 2)}
    return cloud.rent(record, price, cuda)


def change(cloud: Cloud, pod: Pod, body: dict[str, Any]) -> None:
    """Carry out a PATCH: a changed container is started anew."""
    mounts = body.get("mounts")
    if mounts is not None and _mount_key(mounts) != _mount_key(pod.record["mounts"]):
        raise Refused(400, "A mount's kind and volume cannot be changed.")
    pod.is_locked = body.pop("locked", pod.is_locked)
    pod.record.update(body)
    if set(body) - {"name"}:
        cloud.prepare(pod)
        pod.restart()


def _with_template(cloud: Cloud, body: dict[str, Any]) -> dict[str, Any]:
    name = body.get("templateId")
    if name is None:
        return body
    template = cloud.templates.get(name)
    if template is None:
        raise Refused(404, "The template does not exist.")
    if template["serverless"]:
        raise Refused(422, "The template is for serverless endpoints.")
    inherited = {field: template[field] for field in _FROM_TEMPLATE if template.get(field)}
    return inherited | body | {"env": template["env"] | body.get("env", {})}


def _args(body: dict[str, Any]) -> str:
    """One form for both ways to give a command."""
    parts = {name: body[name] for name in ("entrypoint", "cmd") if name in body}
    args = str(body.get("args", ""))
    if not parts:
        return args
    if args and args != json.dumps(parts):
        raise Refused(400, "args and entrypoint or cmd say different things.")
    return json.dumps(parts)


def _places(cloud: Cloud, body: dict[str, Any], where: str) -> list[str]:
    """The data centres that the pod may be in; empty for any."""
    wanted = list(body.get("dataCenterIds", []))
    unknown = [place for place in wanted if place not in DATA_CENTERS]
    if unknown:
        raise Refused(400, f"Unknown data center: {', '.join(unknown)}.")
    mounts = body.get("mounts", {})
    if mounts.get("persistent") and mounts.get("network"):
        raise Refused(400, "A pod has a persistent or a network volume, not both.")
    for mount in mounts.get("network", []):
        volume = cloud.volumes.get(mount["volumeId"])
        if volume is None:
            raise Refused(404, "The network volume does not exist.")
        if where != SECURE:
            raise Refused(400, "Network volumes are only available in the Secure Cloud.")
        if wanted and volume.data_center not in wanted:
            raise Refused(400, "The pod must be in the data center of its network volume.")
        wanted = [volume.data_center]
    return wanted


def _machine(
    cloud: Cloud, body: dict[str, Any], where: str, wanted: list[str]
) -> tuple[float, str, str]:
    """Price, data centre and driver of what is given."""
    if "cpu" in body:
        price = body["cpu"].get("vcpuCount", 2) * _CPU_PRICE
        return price, (wanted or ["EU-RO-1"])[0], CUDA_VERSIONS[-1]
    gpu = body["gpu"]
    kind, count = GPUS.get(gpu["id"]), gpu.get("count", 1)
    if kind is None:
        raise Refused(400, f"Unknown GPU type: {gpu['id']}.")
    if "minCudaVersion" in gpu and "allowedCudaVersions" in gpu:
        raise Refused(400, "Give minCudaVersion or allowedCudaVersions, not both.")
    if count > kind.most:
        raise Refused(400, f"At most {kind.most} of {kind.name} are available in one pod.")
    allowed = gpu.get("allowedCudaVersions", CUDA_VERSIONS)
    least = gpu.get("minCudaVersion", "0")
    able = [cuda for cuda in CUDA_VERSIONS if cuda in allowed and version(cuda) >= version(least)]
    place = cloud.stock.place_for(gpu["id"], where, count, wanted) if able else ""
    if not place or not kind.price(where):
        raise Refused(400, NO_CAPACITY)
    return kind.price(where) * count, place, able[0]


def _mount_key(mounts: dict[str, Any]) -> list[str]:
    network = mounts.get("network") or []
    return sorted(mounts) + [mount["volumeId"] for mount in network]
