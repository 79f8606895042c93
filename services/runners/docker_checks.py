"""What would keep a setup from running in a container: all of it, before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.domain.config import RUNTIME_PYTHON
from models.domain.docker import INSTALL_LABEL, VARIANT_CPU, VARIANT_CUDA, our_image
from models.domain.errors import AppError, Fix, Problem
from models.domain.processes import ALL_GPUS, chosen_gpus, missing_gpus_problem
from models.domain.start_fixes import TURN_OFFLINE_OFF
from services.docker.errors import calling
from services.host_folder import folder_problems
from services.runners.container_end import container_end
from services.runners.container_spec import SMALLEST_MEMORY, can_limit, memory_limit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from docker import DockerClient

    from models.domain.config import LocalSection
    from models.domain.docker import EngineInfo
    from services.host_folder import User

_RUNTIME, _IMAGE, _NAME = "local.runtime", "local.image", "local.container_name"
_DEVICES, _MEMORY = "local.gpu_devices", "local.memory_limit"
_WITHOUT_DOCKER = Fix("Use Python on this computer", ((_RUNTIME, RUNTIME_PYTHON),))
_NO_LIMIT = Fix("Set no limit", ((_MEMORY, None),))
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "amd64": "amd64"}


def engine_problem(error: AppError, chosen: str) -> Problem:
    """Why there is no engine, beside the setting that asks for one."""
    return Problem(
        _RUNTIME, chosen, f"cannot be used: {error.message}", error.hint, fix=_WITHOUT_DOCKER
    )


def engine_problems(info: EngineInfo, chosen: str) -> Iterator[Problem]:
    """Whether the folders of this computer are the engine's, too."""
    if not info.is_local:
        yield Problem(
            _RUNTIME,
            chosen,
            f"cannot be used: the engine at {info.endpoint} is on another computer, so it cannot "
            "see the folders of this one.",
            "Choose an engine on this computer, or Python on this computer.",
            fix=_WITHOUT_DOCKER,
        )


def image_problems(
    client: DockerClient, info: EngineInfo, image: str, *, offline: bool = False
) -> Iterator[Problem]:
    """Whether the image is there, and made for this kind of processor. ``offline``: none can be
    fetched."""
    try:
        found = inspect_image(client, image)
    except AppError as error:
        if error.kind not in {"not_found", "image_missing"}:
            raise
        if offline:
            message = "is not on this computer, and Offline mode is on."
            remedy = "Choose an image that is here, or turn Offline mode off to fetch it."
            yield Problem(_IMAGE, image, message, remedy, fix=TURN_OFFLINE_OFF)
        else:
            yield Problem(_IMAGE, image, "is not on this computer yet.", _how_to_get(image))
        return
    made_for = _ARCHITECTURES.get(str(found.get("Architecture") or ""))
    has = _ARCHITECTURES.get(info.architecture)
    if made_for and has and made_for != has:
        ours = our_image(VARIANT_CUDA if info.gpu.can_pass else VARIANT_CPU)
        yield Problem(
            _IMAGE,
            image,
            f"is made for {made_for} processors, and this computer has {has}.",
            "Pull it again for this computer, or build it here.",
            fix=None if image == ours else Fix("Use ours", ((_IMAGE, ours),)),
        )


def _how_to_get(image: str) -> str:
    for variant in (VARIANT_CUDA, VARIANT_CPU):
        if image == our_image(variant):
            how = f"temper image build --variant {variant}"
            return f"Build it with the button beneath its name, or in a terminal: {how}"
    return f"Pull it with the button beneath its name, or in a terminal: temper image pull {image}"


def name_problems(client: DockerClient, name: str, install_id: str) -> Iterator[Problem]:
    """Whether another container has the name. One of ours that has ended is gone by the start."""
    if not name:
        return
    try:
        with calling("look for the container's name"):
            api: Any = client.api
            found = api.inspect_container(name)
    except AppError as error:
        if error.kind != "not_found":
            raise
        return
    if str(found.get("Name", "")).lstrip("/") != name:  # the beginning of some container's id
        return
    labels = (found.get("Config") or {}).get("Labels") or {}
    is_ours = bool(install_id) and labels.get(INSTALL_LABEL) == install_id
    if not is_ours or container_end(found) is None:
        fix = Fix("Leave it empty", ((_NAME, ""),))
        message = "is taken by another container."
        yield Problem(_NAME, name, message, name_remedy(name), fix=fix)


def name_remedy(name: str) -> str:
    """What to do about a name that is taken."""
    return f"Leave it empty, choose another one, or remove that container: docker rm {name}"


def device_problems(
    local: LocalSection, info: EngineInfo, indexes: Sequence[int]
) -> Iterator[Problem]:
    """Whether the GPUs that were chosen by number can be passed.

    All of them, where none can be passed, are none: the training is on the processor then.
    ``indexes`` are those that are there, as far as the driver says.
    """
    chosen = chosen_devices(local)
    if not chosen:
        return
    if not info.gpu.can_pass:
        yield Problem(
            _DEVICES,
            local.gpu_devices,
            f"cannot be passed. {info.gpu.reason}",
            "Or use all, and the training runs on the processor until GPUs can be passed.",
            fix=Fix("Use all", ((_DEVICES, ALL_GPUS),)),
        )
        return
    problem = missing_gpus_problem(local, indexes)
    if problem is not None:
        yield problem


def memory_problems(local: LocalSection, info: EngineInfo) -> Iterator[Problem]:
    """Whether the engine can keep the limit."""
    limit = memory_limit(local.memory_limit)
    if limit is None:
        return
    shown = f"{local.memory_limit:g}"
    if not can_limit(info):
        remedy = "Leave it empty. A rootless engine keeps limits where the system has cgroups v2."
        message = "cannot be kept by this rootless engine."
        yield Problem(_MEMORY, shown, message, remedy, fix=_NO_LIMIT)
    elif limit < SMALLEST_MEMORY:
        message, remedy = "is less than any container takes.", "Use at least 0.01 GB."
        yield Problem(_MEMORY, shown, message, remedy, fix=_NO_LIMIT)


def place_problems(data_root: Path, info: EngineInfo, user: User) -> list[Problem]:
    """Whether the data folder can be given to a container."""
    return folder_problems(data_root, info, user)


def chosen_devices(local: LocalSection) -> list[int]:
    """The GPUs that were chosen by number; none means all, or that none are wanted."""
    return list(chosen_gpus(local))


def inspect_image(client: DockerClient, image: str) -> Mapping[str, Any]:
    """What the engine says of an image; AppError("not_found" or "image_missing")."""
    with calling(f"look at the image {image}"):
        api: Any = client.api
        found: Mapping[str, Any] = api.inspect_image(image)
        return found
