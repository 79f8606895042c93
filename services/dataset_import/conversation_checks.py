"""Whether a conversation can be learnt from: speakers, order, content; by the trainer's rules."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from services.dataset_import.findings import DROP, FIX
from trainer_image.row_formats import CALLERS, ROLES, SPEAKERS


@dataclass(slots=True)
class Verdict:
    """What is wrong with a row (``code``, ``message``, ``remedy``), and what is to be told."""

    problems: list[tuple[str, str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, code: str, message: str, remedy: str = DROP) -> None:
        """The row cannot be used."""
        self.problems.append((code, message, remedy))

    def note(self, code: str, message: str) -> None:
        """The row can be used, but the user should know."""
        self.notes.append((code, message))


def is_plain_chat(turns: object, speaker: str, said: str, known: dict[str, str]) -> bool:
    """Whether nothing at all is to be said of a conversation: the case of most rows, so fast."""
    if type(turns) is not list:
        return False
    wanted, is_first = "user", True
    for turn in turns:
        if type(turn) is not dict or len(turn) > 2:
            return False
        text = turn.get(said)
        if type(text) is not str or not text or text.isspace():
            return False
        name = turn.get(speaker)
        role = known.get(name) if type(name) is str else None
        if role == wanted and name not in CALLERS:
            wanted = "user" if role == "assistant" else "assistant"
        elif not is_first or role != "system":
            return False
        is_first = False
    return wanted == "user" and bool(turns) and not (len(turns) == 1 and role == "system")


def check_messages(turns: Any, verdict: Verdict, *, answers: bool = True, where: str = "") -> None:
    """Messages with role and content; ``answers``: the assistant must say something."""
    if not _is_list(turns, where or "messages", verdict):
        return
    roles = []
    for turn in turns:
        role = ROLES.get(str(turn.get("role")))
        if role is None:
            allowed = ", ".join(ROLES)
            message = f"A message has the role {_shown(turn.get('role'))}; known are {allowed}."
            verdict.refuse("unknown_role", message, FIX)
            return
        roles.append(role)
        _check_content(turn, role, verdict)
    if not verdict.problems:
        check_order(roles, verdict, answers=answers, is_whole=not where)


def check_sharegpt(turns: Any, verdict: Verdict) -> None:
    """Turns with from and value."""
    if not _is_list(turns, "conversations", verdict):
        return
    roles = []
    for turn in turns:
        role = SPEAKERS.get(str(turn.get("from")))
        if role is None:
            message = f"A turn is from {_shown(turn.get('from'))}, whom nobody knows."
            verdict.refuse("unknown_speaker", message, FIX)
            return
        roles.append(role)
        is_call = turn.get("from") in CALLERS and _is_call(turn.get("value"), verdict)
        _check_text(turn.get("value"), role, verdict, is_call=is_call)
    if not verdict.problems:
        check_order(roles, verdict)


def check_tools(tools: Any, verdict: Verdict) -> None:
    """The functions that the assistant may call: a list, or its JSON."""
    if isinstance(tools, str) and tools.strip():
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError):
            verdict.refuse("bad_tools", "'tools' holds JSON that is not valid.", FIX)
            return
    elif isinstance(tools, str):
        return
    if tools and not _are_objects(tools):
        verdict.refuse("bad_tools", "'tools' is not a list of functions.", FIX)


def check_order(
    roles: list[str], verdict: Verdict, *, answers: bool = True, is_whole: bool = True
) -> None:
    """Orders that many templates refuse are told; without any answer nothing can be learnt.

    ``is_whole``: the conversation begins with it.
    """
    if answers and "assistant" not in roles:
        verdict.refuse("no_answer", "The assistant says nothing in it, so there is none to learn.")
        return
    if "system" in roles[1:]:
        verdict.note("late_system", "A system message stands behind the first place.")
    spoken = [role for role in roles if role != "system"]
    if is_whole and spoken[0] == "assistant":
        verdict.note("assistant_first", "The assistant speaks first; some templates refuse that.")
    for before, after in pairwise(spoken):
        if before == after and before in {"user", "assistant"}:
            message = f"Two messages of the {before} follow each other; some templates refuse that."
            verdict.note("same_role_twice", message)
            break
    if answers and spoken[-1] == "user":
        verdict.note("ends_with_user", "It ends with the user, whose last message is not answered.")


def _is_list(turns: Any, name: str, verdict: Verdict) -> bool:
    if not isinstance(turns, list):
        verdict.refuse("wrong_type", f"{name!r} is not a list of messages.", FIX)
    elif not turns:
        verdict.refuse("empty_value", f"{name!r} is an empty list.")
    elif not _are_objects(turns):
        verdict.refuse("wrong_type", f"{name!r} holds something that is no message.", FIX)
    else:
        return True
    return False


def _check_content(turn: dict[str, Any], role: str, verdict: Verdict) -> None:
    calls = turn.get("tool_calls") if role == "assistant" else None
    if calls:
        _check_calls(calls, verdict)
    content = turn.get("content")
    if isinstance(content, list) and content and all(isinstance(part, dict) for part in content):
        if any(part.get("type") not in (None, "text") for part in content):
            message = "A message holds images or sound; only text can be learnt."
            verdict.refuse("not_text", message)
            return
        texts = [part.get("text") for part in content]
        content = "".join(texts) if all(isinstance(text, str) for text in texts) else None
    if calls and content is None:
        return
    _check_text(content, role, verdict, is_call=bool(calls))


def _check_text(text: Any, role: str, verdict: Verdict, *, is_call: bool) -> None:
    if not isinstance(text, str):
        what = "missing" if text is None else f"{type(text).__name__}, not text"
        verdict.refuse("wrong_type", f"The content of a message of the {role} is {what}.")
    elif not text.strip() and not is_call:
        if role == "assistant":
            verdict.refuse("empty_answer", "An answer of the assistant is empty.")
        else:
            verdict.note("empty_turn", f"A message of the {role} is empty.")


def _check_calls(calls: Any, verdict: Verdict) -> None:
    if not _are_objects(calls):
        verdict.refuse("bad_tool_call", "'tool_calls' is not a list of calls.", FIX)
        return
    for call in calls:
        function = call.get("function") if isinstance(call.get("function"), dict) else call
        if not isinstance(function.get("name"), str) or not function["name"]:
            verdict.refuse("bad_tool_call", "A tool call does not name its function.", FIX)
            return
        if not _are_arguments(function.get("arguments", function.get("parameters"))):
            message = f"The arguments of the call of {_shown(function['name'])} are no JSON object."
            verdict.refuse("bad_tool_call", message, FIX)
            return


def _is_call(said: Any, verdict: Verdict) -> bool:
    """Whether a turn of ``function_call`` holds calls as JSON, which must be sound then."""
    try:
        found = json.loads(said)
    except (TypeError, ValueError, RecursionError):
        return False  # plain text, checked as such
    calls = found if isinstance(found, list) else [found]
    if calls:
        _check_calls(calls, verdict)
    return bool(calls)


def _are_arguments(arguments: Any) -> bool:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            return False
    return arguments is None or isinstance(arguments, dict)


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _shown(value: object) -> str:
    return repr(value)[:40]
