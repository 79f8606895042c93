"""The downloading child: ``python -m services.models.child``.

A process of its own can be ended at any byte, also while the network is silent. It reads one order
from its standard input, which stays open as long as the program that started it lives, and prints
its progress and one result, each as a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any

from models.domain.errors import AppError
from services.environment.folder_lock import folder_lock
from services.models.fetching import Fetch, Order
from services.models.hub_errors import hub_failure
from services.models.notes import ModelNotes
from services.progress import CancelToken
from services.redaction import redact


def main() -> int:
    """Do what standard input asks for. The result, also a refusal, is on standard output."""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    order = Order(**json.loads(stdin.readline()))
    threading.Thread(target=_end_with_parent, args=(stdin,), daemon=True).start()
    _say(stdout, carry_out(order, stdout))
    return 0


def carry_out(order: Order, stdout: IO[bytes]) -> dict[str, Any]:
    """Fetch, and say what came of it."""

    def tell(done: int, total: int, name: str) -> None:
        _say(stdout, {"progress": [done, total, name]})

    lock = ModelNotes(Path(order.data_root)).folder / f"{order.repo.replace('/', '--')}.lock"
    try:
        with folder_lock(lock, CancelToken(), lambda: _say(stdout, {"waits": True})):
            note = Fetch(order, tell).run()
    except AppError as error:
        return _refusal(error)
    except Exception as error:  # noqa: BLE001 - the program reports a bug, with all of this
        failure = hub_failure(order.repo, error, with_token=order.token is not None)
        if failure is None:
            return {"bug": redact(traceback.format_exc())}
        return _refusal(failure)
    return {"revision": note.revision}


def _refusal(error: AppError) -> dict[str, Any]:
    words = {"message": error.message, "hint": error.hint, "details": error.details}
    return {"error": {"kind": error.kind} | {name: redact(text) for name, text in words.items()}}


def _say(stdout: IO[bytes], document: dict[str, Any]) -> None:
    stdout.write(json.dumps(document).encode() + b"\n")
    stdout.flush()


def _end_with_parent(stdin: IO[bytes]) -> None:
    """Whoever ended the program does not want its download to go on."""
    # Not through the buffer, whose lock the interpreter needs when it ends.
    while os.read(stdin.fileno(), 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
