"""Whether an engine can pass NVIDIA GPUs to a container: by what it says, and by really asking."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from models.domain.docker import GpuSupport
from services.docker.endpoints import LINUX, MAC
from services.docker.errors import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import DockerClient
    from docker.types import DeviceRequest

    from services.docker.endpoints import Computer

ALL_DEVICES = "all"
PODMAN = "Podman"
_CDI_KIND = "nvidia.com/gpu"
_CDI_FOLDERS = ("etc/cdi", "var/run/cdi")
_HOOK = "nvidia-container-runtime-hook"
"""dockerd passes GPUs where it finds this program, whether or not a runtime is registered."""
_MISSING = (
    "This Docker engine has no NVIDIA runtime, so containers get no GPU. For an NVIDIA GPU install "
    "the NVIDIA Container Toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker, and "
    "restart Docker."
)
_MISSING_PODMAN = (
    "Podman knows no NVIDIA devices, so containers get no GPU. For an NVIDIA GPU install the "
    "NVIDIA Container Toolkit, then: sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
)
_ON_MAC = "Docker on a Mac has no GPU to pass; containers train on the processor."


def device_request(devices: str, kind: str = "") -> DeviceRequest:
    """What asks the engine for all GPUs (``all``), or for some by number (``0,1``).

    ``kind`` is :attr:`EngineInfo.kind`: Podman takes the names of its device files.
    """
    from docker.types import DeviceRequest

    chosen = [one.strip() for one in devices.split(",") if one.strip()]
    if kind == PODMAN:
        return DeviceRequest(driver="cdi", device_ids=[f"{_CDI_KIND}={one}" for one in chosen])
    if chosen in ([], [ALL_DEVICES]):
        return DeviceRequest(count=-1, capabilities=[["gpu"]])
    return DeviceRequest(device_ids=chosen, capabilities=[["gpu"]])


def gpu_support(
    info: Mapping[str, Any], kind: str, computer: Computer, *, local: bool
) -> GpuSupport:
    """What the engine's ``/info`` says, and for a local engine what is installed beside it."""
    if computer.system == MAC and local:
        return GpuSupport(False, _ON_MAC)
    runtimes = info.get("Runtimes") or {}
    devices = info.get("DiscoveredDevices") or ()
    if "nvidia" in runtimes or any(_CDI_KIND in str(one.get("ID", "")) for one in devices):
        return GpuSupport(True)
    if local and computer.system == LINUX and _is_beside(kind, computer):
        return GpuSupport(True)
    return GpuSupport(False, _MISSING_PODMAN if kind == PODMAN else _MISSING)


def try_gpu(
    client: DockerClient, image: str, kind: str = "", devices: str = ALL_DEVICES
) -> GpuSupport:
    """Start a container of ``image`` with the GPUs, and remove it; the answer has the refusal.

    AppError where the engine refuses for another reason (no such image, no answer).
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    container = None
    try:
        container = client.containers.create(
            image,
            entrypoint=["/bin/sh", "-c", "exit 0"],
            network_mode="none",
            device_requests=[device_request(devices, kind)],
        )
        container.start()
    except (DockerException, RequestException) as error:
        problem = translate(error, "try the GPU in a container")
        if problem.kind != "docker_no_gpu":
            raise problem from error
        return GpuSupport(False, str(problem))
    finally:
        if container is not None:
            with suppress(DockerException, RequestException):
                container.remove(force=True)
    return GpuSupport(True)


def _is_beside(kind: str, computer: Computer) -> bool:
    if kind != PODMAN and computer.which(_HOOK):
        return True
    folders = (computer.root / folder for folder in _CDI_FOLDERS)
    return kind == PODMAN and any(
        "nvidia" in path.name for folder in folders if folder.is_dir() for path in folder.iterdir()
    )
