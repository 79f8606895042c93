"""What a pod's machine says, kept in the run's folder and read again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.remote.pod_lines import MOST_LINES, PodLines, PodLinesReader

if TYPE_CHECKING:
    from pathlib import Path


def test_the_lines_of_all_pods_are_read_in_their_order(tmp_path: Path) -> None:
    reader = PodLinesReader()
    assert reader.read(tmp_path, 2) == ()
    first, second = PodLines(tmp_path, 1), PodLines(tmp_path, 2)
    second.add("start container")
    first.add("create container")
    assert reader.read(tmp_path, 2) == ("create container", "start container")
    first.add("gone\nagain")
    assert reader.read(tmp_path, 2) == ("create container", "gone again", "start container")
    assert reader.read(tmp_path, 1) == ("create container", "gone again")


def test_whoever_reads_the_log_anew_writes_it_anew(tmp_path: Path) -> None:
    PodLines(tmp_path, 1).add("create container")
    again = PodLines(tmp_path, 1)
    again.add("create container")
    again.add("start container")
    assert PodLinesReader().read(tmp_path, 1) == ("create container", "start container")


def test_a_torn_line_is_left_and_a_token_is_not_shown(tmp_path: Path) -> None:
    token = "hf_" + "a" * 34
    (tmp_path / "pod-1.log").write_text(f"login with {token}\ntorn", encoding="utf-8")
    (line,) = PodLinesReader().read(tmp_path, 1)
    assert line.startswith("login with ")
    assert token not in line


def test_a_machine_that_tries_for_ever_fills_no_disk(tmp_path: Path) -> None:
    lines = PodLines(tmp_path, 1)
    for _ in range(MOST_LINES + 5):
        lines.add("again")
    assert len(PodLinesReader().read(tmp_path, 1)) == MOST_LINES


def test_a_folder_that_is_gone_is_no_trouble(tmp_path: Path) -> None:
    PodLines(tmp_path / "gone", 1).add("create container")
    assert PodLinesReader().read(tmp_path / "gone", 1) == ()
