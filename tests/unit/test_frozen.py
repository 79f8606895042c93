"""What the frozen program does to its surroundings, without freezing it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.frozen import give_back_environment, open_missing_streams, prepare

if TYPE_CHECKING:
    import pytest

BUNDLE = Path("/opt/temper/_internal")


def test_children_get_the_variables_the_user_had() -> None:
    environ = {
        "LD_LIBRARY_PATH": os.pathsep.join([str(BUNDLE), "/cuda/lib"]),
        "LD_LIBRARY_PATH_ORIG": "/cuda/lib",
        "PATH": os.pathsep.join([str(BUNDLE), "/usr/bin", "/bin"]),
        "QT_PLUGIN_PATH": str(BUNDLE / "PySide6/Qt/plugins"),
        "OPENSSL_MODULES": "/usr/lib/ossl-modules",
        "LANG": "C.UTF-8",
    }
    give_back_environment(environ, BUNDLE)
    assert environ == {
        "LD_LIBRARY_PATH": "/cuda/lib",
        "PATH": os.pathsep.join(["/usr/bin", "/bin"]),
        "OPENSSL_MODULES": "/usr/lib/ossl-modules",
        "LANG": "C.UTF-8",
    }


def test_nothing_is_left_where_there_was_nothing() -> None:
    environ = {"LD_LIBRARY_PATH": str(BUNDLE)}
    give_back_environment(environ, BUNDLE)
    assert environ == {}


def test_a_program_without_a_console_can_still_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    open_missing_streams()
    with sys.stdout, sys.stderr:
        print("to nobody")
        print("to nobody", file=sys.stderr)


def test_a_checkout_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")
    prepare()
    assert os.environ["LD_LIBRARY_PATH"] == "/mine"
