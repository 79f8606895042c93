"""The rows of a dataset on their way to tokens: kept from before, by processes, or here.

A file's rows are read by processes that begin while torch and the model are still being loaded
(:mod:`trainer_image.row_pool`). What comes out is kept, and the same whoever did it.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from threading import Thread
from typing import TYPE_CHECKING, Self

from trainer_image import world
from trainer_image.data import LAST_ANSWER
from trainer_image.kept_tokens import is_kept, kept_path, may_keep, tidy, touch
from trainer_image.pieces import tokenise
from trainer_image.row_pool import RowPool, workers_for
from trainer_image.row_worker import Work
from trainer_image.rows import MOST_PROBLEMS, DatasetError
from trainer_image.run_folder import resolve
from trainer_image.token_file import TokenWriter, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from trainer_image.contract import Job
    from trainer_image.data import Recipe
    from trainer_image.pieces import Tokenised
    from trainer_image.rows import NumberedRow
    from trainer_image.texts import EncodedRows

_SECONDS = 0.25
"""Between two reports of progress."""


def encode_all(rows: Iterable[NumberedRow], recipe: Recipe) -> EncodedRows:
    """Encode rows that are in memory; DatasetError names the first problems, each with its line."""
    found = tokenise(rows, recipe)
    if found.problems:
        raise DatasetError(found.problems)
    writer = TokenWriter()
    writer.add(found)
    return writer.finish()


def encoding_of(
    job: Job, sha256: str, revision: str | None = None
) -> AbstractContextManager[Encoding | None]:
    """The rows of a job on their way to tokens; None of a Hub dataset, which is no file here.

    ``revision`` is the commit of a Hub model whose tokenizer is wanted.

    Of several processes of one machine the first has helpers, and the others wait for it.
    """
    work = _work_of(job, revision)
    if work is None:
        return nullcontext(None)
    return Encoding(work, sha256, None if world.local_rank() == 0 else 0, early=world.is_first())


def has_kept(job: Job, sha256: str) -> bool:
    """Whether all rows of a job were turned into tokens before, and none refused."""
    work = _work_of(job)
    return work is not None and is_kept(_place(work, sha256))


def _work_of(job: Job, revision: str | None = None) -> Work | None:
    spec, hp = job.dataset, job.hp
    if not spec.path or spec.format is None:
        return None
    last_only = hp.train_on == LAST_ANSWER
    return Work(
        resolve(spec.path), job.base_model, spec.format, hp.max_seq_length,
        hp.assistant_only_loss, last_only, revision=revision,
    )  # fmt: skip


def _place(work: Work, sha256: str) -> Path | None:
    return kept_path(
        sha256, work.base_model, work.format, work.options, work.template, work.revision
    )


class Encoding:
    """The rows of a file; used as a context, behind which nothing is left running.

    ``sha256`` is the file's, without which nothing is kept. Where the tokenizer's files are not
    here yet, or without ``early``, nothing begins before :meth:`finish`.
    """

    def __init__(
        self, work: Work, sha256: str = "", workers: int | None = None, *, early: bool = True
    ) -> None:
        self._work = work
        self._early = early
        self._sha256 = sha256
        self._workers = workers_for(work.path) if workers is None else workers
        self._pool = RowPool(work, self._workers)
        self._place: Path | None = None
        self._found: EncodedRows | None = None
        self._writer: TokenWriter | None = None
        self._thread: Thread | None = None
        self._error: BaseException | None = None
        self._problems: list[str] = []
        self._rows = 0

    def __enter__(self) -> Self:
        place = _place(self._work, self._sha256)
        if place is not None and self._early:
            self._begin(place)
        return self

    def __exit__(self, *_: object) -> None:
        self._give_up()

    def _give_up(self) -> None:
        self._pool.close()
        if self._thread is not None:
            self._thread.join()
        if self._writer is not None:
            self._writer.discard()

    @property
    def is_under_way(self) -> bool:
        """Whether processes are at it, so that something else may be done meanwhile."""
        return self._thread is not None

    def finish(
        self, recipe: Recipe, rows: int, progress: Callable[[int, int], None] | None = None
    ) -> EncodedRows:
        """All rows as tokens; DatasetError names the first problems.

        ``progress`` is told from this thread how many of the ``rows`` are done.
        """
        place = _place(self._work, self._sha256)
        if place != self._place and self._has_begun:
            self._start_over(place)  # the tokenizer on the Hub is another one than the cache had
        elif not self._has_begun:
            self._begin(place)
        if self._found is not None:
            return self._found
        then = [0.0]

        def tick() -> None:
            if progress is not None and time.monotonic() - then[0] > _SECONDS:
                then[0] = time.monotonic()
                progress(self._rows, rows)

        if self._thread is not None:
            self._pool.help(self._work.doing(recipe), tick)
            self._thread.join()
        else:
            self._collect(self._work.doing(recipe), tick)
        return self._result()

    @property
    def _has_begun(self) -> bool:
        return self._writer is not None or self._found is not None

    def _start_over(self, place: Path | None) -> None:
        self._give_up()
        self._pool = RowPool(self._work, self._workers)
        self._writer = self._thread = self._error = None
        self._problems, self._rows = [], 0
        self._begin(place)

    def _begin(self, place: Path | None) -> None:
        """Take what is kept; else begin."""
        self._place = place
        self._found = opened(place) if place is not None else None
        if place is not None and self._found is not None:
            touch(place)
            return
        self._writer = TokenWriter(place if may_keep(self._work.path) else None)
        self._pool.start()
        if self._workers:
            self._thread = Thread(target=self._collect_beside, name="tokens", daemon=True)
            self._thread.start()

    def _collect_beside(self) -> None:
        try:
            self._collect(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the rows are waited for
            self._error = error
        finally:
            self._pool.stop()

    def _collect(
        self, own: Callable[..., Tokenised] | None, tick: Callable[[], None] = lambda: None
    ) -> None:
        writer = self._writer = self._writer or TokenWriter()
        for piece in self._pool.results(own):
            writer.add(piece)
            self._problems += piece.problems
            self._rows += piece.rows
            tick()
            if len(self._problems) >= MOST_PROBLEMS:
                return

    def _result(self) -> EncodedRows:
        self._pool.close()
        if self._error is not None:
            raise self._error
        if self._problems:
            raise DatasetError(self._problems[:MOST_PROBLEMS])
        self._found = (self._writer or TokenWriter()).finish()
        tidy()
        return self._found
