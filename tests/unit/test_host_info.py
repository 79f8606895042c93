"""The small probes of this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services import host_info

if TYPE_CHECKING:
    from pathlib import Path


def test_probes_of_this_computer(tmp_path: Path) -> None:
    assert host_info.cpu_count() >= 1
    assert host_info.free_disk(tmp_path / "not" / "yet" / "there") > 0
