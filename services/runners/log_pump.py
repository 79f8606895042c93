"""Follows one container in a thread of its own: its output into the run's log, and its end."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.docker.errors import calling
from services.environment.folder_lock import try_lock
from services.runners.base import Look
from services.runners.container_end import REMOVED, ContainerEnd, container_end
from services.runners.log_book import UNWRITABLE, LogBook, lock_file, note_file, read_note
from services.runners.log_lines import Position
from services.runners.log_stream import BROKEN, LogStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.run import ContainerHandle
    from services.docker.engine import DockerEngine
    from services.run_files import RunFolder

logger = logging.getLogger(__name__)

FIRST_LOOK_SECONDS = 3.0
"""So long the first look waits for an answer, and all that is asked of runs with it; a long log of
a container that has ended goes on."""
_NOTE_SECONDS = 0.1
"""The log is written at once, the note of how far it is at most so often."""
_PASSIVE_SECONDS = 0.5
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_UNWRITABLE_SECONDS = 10.0
"""So long an end is held back because the log has no room; then it is told without the log."""
_OUR_FAULT = "The container cannot be followed because of a fault in Temper; its log has more."


class LogPump:
    """What is known of one container, kept up to date by a daemon thread.

    Only one program pumps; the others watch it, and one of them takes over when it is gone.
    """

    def __init__(self, engine: DockerEngine, handle: ContainerHandle, folder: RunFolder) -> None:
        self._engine = engine
        self._handle = handle
        self._folder = folder
        self._book = LogBook(folder, handle.id)
        self._look: Look | None = None
        self._known = threading.Event()
        self._closed = threading.Event()
        self._stream: LogStream | None = None
        self._thread: threading.Thread | None = None
        self._end: ContainerEnd | None = None
        self._is_removed = False
        self._is_at_end = False  # of a stream that was followed to its end
        self._went_on = False  # somewhere else than at the beginning
        self._unwritable_since: float | None = None

    def look(self) -> Look:
        """How the container is, without asking anybody; waits only for the first answer."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="container-log", daemon=True)
            self._thread.start()
        self._known.wait(FIRST_LOOK_SECONDS)
        return self._look or Look(is_alive=True)

    def close(self, wait: float = 0.0) -> None:
        """Stop following; the container is left as it is."""
        self._closed.set()
        stream, thread = self._stream, self._thread
        if stream is not None:
            stream.close()
        if thread is not None and wait:
            thread.join(wait)

    def drain(self) -> bool:
        """Take what an ended container left, now; whether all of it is in the log."""
        try:
            if self._noted_end() is None and self._inspect() is not None:
                self._turn()
        except AppError as error:
            logger.info("the log of %s is not complete: %s", self._folder.run_id, error.message)
        return self._noted_end() is not None

    def _run(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._closed.is_set():
            try:
                if self._turn():
                    return
                pause = _SHORTEST_PAUSE
            except AppError as error:
                self._tell_obstacle(error)
                pause = min(_LONGEST_PAUSE, pause * 2)
            except Exception:  # nobody else would see it, and the run would live for ever
                logger.exception("following the container of %s", self._folder.run_id)
                self._tell(Look(trouble=_OUR_FAULT))
                pause = _LONGEST_PAUSE
            self._closed.wait(pause)

    def _turn(self) -> bool:
        """Follow as long as that goes; whether the end is known and all is in the log."""
        noted = self._noted_end()
        if noted is not None:
            self._tell_end(noted)
            return True
        if not self._folder.path.is_dir():  # nobody reads on; the follower says it
            return self._without_folder()
        with ExitStack() as held:
            try:
                lock = try_lock(lock_file(self._folder))
            except OSError:  # a disk that takes no more writes: the log will say so
                return self._follow()
            if lock is None:
                return self._watch()
            held.callback(os.close, lock)
            return self._follow()

    def _noted_end(self) -> ContainerEnd | None:
        """How it ended, once all that it printed is in the log."""
        note = read_note(note_file(self._folder))
        return note.end if note is not None and note.container == self._handle.id else None

    def _watch(self) -> bool:
        """Another program pumps: its note says when all is there."""
        self._inspect()
        self._tell(Look(is_alive=True))
        self._closed.wait(_PASSIVE_SECONDS)
        return False

    def _without_folder(self) -> bool:
        end = self._inspect()
        if end is None:
            self._tell(Look(is_alive=True))
            return False
        self._tell_end(end)
        return True

    def _follow(self) -> bool:
        end = self._inspect()
        if end is None:
            self._tell(Look(is_alive=True))
            with _going_on_after(BROKEN):
                self._take(follow=True)
            end = self._inspect()
            if end is None or self._closed.is_set():
                return False
        try:
            self._finish(end)
        except AppError as error:
            if error.kind != UNWRITABLE:
                raise
            return self._without_log(end, error)
        self._tell_end(end)
        return True

    def _finish(self, end: ContainerEnd) -> None:
        if self._is_removed:
            self._book.open()
        else:
            self._take(follow=False)  # what came after the stream's end, if anything did
            if self._went_on and self._count() != self._book.position.total:
                # The clock was set back while nobody read, so that times hid entries from us.
                self._book.rewind()
                self._take(follow=False)
        self._book.finish(end)

    def _count(self) -> int:
        return LogStream(self._client(), self._handle.id, Position(), follow=False).count()

    def _take(self, *, follow: bool) -> None:
        """Read from where the log is, until there is no more."""
        position = self._book.open()
        if position.total and (follow or not self._is_at_end):
            self._went_on = True
        stream = LogStream(self._client(), self._handle.id, position, follow=follow)
        self._stream = stream
        noted = time.monotonic()
        try:
            for number, entry in stream.entries():
                self._book.take(number, entry)
                if time.monotonic() - noted >= _NOTE_SECONDS:
                    self._book.note()
                    noted = time.monotonic()
        except AppError as error:
            if error.kind == BROKEN:
                self._book.note()
            raise
        finally:
            self._stream = None
            stream.close()
        self._is_at_end = True
        self._book.note()

    def _inspect(self) -> ContainerEnd | None:
        """How it ended; of one that is gone what was known before."""
        api: Any = self._client().api
        try:
            with calling("say how the container is"):
                self._end = container_end(api.inspect_container(self._handle.id))
        except AppError as error:
            if error.kind != "not_found":
                raise
            self._is_removed = True
            self._end = self._end or ContainerEnd(lost=REMOVED)
        return self._end

    def _client(self) -> Any:
        return self._engine.client_at(self._handle.endpoint)

    def _tell_obstacle(self, error: AppError) -> None:
        """An engine that does not answer is said; a full disk is waited out."""
        if self._closed.is_set():
            return
        if error.kind == UNWRITABLE:
            logger.info("%s", error.message)
            self._tell(Look(is_alive=True))
        else:
            self._tell(Look(trouble=str(error)))

    def _without_log(self, end: ContainerEnd, error: AppError) -> bool:
        now = time.monotonic()
        self._unwritable_since = self._unwritable_since or now
        if now - self._unwritable_since < _UNWRITABLE_SECONDS:
            raise error
        logger.warning("%s The container keeps its output.", error.message)
        self._tell_end(end)
        return True

    def _tell_end(self, end: ContainerEnd) -> None:
        self._tell(Look(False, end.exit_code, end.oom_killed, end.lost))

    def _tell(self, look: Look) -> None:
        self._look = look
        self._known.set()


@contextmanager
def _going_on_after(kind: str) -> Iterator[None]:
    """Go on after an AppError of this kind."""
    try:
        yield
    except AppError as error:
        if error.kind != kind:
            raise
