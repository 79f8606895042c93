"""The doctor's findings as plain text: to read in a terminal, or to pass on to somebody else."""

from __future__ import annotations

import getpass
import re
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.doctor import CheckState, grouped, tally
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.domain.doctor import Check

WIDTH = 96
_SIGNS = {
    CheckState.OK: "ok", CheckState.NOTE: "note", CheckState.FAIL: "FAIL",
    CheckState.WAITING: "...",
}  # fmt: skip
_SIGN_WIDTH = 6
_NO_NAMES = {"root", "user", "admin", "docker", "temper", "python", "nvidia"}
"""Users of these names are not known by them, and the words occur in any report."""
_SHORTEST_NAME = 3
USER = "[user]"


def report_text(checks: Iterable[Check], *, width: int = WIDTH) -> str:
    """All findings in aligned columns, grouped, without secrets, home path and user name."""
    found = tuple(checks)
    name_width = max((len(check.name) for check in found), default=0) + 2
    lines = [f"Temper doctor: {tally(found)}"]
    for group, inside in grouped(found):
        lines += ["", group]
        for check in inside:
            lines += _lines(check, name_width, width)
    return without_names("\n".join(lines)) + "\n"


def without_names(text: str, home: Path | None = None, user: str | None = None) -> str:
    """The text without secrets; ``~`` stands for the home folder, and the user has no name."""
    text = redact(text)
    for folder in _spellings(Path.home() if home is None else home):
        text = re.sub(rf"{re.escape(folder)}(?![\w.-])", "~", text)
    name = _user_name() if user is None else user
    if len(name) >= _SHORTEST_NAME and name.lower() not in _NO_NAMES:
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", USER, text, flags=re.IGNORECASE)
    return text


def _lines(check: Check, name_width: int, width: int) -> Iterator[str]:
    head = f"  {_SIGNS[check.state]:<{_SIGN_WIDTH}}{check.name:<{name_width}}"
    yield from _wrapped(head, check.message, width)
    if check.wants_attention:
        indent = " " * len(head)
        if check.meaning:
            yield from _wrapped(f"{indent}Why:  ", check.meaning, width)
        if check.next_step:
            yield from _wrapped(f"{indent}Next: ", check.next_step, width)


def _wrapped(head: str, text: str, width: int) -> list[str]:
    """Paths and commands are never broken."""
    return textwrap.wrap(
        text,
        width=max(width, len(head) + 24),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [head.rstrip()]


def _spellings(home: Path) -> list[str]:
    """As it is named, and as it really is; not the root of a disk, which every path begins with."""
    found = {str(home), home.as_posix()}
    with suppress(OSError):
        found |= {str(home.resolve()), home.resolve().as_posix()}
    return sorted((one for one in found if len(Path(one).parts) > 1), key=len, reverse=True)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user that the system has no entry for
        return ""
