"""The doctor's report: aligned, whole, and without anything that names a person."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from models.domain.doctor import COMPUTER, NETWORK, PROGRAM, Check, CheckState
from services.doctor.report import USER, report_text, without_names
from services.redaction import redact

TOKEN = "hf_" + "w" * 34
PLAIN = "an-odd-secret-of-no-known-shape"
CHECKS = (
    Check(COMPUTER, "Memory", CheckState.OK, "20 GB free", "Rows lie in it."),
    Check(
        NETWORK, "Hugging Face token", CheckState.FAIL, f"{TOKEN} is refused.", "Models need it.",
        f"Replace {PLAIN} under Settings.",
    ),
    Check(PROGRAM, "Database", CheckState.NOTE, f"{Path.home()}/temper.db is held.", "It records.",
          "Close other windows."),
)  # fmt: skip


@pytest.fixture(autouse=True)
def known() -> None:
    redact.learn(PLAIN)


def test_it_is_grouped_with_reasons_where_something_is_to_be_done() -> None:
    lines = report_text(CHECKS).splitlines()
    assert lines[0] == "Temper doctor: 1 problem, 1 note, 1 in order"
    assert [line for line in lines if line and not line.startswith(" ")][1:] == [
        COMPUTER, PROGRAM, NETWORK,
    ]  # fmt: skip
    text = "\n".join(lines)
    assert "FAIL  Hugging Face token" in text
    assert "Why:  Models need it." in text
    assert "Next: Close other windows." in text
    assert "Rows lie in it." not in text  # what is in order needs no reason


def test_no_secret_and_no_home_folder_is_in_it() -> None:
    text = report_text(CHECKS)
    assert TOKEN not in text
    assert PLAIN not in text
    assert str(Path.home()) not in text
    assert "~/temper.db" in text


def test_the_home_folder_is_cut_only_where_it_ends() -> None:
    home = Path("/home/ann")
    assert without_names("/home/ann/x and /home/ann", home, "nobody!") == "~/x and ~"
    assert without_names("/home/anna/x", home, "nobody!") == "/home/anna/x"
    assert without_names("/usr/bin", Path("/"), "nobody!") == "/usr/bin"


def test_a_home_folder_behind_a_link_is_known_by_both_names(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "real")
    text = f"{tmp_path}/real/a {tmp_path}/home/b"
    assert without_names(text, tmp_path / "home", "nobody!") == "~/a ~/b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/media/ann_s/disk", f"/media/{USER}/disk"),
        ("tcp://ann_s@box", f"tcp://{USER}@box"),
        ("Ann_S may not", f"{USER} may not"),
        ("hann_s ann_sx", "hann_s ann_sx"),
    ],
)
def test_the_user_has_no_name(text: str, expected: str) -> None:
    assert without_names(text, Path("/nowhere/at/all"), "ann_s") == expected


def test_a_name_that_is_a_word_of_the_report_stays() -> None:
    assert without_names("Docker, root", Path("/nowhere"), "docker") == "Docker, root"
    assert without_names("Docker, root", Path("/nowhere"), "root") == "Docker, root"


def test_a_user_without_an_entry_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert "20 GB free" in report_text(CHECKS)


def test_commands_are_never_broken_and_columns_are_aligned() -> None:
    command = "sudo nvidia-ctk runtime configure --runtime=docker"
    check = Check(COMPUTER, "GPU", CheckState.NOTE, "x " * 60, "Why.", f"Then: {command}, please.")
    lines = report_text([check], width=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert "--runtime=docker" in "\n".join(lines)
    column = lines[3].index("x")
    assert lines[4].startswith(" " * column + "x")
