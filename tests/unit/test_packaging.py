"""What is packed and how, without packing: the lists, the icons, ICU's data, the licences."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import packaging

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "packaging"

_COLLATION = """
from PySide6.QtCore import QCollator, QLocale
answers = []
for name in ("sv", "de", "es", "zh"):
    collator = QCollator(QLocale(name))
    collator.setNumericMode(True)
    answers.append([collator.compare(*pair) for pair in (("ö", "z"), ("a10", "a9"), ("ñ", "o"))])
print(answers, QLocale("tr").toUpper("i"), QLocale("de").monthName(3))
"""


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of packaging/, imported as its scripts import one another."""
    monkeypatch.syspath_prepend(SCRIPTS)
    import contents
    import icons
    import icu_data
    import notices

    return SimpleNamespace(contents=contents, icons=icons, icu_data=icu_data, notices=notices)


def test_the_folder_does_not_hide_the_library_of_its_name() -> None:
    assert not (SCRIPTS / "__init__.py").exists()
    assert packaging.__file__ is not None
    assert "site-packages" in Path(packaging.__file__).parts


def test_data_travels_to_where_it_lies_in_the_checkout(scripts: SimpleNamespace) -> None:
    found = dict(scripts.contents.data_files())
    for name in (
        "trainer_image/train.py",
        "trainer_image/requirements.lock",
        "trainer_image/requirements.txt",
        "models/db/migrations/env.py",
        "models/db/migrations/versions/0001_first_tables.py",
        "resources/base_models.toml",
        "resources/samples/python-docs.jsonl",
        "docs/guide/index.md",
    ):
        assert found[str(ROOT / name)] == str(Path(name).parent)
    assert not [path for path in found if "__pycache__" in path]


def test_tools_and_what_trains_stay_outside(scripts: SimpleNamespace) -> None:
    excluded = set(scripts.contents.excluded_modules())
    assert {"pytest", "hypothesis", "mypy", "setuptools", "torch", "transformers"} <= excluded
    assert not {"PySide6", "sqlalchemy", "numpy", "uv", "typer", "keyring", "app"} & excluded
    ours = scripts.contents.runtime_distributions()
    assert {"temper", "pyside6-essentials", "shiboken6", "numpy", "anyio"} <= ours
    assert not {"pytest", "pyinstaller", "ruff", "hypothesis"} & ours


@pytest.mark.parametrize(
    ("destination", "source", "kind", "kept"),
    [
        ("PySide6/Qt/plugins/platforms/libqxcb.so", "/v/libqxcb.so", "BINARY", True),
        ("PySide6\\plugins\\platforms\\qwindows.dll", "C:\\qwindows.dll", "BINARY", True),
        ("PySide6/Qt/plugins/platforms/libqvnc.so", "/v/libqvnc.so", "BINARY", False),
        ("PySide6/Qt/plugins/sqldrivers/libqsqlite.so", "/v/libqsqlite.so", "BINARY", False),
        ("PySide6/Qt/lib/libQt6Gui.so.6", "/v/libQt6Gui.so.6", "BINARY", True),
        ("PySide6/Qt/lib/libQt6Quick.so.6", "/v/libQt6Quick.so.6", "BINARY", False),
        ("libQt6Network.so.6", "PySide6/Qt/lib/libQt6Network.so.6", "SYMLINK", False),
        ("PySide6/Qt/translations/qt_de.qm", "/v/qt_de.qm", "DATA", False),
        ("temper-0.1.0.dist-info/direct_url.json", "/v/direct_url.json", "DATA", False),
        ("pyqtgraph/icons/auto.png", "/v/auto.png", "DATA", True),
    ],
)
def test_what_goes_in(
    scripts: SimpleNamespace, destination: str, source: str, kind: str, kept: bool
) -> None:
    assert scripts.contents.keeps_file(destination, source, kind) is kept


@pytest.mark.skipif(sys.platform != "linux", reason="a rule for Linux")
def test_the_desktops_libraries_stay_the_systems(scripts: SimpleNamespace) -> None:
    keeps = scripts.contents.keeps_file
    folder = "/usr/lib/x86_64-linux-gnu"
    assert not keeps("libX11.so.6", f"{folder}/libX11.so.6", "BINARY")
    assert keeps("libpython3.11.so.1.0", f"{folder}/libpython3.11.so.1.0", "BINARY")
    extension = "lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so"
    assert keeps(f"python3.11/{extension}", f"/usr/lib/python3.11/{extension}", "EXTENSION")


def test_the_digest_follows_the_inputs(
    scripts: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts.contents, "ROOT", tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.py").write_text("1")
    first = scripts.contents.digest_of_inputs()
    (tmp_path / "app" / "__pycache__").mkdir()
    (tmp_path / "app" / "__pycache__" / "a.pyc").write_text("x")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "t.py").write_text("x")
    assert scripts.contents.digest_of_inputs() == first
    (tmp_path / "app" / "a.py").write_text("2")
    assert scripts.contents.digest_of_inputs() != first


def test_icons_are_what_their_systems_read(scripts: SimpleNamespace, tmp_path: Path) -> None:
    icons = scripts.icons
    assert struct.unpack(">II", icons.png(64)[16:24]) == (64, 64)
    ico = icons.write_ico(tmp_path / "t.ico").read_bytes()
    _, kind, count = struct.unpack_from("<HHH", ico)
    assert (kind, count) == (1, 7)
    for entry in range(count):
        size, offset = struct.unpack_from("<II", ico, 6 + 16 * entry + 8)
        assert ico[offset : offset + 4] == b"\x89PNG"
        assert offset + size <= len(ico)
    icns = icons.write_icns(tmp_path / "t.icns").read_bytes()
    assert struct.unpack(">4sI", icns[:8]) == (b"icns", len(icns))
    at, sides = 8, []
    while at < len(icns):
        (size,) = struct.unpack_from(">I", icns, at + 4)
        sides.append(struct.unpack_from(">I", icns, at + 24)[0])
        at += size
    assert (at, max(sides), min(sides)) == (len(icns), 1024, 32)


def icu_library() -> Path | None:
    import PySide6

    found = sorted(Path(PySide6.__file__).parent.glob("Qt/lib/libicudata.so.*"))
    return found[0] if sys.platform == "linux" and found else None


@pytest.mark.skipif(icu_library() is None, reason="only Qt for Linux brings ICU")
def test_qt_sorts_the_same_with_a_sixth_of_icus_data(
    scripts: SimpleNamespace, tmp_path: Path
) -> None:
    original = icu_library()
    assert original is not None
    small = tmp_path / original.name
    small.write_bytes(original.read_bytes())
    scripts.icu_data.shrink_library(small)
    assert small.stat().st_size < original.stat().st_size / 5
    names = [name for name, _ in scripts.icu_data.items(scripts.icu_data.read_data(small)[1])]
    assert names == sorted(names)
    answers = [
        subprocess.run(
            [sys.executable, "-c", _COLLATION],
            env={"LD_LIBRARY_PATH": folder, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=True,
        )
        for folder in ("", str(tmp_path))
    ]
    assert answers[0].stdout == answers[1].stdout
    assert answers[1].stderr == ""


def test_items_are_left_out_and_the_rest_is_found(scripts: SimpleNamespace) -> None:
    content = scripts.icu_data.filtered(_icu_table({"icudt73l/en.res": b"en", "icudt73l/x": b"x"}))
    assert [name for name, _ in scripts.icu_data.items(content)] == [
        "icudt73l/en.res",
        "icudt73l/x",
    ]
    other = _icu_table({"icudt73l/curr/de.res": b"EUR", "icudt73l/coll/de.res": b"order"})
    kept = scripts.icu_data.items(scripts.icu_data.filtered(other))
    assert [(name, data.rstrip(b"\0")) for name, data in kept] == [
        ("icudt73l/coll/de.res", b"order")
    ]


def _icu_table(items: dict[str, bytes]) -> bytes:
    """ICU's common format with these items, as its own tools write it."""
    head = struct.pack("<HBB", 32, 0xDA, 0x27) + bytes(8) + b"CmnD" + bytes(16)
    names = b"".join(name.encode() + b"\0" for name in sorted(items))
    at = 4 + 8 * len(items)
    data_at = at + len(names) + -(at + len(names)) % 16
    table, body = struct.pack("<I", len(items)), b""
    for name in sorted(items):
        table += struct.pack("<II", at, data_at + len(body))
        at += len(name) + 1
        body += items[name].ljust(16, b"\0")
    return head + (table + names).ljust(data_at, b"\0") + body


def test_each_part_is_named_with_its_licence(scripts: SimpleNamespace, tmp_path: Path) -> None:
    count = scripts.notices.write_notices(tmp_path / "n.txt")
    text = (tmp_path / "n.txt").read_text(encoding="utf-8")
    assert count > 20
    for line in ("uv ", "SQLAlchemy ", "PySide6_Essentials ", "Python 3."):
        assert f"\n{line}" in text
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in text
