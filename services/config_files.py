"""Configurations as YAML files: read with the line of everything that is wrong, written whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import yaml

from models.domain.config_io import (
    CONFIG_VERSION,
    from_dict,
    settings_index,
    to_dict,
    unknown_section,
    unknown_setting,
)
from models.domain.errors import AppError, ConfigError, Problem
from services.config_secrets import refuse_secrets, secret_problem
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from models.domain.config import TrainingConfig

MOST_BYTES = 1_000_000
"""A whole configuration has 3,000; anything near this is another kind of file."""
_DEEPEST = 8
_NEXT = "Mend the file, or export a configuration again to see how one looks."
# The C parser is ten times as fast; both know the same YAML.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SECTIONS = frozenset(path.partition(".")[0] for path in settings_index())


def read_config_file(path: Path) -> TrainingConfig:
    """Read an exported configuration (YAML, of which JSON is a part).

    Raises AppError with the place in the file, ConfigError with every wrong setting and its line.
    """
    return config_of_bytes(content_of(path), path.name)


def content_of(path: Path) -> bytes:
    """What a file holds, up to a byte more than may be read; AppError where it cannot be."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise AppError("not_found", f"There is no file {path}.", "Check its name.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise AppError("bad_config", f"{path} cannot be read: {reason}.") from error


def config_of_bytes(data: bytes, where: str) -> TrainingConfig:
    """Read a configuration from a file's content; ``where`` names the file in errors."""
    if len(data) > MOST_BYTES:
        raise AppError(
            "bad_config",
            f"{where} is larger than a configuration can be.",
            "Choose a YAML or JSON file that was exported as a configuration.",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{where} is not a text file in UTF-8."
        raise AppError("bad_config", message, "Choose a YAML or JSON file.") from error
    return parse_config(text, where)


def parse_config(text: str, where: str) -> TrainingConfig:
    """Read a configuration from YAML; ``where`` names its file in errors, which are as above."""
    try:
        reader = _Reader(_root(text))
    except yaml.YAMLError as error:
        raise _not_yaml(error, where) from error
    except (ValueError, RecursionError) as error:  # characters or numbers that no YAML has
        raise AppError("bad_config", f"{where} is not valid YAML.", _NEXT) from error
    return reader.config(where)


def config_text(config: TrainingConfig) -> str:
    """The configuration as YAML, every setting of it; ConfigError where one holds a secret."""
    refuse_secrets(config)
    return yaml.dump(
        to_dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
    )


def write_config_file(path: Path, config: TrainingConfig) -> None:
    """Export a configuration as YAML, whole or not at all. It never holds a secret."""
    write_whole(path, config_text(config))


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all. Raises AppError("io")."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise AppError(
            "io", f"{path} cannot be written: {error}.", "Choose another folder."
        ) from error


class _Dumper(yaml.SafeDumper):
    """Quotes a text with line ends, of which Unicode has several, so that it comes back equal."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if len(text.splitlines()) > 1 or text != text.strip() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


def _root(text: str) -> yaml.Node | None:
    """The tree of nodes, after a look at the events: building the tree of a file that is nested
    a million deep ends the process, and one that repeats itself by aliases fills the memory.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise _unwanted("it is nested too deeply", event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _unwanted("anchors and aliases are not used in configurations", event)
        if getattr(event, "tag", None):
            raise _unwanted("tags are not used in configurations", event)
    return yaml.compose(text, Loader=_LOADER)


class _UnwantedYamlError(yaml.MarkedYAMLError):
    """Something that YAML has and configurations have not."""


def _unwanted(problem: str, event: yaml.Event) -> _UnwantedYamlError:
    return _UnwantedYamlError(
        problem=problem, problem_mark=cast("yaml.Mark | None", event.start_mark)
    )


def _not_yaml(error: yaml.YAMLError, where: str) -> AppError:
    # Never str(error): it quotes the lines around, and with them whatever they hold.
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f", line {mark.line + 1}" if mark is not None else ""
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is damaged"
    if reason.startswith("but "):
        reason = f"{getattr(error, 'context', None) or ''}, {reason}".removeprefix(", ")
    kind = "" if isinstance(error, _UnwantedYamlError) else "not valid YAML: "
    return AppError("bad_config", f"{where}{place}: {kind}{reason}.", _NEXT)


class _Reader:
    """Goes through the nodes of a file and keeps values, lines and problems apart."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._data: dict[str, object] = {}
        self._values: dict[str, object] = {}
        self._lines: dict[str, int] = {}
        self._problems: list[Problem] = []
        self._is_mapping = isinstance(root, yaml.MappingNode)
        if isinstance(root, yaml.MappingNode):
            for name, node in self._pairs(root, ""):
                self._take_section(name, node)

    def config(self, where: str) -> TrainingConfig:
        """The configuration, or ConfigError with all problems in the order of the lines."""
        if not self._is_mapping:
            raise AppError(
                "bad_config", f"{where} is not a configuration: it has no sections.", _NEXT
            )
        self._refuse_newer()
        self._problems += self._value_problems()
        try:
            config = from_dict(self._data)
        except ConfigError as error:
            self._problems += error.problems
        else:
            if not self._problems:
                return config
        raise ConfigError(sorted(map(self._with_line, self._problems), key=_line), where)

    def _refuse_newer(self) -> None:
        # Before anything else: what is unknown in a file of a later program is not its mistake.
        version = self._data.get("version", 1)
        if isinstance(version, int) and version > CONFIG_VERSION:
            from_dict({"version": version})

    def _take_section(self, name: str, node: yaml.Node) -> None:
        if name == "version":
            self._data[name] = _value(node, int)
        elif name not in _SECTIONS:
            self._problems.append(unknown_section(name))
        elif isinstance(node, yaml.MappingNode):
            self._data[name] = self._settings(name, node)
        elif not _is_null(node):  # a section without settings has the defaults
            self._problems.append(Problem(name, "", "must be a mapping of settings."))

    def _settings(self, section: str, node: yaml.MappingNode) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, child in self._pairs(node, f"{section}."):
            path = f"{section}.{name}"
            info = settings_index().get(path)
            if info is None:
                self._problems.append(unknown_setting(path))
            elif not isinstance(child, yaml.ScalarNode):
                self._problems.append(Problem(path, "", "must be a single value."))
            else:
                found[name] = self._values[path] = _value(child, info.kind)
        return found

    def _pairs(self, node: yaml.MappingNode, prefix: str) -> Iterator[tuple[str, yaml.Node]]:
        for key, child in node.value:
            line = key.start_mark.line + 1
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            path = f"{prefix}{name}"
            if path in self._lines:
                first = self._lines[path]
                problem = Problem(path, "", f"is set twice, first in line {first}.", "", line)
                self._problems.append(problem)
                continue
            self._lines[path] = line
            yield name, child

    def _value_problems(self) -> Iterator[Problem]:
        for path, value in self._values.items():
            info = settings_index()[path]
            problem = secret_problem(path, value)
            # A form cannot show what is no choice: it would show another value than the file's.
            if problem is None and info.rule.choices and value not in info.rule.choices:
                problem = info.rule.problem(path, value, info.kind)
            if problem is not None:
                yield problem

    def _with_line(self, problem: Problem) -> Problem:
        line = problem.line or self._lines.get(problem.field, 0)
        return replace(problem, line=line, value=redact(problem.value))


def _line(problem: Problem) -> int:
    return problem.line


def _is_null(node: yaml.Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_CONSTRUCT: dict[str, Callable[[Any], object]] = {
    "tag:yaml.org,2002:int": _CONSTRUCTOR.construct_yaml_int,
    "tag:yaml.org,2002:float": _CONSTRUCTOR.construct_yaml_float,
    "tag:yaml.org,2002:bool": _CONSTRUCTOR.construct_yaml_bool,
}


def _value(node: yaml.Node, kind: type) -> object:
    """A scalar as the setting's type wants it.

    For a text the words stay as they are typed: YAML takes ``on`` for a switch and ``12`` for a
    number, and neither is what is meant where a text is expected.
    """
    if _is_null(node):
        return "" if kind is str else None
    if kind is str or node.tag not in _CONSTRUCT:
        return node.value
    try:
        return _CONSTRUCT[node.tag](node)
    except (ValueError, OverflowError):  # 0b_, or more digits than Python converts
        return node.value
