"""What an engine says of itself, as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.domain.docker import EngineInfo
from services.docker.gpu import PODMAN, gpu_support
from services.docker.sdk import is_podman

if TYPE_CHECKING:
    from services.docker.endpoints import Computer, Endpoint

_DESKTOP = "Docker Desktop"
_ENGINE = "Docker Engine"


def engine_info(
    endpoint: Endpoint, info: dict[str, Any], version: dict[str, Any], computer: Computer
) -> EngineInfo:
    """The value from the engine's answers to ``/info`` and ``/version``."""
    kind = _kind(info, version)
    security = _security(info)
    return EngineInfo(
        version=str(version.get("Version") or ""),
        api_version=str(version.get("ApiVersion") or ""),
        kind=kind,
        endpoint=endpoint.url,
        is_rootless="rootless" in security,
        is_local=endpoint.is_local,
        architecture=str(info.get("Architecture") or version.get("Arch") or ""),
        cpus=int(info.get("NCPU") or 0),
        memory=int(info.get("MemTotal") or 0),
        data_root=str(info.get("DockerRootDir") or ""),
        gpu=gpu_support(info, kind, computer, local=endpoint.is_local),
        system=str(info.get("OperatingSystem") or ""),
        cgroup_version=int(info.get("CgroupVersion") or 1),
        security=security,
    )


def _kind(info: dict[str, Any], version: dict[str, Any]) -> str:
    if is_podman(version):
        return PODMAN
    platform = str((version.get("Platform") or {}).get("Name") or "")
    is_desktop = _DESKTOP in (str(info.get("OperatingSystem") or ""), platform[: len(_DESKTOP)])
    return _DESKTOP if is_desktop else _ENGINE


def _security(info: dict[str, Any]) -> tuple[str, ...]:
    """Names like ``seccomp`` from entries like ``name=seccomp,profile=default``."""
    entries = (str(one).split(",")[0] for one in info.get("SecurityOptions") or ())
    return tuple(entry.removeprefix("name=") for entry in entries)
