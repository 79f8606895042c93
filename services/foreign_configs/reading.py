"""A YAML file of another program as plain values, each with its line; safe with any content."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from models.domain.errors import AppError
from services.config_files import MOST_BYTES

_DEEPEST = 16
_MOST_VALUES = 20_000
"""Axolotl's longest example has 150. Aliases can repeat a small file into billions of values."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_CONSTRUCT: dict[str, Any] = {
    "tag:yaml.org,2002:int": _CONSTRUCTOR.construct_yaml_int,
    "tag:yaml.org,2002:float": _CONSTRUCTOR.construct_yaml_float,
    "tag:yaml.org,2002:bool": _CONSTRUCTOR.construct_yaml_bool,
}
_NULL = "tag:yaml.org,2002:null"
_HINT = "Choose the YAML file that the other program trains with."


@dataclass(frozen=True, slots=True)
class Given:
    """A value of the file, the line of its name counted from 1, and the parts of a mapping."""

    value: object
    line: int
    parts: dict[str, Given] = field(default_factory=dict)


def fields_of(data: bytes, where: str) -> dict[str, Given]:
    """The settings of the file, those of a mapping as its parts.

    Raises AppError("bad_config") with the place where this is not YAML, or no mapping.
    """
    root = _root(_text(data, where), where)
    if not isinstance(root, yaml.MappingNode):
        raise AppError("bad_config", f"{where} holds no settings.", _HINT)
    reader = _Reader(where)
    return {_name(key): reader.given(key, node) for key, node in root.value}


def _text(data: bytes, where: str) -> str:
    if len(data) > MOST_BYTES:
        raise AppError("bad_config", f"{where} is larger than a configuration can be.", _HINT)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AppError("bad_config", f"{where} is not a text file in UTF-8.", _HINT) from error


def _root(text: str, where: str) -> yaml.Node | None:
    # The events first: building the tree of a file that is nested a million deep ends the process.
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _DEEPEST:
                raise AppError("bad_config", f"{where} is nested too deeply.", _HINT)
        return yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        # Never str(error): it quotes the lines around, and with them whatever they hold.
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        reason = getattr(error, "problem", None) or "it is damaged"
        message = f"{where}{place}: not valid YAML: {reason}."
        raise AppError("bad_config", message, _HINT) from error
    except (ValueError, RecursionError) as error:  # characters or numbers that no YAML has
        raise AppError("bad_config", f"{where} is not valid YAML.", _HINT) from error


class _Reader:
    """Turns nodes into values, and stops where aliases make too many of them."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._left = _MOST_VALUES

    def given(self, key: yaml.Node, node: yaml.Node) -> Given:
        """One setting; only the first level of a mapping's parts is told apart."""
        parts: dict[str, Given] = {}
        if isinstance(node, yaml.MappingNode):
            for inner, child in node.value:
                line = inner.start_mark.line + 1
                parts[_name(inner)] = Given(self.value(child, 2), line)
        return Given(self.value(node, 1), key.start_mark.line + 1, parts)

    def value(self, node: yaml.Node, depth: int) -> object:
        """What a node holds, as Python has it."""
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise AppError("bad_config", f"{self._where} repeats itself without end.", _HINT)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, depth + 1) for child in node.value]
        if isinstance(node, yaml.MappingNode):
            return {_name(key): self.value(child, depth + 1) for key, child in node.value}
        return _scalar(node)


def _name(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "?"


def _scalar(node: yaml.Node) -> object:
    if node.tag == _NULL:
        return None
    try:
        return _CONSTRUCT[node.tag](node) if node.tag in _CONSTRUCT else node.value
    except (ValueError, OverflowError):  # 0b_, or more digits than Python converts
        return node.value
