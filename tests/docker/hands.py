"""The real program as a process of its own, with hands at its window.

``drive(session)`` is ``python -m app`` from its first frame to its end; where a person would sit,
the coroutine ``session`` works the window. Whoever starts such a process may look at it from
outside: its network, its files, its environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QWidget

from app import window_session
from app.window import run_window
from models.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from models.domain.run import Run
    from models.qt.run_models import RunModels

SECONDS = 240.0
"""For a training or a model's first answer on a machine that has other things to do."""
TOKENS = 16
"""The fewest that the slider gives: answers are cut off after so many."""


class Hands:
    """What a person does, and waits for."""

    def __init__(self, session: window_session.WindowSession) -> None:
        self.session = session
        self.window = session._window
        self.models = self.window.models
        assert session.wiring is not None, "the program could not open its data"
        assert session._services is not None
        self.wiring = session.wiring
        self.services = session._services
        self.notices: list[str] = []
        session.desk.notices.noticed.connect(self._on_noticed)

    def _on_noticed(self, notice: Any) -> None:
        self.notices.append(f"{notice.title}: {notice.text}")

    def child(self, name: str) -> Any:
        """The control of this name."""
        found = self.window.findChild(QWidget, name)
        assert found is not None, name
        return found

    async def until(self, condition: Callable[[], object], seconds: float = SECONDS) -> None:
        """Wait for something; what the window told meanwhile is in the failure."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():  # noqa: ASYNC110 - the window has no event to wait for
                    await asyncio.sleep(0.02)
        except TimeoutError:
            run = self.models.run.status.run
            raise AssertionError(f"waited in vain: {self.notices}, {run}") from None

    async def import_file(self, path: Path) -> None:
        """Import a dataset and have it in the form."""
        self.wiring.importing.controller.import_file(path)
        await self.until(lambda: self.models.datasets.rowCount() > 0)
        await self.until(lambda: self.models.form.value("dataset.session"))

    def set(self, **values: object) -> None:
        """Fill in the form: ``hp__epochs=2.0``."""
        for name, value in values.items():
            self.models.form.edit(name.replace("__", "."), value)

    async def save(self, name: str) -> None:
        """Save the setup under a name."""
        self.window.actions_.save_as.trigger()
        await self.until(lambda: self.window.findChild(QWidget, "config.name_dialog") is not None)
        self.child("config.name_dialog.name").setText(name)
        self.child("config.name_dialog").accept()
        await self.until(lambda: self.models.form.name == name)

    async def train(self) -> Run:
        """Press Start and wait for the end."""
        before = self.models.run.run_id
        self.child("local.start").click()
        status = self.models.run.status
        await self.until(lambda: self.models.run.run_id not in {"", before} or self.notices)
        await self.until(lambda: status.run is not None and status.run.state.is_over)
        run = status.run
        assert run is not None
        assert run.id != before, self.notices
        self.models.run.log.flush_all()
        said = self.models.run.log.last_lines(40)
        assert run.state is RunState.FINISHED, (run.failure, said)
        return run

    async def answer(self, prompt: str, shown: RunModels | None = None) -> dict[str, str]:
        """Ask both models as a person does; the answers by ``adapter`` and ``base``."""
        page = shown or self.models.run
        prefix = "infer" if page is self.models.run else "runs.infer"
        await self.until(lambda: page.inference.tuned is not None or page.inference.missing)
        assert not page.inference.missing, page.inference.missing
        await self.until(lambda: page.inference.can_ask)
        self.child(f"{prefix}.prompt").setPlainText(prompt)
        self.child(f"{prefix}.max_new_tokens").setValue(1)
        self.child(f"{prefix}.compare").setChecked(True)
        self.child(f"{prefix}.run").click()
        await self.until(lambda: page.inference.exchanges and page.inference.exchanges[-1].is_over)
        last = page.inference.exchanges[-1]
        assert not last.error, (last.error, page.inference.status)
        return dict(last.texts)


def drive(session: Callable[[Hands], Awaitable[object]], *, offline: bool = False) -> None:
    """Run the program with these hands at it, to its end; what they bring back is printed."""

    async def sit_down(program: window_session.WindowSession, *_: object) -> None:
        result = await session(Hands(program))
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()

    # The program's own way to be run without a person: it pictures itself and quits.
    window_session.WindowSession._picture = sit_down  # type: ignore[method-assign]
    sys.exit(run_window(offline=offline, smoke=Path(os.devnull)))
