"""The uv program as a child process: found, given its folders, run, stopped, understood."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import uv

from models.domain.errors import AppError
from services.environment import pip_settings
from services.environment.child_process import ChildHooks, Command, clean_environment, run_child
from services.environment.uv_errors import uv_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.progress import CancelToken

_PLANNED = re.compile(r"^ [+~] (\S+?)==(\S+)", re.MULTILINE)
# Set by a user for other work, these would change what our own command lines mean.
_NOT_FOR_US = frozenset(
    {
        "UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES", "UV_REQUIRE_HASHES", "UV_CONSTRAINT",
        "UV_OVERRIDE", "UV_EXCLUDE", "UV_VENV_SEED", "UV_VENV_CLEAR", "UV_PROJECT", "UV_NO_CACHE",
        "UV_PROJECT_ENVIRONMENT", "UV_WORKING_DIR", "UV_PYTHON", "UV_TORCH_BACKEND",
        "UV_RESOLUTION",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class UvCall:
    """One call of uv: its arguments, a few words for errors, and what differs for this call."""

    arguments: tuple[str, ...]
    doing: str
    variables: Mapping[str, str] = field(default_factory=dict)
    on_tick: Callable[[], None] | None = None


class Uv(Protocol):
    """What the environment needs of uv; tests put a small fake here."""

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment it runs with."""

    def run(self, call: UvCall, cancel: CancelToken, lock: int | None = None) -> str:
        """Run to the end and return what uv said; AppError when it fails, Cancelled if asked."""


class UvTool:
    """The real uv, with its cache and its Pythons in one folder of ours, so all can be removed."""

    def __init__(
        self,
        home: Path,
        *,
        executable: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._home = home
        self._executable = executable
        self._environ = os.environ if environ is None else environ

    @property
    def variables(self) -> Mapping[str, str]:
        """Made anew at each call: the proxy, say, is a setting that changes meanwhile."""
        return uv_environment(self._environ, self._home)

    def run(self, call: UvCall, cancel: CancelToken, lock: int | None = None) -> str:
        """Run uv; an installation also gets the settings that only arguments can say.

        ``lock`` is a folder_lock's descriptor, kept open in the child: should this program be
        killed, the folder stays locked until uv has ended.
        """
        installs = call.arguments[:2] == ("pip", "install")
        extra = pip_settings.uv_arguments(_pip_settings(self._environ)) if installs else ()
        self._home.mkdir(parents=True, exist_ok=True)
        command = Command(
            [str(self._executable or find_uv()), *call.arguments, *extra],
            env={**self.variables, **call.variables},
            cwd=self._home,
            pass_fds=() if lock is None else (lock,),
        )
        result = run_child(command, cancel, ChildHooks(on_tick=call.on_tick))
        if result.code != 0:
            raise uv_error(result.stderr, call.doing, offline="--offline" in call.arguments)
        return f"{result.stdout}\n{result.stderr}"


def find_uv() -> Path:
    """The uv executable: in the frozen program among its tools, else where its package put it."""
    name = "uv.exe" if sys.platform == "win32" else "uv"
    if getattr(sys, "frozen", False):
        shipped = Path(getattr(sys, "_MEIPASS", "")) / "tools" / name
        if shipped.is_file():
            return shipped
    try:
        return Path(uv.find_uv_bin())
    except FileNotFoundError as error:
        raise AppError(
            "not_found",
            "The program uv, which installs the Python environment, is missing.",
            "Install Temper again.",
            str(error),
        ) from error


def uv_environment(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """The variables uv runs with: the user's own, pip's translated, and our folders."""
    mine = {name: value for name, value in environ.items() if name not in _NOT_FOR_US}
    return {
        **clean_environment(mine),
        **pip_settings.uv_variables(environ, _pip_settings(environ)),
        **pip_settings.uv_config(environ),
        "UV_CACHE_DIR": str(home / "uv-cache"),
        "UV_PYTHON_INSTALL_DIR": str(home / "python"),
        "UV_PYTHON_INSTALL_BIN": "0",
        "UV_PYTHON_INSTALL_REGISTRY": "0",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
    }


def planned_versions(output: str) -> dict[str, str]:
    """Name to version of what uv says it installs, or would install (--dry-run)."""
    return dict(_PLANNED.findall(output))


def _pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    prefix = None if getattr(sys, "frozen", False) else Path(sys.prefix)
    files = pip_settings.pip_config_files(environ, prefix=prefix)
    return pip_settings.read_pip_settings(environ, files)
