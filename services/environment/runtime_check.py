"""Asks the managed environment's Python what it is, and whether its packages really work."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.environment.child_process import Command, clean_environment, run_child
from services.environment.installed_packages import broken_packages
from services.environment.lock_file import public_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.environment.lock_file import Pin
    from services.progress import CancelToken

_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
_INSPECT = """
import json, platform, sys, sysconfig
print(json.dumps({"site": sysconfig.get_path("purelib"), "system": {
    "python_full_version": platform.python_version(),
    "python_version": "%d.%d" % sys.version_info[:2],
    "implementation_name": sys.implementation.name,
    "platform_python_implementation": platform.python_implementation(),
    "platform_system": platform.system(), "platform_machine": platform.machine(),
    "sys_platform": sys.platform, "os_name": __import__("os").name}}))
"""
_IMPORT = """
import importlib, importlib.metadata, json, sys
versions, faults = {}, {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        versions[name] = importlib.metadata.version(name)
    except Exception as error:  # an import may fail in any way; all are told
        faults[name] = f"{type(error).__name__}: {error}"
print(json.dumps({"versions": versions, "faults": faults}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that answered: where its packages are, and its values for environment markers."""

    site: Path
    system: Mapping[str, str]

    @property
    def minor(self) -> str:
        """Its version as "3.11"."""
        return self.system["python_version"]


def inspect_python(python: Path, cancel: CancelToken) -> Interpreter | None:
    """Ask ``python`` about itself; None when it does not run, as in a half-made environment."""
    try:
        answer = _ask(python, _INSPECT, (), cancel)
    except (OSError, ValueError):
        return None
    return Interpreter(Path(answer["site"]), answer["system"])


def check_packages(interpreter: Interpreter, pins: Iterable[Pin], have: Mapping[str, str]) -> None:
    """Raise AppError unless each pin is installed in its version and with all its files."""
    broken = broken_packages(interpreter.site)
    faults = [
        f"{pin}: {broken.get(pin.name) or have.get(pin.name, 'not installed')}"
        for pin in pins
        if pin.name in broken or public_version(have.get(pin.name, "")) != pin.version
    ]
    if faults:
        raise _damaged("are not as they should be", faults)


def check_imports(python: Path, modules: Sequence[str], cancel: CancelToken) -> dict[str, str]:
    """Import ``modules`` with that Python, offline, and return the versions found."""
    try:
        answer = _ask(python, _IMPORT, modules, cancel)
    except (OSError, ValueError) as error:
        raise _damaged("cannot be loaded", [str(error)]) from error
    if answer["faults"]:
        faults = [f"{name}: {fault}" for name, fault in answer["faults"].items()]
        raise _damaged("cannot be loaded", faults)
    return dict(answer["versions"])


def _ask(python: Path, script: str, arguments: Sequence[str], cancel: CancelToken) -> Any:
    """The JSON that the script's last line is; ValueError with what it said otherwise."""
    command = Command(
        [str(python), "-I", "-c", script, *arguments],
        env={**clean_environment(os.environ), **_QUIET},
    )
    result = run_child(command, cancel)
    lines = result.stdout.splitlines()
    if result.code != 0 or not lines:
        raise ValueError(f"{python} ended with {result.code}. {result.stderr.strip()[-2000:]}")
    return json.loads(lines[-1])


def _damaged(what: str, faults: Sequence[str]) -> AppError:
    return AppError(
        "environment_damaged",
        f"Packages of the Python environment {what}: {', '.join(_names(faults))}.",
        "Set the environment up again; if that does not help, remove it first.",
        "\n".join(faults),
    )


def _names(faults: Sequence[str]) -> list[str]:
    names = [fault.partition(":")[0] for fault in faults]
    return names if len(names) <= 5 else [*names[:4], f"{len(names) - 4} more"]
