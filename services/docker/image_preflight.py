"""Asks images what they hold, before a training starts in one: by a container that does nothing
else, as the user and within the limits of a training, and with no network at all."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.domain.docker import INSTALL_LABEL, STARTED_LABEL, VARIANT_CPU, VARIANT_CUDA, our_image
from models.domain.errors import AppError, Fix, Problem
from models.domain.image_facts import (
    BAD_PYTHON,
    NO_PYTHON,
    SHUT_PYTHON,
    SILENT,
    ImageCheck,
    ImageFacts,
    facts_from,
)
from services.docker.errors import calling, is_unreachable
from services.docker.image_needs import is_driver_too_old, parts_of, read_needs
from services.docker.stream import start_container
from services.host_folder import User
from services.runners.container_spec import CODE_FOLDER, Caller, container_user
from services.runners.process import TRAINER_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from docker import DockerClient

    from models.domain.config import TrainingConfig
    from models.domain.docker import EngineInfo
    from models.domain.hardware import Hardware
    from services.docker.engine import DockerEngine
    from services.docker.image_facts_store import ImageFactsStore
    from services.docker.image_needs import ImageNeeds
    from services.install_id import InstallId

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 30.0
"""An answer that has not come by then is not waited for; on a busy computer it takes two."""
_MEMORY = 512 * 1024**2
_PROCESSES = 64
_MARK, _VERSION = "temper-image-facts:", "temper-python:"
_BEGIN = (
    f"import sys; print('{_VERSION}%d.%d.%d' % sys.version_info[:3]); sys.stdout.flush(); "
    "exec(sys.argv.pop(1))"
)
"""First the version, in words that every Python understands; what follows only newer ones do."""
_OLDEST = (3, 8)
"""Of the Pythons that understand what follows."""
_IMAGE, _USE_GPU = "local.image", "local.use_gpu"
_DETAILS = 1000
_KILLED, _ENGINE_DOWN = {137, 143}, 255
"""Codes of a container whose process was killed, and of one whose engine was."""
_NO_PYTHON = ("executable file not found", "no such file or directory")


class ImagePreflight:
    """Blocking and thread-safe. An image that was asked before is not asked again: what it holds
    is known by the hash of its content.

    ``trainer`` is the folder of the trainer, with its list of needs; ``hardware`` tells GPUs.
    """

    def __init__(
        self,
        engine: DockerEngine,
        install_id: InstallId,
        store: ImageFactsStore,
        trainer: Path,
        hardware: Callable[[], Hardware],
    ) -> None:
        self._engine = engine
        self._install_id = install_id
        self._store = store
        self._trainer = trainer
        self._hardware = hardware

    def check(self, image: str, parts: Collection[str] = (), *, anew: bool = False) -> ImageCheck:
        """What an image of this engine holds, and what it lacks.

        AppError("image_missing" or "not_found") where it is not on this computer, and those of
        :class:`DockerEngine`. ``anew`` asks it although it was asked before.
        """
        client, info = self._engine.client(), self._engine.info()
        with calling(f"look at the image {image}"):
            api: Any = client.api
            found: Mapping[str, Any] = api.inspect_image(image)
        needs = self._needs()
        facts = self._facts(client, info, found, needs, anew=anew)
        lacks = needs.lacks(facts, parts)
        notes = () if lacks else needs.notes(facts)
        return ImageCheck(image, str(found["Id"]), facts, lacks, notes)

    def problems(self, config: TrainingConfig, info: EngineInfo) -> list[Problem]:
        """What of its image, which is there, keeps this setup from training.

        Where the engine cannot ask it just now nothing is told: the start itself will.
        """
        image, gpu = config.local.image.strip(), config.local.use_gpu and info.gpu.can_pass
        try:
            found = self.check(image, parts_of(config, on_gpu=gpu))
        except AppError as error:
            if is_unreachable(error):
                raise
            logger.warning("%s was not asked what it holds: %s", image, error)
            return []
        return list(self._problems(found, on_gpu=gpu))

    def _problems(self, found: ImageCheck, *, on_gpu: bool) -> Iterator[Problem]:
        if found.lacks:
            ours = our_image(VARIANT_CUDA if on_gpu else VARIANT_CPU)
            yield Problem(
                _IMAGE, found.image, f"cannot train: {'; '.join(found.lacks)}.",
                "Use Temper's own image, or add what is missing to this one.",
                fix=None if found.image == ours else Fix("Use ours", ((_IMAGE, ours),)),
            )  # fmt: skip
        elif on_gpu and found.facts.cuda:
            yield from _driver_problems(found, self._hardware())

    def _needs(self) -> ImageNeeds:
        return read_needs(self._trainer / "needs.txt", self._trainer / "requirements.txt")

    def _facts(
        self, client: DockerClient, info: EngineInfo, found: Mapping[str, Any], needs: ImageNeeds,
        *, anew: bool,
    ) -> ImageFacts:  # fmt: skip
        script = (self._trainer / "image_facts.py").read_text(encoding="utf-8")
        own = User.caller()
        user = container_user(info, Caller(sys.platform, own.uid, own.gid))
        question = hashlib.sha256(f"{script}\0{user}\0{needs.names}".encode()).hexdigest()[:16]
        image = str(found["Id"])
        known = None if anew else self._store.find(image, question)
        if known is None:
            known = self._ask(client, _spec(image, user, script, needs.names, self._labels()))
            if known.trouble != SILENT:  # which may be the computer's fault
                self._store.keep(image, question, known)
        return replace(known, own_user=str((found.get("Config") or {}).get("User") or ""))

    def _labels(self) -> dict[str, str]:
        return {INSTALL_LABEL: self._install_id.get(), STARTED_LABEL: f"{time.time():.3f}"}

    def _ask(self, client: DockerClient, spec: Mapping[str, Any]) -> ImageFacts:
        api: Any = client.api
        with calling("make a container of the image"):
            container = str(api.create_container_from_config(dict(spec))["Id"])
        try:
            try:
                with calling("start a container of the image"):
                    start_container(client, container)
            except AppError as error:
                return _not_started(error)
            return _answer(client, container)
        finally:
            with suppress(AppError), calling("remove the container"):
                api.remove_container(container, force=True, v=True)


def _spec(
    image: str, user: str, script: str, names: Collection[str], labels: Mapping[str, str]
) -> dict[str, Any]:
    """As a training's container, but for what it works on: what is true here is true there."""
    environment = {**TRAINER_VARIABLES, "PYTHONPATH": CODE_FOLDER, "HOME": "/tmp"}  # noqa: S108
    return {
        "Image": image,
        "Entrypoint": ["python3"],
        "Cmd": ["-c", _BEGIN, script, *names],
        "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
        "User": user,
        "WorkingDir": "/tmp",  # noqa: S108 - of the container
        "Labels": dict(labels),
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "NetworkMode": "none",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Tmpfs": {"/tmp": "rw,nosuid,nodev,size=16m"},  # noqa: S108
            "Memory": _MEMORY,
            "PidsLimit": _PROCESSES,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        },
    }


def _answer(client: DockerClient, container: str) -> ImageFacts:
    from requests.exceptions import ConnectionError as NoAnswer
    from requests.exceptions import Timeout

    api: Any = client.api
    with calling("wait for what the image says"):
        try:
            code = int(api.wait(container, timeout=ANSWER_SECONDS)["StatusCode"])
        except (Timeout, NoAnswer):
            return ImageFacts(trouble=SILENT)
    with calling("read what the image says"):
        said = api.logs(container, stdout=True, stderr=True, tail=200).decode(errors="replace")
    lines = [line for line in said.splitlines() if line.startswith(_MARK)]
    try:
        return facts_from(json.loads(lines[-1].removeprefix(_MARK)))
    except (IndexError, ValueError):
        if version := _old_version(said):
            return ImageFacts(python=version)
        if _was_ended(code, said):
            return ImageFacts(trouble=SILENT)
        details = said.strip()[-_DETAILS:] or f"It ended with code {code} and printed nothing."
        return ImageFacts(trouble=BAD_PYTHON, details=details)


def _was_ended(code: int, said: str) -> bool:
    """Whether not its Python ended, but something else ended it: a lack of memory, or the engine,
    which leaves no better code behind when it goes down itself."""
    is_quiet = all(line.startswith(_VERSION) for line in said.splitlines())
    return code in _KILLED or (code == _ENGINE_DOWN and is_quiet)


def _old_version(said: str) -> str:
    """The version of a Python that is too old to say more; else empty."""
    for line in said.splitlines():
        parts = line.removeprefix(_VERSION).split(".")
        if line.startswith(_VERSION) and tuple(map(int, parts[:2])) < _OLDEST:
            return ".".join(parts)
    return ""


def _not_started(error: AppError) -> ImageFacts:
    """What it means that ``python3`` could not even be started; AppError for anything else."""
    words = f"{error.message} {error.details}".lower()
    if "python3" not in words:
        raise error
    if "permission denied" in words:
        return ImageFacts(trouble=SHUT_PYTHON, details=error.details[:_DETAILS])
    if any(sign in words for sign in _NO_PYTHON):
        return ImageFacts(trouble=NO_PYTHON)
    return ImageFacts(trouble=BAD_PYTHON, details=error.details[:_DETAILS])


def _driver_problems(found: ImageCheck, hardware: Hardware) -> Iterator[Problem]:
    cuda = found.facts.cuda
    if found.facts.compat:  # whether this GPU is one of those that it serves, the start will tell
        return
    old = [gpu for gpu in hardware.gpus if is_driver_too_old(cuda, gpu.cuda)]
    if old:
        yield Problem(
            _USE_GPU, "on",
            f"cannot be used in {found.image}: its torch needs CUDA {cuda}, and this computer's "
            f"NVIDIA driver {old[0].driver} knows CUDA up to {old[0].cuda}.",
            "Update the driver, or choose an image for an older CUDA.",
            fix=Fix("Train on the processor", ((_USE_GPU, False),)),
        )  # fmt: skip
