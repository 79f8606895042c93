"""What a container engine takes as names: of a container, an image and the GPUs it may see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.domain.errors import Problem
from models.domain.processes import ALL_GPUS

if TYPE_CHECKING:
    from models.domain.config import LocalSection

LONGEST_NAME = 200
"""The engine sets no bound; beyond the 255 bytes of a file's name it fails at the start."""
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
"""As dockerd checks it (daemon/names: RestrictedNameChars)."""
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*"
    r"(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?"
    r"(?:@sha256:[0-9a-f]{64})?"
)
"""The grammar of references, as the registries' own library (distribution/reference) has it."""
_DEVICES = re.compile(r"[0-9]+(?:\s*,\s*[0-9]+)*")


def container_problems(local: LocalSection) -> list[Problem]:
    """All that can be told from the values alone; the engine is asked when a run starts."""
    found = (
        name_problem(local.container_name),
        image_problem(local.image),
    )
    return [problem for problem in found if problem is not None]


def name_problem(name: str) -> Problem | None:
    """Why no container can have this name; an empty one is made up by the program."""
    path = "local.container_name"
    if not name.strip() or (_NAME.fullmatch(name) and len(name) <= LONGEST_NAME):
        return None
    if len(name) > LONGEST_NAME:
        return Problem(path, "", "is too long.", f"Use at most {LONGEST_NAME} characters.")
    if len(name) == 1:
        return Problem(path, name, "is too short.", "Use at least two characters.")
    if not name[0].isascii() or not name[0].isalnum():
        return Problem(path, name, "must begin with a letter or a digit, without an accent.")
    strange = next(char for char in name if not re.fullmatch(r"[a-zA-Z0-9_.-]", char))
    shown = "a space" if strange == " " else f"“{strange}”"
    return Problem(
        path, name, f"cannot hold {shown}.", "Use letters, digits, and . _ - between them."
    )


def image_problem(tag: str) -> Problem | None:
    """Why this names no image, which is ``[registry/]name[:tag]``."""
    path = "local.image"
    if not tag.strip():
        return Problem(path, "", "is empty.", "Choose the image to train in.")
    if _IMAGE.fullmatch(tag):
        return None
    if tag != tag.strip() or " " in tag:
        return Problem(path, tag, "cannot hold a space.")
    if "://" in tag:
        return Problem(path, tag, "is an address.", "Leave out what stands before the name.")
    if tag.partition(":")[0] != tag.partition(":")[0].lower() and "/" not in tag:
        return Problem(path, tag, "cannot have capital letters in its name.")
    return Problem(
        path, tag, "is no name of an image.", "Use for example docker.io/user/name:latest."
    )


def devices_problem(devices: str) -> Problem | None:
    """Why this chooses no GPUs."""
    text = devices.strip()
    if text.lower() == ALL_GPUS or _DEVICES.fullmatch(text):
        return None
    return Problem(
        "local.gpu_devices",
        devices,
        "names no GPUs." if text else "is empty.",
        "Use all, or numbers such as 0,1.",
    )
