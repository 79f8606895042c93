"""Every setting of a training has a test that observes its effect in a run.

Such a test carries ``@pytest.mark.setting("name")``; this one reads the marks from the tests' text,
so that a new setting without one fails here.
"""

from __future__ import annotations

import ast
from pathlib import Path

from models.domain.hyperparameters import HyperparameterSection
from trainer_image.contract import Hyperparameters

TRAINER_TESTS = Path(__file__).parents[1] / "trainer"


def observed() -> dict[str, list[str]]:
    """The settings that tests name, each with those tests."""
    found: dict[str, list[str]] = {}
    for path in sorted(TRAINER_TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for name in _marks(node):
                    found.setdefault(name, []).append(f"{path.name}::{node.name}")
    return found


def _marks(function: ast.FunctionDef) -> list[str]:
    calls = [mark for mark in function.decorator_list if isinstance(mark, ast.Call)]
    names = [call for call in calls if ast.unparse(call.func) == "pytest.mark.setting"]
    return [ast.literal_eval(argument) for call in names for argument in call.args]


def test_every_setting_is_observed_in_a_run() -> None:
    settings = set(HyperparameterSection.__dataclass_fields__) | set(Hyperparameters.model_fields)
    missing = sorted(settings - set(observed()))
    assert not missing, f"no test in tests/trainer observes {', '.join(missing)}"


def test_no_mark_names_a_setting_that_is_none() -> None:
    settings = set(HyperparameterSection.__dataclass_fields__) | set(Hyperparameters.model_fields)
    assert set(observed()) <= settings
