"""A uv that needs no network: real virtual environments, packages that are one line each."""

from __future__ import annotations

import re
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.environment.uv_tool import UvCall
    from services.progress import CancelToken

_PIN = re.compile(r"^([a-z0-9-]+)==(\S+)$")


class FakeUv:
    """Does what the builder asks in the folder it names, and remembers every call.

    ``before`` is called with each call and may raise; ``answers`` maps a word that must occur among
    the arguments of a --dry-run to what uv says then; ``versions`` replaces what is installed.
    """

    def __init__(self) -> None:
        self.variables: Mapping[str, str] = {}
        self.calls: list[UvCall] = []
        self.before: Callable[[UvCall], None] = lambda call: None
        self.answers: dict[str, str | AppError] = {}
        self.versions: dict[str, str] = {}

    def run(self, call: UvCall, cancel: CancelToken, lock: int | None = None) -> str:
        """Obey as uv would."""
        cancel.raise_if_cancelled()
        self.calls.append(call)
        self.before(call)
        if call.arguments[0] == "venv":
            venv.create(call.arguments[-1], with_pip=False, symlinks=True)
        elif "--dry-run" in call.arguments:
            return self._answer(call.arguments)
        elif call.arguments[:2] == ("pip", "install"):
            self._install(call.arguments)
        return ""

    @property
    def installed(self) -> list[str]:
        """The names of all packages installed so far, in order."""
        pins = (_PIN.match(word) for call in self.installs for word in call.arguments)
        return [pin[1] for pin in pins if pin]

    @property
    def installs(self) -> list[UvCall]:
        """The calls that installed something."""
        return [
            call
            for call in self.calls
            if call.arguments[:2] == ("pip", "install") and "--dry-run" not in call.arguments
        ]

    def _answer(self, arguments: tuple[str, ...]) -> str:
        for word, answer in self.answers.items():
            if word in arguments:
                if isinstance(answer, AppError):
                    raise answer
                return answer
        return ""

    def _install(self, arguments: tuple[str, ...]) -> None:
        if "--target" in arguments:
            site = Path(arguments[arguments.index("--target") + 1])
        else:
            python = Path(arguments[arguments.index("--python") + 1])
            site = next(python.parent.parent.glob("**/site-packages"))
        for pin in filter(None, map(_PIN.match, arguments)):
            put_package(site, pin[1], self.versions.get(pin[1], pin[2]))


def put_package(site: Path, name: str, version: str) -> None:
    """Install a package that is a module of one line."""
    module = site / f"{name.replace('-', '_')}.py"
    module.write_text(f"__version__ = {version!r}\n", encoding="utf-8")
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    record = f"{module.name},sha256=x,{module.stat().st_size}\n{info.name}/RECORD,,\n"
    (info / "RECORD").write_text(record, encoding="utf-8")
