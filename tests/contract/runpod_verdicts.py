"""Requests to Runpod's REST v2, each with what its published schema says of it: good or bad.

Written by hand. :mod:`openapi_check` compares it with a downloaded OpenAPI file, the tests compare
the emulator with it, so that the emulator refuses (422) exactly what the file refuses.
"""

from __future__ import annotations

from typing import Any

GPU = {"id": "NVIDIA RTX A5000"}
POD = {"name": "p", "image": "an/image:1", "gpu": GPU}
TEMPLATE = {"name": "t", "image": "an/image:1"}
VOLUME = {"name": "v", "size": 10, "dataCenter": "EU-RO-1"}
LOGIN = {"name": "l", "username": "u", "password": "p"}
SECRET = {"name": "s", "value": "v"}
MOUNT = {"volumeId": "v", "path": "/data"}
DISK = {"size": 10, "path": "/data"}
_CONTAINER: tuple[tuple[dict[str, Any], bool], ...] = (
    ({"disk": 1}, True), ({"disk": 0}, False), ({"disk": 1.5}, False), ({"disk": "1"}, False),
    ({"env": {}}, True), ({"env": {"A": ""}}, True), ({"env": {"A": 1}}, False),
    ({"env": []}, False), ({"ports": []}, True), ({"ports": ["22/tcp"]}, True),
    ({"ports": [22]}, False), ({"ports": "22/tcp"}, False), ({"registry": None}, True),
    ({"registry": 1}, False), ({"args": ""}, True), ({"args": ["a"]}, False), ({"cmd": []}, True),
    ({"cmd": ["a", "b"]}, True), ({"cmd": "a"}, False), ({"entrypoint": ["a"]}, True),
    ({"entrypoint": None}, False), ({"image": None}, False), ({"bogus": 1}, False),
    ({"imageName": "x"}, False), ({"gpuTypeIds": ["x"]}, False),
)  # fmt: skip
"""What every container has in common."""
_POD: tuple[tuple[dict[str, Any], bool], ...] = (
    ({}, True), ({"name": ""}, False), ({"name": 1}, False),
    ({"gpu": GPU | {"count": 1}}, True), ({"gpu": GPU | {"count": 0}}, False),
    ({"gpu": {}}, False), ({"gpu": GPU | {"minCudaVersion": "12.8"}}, True),
    ({"gpu": GPU | {"minCudaVersion": "12"}}, False),
    ({"gpu": GPU | {"allowedCudaVersions": ["12.8", "13.0"]}}, True),
    ({"gpu": GPU | {"allowedCudaVersions": ["13"]}}, False),
    ({"gpu": GPU | {"allowedCudaVersions": [], "minCudaVersion": "12.4"}}, True),
    ({"gpu": GPU | {"minRamPerGpu": 8, "minVcpuCountPerGpu": 2}}, True),
    ({"gpu": GPU | {"minRamPerGpu": 0}}, False), ({"gpu": GPU | {"vcpuCount": 8}}, False),
    ({"cpu": {"id": "cpu3c", "vcpuCount": 2}}, True), ({"cpu": {"id": "cpu3c"}}, False),
    ({"cpu": {"id": "", "vcpuCount": 2}}, False), ({"cpu": {"id": "c", "vcpuCount": 1}}, False),
    ({"cloud": "COMMUNITY"}, True), ({"cloud": "ALL"}, False), ({"cloud": "secure"}, False),
    ({"mounts": {}}, True), ({"mounts": {"network": [MOUNT]}}, True),
    ({"mounts": {"network": [MOUNT, MOUNT]}}, False), ({"mounts": {"network": MOUNT}}, False),
    ({"mounts": {"network": [{"volumeId": "v"}]}}, False),
    ({"mounts": {"network": [MOUNT | {"size": 1}]}}, False), ({"mounts": {"bogus": 1}}, False),
    ({"mounts": {"persistent": DISK}}, True), ({"mounts": {"persistent": {"size": 10}}}, False),
    ({"mounts": {"persistent": DISK | {"size": 9}}}, False),
    ({"dataCenterIds": []}, True), ({"dataCenterIds": ["EU-RO-1"]}, True),
    ({"dataCenterIds": "EU-RO-1"}, False), ({"globalNetworking": False}, True),
    ({"globalNetworking": "no"}, False), ({"startSsh": False, "startJupyter": False}, True),
    ({"startSsh": 0}, False), ({"templateId": ""}, False), ({"locked": True}, False),
    ({"terminateAfter": "x"}, False), ({"supportPublicIp": True}, False),
)  # fmt: skip
_TEMPLATE: tuple[tuple[dict[str, Any], bool], ...] = (
    ({"category": "NVIDIA"}, True), ({"category": "GPU"}, False), ({"public": False}, True),
    ({"serverless": False}, True), ({"serverless": None}, False), ({"startSsh": False}, True),
    ({"startJupyter": False}, True), ({"allowedCudaVersions": ["12.8"]}, True),
    ({"allowedCudaVersions": ["12"]}, False), ({"mounts": {"persistent": DISK}}, True),
    ({"mounts": {"network": [MOUNT]}}, False), ({"gpu": GPU}, False), ({"cloud": "SECURE"}, False),
    ({"dataCenterIds": ["EU-RO-1"]}, False), ({"name": ""}, False),
)  # fmt: skip
_POD_CHANGE: tuple[tuple[dict[str, Any], bool], ...] = (
    ({}, True), ({"name": "x"}, True), ({"name": ""}, False), ({"locked": False}, True),
    ({"locked": 1}, False), ({"globalNetworking": False}, True), ({"mounts": {}}, True),
    ({"mounts": {"network": [{"path": "/x"}]}}, False), ({"gpu": GPU}, False),
    ({"cloud": "SECURE"}, False), ({"startSsh": True}, False),
)  # fmt: skip
_VOLUME: tuple[tuple[dict[str, Any], bool], ...] = (
    ({}, True), ({"type": "STANDARD"}, True), ({"type": "FAST"}, False), ({"size": 9}, False),
    ({"size": 4096}, True), ({"size": 4097}, False), ({"name": ""}, False),
    ({"dataCenter": ""}, False), ({"dataCenterId": "EU-RO-1"}, False),
)  # fmt: skip
_LOGIN: tuple[tuple[dict[str, Any], bool], ...] = (
    ({}, True), ({"name": "x" * 192}, False), ({"username": ""}, False),
    ({"password": "x" * 16_385}, False), ({"url": "x"}, False),
)  # fmt: skip
_SECRET: tuple[tuple[dict[str, Any], bool], ...] = (
    ({}, True), ({"name": "1x"}, False), ({"name": "x" * 192}, False), ({"value": ""}, False),
    ({"description": "d"}, True), ({"bogus": 1}, False),
)  # fmt: skip


def _changed(
    body: dict[str, Any], *tables: tuple[tuple[dict[str, Any], bool], ...]
) -> list[tuple[Any, bool]]:
    return [(body | change, is_good) for table in tables for change, is_good in table]


BODIES: dict[tuple[str, str], list[tuple[Any, bool]]] = {
    ("POST", "/v2/pods"): [
        *_changed(POD, _CONTAINER, _POD),
        ({"name": "p", "gpu": GPU}, False), ({"image": "i", "gpu": GPU}, False),
        ({"name": "p", "templateId": "nobodys"}, True), ([], False), ("x", False),
    ],
    ("PATCH", "/v2/pods/{id}"): _changed({}, _CONTAINER, _POD_CHANGE),
    ("POST", "/v2/pods/{id}/action"): [
        ({}, False), ({"action": "dance"}, False), ({"action": "START"}, False),
        ({"action": "restart", "force": True}, False), ({"action": "start"}, True),
    ],
    ("POST", "/v2/templates"): [
        *_changed(TEMPLATE, _CONTAINER, _TEMPLATE), ({"name": "t"}, False), ({"image": "i"}, False),
    ],
    ("PATCH", "/v2/templates/{id}"): [({}, True), *_changed({}, _CONTAINER, _TEMPLATE)],
    ("POST", "/v2/network-volumes"): [
        *_changed(VOLUME, _VOLUME), ({"name": "v", "size": 10}, False),
    ],
    ("PATCH", "/v2/network-volumes/{id}"): [
        ({}, False), ({"size": 20}, True), ({"size": 5000}, False), ({"name": "x"}, True),
        ({"dataCenter": "EU-RO-1"}, False), ({"type": "STANDARD"}, False),
    ],
    ("POST", "/v2/registries"): [*_changed(LOGIN, _LOGIN), ({"name": "l"}, False)],
    ("POST", "/v2/account/secrets"): [*_changed(SECRET, _SECRET), ({"name": "s"}, False)],
}  # fmt: skip
"""By method and path; ``{id}`` is one that is there."""
_STOCK = "include=AVAILABILITY&product=POD"
QUERIES: dict[str, tuple[tuple[str, bool], ...]] = {
    "/v2/pods": (
        ("", True), ("limit=1", True), ("limit=1000", True), ("limit=0", False),
        ("limit=1001", False), ("limit=x", False), ("cursor=", False), ("bogus=1", True),
        ("includeClusterPods=true", True), ("includeClusterPods=maybe", False),
    ),
    "/v2/templates": (("limit=2", True), ("limit=-1", False), ("cursor=", False)),
    "/v2/network-volumes": (("", True), ("limit=x", True)),
    "/v2/catalog/gpus": (
        ("", True), (_STOCK, True), ("include=STOCK&product=POD", False),
        ("include=AVAILABILITY,AVAILABILITY&product=POD", False),
        ("include=AVAILABILITY&product=POD,SERVERLESS", True),
        ("include=AVAILABILITY&product=VM", False), (f"{_STOCK}&count=2", True),
        (f"{_STOCK}&count=0", False), (f"{_STOCK}&count=x", False),
        (f"{_STOCK}&cloud=COMMUNITY", True), (f"{_STOCK}&cloud=ALL", False),
        (f"{_STOCK}&countryCodes=RO,US", True), (f"{_STOCK}&countryCodes=ro", False),
        (f"{_STOCK}&cudaVersions=12.8,13.0", True), (f"{_STOCK}&cudaVersions=12", False),
        (f"{_STOCK}&minCudaVersion=12", True), (f"{_STOCK}&minCudaVersion=12.8", True),
        (f"{_STOCK}&minCudaVersion=12.8.1", False),
    ),
    "/v2/catalog/datacenters": (
        ("include=GPU_AVAILABILITY", True), ("include=GPU_AVAILABILITY,CPU_AVAILABILITY", True),
        ("include=AVAILABILITY", False), ("regions=EUROPE,ASIA", True), ("regions=EU", False),
        ("networkVolumeTypes=STANDARD", True), ("networkVolumeTypes=FAST", False),
        ("compliance=GDPR", True), ("compliance=NONE", False), ("globalNetwork=true", True),
        ("globalNetwork=1x", False),
    ),
    "/v2/billing/pods": (
        ("", True), ("podId=x&bucketSize=hour", True), ("bucketSize=minute", False),
        ("startTime=2026-06-01T00:00:00Z&endTime=2026-06-02T00:00:00Z", True),
        ("startTime=2026-06-01", False), ("endTime=yesterday", False), ("lastN=3", True),
        ("lastN=0", False),
    ),
    "/v2/pods/{id}/logs": (
        ("tail=5001", False), ("tail=-1", False), ("source=all", False), ("since=1", False),
    ),
}  # fmt: skip
"""Of GET, by path. Logs that are good never end, so only bad ones are asked for."""
