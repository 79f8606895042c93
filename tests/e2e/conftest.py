"""The command line in the tests' own process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.cli.state import Session, services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.conftest import TrainerHome


@pytest.fixture
def invoke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainer_home: TrainerHome
) -> Iterator[Callable[..., Result]]:
    """Runs a command on a home whose environment is ready; ``code`` is how it has to end."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "runtime").symlink_to(trainer_home.environment.python.parents[2])
    monkeypatch.setenv("TEMPER_HOME", str(home))
    monkeypatch.setenv("TEMPER_OFFLINE", "1")
    services.cache_clear()
    runner = CliRunner()

    def run(*arguments: object, code: int = 0) -> Result:
        done = runner.invoke(app, [*map(str, arguments)])
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done

    yield run
    services().close()
    services.cache_clear()


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Runs a command on a home of its own. Returns what it printed, with ``--json`` the document;
    ``code`` is how it has to end."""
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "home"))
    services.cache_clear()

    def run(*arguments: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [*arguments])
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return json.loads(done.stdout) if "--json" in arguments else done.output

    yield run
    services().close()
    services.cache_clear()
    Session.offline = False
