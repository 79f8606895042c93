"""The program's settings: what each accepts, and what is said of what it does not."""

from __future__ import annotations

import pytest

from models.domain.app_settings import (
    AppSettings,
    app_settings_index,
    parse_setting,
    setting_problem,
    with_setting,
)
from models.domain.errors import ConfigError


def test_every_setting_has_a_default_that_is_right() -> None:
    assert list(app_settings_index()) == [
        "offline", "theme", "text_size", "data_root", "proxy", "language", "notifications",
        "on_close",
    ]  # fmt: skip
    for name, info in app_settings_index().items():
        assert setting_problem(name, info.default) is None
        assert info.rule.label
        assert info.rule.help


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("offline", "on", True),
        ("offline", "No", False),
        ("text_size", "150", 150),
        ("theme", " dark ", "dark"),
        ("proxy", "http://proxy.example:3128", "http://proxy.example:3128"),
        ("proxy", "https://[::1]:8080", "https://[::1]:8080"),
        ("proxy", "", ""),
    ],
)
def test_typed_text_becomes_a_value(name: str, text: str, value: object) -> None:
    parsed = parse_setting(name, text)
    assert parsed == value
    assert getattr(with_setting(AppSettings(), name, parsed), name) == value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("offline", "maybe", "on or off"),
        ("theme", "blue", "system, light, dark"),
        ("text_size", "12.5", "whole number"),
        ("proxy", "socks5://host:1080", "http:// or https://"),
        ("proxy", "proxy.example:3128", "http:// or https://"),
        ("proxy", "http://", "a host and a port"),
        ("proxy", "http://host:3128/path", "a host and a port"),
        ("proxy", "http://host:port", "not an address"),
        ("themes", "dark", "There are: offline, theme"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(name: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_setting(name, text)
    (problem,) = caught.value.problems
    assert problem.field == name
    assert said in f"{problem.message} {problem.remedy}"


def test_a_size_beyond_what_can_be_read_is_refused() -> None:
    with pytest.raises(ConfigError, match="at most 200"):
        with_setting(AppSettings(), "text_size", 900)


def test_a_proxy_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_setting("proxy", "http://me:open-sesame@proxy.example:3128")
    assert "HTTPS_PROXY" in str(caught.value)
    assert "open-sesame" not in str(caught.value)
