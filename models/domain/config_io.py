"""Configurations as plain dicts: versioned, strict about names, tolerant of older files."""

from __future__ import annotations

import types
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Union, cast, get_args, get_origin, get_type_hints

from models.domain.config import OUTPUT_DIRECTORIES, TrainingConfig
from models.domain.errors import AppError, ConfigError, Problem
from models.domain.settings_spec import LARGEST_INTEGER, shown

if TYPE_CHECKING:
    from models.domain.settings_spec import Rule

CONFIG_VERSION = 1
"""Raise it when a saved file of yesterday would mean something else today, and add a migration."""
_LONGEST_NAME = 100
"""No setting's path is half as long; comparing longer ones with all of them takes seconds."""


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One setting: its path, Python type (without None), rule and default."""

    path: str
    kind: type
    rule: Rule
    default: object


@cache
def settings_index() -> dict[str, SettingInfo]:
    """Every setting of a configuration by its path, in the order it is declared."""
    index: dict[str, SettingInfo] = {}
    for section_name, section_type in get_type_hints(TrainingConfig).items():
        hints = get_type_hints(section_type)
        for item in fields(section_type):
            path = f"{section_name}.{item.name}"
            rule = cast("Rule", item.metadata["rule"])
            index[path] = SettingInfo(path, _plain_type(hints[item.name]), rule, item.default)
    return index


def get_value(config: TrainingConfig, path: str) -> object:
    """The value at ``path`` (``hp.epochs``)."""
    section, name = path.split(".", 1)
    return getattr(getattr(config, section), name)


def with_values(config: TrainingConfig, values: dict[str, object]) -> TrainingConfig:
    """A copy with the settings at these paths replaced; unknown paths raise ConfigError."""
    problems = [unknown_setting(path) for path in values if path not in settings_index()]
    if problems:
        raise ConfigError(problems)
    by_section: dict[str, dict[str, object]] = {}
    for path, value in values.items():
        section, name = path.split(".", 1)
        by_section.setdefault(section, {})[name] = value
    sections = {
        name: replace(getattr(config, name), **changed) for name, changed in by_section.items()
    }
    return replace(config, **sections)


def to_dict(config: TrainingConfig) -> dict[str, Any]:
    """A JSON-ready dict with the format's version; the inverse of :func:`from_dict`."""
    return {"version": CONFIG_VERSION, **asdict(config)}


def from_dict(data: object) -> TrainingConfig:
    """Read a dict made by this or an older version; missing settings take their defaults, the
    output directory that of the target.

    Raises ConfigError naming every unknown name and wrong type, AppError("newer_version") for a
    file of a later program.
    """
    if not isinstance(data, dict):
        raise AppError("bad_config", "A configuration must be a mapping of sections.")
    version = data.get("version", 1)
    _check_version(version)
    values, problems = _flatten({key: part for key, part in data.items() if key != "version"})
    index = settings_index()
    for path, value in values.items():
        found = index[path].rule.problem(path, value, index[path].kind)
        if found is not None and _is_type_problem(found):
            problems.append(found)
    if problems:
        raise ConfigError(problems)
    target = values.get("training.target")
    if target in OUTPUT_DIRECTORIES:
        values = {"output.directory": OUTPUT_DIRECTORIES[str(target)]} | values
    return with_values(TrainingConfig(), values)


def choice_problems(config: TrainingConfig) -> list[Problem]:
    """Every setting whose value is not one of its choices.

    A form cannot show such a value: it would show another one than is in the configuration.
    """
    found = []
    for path, info in settings_index().items():
        if info.rule.choices:
            found.append(info.rule.problem(path, get_value(config, path), info.kind))
    return [problem for problem in found if problem is not None]


def parse_value(path: str, text: str) -> object:
    """Turn typed text (``--set hp.learning_rate=1e-4``) into the setting's value.

    Raises ConfigError with the field, the text and what would be right.
    """
    info = settings_index().get(path)
    if info is None:
        raise ConfigError([unknown_setting(path)])
    stripped = text.strip()
    if info.rule.optional and stripped.lower() in {"", "none", "auto", "off"}:
        return None
    try:
        return _parse(info.kind, stripped)
    except ValueError:
        problem = info.rule.problem(path, text, info.kind)
        raise ConfigError([problem or Problem(path, text, "cannot be read.")]) from None


def unknown_section(name: object) -> Problem:
    """The problem of a name that is no section of a configuration."""
    text = name if isinstance(name, str) and len(name) <= _LONGEST_NAME else shown(name)
    return Problem(text, "", "is not a section.", "Remove it.")


def unknown_setting(path: str) -> Problem:
    """The problem of a path that names no setting, with the nearest names that exist."""
    import difflib  # 1.5 ms of the first frame, for an error's sake

    if len(path) > _LONGEST_NAME:
        return Problem(shown(path), "", "is not a setting.")
    near = difflib.get_close_matches(path, settings_index(), n=2)
    return Problem(
        path, "", "is not a setting.", f"Did you mean {' or '.join(near)}?" if near else ""
    )


def _check_version(version: object) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ConfigError([Problem("version", shown(version), "must be a whole number from 1 up.")])
    if version > CONFIG_VERSION:
        raise AppError(
            "newer_version",
            f"This configuration has format {shown(version)}; "
            f"this program reads up to {CONFIG_VERSION}.",
            "Update Temper, or save the configuration again with this version.",
        )


def _flatten(data: dict[object, object]) -> tuple[dict[str, object], list[Problem]]:
    values: dict[str, object] = {}
    problems: list[Problem] = []
    sections = get_type_hints(TrainingConfig)
    for section, part in data.items():
        if section not in sections:
            problems.append(unknown_section(section))
        elif not isinstance(part, dict):
            problems.append(Problem(str(section), shown(part), "must be a mapping of settings."))
        else:
            for name, value in part.items():
                path = f"{section}.{name}"
                if path in settings_index():
                    values[path] = _as_kind(value, settings_index()[path].kind)
                else:
                    problems.append(unknown_setting(path))
    return values, problems


def _is_type_problem(problem: Problem) -> bool:
    # A value out of range is kept: the form shows it with its message, and Start refuses it.
    return problem.message.startswith("must ")


def _as_kind(value: object, kind: type) -> object:
    """Whole numbers as floats where a float is meant, and what YAML 1.1 leaves as text: 1e-4."""
    if kind is not float or isinstance(value, bool) or not isinstance(value, (int, str)):
        return value
    try:
        return float(value)
    except (ValueError, OverflowError):
        return value


def _parse(kind: type, text: str) -> object:
    if kind is bool:
        words = {"true": True, "on": True, "yes": True, "1": True}
        words |= {"false": False, "off": False, "no": False, "0": False}
        if text.lower() not in words:
            raise ValueError(text)
        return words[text.lower()]
    value = kind(text)
    if kind is int and abs(value) > LARGEST_INTEGER:
        raise ValueError(text)
    return value


def _plain_type(hint: Any) -> type:
    if get_origin(hint) in (Union, types.UnionType):
        return cast("type", next(part for part in get_args(hint) if part is not type(None)))
    return cast("type", hint)
