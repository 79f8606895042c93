"""Where blocking calls run: one thread per resource, each call awaited by a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_Job = Callable[[], None]


class Lane:
    """Calls to one resource, one after the other, in a thread of their own.

    The thread is a daemon: a call that hangs may hold its lane, never the end of the program.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call ``work`` in this lane and return what it returns, or raise what it raises.

        Cancelling the coroutine gives the result up; the call itself goes on to its end.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()

        def job() -> None:
            try:
                result = work(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - handed to whoever awaits it
                _post(loop, _set_error, future, error)
            else:
                _post(loop, _set_result, future, result)

        self._ensure_thread()
        self._jobs.put(job)
        return await future

    def close(self, timeout: float = 0.0) -> bool:
        """Take no more calls, and wait that long for the present one; returns whether it ended."""
        self.end()
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def end(self) -> None:
        """Take no more calls, and wait for nothing."""
        if self._thread is not None:
            self._jobs.put(None)

    def _ensure_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name=f"lane-{self._name}", daemon=True
            )
            self._thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # an idle lane holds nothing of its last call


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of the window: ``work`` is for long things (imports, setting up, copying).

    ``probes`` is for looking at computer and models, over and over while the window is seen;
    ``secrets`` for the keychain, which may wait for its user, and for trying tokens out; ``docker``
    for an engine and its images (runs in containers are followed in ``runs``, like all others),
    ``pulls`` for what takes long with these; in ``doctor`` a checkup waits for its own threads; in
    ``inspection`` the trainer's worker is asked what a model would learn of all rows, in ``rows``
    another one what of a single row; ``search`` walks through the rows of a dataset; ``remote`` is
    for asking Runpod, which may let a question wait for minutes, ``ends`` for ending pods, which
    waits for none of them; in ``models`` base models are fetched, checked and removed,
    in ``storage`` the disk is counted and cleaned; ``exports`` writes models into folders of the
    user's, which may take minutes; ``ready`` is for looking at what saved setups
    need, engine included.
    """

    database: Lane = field(default_factory=lambda: Lane("database"))
    runs: Lane = field(default_factory=lambda: Lane("runs"))
    inference: Lane = field(default_factory=lambda: Lane("inference"))
    work: Lane = field(default_factory=lambda: Lane("work"))
    probes: Lane = field(default_factory=lambda: Lane("probes"))
    secrets: Lane = field(default_factory=lambda: Lane("secrets"))
    docker: Lane = field(default_factory=lambda: Lane("docker"))
    doctor: Lane = field(default_factory=lambda: Lane("doctor"))
    pulls: Lane = field(default_factory=lambda: Lane("pulls"))
    inspection: Lane = field(default_factory=lambda: Lane("inspection"))
    rows: Lane = field(default_factory=lambda: Lane("rows"))
    search: Lane = field(default_factory=lambda: Lane("search"))
    remote: Lane = field(default_factory=lambda: Lane("remote"))
    storage: Lane = field(default_factory=lambda: Lane("storage"))
    models: Lane = field(default_factory=lambda: Lane("models"))
    exports: Lane = field(default_factory=lambda: Lane("exports"))
    ready: Lane = field(default_factory=lambda: Lane("ready"))
    ends: Lane = field(default_factory=lambda: Lane("ends"))

    def close(self, timeout: float) -> None:
        """Close all lanes; ``timeout`` is for all of them together."""
        looking = (self.rows, self.inspection, self.pulls, self.docker, self.doctor, self.secrets)
        remote = (self.remote, self.ends)
        asking = (self.search, self.models, *looking, self.probes, *remote, self.storage)
        lanes = (
            self.ready,
            *asking,
            self.exports,
            self.work,
            self.inference,
            self.runs,
            self.database,
        )
        for lane in lanes:
            lane.end()
        deadline = time.monotonic() + timeout
        for lane in lanes:
            lane.close(max(0.0, deadline - time.monotonic()))


def _post(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> None:
    # A loop that is closed has nobody left who waits.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


def _set_result(future: asyncio.Future[R], result: R) -> None:
    if not future.done():
        future.set_result(result)


def _set_error(future: asyncio.Future[R], error: BaseException) -> None:
    if isinstance(error, StopIteration):  # which a future refuses: nobody would ever go on
        bug = RuntimeError("a call in a lane raised StopIteration")
        bug.__cause__, error = error, bug
    if not future.done():
        future.set_exception(error)
