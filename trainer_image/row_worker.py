"""``python -m trainer_image.row_worker``: turns pieces of a dataset file into tokens, for a parent.

It loads the tokenizer and no torch. Requests and replies are pickles, each behind its length, over
standard input and output, which only the parent holds: when the parent is gone, however it went,
the input ends, and so does this process.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from trainer_image.data import Recipe
from trainer_image.environment import prepare_process
from trainer_image.looks import look_at
from trainer_image.pieces import Piece, rows_of, tokenise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer_image.row_formats import DatasetFormat

_LENGTH_BYTES = 8


@dataclass(frozen=True)
class Work:
    """What is to be done with every piece of a file. ``looks`` asks for all that a report wants to
    know of the rows, ``template`` is used instead of the model's own; ``revision`` is the commit of
    a model of the Hub."""

    path: Path
    base_model: str
    format: DatasetFormat
    max_length: int
    assistant_only: bool
    last_only: bool
    template: str | None = None
    looks: bool = False
    revision: str | None = None

    @property
    def options(self) -> tuple[object, ...]:
        """What of the recipe decides the tokens, beside the tokenizer and the format."""
        return (self.max_length, self.assistant_only, self.last_only)

    def recipe(self, tokenizer: Any) -> Recipe:
        """How its rows become tokens."""
        return Recipe(tokenizer, self.format, self.max_length, self.assistant_only, self.last_only)

    def doing(self, recipe: Recipe) -> Callable[[Piece], Any]:
        """What makes of a piece what is wanted of it."""
        if self.looks:
            return lambda piece: look_at(self.path, piece, recipe)
        return lambda piece: tokenise(rows_of(self.path, piece), recipe)


def main() -> int:
    """Serve until the parent is gone."""
    from trainer_image.pretrained import tokenizer_of, without_torch

    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent to answer
    prepare_process(offline=os.environ.get("HF_HUB_OFFLINE") == "1", use_gpu=False)
    requests: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_read, args=(requests,), daemon=True).start()
    work: Work = requests.get()
    try:
        with without_torch():
            tokenizer = tokenizer_of(work.base_model, work.revision)
        if work.template is not None:
            tokenizer.chat_template = work.template
        do = work.doing(work.recipe(tokenizer))
        while True:
            send(replies, do(requests.get()))
    except (BrokenPipeError, KeyboardInterrupt):  # nobody reads any more
        return 0
    except Exception:  # noqa: BLE001 - the parent does the piece itself and meets the error there
        send(replies, traceback.format_exc())
        return 1


def _read(requests: SimpleQueue[Any]) -> None:
    """In a thread of its own, so that the parent's end is seen in the middle of anything."""
    while (request := receive(sys.stdin.buffer)) is not None:
        requests.put(request)
    os._exit(0)


def send(file: IO[bytes], value: object) -> None:
    """Write one value."""
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    file.write(len(data).to_bytes(_LENGTH_BYTES, "little") + data)
    file.flush()


def receive(file: IO[bytes]) -> Any:
    """Read one value; None at the end."""
    head = file.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    data = file.read(int.from_bytes(head, "little"))
    return pickle.loads(data)  # noqa: S301 - from the process that was started for this


if __name__ == "__main__":
    # Pickles name classes by their module, which is not called "__main__" in the parent.
    from trainer_image.row_worker import main as serve

    sys.exit(serve())
