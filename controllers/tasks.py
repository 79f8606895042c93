"""The coroutines of the controllers: started from slots, kept, and ended together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Tasks:
    """Starts coroutines on the window's loop. One that fails tells ``on_bug``; none is lost."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_bug: Callable[[BaseException], None]
    ) -> None:
        self._loop = loop
        self._on_bug = on_bug
        self._running: set[asyncio.Task[None]] = set()

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine to its end, in turns with everything else."""
        task = self._loop.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._on_done)
        return task

    async def settle(self) -> None:
        """Wait until nothing runs any more."""
        while self._running:
            await asyncio.wait(set(self._running))
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Cancel what runs and wait for it."""
        running = set(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.gather(*running, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_bug(error)
