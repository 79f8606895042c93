"""Makes the managed environment, step by step; each step finds out what is already done.

No journal says how far an earlier attempt came. The folder itself is asked (installed_packages), so
an attempt that was killed anywhere is simply followed by one that finds less to do.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.environment.installed_packages import (
    broken_packages,
    forget_package,
    installed_versions,
)
from services.environment.lock_file import is_cuda_library, pins_for, public_version
from services.environment.runtime_check import check_imports, check_packages, inspect_python
from services.environment.torch_installer import TorchInstaller
from services.environment.uv_tool import UvCall
from services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from services.environment.lock_file import Pin
    from services.environment.runtime_check import Interpreter
    from services.environment.torch_source import Accelerator
    from services.environment.uv_tool import Uv
    from services.progress import CancelToken, Reporter

_BATCH = 6
_ANY_PYTHON = ">=3.11,<3.14"
_OLDEST, _NEWEST = (3, 11), (3, 13)
_INSTALL_PYTHON = "Install one (on Debian and Ubuntu: sudo apt install python3)"


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What the environment has to become."""

    root: Path
    venv: Path
    python: Path
    pins: Sequence[Pin]
    accelerator: Accelerator
    modules: Sequence[str]


@dataclass(frozen=True, slots=True)
class Session:
    """One attempt: who is told, who may stop it, and the descriptor of the folder's lock."""

    report: Reporter
    cancel: CancelToken
    lock: int | None
    offline: bool


class RuntimeBuilder:
    """One attempt at the environment that ``blueprint`` describes."""

    def __init__(self, blueprint: Blueprint, uv: Uv, session: Session) -> None:
        self._plan = blueprint
        self._uv = uv
        self._session = session
        self._wanted: list[Pin] = []
        self._site = blueprint.venv

    def prepare_python(
        self, requests: Sequence[str], keep: Callable[[Interpreter], bool]
    ) -> Interpreter:
        """The environment's Python: the one that is there if it runs and ``keep`` says so."""
        self._clear_leftovers()
        found = inspect_python(self._plan.python, self._session.cancel)
        if found is not None and keep(found):
            return found
        self._say("Making the Python environment")
        shutil.rmtree(self._plan.venv, ignore_errors=True)
        self._make_venv(requests)
        made = inspect_python(self._plan.python, self._session.cancel)
        if made is None:
            raise AppError(
                "environment_damaged",
                f"The new Python at {self._plan.python} does not run.",
                "Remove the environment and set it up again.",
            )
        return made

    def install(self, interpreter: Interpreter, *, chosen_backend: str = "") -> None:
        """Install what is missing, torch first: it is the largest, and the likeliest to fail."""
        self._site = interpreter.site
        pins = pins_for(self._plan.pins, interpreter.system)
        self._wanted = [pin for pin in pins if not is_cuda_library(pin.name)]
        self._forget_broken()
        torch = next((pin for pin in self._missing() if pin.name == "torch"), None)
        if torch is not None:
            installer = TorchInstaller(self._plan, self._pip, self._say, self._uv.variables)
            installer.install(torch, pins, interpreter.minor, chosen_backend)
        self._install_rest()

    def verify(self, interpreter: Interpreter) -> dict[str, str]:
        """Look at every file, import the main packages, and return their versions."""
        self._say(f"Checking that {', '.join(self._plan.modules)} can be loaded")
        return verify(self._plan, interpreter, self._session.cancel)

    def _clear_leftovers(self) -> None:
        """What a killed uv was unpacking is of no use to the next, and may be a gigabyte."""
        for folder in (self._plan.root / "uv-cache").glob(".tmp*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _make_venv(self, requests: Sequence[str]) -> None:
        for number, request in enumerate(requests, start=1):
            call = UvCall(
                ("venv", "--no-project", "--python", request, *self._offline, str(self._plan.venv)),
                "looking for a Python",
            )
            try:
                self._uv.run(call, self._session.cancel, self._session.lock)
            except AppError as error:
                if number == len(requests):
                    raise _without_python(error) from error
            else:
                return

    def _forget_broken(self) -> None:
        for name, fault in broken_packages(self._site).items():
            forget_package(self._site, name)
            if fault.changed:
                call = UvCall(("cache", "clean", name), f"discarding a damaged {name}")
                self._uv.run(call, self._session.cancel, self._session.lock)

    def _install_rest(self) -> None:
        missing = self._missing()
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            names = ", ".join(pin.name for pin in batch)
            self._say(f"Installing {names}")
            self._pip(("--no-deps", *map(str, batch)), f"installing {names}")
        self._say("All packages are installed")

    def _pip(
        self,
        arguments: Sequence[str],
        doing: str,
        variables: dict[str, str] | None = None,
        on_tick: Callable[[], None] | None = None,
    ) -> str:
        command = ("pip", "install", "--python", str(self._plan.python), *self._offline)
        call = UvCall((*command, *arguments), doing, variables or {}, on_tick)
        return self._uv.run(call, self._session.cancel, self._session.lock)

    @property
    def _offline(self) -> tuple[str, ...]:
        return ("--offline",) if self._session.offline else ()

    def _missing(self) -> list[Pin]:
        have = installed_versions(self._site)
        return [
            pin for pin in self._wanted if public_version(have.get(pin.name, "")) != pin.version
        ]

    def _say(self, message: str) -> None:
        """Report; the fraction counts the packages that are there, and the check as one more."""
        total = len(self._wanted)
        done = total - len(self._missing())
        fraction = done / (total + 1) if total else None
        counted = f"{message} ({done} of {total} packages)" if total else message
        self._session.report(Progress(fraction, counted))


def verify(plan: Blueprint, interpreter: Interpreter, cancel: CancelToken) -> dict[str, str]:
    """Raise AppError unless all pinned packages are complete and the main ones can be imported."""
    pins = [pin for pin in pins_for(plan.pins, interpreter.system) if not is_cuda_library(pin.name)]
    check_packages(interpreter, pins, installed_versions(interpreter.site))
    return check_imports(plan.python, plan.modules, cancel)


def _without_python(error: AppError) -> AppError:
    """What to do without a Python, where fetching one is what failed: install one by oneself."""
    if error.kind == "network":
        reason = "This computer has no Python 3.11, 3.12 or 3.13, and one could not be downloaded."
        advice = f"{_INSTALL_PYTHON}, or check the connection, and try again."
    elif error.kind == "offline":
        reason = "This computer has no Python 3.11, 3.12 or 3.13, and offline mode is on."
        advice = f"{_INSTALL_PYTHON}, or turn offline mode off: then one is downloaded."
    else:
        return error
    return AppError("no_python", reason, advice, error.details)


def python_requests(local_wheels: Sequence[str]) -> list[str]:
    """What to ask uv for, best first: the Python we run on, unless it is the frozen program.

    ``local_wheels`` are the versions for which the user has a torch at hand.
    """
    if sys.executable and not getattr(sys, "frozen", False) and is_supported(sys.version_info[:2]):
        return [sys.executable]
    suited = [text for text in local_wheels if is_supported(_numbers(text))]
    return [*suited, _ANY_PYTHON]


def only_python(version: str) -> list[str]:
    """What to ask uv for where only this version ("3.11") will do: ours, if it is that."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    is_program = bool(sys.executable) and not getattr(sys, "frozen", False)
    return [sys.executable] if is_program and ours == version else [version]


def is_supported(version: tuple[int, ...]) -> bool:
    """Whether the trainer's packages have wheels for this Python."""
    return _OLDEST <= tuple(version[:2]) <= _NEWEST


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
