"""What Runpod's REST v2 answers by its published schema: names, kinds and what must be there.

Written by hand from the documentation; other fields may come. Compared with a downloaded OpenAPI
file by :mod:`openapi_check`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.emulators.runpod import queries, schema
from tests.emulators.runpod.schema import flag, many, mapping, number, or_null, text, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[..., Any]


def shape(required: dict[str, Check], optional: dict[str, Check] | None = None) -> schema.Shape:
    """An object that may have further fields."""
    return schema.Shape(required | (optional or {}), tuple(required), is_open=True)


def moment(value: Any, at: str) -> Iterator[str]:
    """A date with a time."""
    yield from text()(value, at)
    if isinstance(value, str):
        yield from queries.moment(value, at)


_LEVEL = text(choices=("NONE", "LOW", "MEDIUM", "HIGH"))
_THERE = shape({"id": text(), "name": text(), "availability": _LEVEL})
_NAMED = shape({"id": text(), "name": text()})
_CONTAINER: dict[str, Check] = {
    "image": text(), "args": text(), "disk": whole(1), "ports": many(text()),
    "env": mapping(text()), "registry": or_null(text()),
}  # fmt: skip
_COMMAND: dict[str, Check] = {"cmd": many(text()), "entrypoint": many(text())}
_SSH = shape({"host": text(), "port": whole(), "username": text(), "command": text()})
_SHARE = shape({}, {"util": whole(), "memoryUtil": whole()})
_PORT = shape(
    {},
    {"private": whole(), "public": or_null(whole()), "type": text(), "ip": or_null(text())},
)
_RUNTIME = shape(
    {},
    {
        "uptime": whole(), "gpus": many(_SHARE), "cpu": _SHARE, "memory": _SHARE,
        "ports": many(_PORT),
    },
)  # fmt: skip
POD = shape(
    _CONTAINER
    | {
        "id": text(1), "name": text(), "mounts": schema.MOUNTS,
        "status": text(
            choices=("PROVISIONING", "STARTING", "RUNNING", "EXITED", "ERROR", "TERMINATED")
        ),
        "actions": many(text(choices=("start", "stop", "restart", "terminate"))),
        "cloud": text(choices=schema.CLOUDS), "dataCenterId": or_null(text()),
        "cudaVersion": or_null(text()), "template": or_null(text()), "cost": number(),
        "ssh": shape({"proxy": or_null(_SSH), "direct": or_null(_SSH)}), "locked": flag(),
        "runtime": or_null(_RUNTIME), "createdAt": moment, "startedAt": or_null(moment),
        "globalNetworking": shape({"enabled": flag()}, {"ip": text(), "internalDns": text()}),
    },
    _COMMAND
    | {
        "gpu": shape(
            {"id": text(), "vcpuCount": number(1), "memory": number(1)}, {"count": whole(1)}
        ),
        "cpu": shape({"id": text(1), "vcpuCount": whole(2), "memory": whole(1)}),
    },
)  # fmt: skip
TEMPLATE = shape(
    _CONTAINER
    | {
        "id": text(1), "name": text(), "mounts": schema.TEMPLATE_MOUNTS, "serverless": flag(),
        "public": flag(), "category": text(choices=schema.CATEGORIES), "startSsh": flag(),
        "startJupyter": flag(), "allowedCudaVersions": many(text()),
    },
    _COMMAND,
)  # fmt: skip
VOLUME = shape(
    {
        "id": text(), "name": text(), "size": whole(10, 4096), "dataCenter": text(),
        "type": text(choices=schema.VOLUME_TYPES),
    }
)  # fmt: skip
SECRET = shape(
    {"id": text(), "name": text(), "createdAt": moment}, {"description": or_null(text())}
)
GPU = shape(
    {
        "id": text(), "name": text(), "pool": or_null(text()), "memory": whole(),
        "manufacturer": text(choices=("NVIDIA", "AMD", "UNKNOWN")), "secure": flag(),
        "community": flag(), "price": shape({"secure": number(), "community": number()}),
        "maxCount": shape({"secure": whole(), "community": whole()}),
    },
    {
        "availability": _LEVEL, "dataCenters": many(_THERE),
        "cudaVersions": many(
            shape({"version": text(pattern=schema.EXACT_CUDA), "available": flag()})
        ),
    },
)  # fmt: skip
PLACE = shape(
    {
        "id": text(), "name": text(), "region": text(choices=queries.REGIONS),
        "networkVolumeTypes": many(text(choices=schema.VOLUME_TYPES)),
        "compliance": many(text(choices=queries.COMPLIANCE)), "globalNetwork": flag(),
    },
    {"gpuAvailability": many(_THERE), "cpuAvailability": many(_THERE)},
)  # fmt: skip
_TIMES: dict[str, Check] = {"startTime": moment, "endTime": moment}
_SUMS: dict[str, Check] = {
    name: number() for name in ("totalAmount", "gpuAmount", "cpuAmount", "diskAmount")
}
BILL = shape(
    {
        "records": many(shape(_TIMES | _SUMS | {"podId": text()})),
        "metadata": shape(
            {
                "query": shape(
                    _TIMES | {"bucketSize": text(choices=queries.BUCKETS)},
                    {"podId": or_null(text())},
                ),
                "recordCount": whole(), "uniquePodCount": whole(), "totals": shape(_SUMS),
            }
        ),
    }
)  # fmt: skip
_PAGES = {"pagination": shape({"nextCursor": or_null(text()), "hasNextPage": flag()})}
PROBLEM = shape({"title": text(), "status": whole(), "detail": text()}, {"errors": many(text())})
_ID = "/[^/]+"
ANSWERS: tuple[tuple[str, str, schema.Shape], ...] = (
    ("GET", "/v2/pods", shape({"pods": many(POD)} | _PAGES)),
    ("POST", "/v2/pods", POD),
    ("GET|PATCH", f"/v2/pods{_ID}", POD),
    ("POST", f"/v2/pods{_ID}/action", POD),
    ("GET", "/v2/templates", shape({"templates": many(TEMPLATE)} | _PAGES)),
    ("POST", "/v2/templates", TEMPLATE),
    ("GET|PATCH", f"/v2/templates{_ID}", TEMPLATE),
    ("GET", "/v2/network-volumes", shape({"networkVolumes": many(VOLUME)})),
    ("POST", "/v2/network-volumes", VOLUME),
    ("GET|PATCH", f"/v2/network-volumes{_ID}", VOLUME),
    ("GET", "/v2/registries", shape({"registries": many(_NAMED)})),
    ("POST", "/v2/registries", _NAMED),
    ("GET", f"/v2/registries{_ID}", _NAMED),
    ("GET", "/v2/account/secrets", shape({"secrets": many(SECRET)})),
    ("POST", "/v2/account/secrets", SECRET),
    ("GET", "/v2/catalog/gpus", shape({"gpus": many(GPU)})),
    ("GET", f"/v2/catalog/gpus{_ID}", GPU),
    ("GET", "/v2/catalog/datacenters", shape({"dataCenters": many(PLACE)})),
    ("GET", f"/v2/catalog/datacenters{_ID}", PLACE),
    ("GET", "/v2/billing/pods", BILL),
)
"""Of what succeeds."""


def answer_to(method: str, target: str) -> schema.Shape | None:
    """The shape of a good answer; None where nothing is published."""
    path = urlsplit(target).path
    return next(
        (
            answer
            for methods, pattern, answer in ANSWERS
            if method in methods.split("|") and re.fullmatch(pattern, path)
        ),
        None,
    )
