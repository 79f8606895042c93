"""Checks request bodies as the published schema of REST v2 does: unknown fields are refused.

Written from the documentation and compared with its OpenAPI file of September 2026
(:mod:`tests.contract.openapi_check`). What breaks a rule but no schema is in :mod:`renting`. The
``august`` schemas lack what only newer pages have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def text(
    least: int = 0, pattern: str = "", choices: tuple[str, ...] = (), most: int | None = None
) -> Callable[..., Any]:
    """A string."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{at}: got {_kind(value)}, want string"
        elif len(value) < least:
            yield f"{at}: minLength: got {len(value)}, want {least}"
        elif most is not None and len(value) > most:
            yield f"{at}: maxLength: got {len(value)}, want {most}"
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


def number(least: float | None = None) -> Callable[..., Any]:
    """A number, whole or not."""

    def check(value: Any, at: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{at}: got {_kind(value)}, want number"
        elif least is not None and value < least:
            yield f"{at}: minimum: got {value}, want {least}"

    return check


def or_null(of: Callable[..., Any]) -> Callable[..., Any]:
    """That, or null."""

    def check(value: Any, at: str) -> Iterator[str]:
        if value is not None:
            yield from of(value, at)

    return check


def mapping(of: Callable[..., Any]) -> Callable[..., Any]:
    """An object with free names."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: got {_kind(value)}, want object"
            return
        for name, one in value.items():
            yield from of(one, f"{at}.{name}")

    return check


@dataclass(frozen=True)
class Shape:
    """An object with named fields; any other is refused, unless it ``is_open``.

    ``least`` fields must be there; of ``either`` the first must, where the second is not.
    """

    fields: dict[str, Callable[..., Any]]
    required: tuple[str, ...] = ()
    least: int = 0
    either: tuple[str, str] | None = None
    is_open: bool = False

    def __call__(self, value: Any, at: str = "$") -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: got {_kind(value)}, want object"
            return
        for name in self.required:
            if name not in value:
                yield f"{at}: missing property '{name}'"
        if self.either and not set(self.either) & set(value):
            yield f"{at}: missing property '{self.either[0]}'"
        if len(value) < self.least:
            yield f"{at}: minProperties: got {len(value)}, want {self.least}"
        unknown = [name for name in value if name not in self.fields]
        if unknown and not self.is_open:
            yield f"{at}: additional properties {', '.join(map(repr, unknown))} not allowed"
        for name, check in self.fields.items():
            if name in value:
                yield from check(value[name], f"{at}.{name}")

    def without(self, *names: str) -> Shape:
        """The same before these fields existed."""
        return replace(self, fields={n: c for n, c in self.fields.items() if n not in names})


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", str: "string", dict: "object", list: "array", type(None): "null"}
    return kinds.get(type(value), "number")


CLOUDS = ("SECURE", "COMMUNITY")
CATEGORIES = ("CPU", "NVIDIA", "AMD")
VOLUME_TYPES = ("STANDARD", "HIGH_PERFORMANCE")
EXACT_CUDA = r"^\d+\.\d+$"
"""A bare major names no version."""
_GPU = Shape(
    {
        "id": text(), "count": whole(1), "minCudaVersion": text(pattern=EXACT_CUDA),
        "allowedCudaVersions": many(text(pattern=EXACT_CUDA)), "minRamPerGpu": whole(1),
        "minVcpuCountPerGpu": whole(1),
    },
    ("id",),
)  # fmt: skip
PERSISTENT = Shape({"size": whole(10), "path": text()}, ("size", "path"))
MOUNTS = Shape(
    {
        "persistent": PERSISTENT,
        "network": many(Shape({"volumeId": text(), "path": text()}, ("volumeId", "path")), 1),
    }
)
TEMPLATE_MOUNTS = Shape({"persistent": PERSISTENT})
CONTAINER: dict[str, Callable[..., Any]] = {
    "image": text(), "args": text(), "cmd": many(text()), "entrypoint": many(text()),
    "disk": whole(1), "env": mapping(text()), "ports": many(text()), "registry": or_null(text()),
}  # fmt: skip
NEW_POD = Shape(
    CONTAINER
    | {
        "name": text(1), "gpu": _GPU,
        "cpu": Shape({"id": text(1), "vcpuCount": whole(2)}, ("id", "vcpuCount")),
        "cloud": text(choices=CLOUDS), "mounts": MOUNTS, "dataCenterIds": many(text()),
        "globalNetworking": flag(), "startSsh": flag(), "startJupyter": flag(),
        "templateId": text(1),
    },
    ("name",),
    either=("image", "templateId"),
)  # fmt: skip
POD_CHANGES = Shape(
    CONTAINER
    | {
        "name": text(1), "mounts": MOUNTS, "locked": flag(), "globalNetworking": flag(),
        "templateId": text(),
    }
)  # fmt: skip
ACTION = Shape({"action": text(choices=("start", "stop", "restart", "terminate"))}, ("action",))
TEMPLATE_CHANGES = Shape(
    CONTAINER
    | {
        "name": text(1), "category": text(choices=CATEGORIES), "public": flag(),
        "serverless": flag(), "startSsh": flag(), "startJupyter": flag(),
        "allowedCudaVersions": many(text(pattern=EXACT_CUDA)), "mounts": TEMPLATE_MOUNTS,
    }
)  # fmt: skip
NEW_TEMPLATE = replace(TEMPLATE_CHANGES, required=("name", "image"))
NEW_VOLUME = Shape(
    {
        "name": text(1), "size": whole(10, 4096), "dataCenter": text(1),
        "type": text(choices=VOLUME_TYPES),
    },
    ("name", "size", "dataCenter"),
)  # fmt: skip
VOLUME_CHANGES = Shape({"name": text(1), "size": whole(10, 4096)}, least=1)
NEW_REGISTRY = Shape(
    {"name": text(1, most=191), "username": text(1, most=191), "password": text(1, most=16384)},
    ("name", "username", "password"),
)
NEW_SECRET = Shape(
    {
        "name": text(1, r"^[a-zA-Z_][a-zA-Z0-9_.\-/]*$", most=191),
        "value": text(1, most=16_777_216), "description": text(most=65_535),
    },
    ("name", "value"),
)  # fmt: skip


def august(shape: Shape) -> Shape:
    """The same as the first published schema had it."""
    older = shape.without("cmd", "entrypoint")
    if "gpu" in older.fields:
        gpu = _GPU.without("minRamPerGpu", "minVcpuCountPerGpu")
        older = replace(older, fields=older.fields | {"gpu": gpu})
    return older


NEW_POD_AUGUST = august(NEW_POD)
