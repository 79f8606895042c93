"""Rules of the Qt side that no linter knows."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "torch", "transformers", "datasets", "sqlalchemy", "alembic", "docker", "huggingface_hub",
    "typer", "numpy", "pyqtgraph", "pydantic", "asyncio", "qasync", "yaml",
    "keyring", "httpx", "httpx_auth", "pynvml",
}  # fmt: skip


def _sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", _sources("views"), ids=lambda path: path.stem)
def test_a_view_imports_qt_models_and_domain_only(path: Path) -> None:
    ours = {
        name for name in _imports(path)
        if name.split(".")[0] in {"app", "controllers", "services", "models", "trainer_image"}
    }  # fmt: skip
    assert all(name.startswith(("models.qt", "models.domain")) for name in ours), ours


@pytest.mark.parametrize("path", _sources("controllers"), ids=lambda path: path.stem)
def test_a_controller_holds_no_widget(path: Path) -> None:
    names = _imports(path)
    assert not {name for name in names if name.startswith(("views", "PySide6.QtWidgets"))}


def test_no_dialog_is_executed_and_no_event_processed_by_hand() -> None:
    for path in _sources("views", "controllers", "models/qt", "app"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            place = f"{path}:{node.lineno}"
            assert node.func.attr not in {"processEvents", "exec_"}, place
            # The one local loop, before asyncio is there: until the first paint.
            assert node.func.attr != "exec" or path.name == "window.py", place


def test_nothing_long_lived_is_connected_to_a_lambda() -> None:
    for path in _sources("views", "controllers", "models/qt", "app"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                lambdas = [part for part in node.args if isinstance(part, ast.Lambda)]
                assert node.func.attr != "connect" or not lambdas, f"{path}:{node.lineno}"


def test_the_first_frame_needs_nothing_heavy() -> None:
    code = "import sys, app.window; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    assert not roots & FORBIDDEN


def test_pyside_keeps_its_references_to_none() -> None:
    code = """
import sys
from PySide6.QtCore import QAbstractListModel, QModelIndex, QSortFilterProxyModel
class Model(QAbstractListModel):
    def rowCount(self, parent=QModelIndex()): return 3
    def data(self, index, role=0): return None
model = Model()
proxy = QSortFilterProxyModel()
proxy.setSourceModel(model)
index = proxy.index(0, 0)
before = sys.getrefcount(None)
for _ in range(1000): proxy.data(index, 8)
print(sys.getrefcount(None) - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert abs(int(done.stdout)) < 100
