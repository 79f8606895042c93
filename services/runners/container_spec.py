"""What the engine is asked for: a job's container as the parameters of the Engine API's create.

Pure functions of what is to run, of the engine and of who starts it; nothing is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from models.domain.docker import CONTAINER_MODEL, INSTALL_LABEL, RUN_LABEL, STARTED_LABEL
from services.offline import LIBRARIES_OFFLINE, NO_TELEMETRY
from services.runners.process import TOKEN_VARIABLES, TRAINER_VARIABLES
from trainer_image.contract import CONTAINER_DATA_ROOT, DATA_ROOT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.domain.docker import EngineInfo
    from services.runners.base import Launch

CODE_FOLDER = "/opt/temper"
STOP_SECONDS = 120
"""So long ``docker stop``, and the engine at its own end, let the trainer save."""
SMALLEST_MEMORY = 6 * 1024**2
"""The engine refuses a lower limit (dockerd: linuxMinMemory)."""
_GIGABYTE = 1_000_000_000
_SHARED_MEMORY = 8 * _GIGABYTE
"""For data loaders' workers, which hand batches over there; Docker's own 64 MB are too little."""
_TEMPORARY_FOLDER = "/tmp"  # noqa: S108 - of a container, in its own memory
_TEMPORARY = 4 * _GIGABYTE
"""For what compilers and libraries put aside; only what is used counts as memory."""
_MOST_PROCESSES = 8192
"""Threads count: some hundred for each worker on a large machine. A fork bomb ends here."""
_FIRST_FOR_OOM = 500
"""Of -1000 to 1000: where the computer runs out of memory, the training goes before the window."""
_HUB_HOME = PurePosixPath(CONTAINER_DATA_ROOT) / "cache" / "huggingface"
_PASSED_ON = (
    "HF_ENDPOINT", "HF_HUB_DISABLE_XET", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
)  # fmt: skip
"""Variables of the program that mean the same in a container, and change what is computed."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_PODMAN, _DESKTOP = "Podman", "Docker Desktop"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who starts the container: system (``sys.platform``), user, and the program's environment.

    ``group`` is a further one that the data folder is open to, and the user belongs to.
    """

    system: str
    uid: int
    gid: int
    group: int | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extras:
    """What was found out for one start.

    ``gpu`` is the engine's request for devices, None without; ``model_folders`` lie outside the
    data root and belong to the base model.
    """

    install_id: str
    started: float
    gpu: Mapping[str, Any] | None = None
    token: str | None = None
    model_folders: Sequence[Path] = ()
    has_init: bool = True


def container_name(launch: Launch) -> str:
    """The name that the user gave, or one that no other run has."""
    return launch.local.container_name.strip() or f"temper-{launch.folder.run_id}"


def container_spec(
    launch: Launch, info: EngineInfo, caller: Caller, extras: Extras
) -> dict[str, Any]:
    """The body of ``POST /containers/create`` for a training."""
    run_id = launch.folder.run_id
    folder = f"{CONTAINER_DATA_ROOT}/runs/{run_id}"
    job = f"{folder}/job.json"
    environment = _environment(launch, caller, extras)
    return {
        "Image": launch.local.image.strip(),
        # Not the image's own: some print a banner there, or start a notebook.
        "Entrypoint": ["python3"],
        "Cmd": ["-m", "trainer_image.train", "--job", job],
        "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
        "User": container_user(info, caller),
        "WorkingDir": folder,
        "Labels": {
            RUN_LABEL: run_id,
            INSTALL_LABEL: extras.install_id,
            STARTED_LABEL: f"{extras.started:.3f}",
        },
        "StopSignal": "SIGTERM",
        "StopTimeout": STOP_SECONDS,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host_config(launch, info, caller, extras),
    }


def worker_spec(
    launch: Launch, info: EngineInfo, caller: Caller, extras: Extras, module: str
) -> dict[str, Any]:
    """The same for a worker that answers: it listens on its standard input until whoever attached
    is gone. What it says is kept nowhere, and it belongs to no run."""
    training = container_spec(launch, info, caller, extras)
    return training | {
        "Cmd": ["-m", module],
        "WorkingDir": _TEMPORARY_FOLDER,
        "Labels": {
            INSTALL_LABEL: extras.install_id,
            STARTED_LABEL: training["Labels"][STARTED_LABEL],
        },
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "OpenStdin": True,
        "StdinOnce": True,
        "HostConfig": training["HostConfig"] | {"LogConfig": {"Type": "none", "Config": {}}},
    }


def container_user(info: EngineInfo, caller: Caller) -> str:
    """Who the process is inside, so that what it writes is the caller's outside.

    A rootless engine, Docker Desktop on Linux and every engine on Windows show the caller as root:
    there anybody else would be a stranger to the caller's files.
    """
    on_desktop = info.kind == _DESKTOP and caller.system.startswith("linux")
    if info.is_rootless or on_desktop or caller.system == "win32":
        return "0:0"
    return f"{caller.uid}:{caller.gid}"


def model_place(folder: str, caller: Caller) -> str:
    """Where a base model that is a folder of this computer lies in the container."""
    return CONTAINER_MODEL if caller.system == "win32" else folder


def can_limit(info: EngineInfo) -> bool:
    """Whether the engine may limit memory and processes: a rootless one needs cgroups of today."""
    return not (info.is_rootless and info.cgroup_version < 2)


def memory_limit(gigabytes: float | None) -> int | None:
    """The setting in bytes."""
    return None if gigabytes is None else round(gigabytes * _GIGABYTE)


def _host_config(
    launch: Launch, info: EngineInfo, caller: Caller, extras: Extras
) -> dict[str, Any]:
    limit = memory_limit(launch.local.memory_limit)
    available = min(limit or info.memory, info.memory) or _SHARED_MEMORY
    config: dict[str, Any] = {
        "Init": extras.has_init,
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
        "NetworkMode": "none" if launch.offline else "default",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Tmpfs": {_TEMPORARY_FOLDER: _tmpfs(min(_TEMPORARY, available // 4))},
        "ShmSize": min(_SHARED_MEMORY, available // 2),
        "OomScoreAdj": _FIRST_FOR_OOM,
        # A core dump would hold the whole memory, the user's token with it.
        "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
        "LogConfig": {"Type": "json-file", "Config": _log_options(info)},
        **_mounts(_places(launch, caller, extras), info),
    }
    if can_limit(info):
        config["PidsLimit"] = _MOST_PROCESSES
        if limit is not None:  # and no swap beside it: too little is then said, not crawled through
            config |= {"Memory": limit, "MemorySwap": limit}
    if caller.group is not None and not info.is_rootless:
        config["GroupAdd"] = [str(caller.group)]
    if "userns" in info.security:  # whose mapped users own no file of the caller's
        config["UsernsMode"] = "host"
    if extras.gpu is not None:
        config["DeviceRequests"] = [dict(extras.gpu)]
    return config


def _tmpfs(size: int) -> str:
    """Executable: Triton compiles its launchers there and loads them."""
    return f"rw,exec,nosuid,nodev,mode=1777,size={size}"


def _log_options(info: EngineInfo) -> dict[str, str]:
    """Against defaults of the engine that would drop lines before we have read them."""
    if info.kind == _PODMAN:
        return {}
    return {"max-size": "1t", "max-file": "2", "mode": "blocking"}


def _places(launch: Launch, caller: Caller, extras: Extras) -> list[tuple[str, str, bool]]:
    """Folder here, place in the container, whether it may be written."""
    places = [
        (str(launch.folder.data_root), CONTAINER_DATA_ROOT, True),
        (str(launch.code.folder), CODE_FOLDER, False),
    ]
    for folder in map(str, extras.model_folders):
        places.append((folder, model_place(folder, caller), False))
    return places


def _mounts(places: Sequence[tuple[str, str, bool]], info: EngineInfo) -> dict[str, Any]:
    """As mounts, which fail where a folder is not there; SELinux's labels exist for binds only."""
    if not info.has_selinux:
        mounts = [
            {"Type": "bind", "Source": source, "Target": target, "ReadOnly": not is_written}
            for source, target, is_written in places
        ]
        return {"Mounts": mounts}
    binds = [
        f"{source}:{target}:{'rw' if is_written else 'ro'},z"
        for source, target, is_written in places
    ]
    return {"Binds": binds}


def _environment(launch: Launch, caller: Caller, extras: Extras) -> dict[str, str]:
    environment = TRAINER_VARIABLES | NO_TELEMETRY | _passed_on(launch, caller)
    environment |= {
        "PYTHONPATH": CODE_FOLDER,
        DATA_ROOT_VARIABLE: CONTAINER_DATA_ROOT,
        "HF_HOME": str(_HUB_HOME),
        "HF_HUB_CACHE": str(_HUB_HOME / "hub"),  # an image may have set it
        # The user has no entry in the image's list of users, and the root folder is read-only.
        "HOME": _TEMPORARY_FOLDER,
        "USER": "temper",
        "LOGNAME": "temper",
        "UNSLOTH_COMPILE_LOCATION": f"{_TEMPORARY_FOLDER}/unsloth_compiled_cache",
    }
    if extras.token:
        environment |= dict.fromkeys(TOKEN_VARIABLES, extras.token)
    if launch.offline:
        environment |= LIBRARIES_OFFLINE
    if extras.gpu is not None:
        environment["NVIDIA_DRIVER_CAPABILITIES"] = "compute,utility"
    else:  # else an engine whose default runtime is NVIDIA's passes all that there are
        environment["NVIDIA_VISIBLE_DEVICES"] = "void"
    if not launch.local.use_gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment


def _passed_on(launch: Launch, caller: Caller) -> dict[str, str]:
    names = list(_PASSED_ON)
    if not launch.offline:
        names += [spelled for name in _PROXIES for spelled in (name, name.lower())]
    return {name: caller.environ[name] for name in names if caller.environ.get(name)}
