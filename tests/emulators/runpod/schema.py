"""Checks request bodies as the published schema of REST v2 does: unknown fields are refused.

Written from the documentation. ``august`` schemas lack what only newer pages have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def text(least: int = 0, pattern: str = "", choices: tuple[str, ...] = ()) -> Callable[..., Any]:
    """A string."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{at}: got {_kind(value)}, want string"
        elif len(value) < least:
            yield f"{at}: minLength: got {len(value)}, want {least}"
        elif pattern and not re.search(pattern, value):
            yield f"{at}: '{value}' does not match pattern '{pattern}'"
        elif choices and value not in choices:
            yield f"{at}: value must be one of {', '.join(map(repr, choices))}"

    return check


def whole(least: int = 0, most: int | None = None) -> Callable[..., Any]:
    """An integer."""

    def check(value: Any, at: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int):
            yield f"{at}: got {_kind(value)}, want integer"
        elif value < least:
            yield f"{at}: minimum: got {value}, want {least}"
        elif most is not None and value > most:
            yield f"{at}: maximum: got {value}, want {most}"

    return check


def flag() -> Callable[..., Any]:
    """True or false."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, bool):
            yield f"{at}: got {_kind(value)}, want boolean"

    return check


def many(of: Callable[..., Any], most: int | None = None) -> Callable[..., Any]:
    """A list."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{at}: got {_kind(value)}, want array"
            return
        if most is not None and len(value) > most:
            yield f"{at}: maxItems: got {len(value)}, want {most}"
        for place, one in enumerate(value):
            yield from of(one, f"{at}[{place}]")

    return check


def mapping(of: Callable[..., Any], most: int) -> Callable[..., Any]:
    """An object with free names."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: got {_kind(value)}, want object"
            return
        if len(value) > most:
            yield f"{at}: maxProperties: got {len(value)}, want {most}"
        for name, one in value.items():
            yield from of(one, f"{at}.{name}")

    return check


@dataclass(frozen=True)
class Shape:
    """An object with named fields; any other is refused."""

    fields: dict[str, Callable[..., Any]]
    required: tuple[str, ...] = ()

    def __call__(self, value: Any, at: str = "$") -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: got {_kind(value)}, want object"
            return
        for name in self.required:
            if name not in value:
                yield f"{at}: missing property '{name}'"
        unknown = [name for name in value if name not in self.fields]
        if unknown:
            yield f"{at}: additional properties {', '.join(map(repr, unknown))} not allowed"
        for name, check in self.fields.items():
            if name in value:
                yield from check(value[name], f"{at}.{name}")

    def without(self, *names: str) -> Shape:
        """The same before these fields existed."""
        return Shape({n: c for n, c in self.fields.items() if n not in names}, self.required)


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", str: "string", dict: "object", list: "array", type(None): "null"}
    return kinds.get(type(value), "number")


CLOUDS = ("SECURE", "COMMUNITY")
_GPU = Shape(
    {
        "id": text(1), "count": whole(1), "minCudaVersion": text(1),
        "allowedCudaVersions": many(text(1)), "minRamPerGpu": whole(1),
        "minVcpuCountPerGpu": whole(1),
    },
    ("id",),
)  # fmt: skip
_MOUNTS = Shape(
    {
        "persistent": Shape({"size": whole(10), "path": text(1)}, ("size", "path")),
        "network": many(Shape({"volumeId": text(1), "path": text(1)}, ("volumeId", "path")), 1),
    }
)
_CONTAINER = {
    "image": text(1), "args": text(), "disk": whole(1), "env": mapping(text(), 50),
    "ports": many(text(pattern=r"^\d{1,5}/(http|tcp)$")), "registry": text(1),
}  # fmt: skip
NEW_POD = Shape(
    _CONTAINER
    | {
        "name": text(1), "gpu": _GPU, "cpu": Shape({"id": text(1), "vcpuCount": whole(1)}, ("id",)),
        "cloud": text(choices=CLOUDS), "mounts": _MOUNTS, "dataCenterIds": many(text(1)),
        "globalNetworking": flag(), "startSsh": flag(), "startJupyter": flag(),
        "templateId": text(1), "cmd": many(text()), "entrypoint": many(text()),
    },
    ("name",),
)  # fmt: skip
NEW_POD_AUGUST = Shape(
    NEW_POD.fields | {"gpu": _GPU.without("minRamPerGpu", "minVcpuCountPerGpu")}, ("name",)
).without("cmd", "entrypoint")
POD_CHANGES = Shape(_CONTAINER | {"name": text(1), "mounts": _MOUNTS, "locked": flag()})
ACTION = Shape({"action": text(choices=("start", "stop", "restart", "terminate"))}, ("action",))
_TEMPLATE = _CONTAINER | {
    "name": text(1), "category": text(choices=("NVIDIA", "AMD", "CPU")), "public": flag(),
    "serverless": flag(), "startSsh": flag(), "startJupyter": flag(),
    "allowedCudaVersions": many(text(1)),
    "mounts": Shape({"persistent": Shape({"size": whole(10), "path": text(1)}, ("size", "path"))}),
}  # fmt: skip
NEW_TEMPLATE = Shape(_TEMPLATE, ("name", "image"))
TEMPLATE_CHANGES = Shape(_TEMPLATE).without("category", "serverless")
NEW_VOLUME = Shape(
    {
        "name": text(1), "size": whole(10, 4096), "dataCenter": text(1),
        "type": text(choices=("STANDARD", "HIGH_PERFORMANCE")),
    },
    ("name", "size", "dataCenter"),
)  # fmt: skip
VOLUME_CHANGES = Shape({"name": text(1), "size": whole(10, 4096)})
NEW_REGISTRY = Shape(
    {"name": text(1), "username": text(1), "password": text(1)}, ("name", "username", "password")
)
NEW_SECRET = Shape(
    {
        "name": text(1, r"^(?!RUNPOD)[a-zA-Z_][a-zA-Z0-9_.\-/]{0,190}$"), "value": text(),
        "description": text(),
    },
    ("name", "value"),
)  # fmt: skip
