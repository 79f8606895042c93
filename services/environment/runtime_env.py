"""The managed Python environment of the trainer: is it there, make it, check it, remove it."""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.environment.disk_space import need_space
from services.environment.folder_lock import folder_lock, try_lock
from services.environment.lock_file import fingerprint, read_pins
from services.environment.pip_settings import find_links_folders
from services.environment.runtime_builder import (
    Blueprint,
    RuntimeBuilder,
    Session,
    only_python,
    python_requests,
    verify,
)
from services.environment.runtime_check import inspect_python
from services.environment.torch_source import Accelerator, detect_accelerator, local_cpu_wheels
from services.environment.uv_errors import os_failure
from services.environment.uv_tool import UvTool
from services.progress import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from services.environment.runtime_check import Interpreter
    from services.environment.uv_tool import Uv
    from services.progress import Reporter

VERIFIED_MODULES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")

_OURS = ("environment.json", "venv", "python", "uv-cache", "constraints.txt", ".lock")
"""All that create() makes below its root, in the order in which remove() takes it away."""


class EnvironmentState(StrEnum):
    """Whether runs can use the environment."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    READY = "ready"


class RuntimeEnvironment:
    """The environment below ``root``, made from the pins of ``lock``.

    ``modules`` are imported to verify it; ``accelerator`` and ``uv`` are found when not given.
    ``is_offline`` is asked whenever something would be downloaded.
    """

    def __init__(
        self,
        root: Path,
        requirements: Path,
        lock: Path,
        *,
        modules: Sequence[str] = VERIFIED_MODULES,
        accelerator: Accelerator | None = None,
        uv: Uv | None = None,
        is_offline: Callable[[], bool] = lambda: False,
    ) -> None:
        self.root = root
        self.uv: Uv = uv or UvTool(root)
        self.accelerator = accelerator or detect_accelerator()
        self._requirements = requirements
        self._lock = lock
        self._modules = tuple(modules)
        self._is_offline = is_offline
        self._only_python = ""

    @property
    def python(self) -> Path:
        """The environment's interpreter, whether or not it exists."""
        inside = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
        return self._venv / inside

    def with_uv(self, uv: Uv, only_python: str) -> RuntimeEnvironment:
        """The same environment, made by another uv whose packages are for one Python ("3.11")."""
        other = copy.copy(self)
        other.uv = uv
        other._only_python = only_python
        return other

    def state(self) -> EnvironmentState:
        """Where the environment stands. Reads a few small files and starts no process."""
        if not self._venv.exists():
            return EnvironmentState.MISSING
        marker = self._marker()
        if not marker.get("ready") or not self.python.exists():
            return EnvironmentState.INCOMPLETE
        if marker.get("fingerprint") != self._fingerprint(str(marker.get("python"))):
            return EnvironmentState.OUTDATED
        return EnvironmentState.READY

    def is_ready(self) -> bool:
        """Whether runs can use it as it is."""
        return self.state() is EnvironmentState.READY

    def versions(self) -> dict[str, str]:
        """The versions found when the environment was last verified; empty unless it is ready."""
        marker = self._marker()
        return dict(marker.get("versions", {})) if marker.get("ready") else {}

    def create(self, report: Reporter, cancel: CancelToken, *, offline: bool = False) -> None:
        """Make the environment, or finish what an earlier attempt began; nothing to do when ready.

        Raises AppError with the next step, or Cancelled; what was downloaded is kept either way.
        ``offline`` keeps this call off the network, whatever the policy says.
        """
        with self._holding(report, cancel) as lock:
            if self.state() is not EnvironmentState.READY:
                need_space(self.root, self._torch_accelerator())
                self._build(Session(report, cancel, lock, offline or self._is_offline()))
        report(Progress(1.0, "The Python environment is ready"))

    def verify(self, cancel: CancelToken | None = None) -> dict[str, str]:
        """Check every file and import the main packages; returns their versions.

        A fault raises AppError, and from then on the state is incomplete: create() repairs it.
        """
        try:
            return self._checked(cancel or CancelToken())
        except AppError:
            if self.root.exists():
                self._write_marker({**self._marker(), "ready": False})
            raise

    def remove(self) -> None:
        """Delete the environment and its downloads, and nothing that create() did not make."""
        if not self.root.exists():
            return
        lock = try_lock(self.root / ".lock")
        if lock is None:
            raise AppError(
                "busy", "The Python environment is just being set up.", "Cancel that first."
            )
        try:
            self._delete()
        except OSError as error:
            raise os_failure(error, "removing the Python environment") from error
        finally:
            os.close(lock)

    @property
    def _venv(self) -> Path:
        return self.root / "venv"

    def _checked(self, cancel: CancelToken) -> dict[str, str]:
        interpreter = inspect_python(self.python, cancel)
        if interpreter is None:
            raise AppError(
                "environment_damaged",
                f"The Python environment has no Python that runs at {self.python}.",
                "Set the environment up again.",
            )
        return verify(self._blueprint(), interpreter, cancel)

    def _build(self, session: Session) -> None:
        builder = RuntimeBuilder(self._blueprint(), self.uv, session)
        interpreter = builder.prepare_python(self._python_requests(), self._may_go_on_in)
        made = {"fingerprint": self._fingerprint(interpreter.minor), "python": interpreter.minor}
        self._write_marker({**made, "ready": False})
        builder.install(interpreter, chosen_backend=os.environ.get("UV_TORCH_BACKEND", ""))
        versions = builder.verify(interpreter)
        self._write_marker({**made, "ready": True, "versions": versions})

    def _may_go_on_in(self, interpreter: Interpreter) -> bool:
        """Whether what is there was begun for the same pins; if not, only its downloads stay."""
        return bool(self._marker().get("fingerprint") == self._fingerprint(interpreter.minor))

    def _blueprint(self) -> Blueprint:
        pins = read_pins(self._lock.read_text(encoding="utf-8"))
        return Blueprint(self.root, self._venv, self.python, pins, self.accelerator, self._modules)

    def _fingerprint(self, python: str) -> str:
        requirements = self._requirements.read_text(encoding="utf-8")
        return fingerprint(self._blueprint().pins, requirements, self.accelerator, python)

    def _torch_accelerator(self) -> Accelerator | None:
        has_torch = any(pin.name == "torch" for pin in self._blueprint().pins)
        return self.accelerator if has_torch else None

    def _python_requests(self) -> list[str]:
        if self._only_python:
            return only_python(self._only_python)
        torch = [pin.version for pin in self._blueprint().pins if pin.name == "torch"]
        folders = find_links_folders(self.uv.variables)
        if not torch or self.accelerator is not Accelerator.CPU:
            return python_requests(())
        return python_requests(local_cpu_wheels(torch[0], folders))

    @contextmanager
    def _holding(self, report: Reporter, cancel: CancelToken) -> Iterator[int]:
        def waiting() -> None:
            report(Progress(None, "Another Temper is setting the environment up; waiting for it"))

        try:
            with folder_lock(self.root / ".lock", cancel, waiting) as lock:
                yield lock
        except OSError as error:
            raise os_failure(error, "setting up the Python environment") from error

    def _marker(self) -> dict[str, Any]:
        try:
            content = json.loads((self.root / "environment.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write_marker(self, content: Mapping[str, Any]) -> None:
        path = self.root / "environment.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
        temporary.replace(path)

    def _delete(self) -> None:
        for name in _OURS:
            path = self.root / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif name != ".lock" or sys.platform != "win32":  # Windows keeps what is open
                path.unlink(missing_ok=True)
        with suppress(OSError):  # something of somebody else's is in it
            self.root.rmdir()
