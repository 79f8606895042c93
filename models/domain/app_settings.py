"""The program's own settings: each declared once, with its default, its rule and its words."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast, get_type_hints
from urllib.parse import urlsplit

from models.domain.errors import ConfigError, Problem
from models.domain.settings_spec import setting

if TYPE_CHECKING:
    from models.domain.settings_spec import Rule

THEMES = ("system", "light", "dark")
TEXT_SIZES = (100, 115, 130, 150, 175, 200)
"""What the window offers; any whole percentage between the first and the last is taken."""
LANGUAGES = ("English", "System")
CLOSE_ASK, CLOSE_KEEP, CLOSE_STOP = "ask", "keep", "stop"
_PROXY_SCHEMES = {"http", "https"}


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What the user chose for the program as a whole. Nothing in it is secret."""

    offline: bool = setting(
        False,
        "Offline mode",
        help="Nothing leaves this computer: no Runpod, no Hugging Face, no downloads.",
    )
    theme: str = setting("system", "Theme", help="The window's colours.", choices=THEMES)
    text_size: int = setting(
        TEXT_SIZES[0],
        "Text size",
        help="Of all text in the window.",
        minimum=TEXT_SIZES[0],
        maximum=TEXT_SIZES[-1],
        unit="%",
    )
    data_root: str = setting(
        "",
        "Data folder",
        help="Where runs, outputs and models are kept, unless a setup names another folder. "
        "Empty: the data folder of this program.",
    )
    proxy: str = setting(
        "",
        "Proxy",
        help="For everything that reaches out, for example http://proxy.example:3128. "
        "Empty: as the system's variables say.",
    )
    language: str = setting(
        LANGUAGES[0],
        "Language",
        help="Temper speaks English. System: dates and times as this computer writes them.",
        choices=LANGUAGES,
    )
    notifications: bool = setting(
        True,
        "Notifications",
        help="When a training ends while another window is in front.",
    )
    on_close: str = setting(
        CLOSE_ASK,
        "Closing while training",
        help="A training goes on without the window, or is stopped with a checkpoint first.",
        choices=(CLOSE_ASK, CLOSE_KEEP, CLOSE_STOP),
    )


@dataclass(frozen=True, slots=True)
class AppSettingInfo:
    """One setting: its name, Python type, rule and default."""

    name: str
    kind: type
    rule: Rule
    default: object


@cache
def app_settings_index() -> dict[str, AppSettingInfo]:
    """Every setting by its name, in the order in which they are shown."""
    hints = get_type_hints(AppSettings)
    return {
        item.name: AppSettingInfo(
            item.name, hints[item.name], cast("Rule", item.metadata["rule"]), item.default
        )
        for item in fields(AppSettings)
    }


def with_setting(settings: AppSettings, name: str, value: object) -> AppSettings:
    """A copy with one setting replaced; ConfigError says what is wrong with name or value."""
    problem = setting_problem(name, value)
    if problem is not None:
        raise ConfigError([problem])
    changed: dict[str, Any] = {name: value}
    return replace(settings, **changed)


def setting_problem(name: str, value: object) -> Problem | None:
    """What is wrong with this value of this setting; None where nothing is."""
    info = app_settings_index().get(name)
    if info is None:
        known = ", ".join(app_settings_index())
        return Problem(name, "", "is not a setting.", f"There are: {known}.")
    problem = info.rule.problem(name, value, info.kind)
    if problem is None and name == "proxy":
        return _proxy_problem(str(value))
    return problem


def parse_setting(name: str, text: str) -> object:
    """Typed text as the setting's value. ConfigError with the text and what would be right."""
    info = app_settings_index().get(name)
    stripped = text.strip()
    if info is not None and info.kind is bool and stripped.lower() in _SWITCH_WORDS:
        return _SWITCH_WORDS[stripped.lower()]
    if info is not None and info.kind is int and stripped.isdecimal():
        return int(stripped)
    problem = setting_problem(name, stripped)
    if problem is not None:
        raise ConfigError([problem])
    return stripped


_SWITCH_WORDS = {
    "true": True, "on": True, "yes": True, "1": True,
    "false": False, "off": False, "no": False, "0": False,
}  # fmt: skip


def _proxy_problem(value: str) -> Problem | None:
    if not value:
        return None
    example = "Use for example http://proxy.example:3128."
    try:
        parts = urlsplit(value)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not close
        return Problem("proxy", value, "is not an address.", example)
    if parts.username is not None or parts.password is not None:
        # Not the value: it holds a password.
        message = "must not hold a name or a password: settings are no place for secrets."
        return Problem("proxy", "", message, "Put such an address into the variable HTTPS_PROXY.")
    if parts.scheme not in _PROXY_SCHEMES:
        return Problem("proxy", value, "must begin with http:// or https://.", example)
    if not has_place or parts.path.strip("/") or parts.query or parts.fragment:
        return Problem("proxy", value, "must be a host and a port.", example)
    return None
