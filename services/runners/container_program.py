"""A module of the trainer in a container, as if it were a program of this computer.

``python -m services.runners.container_program MODULE ARGUMENT…``: the standard streams and the exit
code are the module's. What is to run, with a token where one is needed, is told by a variable of
the environment (:class:`ContainerOrder`), for other users see the words of a command. A file that
is to be read is given to the container alone, read-only. The container ends with this process,
however that ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from trainer_image.export_names import ENDS_WITH_INPUT_VARIABLE, WORK_FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.docker.worker_link import ContainerLink

PROGRAM_OPTION = "--container-program"
"""With this the frozen program, which has no ``-m``, is this one."""
ORDER_VARIABLE = "TEMPER_CONTAINER_ORDER"
_FILES = "/import"
"""Where a file that is to be read lies in the container."""
_WORK = "/import-work"
_END_SECONDS = 15.0
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ContainerOrder:
    """``spec`` is the body of the engine's create; ``has_input`` says whether the module reads
    this process's standard input, else its own stays open until it has ended."""

    spec: dict[str, Any]
    has_input: bool

    def variables(self) -> dict[str, str]:
        """What the program's environment must have."""
        return {ORDER_VARIABLE: json.dumps(asdict(self))}


def main(arguments: Sequence[str]) -> int:
    """Run the module; its exit code, or 1 with the reason as a JSON document on standard error."""
    from services.docker.engine import DockerEngine
    from services.docker.worker_link import ContainerLink

    order = ContainerOrder(**json.loads(os.environ.pop(ORDER_VARIABLE)))
    spec = with_places(order.spec, arguments, os.environ)
    engine = DockerEngine()
    try:
        link = ContainerLink(engine.client(), spec, Path(os.devnull))
        try:
            return _bridge(link, has_input=order.has_input)
        finally:
            link.kill()
            link.close()
    except AppError as error:
        document = {"kind": error.kind, "message": error.message, "hint": error.hint}
        sys.stderr.write(f"{error.details}\n{json.dumps(document)}\n")
        return 1
    finally:
        engine.forget()


def with_places(
    spec: Mapping[str, Any], arguments: Sequence[str], environ: Mapping[str, str]
) -> dict[str, Any]:
    """The order with the module's words, and with the places of this computer that they name."""
    words, places = ["-m", *arguments], []
    if list(arguments[1:2]) == ["file"]:
        file = Path(arguments[2])
        inside = f"{_FILES}/{file.name}"
        words[-1] = inside
        places.append((str(file), inside, False))
    variables = [*spec["Env"]]
    if work := environ.get(WORK_FOLDER_VARIABLE, ""):
        places.append((work, _WORK, True))
        variables.append(f"{WORK_FOLDER_VARIABLE}={_WORK}")
    host = {**spec["HostConfig"]}
    # As the other folders are given: SELinux's labels exist for binds only.
    if "Binds" in host:
        more = [f"{here}:{there}:{'rw' if writes else 'ro'},z" for here, there, writes in places]
        host["Binds"] = [*host["Binds"], *more]
    else:
        host["Mounts"] = [*host.get("Mounts", ()), *(_mount(*place) for place in places)]
    return {**spec, "Cmd": words, "Env": variables, "HostConfig": host | {"AutoRemove": True}}


def ends_with_input(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The order for a module that reads no input, and is to end when that is closed."""
    return {**spec, "Env": [*spec["Env"], f"{ENDS_WITH_INPUT_VARIABLE}=1"]}


def _mount(here: str, there: str, writes: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": here, "Target": there, "ReadOnly": not writes}


def _bridge(link: ContainerLink, *, has_input: bool) -> int:
    threading.Thread(target=_feed if has_input else _watch, args=(link,), daemon=True).start()
    out, errors = sys.stdout.buffer, sys.stderr.buffer
    try:
        for is_error, data in link.pieces():
            stream = errors if is_error else out
            stream.write(data)
            stream.flush()
    except BrokenPipeError:  # nobody reads any more: the import was cancelled
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    link.wait(_END_SECONDS)
    code = link.exit_code()
    return 1 if code is None else code


def _feed(link: ContainerLink) -> None:
    with suppress(OSError, ValueError):  # it reads no more: its own words say why
        while data := os.read(sys.stdin.fileno(), _READ_BYTES):
            link.send(data)
        link.close_input()


def _watch(link: ContainerLink) -> None:
    """Whoever wanted the rows is gone: the container goes before this process does."""
    while os.read(sys.stdin.fileno(), _READ_BYTES):
        pass
    link.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
