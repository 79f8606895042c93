"""Answers prompts with a base model and its adapter, which a worker process holds in memory."""

from __future__ import annotations

import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from models.domain.inference import Answer, Message
from services.inference_worker import UNLOADED, InferenceWorker
from services.progress import CancelToken
from trainer_image.contract import CONTAINER_DATA_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.inference import SamplingSettings, TunedModel
    from services.inference_places import WorkerPlace


class InferenceEngine:
    """One model in memory at a time. Blocking calls, one after the other.

    ``place`` is asked at every load, so that a worker never outlives a change of Offline mode, of
    the trainer's code or of the environment. :meth:`unload` may come from any thread.
    """

    def __init__(self, place: Callable[[TunedModel], WorkerPlace]) -> None:
        self._place = place
        self._worker: InferenceWorker | None = None
        self._loaded: TunedModel | None = None
        self._coming: TunedModel | None = None
        self._turn = threading.Lock()
        self._guard = threading.Lock()

    @property
    def base_model(self) -> str:
        """The base model that is in memory, or on its way there; empty without one. Never
        blocks."""
        worker, model = self._worker, self._loaded or self._coming
        return "" if worker is None or model is None or not worker.is_alive else model.base_model

    def is_loaded(self, model: TunedModel) -> bool:
        """Whether an answer of this model comes without loading it first; never blocks."""
        worker = self._worker
        return worker is not None and worker.is_alive and self._loaded == model

    def load(self, model: TunedModel, cancel: CancelToken | None = None) -> None:
        """Have this model in memory; at once where it is, unless its files have changed.

        Raises AppError, or Cancelled as soon as ``cancel`` is set.
        """
        with self._turn:
            self._load(model, cancel or CancelToken())

    def generate(
        self,
        prompt: str,
        *,
        use: str,
        settings: SamplingSettings,
        on_token: Callable[[str], None],
        context: Sequence[Message] = (),
        cancel: CancelToken | None = None,
    ) -> Answer:
        """Answer one prompt with the loaded model: TUNED, or BASE without its adapter.

        ``on_token`` gets each piece of text as it comes, in the calling thread. Once ``cancel`` is
        set the answer ends with what it has. A model whose worker died is loaded again.
        """
        cancel = cancel or CancelToken()
        messages = [*context, Message("user", prompt)]
        request = {
            "op": "generate",
            "use": use,
            "messages": [{"role": one.role, "content": one.content} for one in messages],
            **_sampling(settings),
        }
        with self._turn:
            worker = self._worker_with_model(cancel)
            reply: dict[str, Any] = {}
            for reply in worker.ask(request, cancel, worker.cancel):
                if reply["type"] == "token":
                    on_token(reply["text"])
        return Answer(reply["text"], reply["tokens"], reply["seconds"], reply["finish"])

    def unload(self) -> None:
        """Give the memory back: end the process that has it and wait until it is gone.

        What a process frees inside itself, it mostly keeps. An answer on its way ends with an
        AppError("unloaded").
        """
        with self._guard:
            worker, self._worker = self._worker, None
            self._loaded = None
        if worker is not None:
            worker.end()

    def close(self) -> None:
        """The same, at the program's end."""
        self.unload()

    def _load(self, model: TunedModel, cancel: CancelToken) -> None:
        cancel.raise_if_cancelled()
        place = self._place(model)
        worker = self._worker_at(place)
        self._loaded, self._coming = None, model
        request = {
            "op": "load",
            "base_model": place.seen(as_in_a_job(model.base_model, model.data_root)),
            "adapter": as_in_a_job(model.adapter, model.data_root) or None,
            "quantization": model.quantization,
        }
        try:
            # Loading cannot be interrupted, but the process that does it can be ended.
            for _reply in worker.ask(request, cancel, lambda _number: self.unload()):
                pass
        except AppError:
            cancel.raise_if_cancelled()
            raise
        finally:
            self._coming = None
        self._loaded = model

    def _worker_at(self, place: WorkerPlace) -> InferenceWorker:
        worker = self._worker
        if worker is None or not worker.is_alive or worker.place != place:
            self.unload()
            worker = InferenceWorker(place)
            with self._guard:
                self._worker = worker
        return worker

    def _worker_with_model(self, cancel: CancelToken) -> InferenceWorker:
        if self._loaded is None:
            raise AppError("not_loaded", "No model is loaded.", "Load one first.")
        if self._worker is None or not self._worker.is_alive:
            self._load(self._loaded, cancel)
        if self._worker is None:
            raise AppError(UNLOADED, "The model was just unloaded.", "Ask again later.")
        return self._worker


def as_in_a_job(path: str, data_root: str) -> str:
    """A place as the trainer's code names it: under the data root it begins with ``/data``, and
    so a data root that itself lies under ``/data`` is not taken for the trainer's one."""
    try:
        inside = Path(path).relative_to(data_root)
    except ValueError:
        return path
    return str(PurePosixPath(CONTAINER_DATA_ROOT, *inside.parts))


def _sampling(settings: SamplingSettings) -> dict[str, Any]:
    common = {
        "max_new_tokens": settings.max_new_tokens,
        "repetition_penalty": settings.repetition_penalty,
    }
    if settings.temperature == 0:
        return {"do_sample": False, **common}
    drawn = {"temperature": settings.temperature, "top_p": settings.top_p}
    return {"do_sample": True, **drawn, **common}
