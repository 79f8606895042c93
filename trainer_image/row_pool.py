"""Several processes work on the pieces of a dataset file; what they made comes in the file's order.

With no processes, or when they die, the caller does the work itself: the outcome is the same.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections import deque
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

from trainer_image.pieces import pieces_of
from trainer_image.row_worker import receive, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer_image.pieces import Piece
    from trainer_image.row_worker import Work

_WORTH_BYTES = 2_000_000
"""A smaller file is done in about the time that a process needs to load a tokenizer."""
_MOST_WORKERS = 8
_WORKER_BYTES = 400_000_000
"""A worker takes 150 MB, a long row and its tokens for moments as much again."""
_AHEAD = 64
"""Pieces that may be done before an earlier one is taken, so that memory stays small."""
_LOOK_SECONDS = 0.05


def workers_for(path: Path) -> int:
    """How many processes help with a file: one less than there are cores, as far as memory goes."""
    try:
        if path.stat().st_size < _WORTH_BYTES:
            return 0
    except OSError:
        return 0
    import psutil

    room = psutil.virtual_memory().available // _WORKER_BYTES
    return max(0, min(_cores() - 1, _MOST_WORKERS, room))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class RowPool:
    """Begin with :meth:`start`; behind :meth:`close` no process is left."""

    def __init__(self, work: Work, workers: int) -> None:
        self._work = work
        self._pieces = pieces_of(work.path)
        self._returned: deque[Piece] = deque()
        self._done: dict[int, Any] = {}
        self._taken = self._given = 0
        self._is_all_given = self._is_closed = False
        self._change = Condition()
        self._workers = [_Worker(self) for _ in range(workers)]

    def start(self) -> None:
        """Start the processes."""
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Nothing more is wanted."""
        with self._change:
            self._is_closed = True
            self._change.notify_all()

    @property
    def work(self) -> Work:
        """What is done with the pieces."""
        return self._work

    def close(self) -> None:
        """End all processes at once and wait until they are gone."""
        self.stop()
        for worker in self._workers:
            worker.end()

    def results(
        self,
        own: Callable[[Piece], Any] | None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Any]:
        """What became of each piece, in order, until ``stopped``. With ``own`` the caller works
        on a piece, too, while it waits; without, somebody must :meth:`help`."""
        while not stopped() and not self._is_closed:
            ready, result = self._next_result()
            if ready:
                yield result
            elif self._is_over():
                return
            elif own is None or not self._do_one(own):
                with self._change:
                    self._change.wait(_LOOK_SECONDS)

    def help(self, own: Callable[[Piece], Any], tick: Callable[[], None]) -> None:
        """Work on pieces until the last one is taken: by whoever reads :meth:`results` in another
        thread. Pieces that a process gave back are done here. ``tick`` is called meanwhile."""
        while not self._is_closed and not self._is_over():
            tick()
            if not self._do_one(own):
                with self._change:
                    self._change.wait(_LOOK_SECONDS)

    def take(self, *, by_worker: bool) -> Piece | None:
        """The next piece to work on; None where there is none, or too many are waiting."""
        with self._change:
            if self._is_closed:
                return None
            if self._returned and not by_worker:
                return self._returned.popleft()
            if self._is_all_given or self._given - self._taken >= _AHEAD * (1 + len(self._workers)):
                return None
            piece = next(self._pieces, None)
            if piece is None:
                self._is_all_given = True
                self._change.notify_all()
            else:
                self._given += 1
            return piece

    def put(self, piece: Piece, result: object) -> None:
        """A piece is done."""
        with self._change:
            self._done[piece.number] = result
            self._change.notify_all()

    def give_back(self, piece: Piece, reason: str) -> None:
        """A process could not do a piece: the caller does it, and meets the error, if any."""
        if not self._is_closed:
            print(f"A process that reads rows has ended: {reason}", file=sys.stderr)  # noqa: T201
        with self._change:
            self._returned.append(piece)
            self._change.notify_all()

    def wait(self) -> bool:
        """Wait a moment for something to change; whether there may still be something to do."""
        with self._change:
            if not self._is_closed and not self._is_all_given:
                self._change.wait(_LOOK_SECONDS)
            return not self._is_closed and not self._is_all_given

    def _next_result(self) -> tuple[bool, Any]:
        with self._change:
            if self._taken not in self._done:
                return False, None
            self._taken += 1
            self._change.notify_all()
            return True, self._done.pop(self._taken - 1)

    def _is_over(self) -> bool:
        with self._change:
            return self._is_all_given and self._taken == self._given

    def _do_one(self, own: Callable[[Piece], Any]) -> bool:
        piece = self.take(by_worker=False)
        if piece is not None:
            self.put(piece, own(piece))
        return piece is not None


class _Worker:
    """A process, and the thread that hands it one piece after the other."""

    def __init__(self, pool: RowPool) -> None:
        self._pool = pool
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._serve, name="rows", daemon=True)

    def start(self) -> None:
        """Start the process; where that fails the others and the caller do its work."""
        package = Path(__file__).parent
        above = os.pathsep.join(filter(None, [str(package.parent), os.environ.get("PYTHONPATH")]))
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{package.name}.row_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": above},
            )
            self._thread.start()

    def end(self) -> None:
        """Kill the process and reap it."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _serve(self) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return
        piece: Piece | None = None
        reply: object = None
        try:
            send(process.stdin, self._pool.work)
            while True:
                piece = self._pool.take(by_worker=True)
                if piece is None:
                    if not self._pool.wait():
                        return
                    continue
                send(process.stdin, piece)
                reply = receive(process.stdout)
                if reply is None or isinstance(reply, str):
                    break
                self._pool.put(piece, reply)
        except (OSError, ValueError):
            pass
        if piece is not None:
            self._pool.give_back(piece, reply if isinstance(reply, str) else "it was killed.")
