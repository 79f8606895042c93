"""A container's command in its two forms: ``args`` as it is kept, ``entrypoint`` and ``cmd``."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tests.emulators.runpod.problems import Refused


def parts(args: str) -> dict[str, list[str]]:
    """``entrypoint`` and ``cmd`` of a kept command: a plain string is the command alone."""
    try:
        found = json.loads(args) if args else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {"entrypoint": [], "cmd": _words(args)}
    return {name: list(found.get(name, ())) for name in ("entrypoint", "cmd")}


def _words(args: str) -> list[str]:
    try:
        return shlex.split(args)
    except ValueError:  # a quotation mark without its other half
        return args.split()


def kept(body: dict[str, Any], before: str = "") -> str:
    """``args`` after a request; what it leaves out stays. Refused where it says two things."""
    given = {name: body[name] for name in ("entrypoint", "cmd") if name in body}
    if not given:
        return str(body.get("args", before))
    if "args" in body:
        said = parts(body["args"])
        if any(said[name] != words for name, words in given.items()):
            raise Refused(400, "args and entrypoint or cmd say different things.")
        return str(body["args"])
    both = parts(before) | given
    return (
        json.dumps({n: words for n, words in both.items() if words}) if any(both.values()) else ""
    )


def settings(body: dict[str, Any], before: str = "") -> dict[str, Any]:
    """A body with its command as it is kept."""
    rest = {name: value for name, value in body.items() if name not in ("entrypoint", "cmd")}
    return rest | {"args": kept(body, before)}
