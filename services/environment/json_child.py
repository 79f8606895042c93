"""A child of this program that is asked for one thing, and answers in lines of JSON.

Its standard input stays open as long as we live: a child that watches it ends with us.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from services.environment.child_process import own_group, stop_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from services.environment.own_module import OwnModule
    from services.progress import CancelToken

_POLL_SECONDS = 0.05
_TAIL_BYTES = 4000


class ChildEndedError(Exception):
    """It ended without an answer: its exit ``code``, and the ``tail`` of its standard error."""

    def __init__(self, code: int, tail: str) -> None:
        super().__init__(f"ended with code {code}")
        self.code = code
        self.tail = tail


class JsonChild:
    """One child that runs. Made by :func:`json_child`, which ends it."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors

    def ask(
        self,
        asked: Mapping[str, Any],
        is_progress: Callable[[dict[str, Any]], bool],
        cancel: CancelToken,
    ) -> dict[str, Any]:
        """Its answer: the first document that is no progress. Cancelled, or ChildEndedError."""
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        pipe = self._process.stdout
        threading.Thread(target=_pump, args=(pipe, lines), daemon=True).start()
        self._write(json.dumps(asked) + "\n")
        while True:
            cancel.raise_if_cancelled()
            try:
                line = lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if line is None:
                raise ChildEndedError(self._process.wait(), self._tail())
            document: dict[str, Any] = json.loads(line)
            if not is_progress(document):
                return document

    def wait(self) -> None:
        """Let it end by itself."""
        self._process.wait()

    def end(self) -> None:
        """End what still runs of it. Its input is closed last, which may make it drop its files."""
        if self._process.poll() is None:
            stop_tree(self._process)
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError):  # it is gone already, which its output shows
            if self._process.stdin is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()

    def _tail(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-_TAIL_BYTES:].decode("utf-8", "replace")


@contextmanager
def json_child(module: OwnModule, added: Mapping[str, str]) -> Iterator[JsonChild]:
    """Start a module of ours, with variables ``added`` to its environment. Nothing of it runs any
    more after the block."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            module.command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=module.environment(added),
            encoding="utf-8",
            **own_group(),
        )
        child = JsonChild(process, errors)
        try:
            yield child
        finally:
            child.end()


def _pump(stream: IO[str] | None, lines: queue.SimpleQueue[str | None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stream or ():
            if line.endswith("\n"):  # one that its death tore says nothing
                lines.put(line)
    lines.put(None)
