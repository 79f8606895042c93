"""``POST /v2/pods`` and changes of a pod: the rules beyond the schema."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.emulators.runpod import command
from tests.emulators.runpod.catalogue import (
    CPU_FLAVOURS,
    CUDA_VERSIONS,
    DATA_CENTERS,
    GPUS,
    RAM,
    SECURE,
    VCPUS,
    version,
)
from tests.emulators.runpod.problems import NO_CAPACITY, Refused, too_large

if TYPE_CHECKING:
    from tests.emulators.runpod.cloud import Cloud
    from tests.emulators.runpod.pods import Pod

_CPU_PRICE = 0.03
"""Dollars an hour for a virtual CPU."""
_FROM_TEMPLATE = ("image", "args", "disk", "ports", "registry")
_MOST_ENV, _MOST_HTTP = 50, 10


def rent(cloud: Cloud, body: dict[str, Any]) -> Pod:
    """Carry out a create request that the schema has passed. Refused for whatever is against it."""
    body = command.settings(_with_template(cloud, body))
    if too_large(json.dumps(body).encode()):
        raise Refused(413, "With its template the request is larger than 102400 bytes.")
    if ("gpu" in body) == ("cpu" in body):
        raise Refused(400, "Exactly one of gpu and cpu must be given.")
    where = body.get("cloud", SECURE)
    wanted = _places(cloud, body, where)
    check(cloud, body)
    price, place, cuda = _machine(cloud, body, where, wanted)
    if cloud.balance < price:
        raise Refused(402, "Insufficient balance: at least one hour must be paid for.")
    if cloud.spend_per_hour() + price > cloud.spend_limit:
        raise Refused(402, "The spend limit of the account would be exceeded.")
    record = {
        "name": body["name"], "image": body["image"], "args": body["args"],
        "disk": body.get("disk", 20), "mounts": body.get("mounts", {}),
        "ports": body.get("ports", []), "env": body.get("env", {}),
        "registry": body.get("registry"), "cloud": where, "dataCenterId": place,
        "globalNetworking": {"enabled": bool(body.get("globalNetworking"))},
    }  # fmt: skip
    return cloud.rent(record | _hardware(body), price, cuda)


def change(cloud: Cloud, pod: Pod, body: dict[str, Any]) -> None:
    """Carry out a PATCH: a changed container is started anew."""
    body = _with_template(cloud, body, is_change=True)
    if {"args", "entrypoint", "cmd"} & set(body):
        body = command.settings(body, pod.record["args"])
    mounts, before = body.pop("mounts", {}), pod.record["mounts"]
    if "network" in mounts and not mounts["network"]:
        raise Refused(400, "A mount cannot be taken away.")
    if mounts and _mount_key(mounts) != _mount_key(before):
        raise Refused(400, "A mount's kind and volume cannot be changed.")
    check(cloud, body)
    pod.is_locked = body.pop("locked", pod.is_locked)
    networking = body.pop("globalNetworking", pod.record["globalNetworking"]["enabled"])
    pod.record |= body | {"mounts": mounts or before, "globalNetworking": {"enabled": networking}}
    if mounts or set(body) - {"name"}:
        cloud.prepare(pod)
        pod.restart()


def check(cloud: Cloud, body: dict[str, Any]) -> None:
    """What holds for every container, and breaks a rule of another page than the schema."""
    ports = body.get("ports", [])
    if not all(re.fullmatch(r"\d{1,5}/(http|tcp)", port) for port in ports):
        raise Refused(400, "A port is a number and a protocol, as in 8888/http.")
    if sum(port.endswith("/http") for port in ports) > _MOST_HTTP:
        raise Refused(400, f"At most {_MOST_HTTP} HTTP ports may be exposed.")
    if len(body.get("env", {})) > _MOST_ENV:
        raise Refused(400, f"At most {_MOST_ENV} environment variables may be set.")
    if body.get("registry") and body["registry"] not in cloud.registries:
        raise Refused(404, "The registry credential does not exist.")


def _hardware(body: dict[str, Any]) -> dict[str, Any]:
    """As a pod shows what it runs on."""
    if "gpu" in body:
        count = body["gpu"].get("count", 1)
        size = {"vcpuCount": VCPUS * count, "memory": RAM * count}
        return {"gpu": {"id": body["gpu"]["id"], "count": count} | size}
    flavour, count = body["cpu"]["id"], body["cpu"]["vcpuCount"]
    size = {"vcpuCount": count, "memory": CPU_FLAVOURS[flavour] * count}
    return {"cpu": {"id": flavour} | size}


def _with_template(
    cloud: Cloud, body: dict[str, Any], *, is_change: bool = False
) -> dict[str, Any]:
    """The body as if it named itself what its template does; a change takes no hardware over."""
    body = dict(body)
    name = body.pop("templateId", None)
    if name is None:
        return body
    template = cloud.templates.get(name)
    if template is None:
        raise Refused(404, "The template does not exist.")
    if template["serverless"]:
        raise Refused(422, "The template is for serverless endpoints.")
    inherited = {field: template[field] for field in _FROM_TEMPLATE if template.get(field)}
    if {"cmd", "entrypoint"} & set(body):
        inherited.pop("args", None)
    if "gpu" in body and not is_change:
        inherited |= {"mounts": template["mounts"]} if template["mounts"] else {}
        allowed = template["allowedCudaVersions"]
        if allowed and not {"allowedCudaVersions", "minCudaVersion"} & set(body["gpu"]):
            body["gpu"] = body["gpu"] | {"allowedCudaVersions": allowed}
    return inherited | body | {"env": template["env"] | body.get("env", {})}


def _places(cloud: Cloud, body: dict[str, Any], where: str) -> list[str]:
    """The data centres that the pod may be in; empty for any."""
    wanted = list(body.get("dataCenterIds", []))
    unknown = [place for place in wanted if place not in DATA_CENTERS]
    if unknown:
        raise Refused(400, f"Unknown data center: {', '.join(unknown)}.")
    mounts = body.get("mounts", {})
    if mounts.get("persistent") and mounts.get("network"):
        raise Refused(400, "A pod has a persistent or a network volume, not both.")
    if mounts.get("persistent") and "cpu" in body:
        raise Refused(400, "A CPU pod has no persistent volume.")
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
        flavour, count = body["cpu"]["id"], body["cpu"]["vcpuCount"]
        if flavour not in CPU_FLAVOURS or count & (count - 1):
            raise Refused(400, f"There is no {flavour} with {count} vCPUs.")
        return count * _CPU_PRICE, (wanted or ["EU-RO-1"])[0], CUDA_VERSIONS[-1]
    gpu = body["gpu"]
    kind, count = GPUS.get(gpu["id"]), gpu.get("count", 1)
    if kind is None:
        raise Refused(400, f"Unknown GPU type: {gpu['id']}.")
    allowed = gpu.get("allowedCudaVersions") or CUDA_VERSIONS
    if "minCudaVersion" in gpu and gpu.get("allowedCudaVersions"):
        raise Refused(400, "Give minCudaVersion or allowedCudaVersions, not both.")
    if count > kind.most:
        raise Refused(400, f"At most {kind.most} of {kind.name} are available in one pod.")
    least = gpu.get("minCudaVersion", "0")
    able = [cuda for cuda in CUDA_VERSIONS if cuda in allowed and version(cuda) >= version(least)]
    if gpu.get("minRamPerGpu", 0) > RAM or gpu.get("minVcpuCountPerGpu", 0) > VCPUS:
        able = []
    place = cloud.stock.place_for(gpu["id"], where, count, wanted) if able else ""
    if not place or not kind.price(where):
        raise Refused(400, NO_CAPACITY)
    return kind.price(where) * count, place, able[0]


def _mount_key(mounts: dict[str, Any]) -> list[str]:
    network = mounts.get("network") or []
    return sorted(mounts) + [mount["volumeId"] for mount in network]
