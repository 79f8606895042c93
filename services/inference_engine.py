"""Talks to the inference worker: a child process that holds base model and adapter in memory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from models.domain.inference import Answer
from services.runners.process import worker_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from models.domain.inference import SamplingSettings
    from services.trainer_code import TrainerCode

_QUIT_SECONDS = 3.0
_STDERR_TAIL_BYTES = 4000


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """What the worker needs of this computer; asked for when it is started."""

    python: Path
    code: TrainerCode
    data_root: Path
    log: Path
    offline: bool = False


class InferenceEngine:
    """One model in memory at a time. Blocking calls; :meth:`cancel` may come from any thread."""

    def __init__(self, place: Callable[[], WorkerPlace]) -> None:
        self._place = place
        self._worker: subprocess.Popen[str] | None = None
        self._log: Path | None = None
        self._request = 0
        self._turn = threading.Lock()
        self._writing = threading.Lock()

    def load(self, base_model: str, adapter: str) -> None:
        """Load a base model with an adapter; at once where the worker has both already.

        ``adapter`` may be empty: only the base model then. Raises AppError.
        """
        with self._turn:
            for _ in self._ask(
                {"op": "load", "base_model": base_model, "adapter": adapter or None}
            ):
                pass

    def generate(
        self,
        prompt: str,
        *,
        use: str,
        settings: SamplingSettings,
        on_token: Callable[[str], None],
        history: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Answer one prompt, with the ``adapter`` or the ``base`` model alone.

        ``on_token`` gets each piece of text as it comes, in the calling thread.
        """
        messages = [*(history or []), {"role": "user", "content": prompt}]
        request = {"op": "generate", "use": use, "messages": messages, **_sampling(settings)}
        with self._turn:
            for reply in self._ask(request):
                if reply["type"] == "token":
                    on_token(reply["text"])
                else:
                    return _as_answer(reply)
        raise self._died()

    def cancel(self) -> None:
        """Stop the answer that is being generated, if there is one; it ends with what it has."""
        if self._worker is not None:
            with contextlib.suppress(OSError, ValueError):
                self._send({"op": "cancel", "id": self._request})

    def unload(self) -> None:
        """Give the model's memory back; the next load starts from the files."""
        if self._worker is not None:
            with self._turn:
                for _ in self._ask({"op": "unload"}):
                    pass

    def close(self) -> None:
        """End the worker."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        with contextlib.suppress(OSError, ValueError):
            if worker.stdin is not None:
                worker.stdin.close()
        try:
            worker.wait(_QUIT_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        if worker.stdout is not None:
            worker.stdout.close()

    def _ask(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Send a request and yield its replies up to and including the last one."""
        self._ensure_worker()
        self._request += 1
        number = self._request
        try:
            self._send({**request, "id": number})
        except OSError as error:
            raise self._died() from error
        for reply in self._replies():
            if reply.get("id") != number:
                continue
            if reply["type"] == "error":
                raise AppError(reply["kind"], reply["message"], reply.get("hint", ""))
            yield reply
            if reply["type"] != "token":
                return
        raise self._died()

    def _replies(self) -> Iterator[dict[str, Any]]:
        if self._worker is None or self._worker.stdout is None:
            return
        for line in self._worker.stdout:
            yield json.loads(line)

    def _send(self, request: dict[str, Any]) -> None:
        if self._worker is None or self._worker.stdin is None:
            raise OSError("the worker is gone")
        with self._writing:
            self._worker.stdin.write(json.dumps(request) + "\n")
            self._worker.stdin.flush()

    def _ensure_worker(self) -> None:
        if self._worker is not None and self._worker.poll() is None:
            return
        self.close()
        self._worker = self._start(self._place())

    def _start(self, place: WorkerPlace) -> subprocess.Popen[str]:
        environment = worker_environment(os.environ, place.code.folder, place.data_root)
        if place.offline:
            environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        place.log.parent.mkdir(parents=True, exist_ok=True)
        self._log = place.log
        try:
            with place.log.open("wb") as log:
                return subprocess.Popen(
                    [str(place.python), "-m", "trainer_image.infer"],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    encoding="utf-8",
                )
        except OSError as error:
            raise AppError(
                "runtime_missing",
                "The training environment is not set up, so no model can be run.",
                "Set it up: start a training, or run temper doctor.",
                str(error),
            ) from error

    def _died(self) -> AppError:
        tail = ""
        if self._log is not None and self._log.exists():
            tail = self._log.read_bytes()[-_STDERR_TAIL_BYTES:].decode("utf-8", errors="replace")
        return AppError(
            "worker_died",
            "The process that answers has ended unexpectedly, most often for want of memory.",
            "Close other programs or choose a smaller model, then try again.",
            tail,
        )


def _sampling(settings: SamplingSettings) -> dict[str, Any]:
    common = {
        "max_new_tokens": settings.max_new_tokens,
        "repetition_penalty": settings.repetition_penalty,
    }
    if settings.temperature == 0:
        return {"do_sample": False, **common}
    drawn = {"temperature": settings.temperature, "top_p": settings.top_p}
    return {"do_sample": True, **drawn, **common}


def _as_answer(reply: dict[str, Any]) -> Answer:
    return Answer(reply["text"], reply["tokens"], reply["seconds"], reply["finish"])
