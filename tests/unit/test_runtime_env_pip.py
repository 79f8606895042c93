"""What the user told pip reaches uv; what uv was told itself wins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.environment.pip_settings import (
    find_links_folders,
    pip_config_files,
    read_pip_settings,
    uv_arguments,
    uv_config,
    uv_variables,
)

_XDG = "/etc/xdg/pip/pip.conf"


@pytest.mark.parametrize(
    ("environ", "platform", "prefix", "expected"),
    [
        ({}, "linux", None, [_XDG, "/etc/pip.conf", "H/.pip/pip.conf", "H/.config/pip/pip.conf"]),
        (
            {"XDG_CONFIG_HOME": "/x", "XDG_CONFIG_DIRS": "/a:/b"},
            "linux",
            "/venv",
            ["/a/pip/pip.conf", "/b/pip/pip.conf", "/etc/pip.conf", "H/.pip/pip.conf",
             "/x/pip/pip.conf", "/venv/pip.conf"],
        ),
        (
            {},
            "darwin",
            None,
            ["/Library/Application Support/pip/pip.conf", "H/.pip/pip.conf",
             "H/.config/pip/pip.conf"],
        ),
        (
            {"APPDATA": "/roaming", "PROGRAMDATA": "/shared"},
            "win32",
            "/py",
            ["/shared/pip/pip.ini", "H/pip/pip.ini", "/roaming/pip/pip.ini", "/py/pip.ini"],
        ),
        ({"PIP_CONFIG_FILE": os.devnull}, "linux", "/venv", []),
    ],
)  # fmt: skip
def test_where_pip_looks(
    environ: dict[str, str],
    platform: str,
    prefix: str | None,
    expected: list[str],
    tmp_path: Path,
) -> None:
    found = pip_config_files(
        {"HOME": str(tmp_path), **environ},
        platform=platform,
        prefix=Path(prefix) if prefix else None,
    )
    assert [str(path).replace(str(tmp_path), "H") for path in found] == expected


def test_a_named_file_replaces_the_users_and_comes_last(tmp_path: Path) -> None:
    named = tmp_path / "mine.conf"
    named.touch()
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(named)}
    found = pip_config_files(environ, platform="linux")
    assert found == [Path(_XDG), Path("/etc/pip.conf"), named]


def test_files_sections_and_variables_in_pips_order(tmp_path: Path) -> None:
    machine, user = tmp_path / "machine", tmp_path / "user"
    machine.write_text("[global]\ncert = /m.pem\nindex-url = m\n[install]\nfind-links = /m\n")
    user.write_text("[global]\nindex_url = u\nfind-links = /u\nextra-index-url =\n  e1\n  e2\n")
    environ = {"PIP_CERT": "/v.pem", "PIP_TIMEOUT": "", "HOME": "/h"}
    found = read_pip_settings(environ, [machine, tmp_path / "absent", user])
    assert found == {
        "cert": "/v.pem",
        "index-url": "u",
        "find-links": "/m",
        "extra-index-url": "\ne1\ne2",
    }


def test_a_broken_file_counts_as_empty(tmp_path: Path) -> None:
    broken, binary = tmp_path / "broken", tmp_path / "binary"
    broken.write_text("no section = here\n")
    binary.write_bytes(b"\xff\xfe\x00")
    assert read_pip_settings({}, [broken, binary]) == {}


@pytest.mark.parametrize(
    ("pip", "environ", "expected"),
    [
        ({}, {}, {}),
        (
            {"index-url": " https://mirror/simple "},
            {},
            {"UV_DEFAULT_INDEX": "https://mirror/simple"},
        ),
        ({"index-url": "m"}, {"UV_DEFAULT_INDEX": "own"}, {}),
        ({"index-url": "m"}, {"UV_INDEX_URL": "own"}, {}),
        (
            {"extra-index-url": "\na\nb"},
            {},
            {"UV_INDEX": "a b", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        ({"extra-index-url": "a"}, {"UV_INDEX_STRATEGY": "first-index"}, {"UV_INDEX": "a"}),
        ({"extra-index-url": "a"}, {"UV_INDEX": "own"}, {}),
        ({"find-links": "/wheels\n/more"}, {}, {"UV_FIND_LINKS": "/wheels,/more"}),
        ({"find-links": "/wheels"}, {"UV_FIND_LINKS": "/own"}, {}),
        ({"cert": "/c.pem"}, {}, {"SSL_CERT_FILE": "/c.pem"}),
        ({"cert": "/c.pem"}, {"SSL_CERT_FILE": "/own.pem"}, {}),
        ({"proxy": "http://p:1"}, {}, {"ALL_PROXY": "http://p:1"}),
        ({"proxy": "http://p:1"}, {"HTTPS_PROXY": "http://q"}, {}),
        ({"trusted-host": "a b"}, {}, {"UV_INSECURE_HOST": "a b"}),
        ({"default-timeout": "180"}, {}, {"UV_HTTP_TIMEOUT": "180"}),
        ({"default-timeout": "180", "timeout": "9"}, {}, {"UV_HTTP_TIMEOUT": "9"}),
        ({"index-url": ""}, {}, {}),
    ],
)
def test_pip_in_uvs_words(
    pip: dict[str, str], environ: dict[str, str], expected: dict[str, str]
) -> None:
    assert uv_variables(environ, pip) == expected


def test_home_is_expanded_in_folders_of_wheels() -> None:
    found = uv_variables({}, {"find-links": "~/wheels"})["UV_FIND_LINKS"]
    assert found == str(Path("~/wheels").expanduser())


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("true", True), ("no", False), ("", False)]
)
def test_no_index_is_an_argument(value: str, expected: bool) -> None:
    assert uv_arguments({"no-index": value}) == (("--no-index",) if expected else ())
    assert uv_arguments({}) == ()


def test_only_local_folders_are_folders_of_wheels(tmp_path: Path) -> None:
    entries = f"https://server/wheels, {tmp_path},/absent,file://{tmp_path}"
    assert find_links_folders({"UV_FIND_LINKS": entries}) == [tmp_path, tmp_path]
    assert find_links_folders({}) == []


def test_only_the_users_own_uv_settings_are_read(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "etc")}
    assert uv_config(environ, platform="linux") == {"UV_NO_CONFIG": "1"}
    mine = tmp_path / ".config" / "uv" / "uv.toml"
    mine.parent.mkdir(parents=True)
    mine.touch()
    assert uv_config(environ, platform="linux") == {"UV_CONFIG_FILE": str(mine)}
    assert uv_config({**environ, "UV_CONFIG_FILE": "/own"}, platform="linux") == {}
