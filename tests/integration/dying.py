"""The program's command line, which ``SIGKILL`` ends at one moment of a bundle's way.

A moment is the beginning or the end of a call that changes a file, the database or an engine, so a
file may be there and empty, or written and without its name.

As a program, ``python -m tests.integration.dying ROOT``, it has the program's modules loaded, and
for each line of its input, an :class:`Order` in JSON, it forks a process that runs a command; the
answer is a line with its exit code, or minus the signal that ended it.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import asdict, dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import docker  # noqa: F401 - so that no fork has to

import app.build_base
import app.build_offline
import app.cli.main
import app.cli.offline
from app.__main__ import main as program
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.torch_source import Accelerator
from services.offline_bundle.exporting import BundleExporter
from services.offline_bundle.importing import BundleImporter
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from app.paths import AppPaths
    from services.offline import OfflinePolicy

_CHANGES = frozenset(
    (
        *("open", "write", "truncate", "flush", "fsync", "replace", "rename", "unlink", "remove"),
        *("mkdir", "rmdir", "symlink", "link", "utime", "sendfile", "copy_file_range"),
        *("execute", "commit", "fork_exec", "sendall"),
    )
)
"""Calls into C by which all of it is done."""
_IN_MEMORY = (str, bytes, io.StringIO, io.BytesIO)


def small_environment(trainer: Path, paths: AppPaths, offline: OfflinePolicy) -> RuntimeEnvironment:
    """An environment with one package that nothing has to be fetched for."""
    return RuntimeEnvironment(
        paths.runtime,
        trainer / "requirements.txt",
        trainer / "requirements.lock",
        modules=("leaf",),
        accelerator=Accelerator.CPU,
        is_offline=offline.is_offline,
    )


def use_small_environment(root: Path, put: Callable[[object, str, object], None]) -> None:
    """Let services be built with the environment that ``root``/trainer_image asks for; ``put`` is
    setattr, or a MonkeyPatch's."""
    put(app.build_base, "build_runtime", partial(small_environment, root / "trainer_image"))
    put(app.build_offline, "code_root", lambda: root)


class Killer:
    """Counts moments, and ends this process at one of them."""

    def __init__(self, moment: int) -> None:
        self._moment = moment
        self.count = 0

    def during(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, with its moments counted; its end is one, too."""

        @wraps(method)
        def watched(*arguments: Any, **named: Any) -> Any:
            threading.setprofile(self._see)
            sys.setprofile(self._see)
            try:
                return method(*arguments, **named)
            finally:
                sys.setprofile(None)
                threading.setprofile(None)
                self._come()

        return watched

    def _see(self, _frame: FrameType, event: str, what: Any) -> None:
        is_change = event in {"c_call", "c_return"} and what.__name__ in _CHANGES
        if is_change and not isinstance(what.__self__, _IN_MEMORY):
            self._come()

    def _come(self) -> None:
        self.count += 1
        if self.count == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Order:
    """A command line, with variables of its own; killed at ``moment``, where 0 never comes. What is
    printed goes to the file ``said``, how many moments there were to the file ``counted``."""

    arguments: list[str]
    variables: dict[str, str]
    moment: int
    said: str
    counted: str


class Forker:
    """Starts this module as a program, and gives it orders."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.dying", str(root)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, order: Order) -> int:
        """The exit code of the process that did it, or minus the signal that ended it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def main() -> None:
    """Fork for each order."""
    use_small_environment(Path(sys.argv[1]), setattr)
    for line in sys.stdin:
        number = os.fork()
        if not number:
            _obey(Order(**json.loads(line)))
        _, status = os.waitpid(number, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _obey(order: Order) -> NoReturn:
    said = os.open(order.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.environ.update(order.variables)
    killer = Killer(order.moment)
    BundleExporter.export = killer.during(BundleExporter.export)
    BundleImporter.bring_in = killer.during(BundleImporter.bring_in)
    code = 1
    try:
        program(order.arguments)
    except SystemExit as left:
        code = int(left.code or 0)
    except BaseException:  # noqa: BLE001 - nothing may go on in the fork of another program
        traceback.print_exc()
    Path(order.counted).write_text(str(killer.count))
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
