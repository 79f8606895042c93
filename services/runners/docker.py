"""Runs the trainer in a detached container of this computer's engine."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.docker import CONTAINER_MODEL, INSTALL_LABEL, RUN_LABEL
from models.domain.errors import AppError
from models.domain.run import ContainerHandle, JobHandle
from services.docker.errors import calling
from services.docker.stream import start_container
from services.host_folder import User, extra_group
from services.run_files import RunFolder
from services.runners import docker_checks as checks
from services.runners.base import Look, Started
from services.runners.container_end import container_end, started_at
from services.runners.container_spec import (
    Caller,
    Extras,
    container_name,
    container_spec,
    container_user,
    model_place,
)
from services.runners.log_book import LogBook
from services.runners.log_pump import LogPump
from services.runners.model_folders import is_mounted, model_folders, name_in_job, rename_in_job
from services.runners.process import token_to_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from models.domain.config import TrainingConfig
    from models.domain.docker import EngineInfo
    from models.domain.errors import Problem
    from services.docker.engine import DockerEngine
    from services.install_id import InstallId
    from services.runners.base import Launch

logger = logging.getLogger(__name__)

_REMIND_SECONDS = 3.0
"""A stop is asked for again so often: a Python that is only starting cannot hear the first."""
_ANSWER_SECONDS = 0.5
"""An engine that is well takes milliseconds for a signal."""
_FRESH_SECONDS = 600.0
"""A container so young is never tidied away: its run may not have been stored when we looked."""
_GONE = {"not_found", "conflict"}
"""Kinds of refusal that mean: there is nothing left to do that to."""


class DockerRunner:
    """A :class:`~services.runners.base.Runner` over containers. Blocking and thread-safe.

    ``hf_token`` gives the user's token, and is asked only for a run that is to have it;
    ``gpu_indexes`` the numbers of this computer's GPUs, where the driver tells them. ``preflight``
    says what keeps a setup from training in its image, which is there.
    """

    def __init__(
        self,
        engine: DockerEngine,
        hf_token: Callable[[], str | None],
        install_id: InstallId,
        gpu_indexes: Callable[[], Sequence[int]] = tuple,
        preflight: Callable[[TrainingConfig, EngineInfo], Sequence[Problem]] = lambda *_: (),
    ) -> None:
        self._engine = engine
        self._hf_token = hf_token
        self._install_id = install_id
        self._gpu_indexes = gpu_indexes
        self._preflight = preflight
        self._pumps: dict[str, LogPump] = {}
        self._asked: dict[str, float] = {}
        self._lock = threading.Lock()

    def check(self, config: TrainingConfig, data_root: Path, *, offline: bool) -> list[Problem]:
        """All that would keep a container of this setup from starting; nothing is changed."""
        local = config.local
        try:
            return list(self._problems(config, data_root, offline=offline))
        except AppError as error:
            return [checks.engine_problem(error, local.runtime)]

    def _problems(
        self, config: TrainingConfig, data_root: Path, *, offline: bool
    ) -> Iterator[Problem]:
        local = config.local
        info, client = self._engine.info(), self._engine.client()
        yield from checks.engine_problems(info, local.runtime)
        name = local.image.strip()
        image = list(checks.image_problems(client, info, name, offline=offline))
        yield from image or self._preflight(config, info)
        yield from checks.name_problems(
            client, local.container_name.strip(), self._install_id.known()
        )
        indexes = self._gpu_indexes() if checks.chosen_devices(local) else ()
        yield from checks.device_problems(local, info, indexes)
        yield from checks.memory_problems(local, info)
        if info.is_local:
            yield from checks.place_problems(data_root, info, _user(info))

    def start(self, launch: Launch) -> Started:
        """Make the container and start it. AppError: ``name_taken``, ``docker_no_gpu``, and what
        else the engine says; then nothing is left behind."""
        info, client = self._engine.info(), self._engine.client()
        image = checks.inspect_image(client, launch.local.image.strip())
        launch.folder.stop_request.unlink(missing_ok=True)
        self._remove_earlier(launch.folder.run_id)
        extras = self._extras(launch, info)
        _prepare_folder(launch, info, extras)
        spec = container_spec(launch, info, caller_of(launch, info), extras)
        name = container_name(launch)
        container = self._start(spec, name, launch.folder)
        handle = ContainerHandle(container, name, info.endpoint)
        digests = image.get("RepoDigests") or [image.get("Id") or ""]
        return Started(handle, str(digests[0]).rpartition("@")[2])

    def find(self, folder: RunFolder, since: float) -> JobHandle | None:
        """The container that carries the run's label."""
        if not self._install_id.known():
            return None
        own = [
            (made, found)
            for found in self._ours(folder.run_id)
            if (made := started_at(found.get("Labels"))) >= since - 1
        ]
        if not own:
            return None
        _, newest = max(own, key=lambda one: one[0])
        name = str((newest.get("Names") or [""])[0]).lstrip("/")
        return ContainerHandle(str(newest["Id"]), name, self._engine.endpoint().url)

    def look(self, handle: JobHandle, folder: RunFolder) -> Look:
        """As the thread that follows it knows it; nobody is asked."""
        container = _its(handle)
        look = self._pump(container, folder).look()
        if look.is_alive:
            self._remind(container, folder)
        return look

    def stop(self, handle: JobHandle, folder: RunFolder) -> None:
        """The stop file, which works without the engine, and SIGTERM; an engine that hangs is not
        waited for."""
        container = _its(handle)
        folder.ask_to_stop()
        self._asked[container.id] = time.monotonic()
        asking = threading.Thread(
            target=self._terminate, args=(container,), name="container-stop", daemon=True
        )
        asking.start()
        asking.join(_ANSWER_SECONDS)

    def _terminate(self, container: ContainerHandle) -> None:
        try:
            self._signal(container, "SIGTERM")
        except AppError as error:  # the file is there, and the signal is sent again
            logger.info("stopping %s: %s", container.name, error.message)

    def kill(self, handle: JobHandle) -> None:
        """SIGKILL to all that is in it."""
        self._signal(_its(handle), "SIGKILL")

    def release(self, handle: JobHandle, folder: RunFolder) -> None:
        """Remove the container, unless its output is not in the log yet: then :meth:`tidy` does."""
        container = _its(handle)
        with self._lock:
            pump = self._pumps.pop(container.id, None)
        self._asked.pop(container.id, None)
        if pump is not None:
            pump.close()
        try:
            self._remove(container, folder)
        except AppError as error:
            logger.info("%s is removed later: %s", container.name, error.message)

    def tidy(self, live: Collection[str]) -> None:
        """Remove containers of this installation that have ended and whose run is over."""
        if not self._install_id.known():
            return
        try:
            for found in self._ours():
                labels = found.get("Labels") or {}
                is_fresh = time.time() - started_at(labels) < _FRESH_SECONDS
                if labels.get(RUN_LABEL) not in live and not is_fresh:
                    self._tidy(str(found["Id"]), str(labels.get(RUN_LABEL)))
        except AppError as error:
            logger.info("containers are tidied up later: %s", error.message)

    def close(self) -> None:
        """Follow nothing any more; containers go on."""
        with self._lock:
            pumps, self._pumps = [*self._pumps.values()], {}
        for pump in pumps:
            pump.close()
        for pump in pumps:
            pump.close(wait=2.0)

    def _extras(self, launch: Launch, info: EngineInfo) -> Extras:
        from services.docker.gpu import device_request

        local = launch.local
        gpu = local.use_gpu and info.gpu.can_pass
        token = token_to_pass(self._hf_token) if launch.passes_token else None
        folders: Sequence[Path] = ()
        if is_mounted(name_in_job(launch.folder.job)):
            folders = model_folders(Path(launch.base_model))
        return Extras(
            install_id=self._install_id.get(),
            started=time.time(),
            gpu=device_request(local.gpu_devices, info.kind) if gpu else None,
            token=token,
            model_folders=folders,
        )

    def _start(self, spec: Mapping[str, Any], name: str, folder: RunFolder) -> str:
        try:
            return self._create_and_start(spec, name, folder)
        except AppError as error:
            if not _lacks_init(error):
                raise
        # Without one Python is the first process, which the kernel keeps signals from until it has
        # handlers for them; look() sends them again.
        host = {**spec["HostConfig"], "Init": False}
        return self._create_and_start({**spec, "HostConfig": host}, name, folder)

    def _create_and_start(self, spec: Mapping[str, Any], name: str, folder: RunFolder) -> str:
        api: Any = self._engine.client().api
        try:
            with calling("make the training's container"):
                container = str(api.create_container_from_config(dict(spec), name)["Id"])
        except AppError as error:
            raise _understood(error, name) from error
        try:
            LogBook(folder, container).begin()
            with calling("start the training's container"):
                start_container(self._engine.client(), container)
        except BaseException as error:  # whatever it was: nothing is left behind
            folder.ask_to_stop()  # should the engine start it all the same, after we gave it up
            with suppress(AppError), calling("remove the container"):
                api.remove_container(container, force=True)
            if isinstance(error, AppError):
                raise _understood(error, name) from error
            raise
        return container

    def _remove_earlier(self, run_id: str) -> None:
        """A resumed run's container of before, where it could not be removed then. One that still
        runs, as of a run that was given up, would train into the same folder."""
        if not self._install_id.known():
            return
        api: Any = self._engine.client().api
        for found in self._ours(run_id):
            with calling("remove an earlier container"):
                api.remove_container(found["Id"], force=True)

    def _ours(self, run_id: str = "") -> Sequence[Mapping[str, Any]]:
        labels = [f"{INSTALL_LABEL}={self._install_id.known()}"]
        labels += [f"{RUN_LABEL}={run_id}"] if run_id else []
        api: Any = self._engine.client().api
        with calling("list its containers"):
            found: Sequence[Mapping[str, Any]] = api.containers(all=True, filters={"label": labels})
        return found

    def _pump(self, handle: ContainerHandle, folder: RunFolder) -> LogPump:
        with self._lock:
            if handle.id not in self._pumps:
                self._pumps[handle.id] = LogPump(self._engine, handle, folder)
            return self._pumps[handle.id]

    def _remind(self, handle: ContainerHandle, folder: RunFolder) -> None:
        asked = self._asked.get(handle.id)
        if asked is not None and time.monotonic() - asked > _REMIND_SECONDS:
            self.stop(handle, folder)

    def _signal(self, handle: ContainerHandle, signal: str) -> None:
        try:
            with calling("end the training"):
                api: Any = self._engine.client_at(handle.endpoint).api
                api.kill(handle.id, signal)
        except AppError as error:
            if error.kind not in _GONE:
                raise

    def _remove(self, handle: ContainerHandle, folder: RunFolder) -> None:
        if folder.path.is_dir() and not LogPump(self._engine, handle, folder).drain():
            return
        try:
            with calling("remove the training's container"):
                api: Any = self._engine.client_at(handle.endpoint).api
                api.remove_container(handle.id, force=True, v=True)
        except AppError as error:
            if error.kind not in _GONE:
                raise

    def _tidy(self, container: str, run_id: str) -> None:
        api: Any = self._engine.client().api
        try:
            with calling("look at an earlier container"):
                details = api.inspect_container(container)
        except AppError as error:
            if error.kind not in _GONE:
                raise
            return
        if container_end(details) is None:
            return
        handle = ContainerHandle(container, "", self._engine.endpoint().url)
        root = _data_root_of(details)
        self._remove(handle, RunFolder(root or Path(os.devnull), run_id))


def _prepare_folder(launch: Launch, info: EngineInfo, extras: Extras) -> None:
    """What the container cannot do itself: the job's model, and a word about the missing GPU."""
    place = model_place(launch.base_model, caller_of(launch, info))
    if place == CONTAINER_MODEL and extras.model_folders:
        rename_in_job(launch.folder.job, place)
    if launch.local.use_gpu and extras.gpu is None:
        with launch.folder.log.open("a", encoding="utf-8") as log:
            log.write(f"{info.gpu.reason} The training runs on the processor.\n")


def caller_of(launch: Launch, info: EngineInfo) -> Caller:
    """Who starts a container for this launch: the user of this program, as the engine maps one."""
    user = _user(info)
    group = extra_group(launch.folder.data_root, user)
    return Caller(sys.platform, user.uid, user.gid, group, os.environ)


def _user(info: EngineInfo) -> User:
    user = User.caller()
    caller = Caller(sys.platform, user.uid, user.gid)
    is_mapped = container_user(info, caller) != f"{user.uid}:{user.gid}"
    return User.caller(maps_owner=is_mapped or info.is_rootless)


def _understood(error: AppError, name: str) -> AppError:
    """The engine's refusal in words of this program."""
    words = error.details.lower()
    if error.kind == "conflict" and "name" in words:
        message = f"The container name “{name}” is taken by another container."
        return AppError("name_taken", message, checks.name_remedy(name), error.details)
    if "mounts denied" in words or "not shared from the host" in words:
        return AppError(
            "not_shared",
            "A folder of this run is not shared with Docker Desktop, so containers cannot see it.",
            "Add it in Docker Desktop under Settings, Resources, File sharing.",
            error.details,
        )
    if "python3" in words and ("executable file not found" in words or "no such file" in words):
        return AppError(
            "bad_image",
            "The chosen image has no Python in it, so it is no training image.",
            "Choose another Docker image, or build Temper's own.",
            error.details,
        )
    return error


def _lacks_init(error: AppError) -> bool:
    """Whether the engine has no first process to offer (docker-init; Podman's is catatonit)."""
    words = f"{error.message} {error.details}".lower()
    return any(word in words for word in ("docker-init", "catatonit", "container-init"))


def _data_root_of(details: Mapping[str, Any]) -> Path | None:
    """The folder that we gave as /data."""
    host = details.get("HostConfig") or {}
    for mount in host.get("Mounts") or ():
        if mount.get("Target") == "/data":
            return Path(mount["Source"])
    for bind in host.get("Binds") or ():
        source, _, rest = str(bind).partition(":/data:")
        if rest:
            return Path(source)
    return None


def _its(handle: JobHandle) -> ContainerHandle:
    if not isinstance(handle, ContainerHandle):
        raise TypeError(f"not a container: {handle}")  # a bug: the runtime chooses the runner
    return handle
