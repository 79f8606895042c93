"""The lock that is shipped, and the reading of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from services.environment.lock_file import (
    Pin,
    fingerprint,
    is_cuda_library,
    marker_holds,
    pins_for,
    read_pins,
)

_TRAINER = Path(__file__).parents[2] / "trainer_image"
_LOCK = (_TRAINER / "requirements.lock").read_text(encoding="utf-8")
_SYSTEMS = [
    {"python_full_version": version, "sys_platform": platform, "platform_machine": machine}
    for version in ("3.11.0", "3.11.14", "3.12.1", "3.13.0", "3.15.0")
    for platform in ("linux", "darwin", "win32")
    for machine in ("x86_64", "aarch64", "arm64", "AMD64", "riscv64")
]


def test_the_lock_holds_every_requirement_in_a_version_it_allows() -> None:
    versions = {pin.name: pin.version for pin in read_pins(_LOCK)}
    lines = (_TRAINER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            wanted = Requirement(line)
            name = wanted.name.replace("_", "-")
            assert wanted.specifier.contains(versions[name]), f"{name}: make the lock again"


def test_the_lock_names_no_server_and_no_build() -> None:
    pins = [line for line in _LOCK.splitlines() if not line.startswith("#")]
    assert not any("://" in line or "+" in line or "--hash" in line for line in pins)
    assert not any(line.startswith("-") for line in pins)


@pytest.mark.parametrize("marker", sorted({pin.marker for pin in read_pins(_LOCK)} - {""}))
def test_markers_hold_where_the_packaging_library_says(marker: str) -> None:
    for system in _SYSTEMS:
        assert marker_holds(marker, system) == Marker(marker).evaluate(dict(system)), system


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("python_full_version >= '3.11'", True),
        ("python_full_version < '3.9'", False),
        ("python_full_version == '3.11.7'", True),
        ("python_full_version <= '3.11'", False),
        ("sys_platform != 'win32' and (os_name == 'nt' or python_version > '3.1')", True),
    ],
)
def test_markers(marker: str, expected: bool) -> None:
    system = {
        "python_full_version": "3.11.7",
        "python_version": "3.11",
        "sys_platform": "linux",
        "os_name": "posix",
    }
    assert marker_holds(marker, system) is expected


@pytest.mark.parametrize(
    "marker", ["extra == 'x'", "sys_platform", "sys_platform < 'a'", "'a' in sys_platform", "("]
)
def test_a_marker_we_cannot_read_is_an_error_not_a_guess(marker: str) -> None:
    with pytest.raises(ValueError, match="marker"):
        marker_holds(marker, {"sys_platform": "linux"})


def test_reading_pins() -> None:
    text = "# head\n\nFoo_Bar==1.0 ; sys_platform == 'linux'\nbaz==2\n"
    pins = read_pins(text)
    assert pins == [Pin("foo-bar", "1.0", "sys_platform == 'linux'"), Pin("baz", "2")]
    assert pins_for(pins, {"sys_platform": "win32"}) == [Pin("baz", "2")]
    with pytest.raises(ValueError, match="not a pin"):
        read_pins("foo>=1")


def test_a_fingerprint_changes_with_pins_and_with_the_rest() -> None:
    pins = read_pins("a==1\nb==2")
    assert fingerprint(pins, "cpu") == fingerprint(reversed(pins), "cpu")
    others = [read_pins("a==1\nb==3"), read_pins("a==1\nb==2 ; os_name == 'nt'"), pins[:1]]
    prints = {fingerprint(pins, "cpu"), fingerprint(pins, "cuda")}
    assert len(prints | {fingerprint(other, "cpu") for other in others}) == 5


def test_a_cpu_needs_none_of_the_cuda_libraries() -> None:
    system = _SYSTEMS[0]
    names = {pin.name for pin in pins_for(read_pins(_LOCK), system)}
    cuda = {name for name in names if is_cuda_library(name)}
    assert {"nvidia-cublas", "cuda-toolkit", "triton"} <= cuda
    assert not {"torch", "bitsandbytes", "numpy"} & cuda
