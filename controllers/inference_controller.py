"""Quick Local Inference: loads the adapter of the run that is shown and streams its answers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from models.domain.chat_export import export_text
from models.domain.errors import AppError
from models.domain.inference import BASE, TUNED
from models.domain.run import RunState
from models.qt.inference_model import BASE_TEXT, InferenceState
from services.inference_worker import UNLOADED
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import InferencePort, RunPort
    from models.domain.inference import InferenceRequest, TunedModel
    from models.domain.run import Run
    from models.qt.inference_model import InferenceModel
    from models.qt.run_models import RunModels

DRAIN_MS = 50
_CANNOT_BE_TRIED = {
    "no_adapter",
    "adapter_missing",
    "adapter_replaced",
    "adapter_mismatch",
    "no_base_model",
}


class TokenStream(QObject):
    """Collects the pieces of an answer in the lane and hands them to the model in the window."""

    def __init__(self, model: InferenceModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._number = 0
        self._use = ""
        self._pieces: list[str] = []
        self._lock = threading.Lock()
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self.drain)

    def begin(self, number: int, use: str) -> None:
        """Pieces from now on belong to this answer of this exchange."""
        self._number, self._use = number, use
        self._timer.start()

    def push(self, text: str) -> None:
        """Take a piece; called in the lane."""
        with self._lock:
            self._pieces.append(text)

    def end(self) -> None:
        """The answer is whole."""
        self._timer.stop()
        self.drain()

    @Slot()
    def drain(self) -> None:
        """Hand over what has come."""
        with self._lock:
            text = "".join(self._pieces)
            self._pieces.clear()
        if text:
            self._model.stream(self._number, self._use, text)


@dataclass(slots=True, eq=False)
class _Turn:
    """One press of the button: what it is for, and the way to end it."""

    run: Run
    request: InferenceRequest
    number: int
    cancel: CancelToken = field(default_factory=CancelToken)


class InferenceController(QObject):
    """Answers for one page. Pages share the engine, which holds one model at a time."""

    def __init__(
        self,
        desk: Desk,
        shown: RunModels,
        runs: RunPort,
        engine: InferencePort,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._shown = shown
        self._runs = runs
        self._engine = engine
        self._model = shown.inference
        self._stream = TokenStream(shown.inference, self)
        self._turn: _Turn | None = None
        shown.inference.adapter_changed.connect(self._on_adapter_changed)

    @Slot(object)
    def run(self, request: InferenceRequest) -> None:
        """Answer a prompt with the tuned model, and with the base model where asked."""
        run, tuned = self._shown.status.run, self._model.tuned
        if run is None or tuned is None or not self._model.can_ask:
            return
        is_loaded = self._engine.is_loaded(tuned)
        self._model.set_state(InferenceState.GENERATING if is_loaded else InferenceState.LOADING)
        self._turn = _Turn(run, request, self._model.begin(request).number)
        self._desk.tasks.start(self._answer(self._turn))

    @Slot()
    def cancel(self) -> None:
        """End the answer that is on its way; what has come stays."""
        if self._turn is not None:
            self._turn.cancel.cancel()

    @Slot()
    def clear(self) -> None:
        """Forget the history."""
        self._model.clear_history()

    @Slot()
    def refresh_samples(self) -> None:
        """Offer other prompts of the run's dataset."""
        run = self._shown.status.run
        if run is not None:
            self._desk.tasks.start(self._read_samples(run))

    @Slot()
    def look_again(self) -> None:
        """Look once more for an adapter that was not there."""
        run = self._shown.status.run
        if run is not None:
            self.offer(run)

    @Slot(object)
    def offer(self, run: Run) -> None:
        """A run has ended or is shown: offer to try it where there is an adapter."""
        if run.state is RunState.FINISHED and run.id == self._shown.run_id:
            self._desk.tasks.start(self._offer(run))

    def export(self, path: Path) -> None:
        """Write the history to a text file."""
        run = self._shown.status.run
        if run is not None:
            text = export_text(run, self._model.exchanges)
            self._desk.tasks.start(self._export(text, path))

    async def _offer(self, run: Run) -> None:
        if await self._find_adapter(run) is not None and not self._model.samples:
            await self._read_samples(run)

    async def _find_adapter(self, run: Run) -> TunedModel | None:
        """Look at the adapter's files, and show what was found."""
        try:
            tuned = await self._desk.lanes.runs.run(self._runs.tuned_model, run)
        except AppError as error:
            if self._shown.run_id == run.id:
                self._model.set_missing(str(error))
            return None
        if self._shown.run_id != run.id:
            return None
        self._model.set_tuned(tuned)
        return tuned

    async def _answer(self, turn: _Turn) -> None:
        state, status, trouble = InferenceState.IDLE, "", ""
        try:
            await self._load(turn)
            for use in (TUNED, BASE) if turn.request.compare else (TUNED,):
                await self._generate(turn, use)
        except Cancelled:
            pass
        except AppError as error:
            trouble = error.message
            if error.kind in _CANNOT_BE_TRIED:
                self._say_missing(turn, error)
            elif error.kind != UNLOADED:
                state, status = InferenceState.ERROR, str(error)
        finally:
            self._stream.end()
            self._model.end(turn.number, trouble)
            if self._turn is turn:
                self._turn = None
                self._model.set_state(state, status)

    async def _load(self, turn: _Turn) -> None:
        lanes = self._desk.lanes
        # Looked at anew: the folder may have been moved since the last answer.
        tuned = await lanes.runs.run(self._runs.tuned_model, turn.run)
        await lanes.inference.run(self._engine.load, tuned, turn.cancel)

    async def _generate(self, turn: _Turn, use: str) -> None:
        turn.cancel.raise_if_cancelled()
        if use == BASE and self._turn is turn:
            self._model.set_state(InferenceState.GENERATING, BASE_TEXT)
        self._stream.begin(turn.number, use)
        answer = await self._desk.lanes.inference.run(
            self._engine.generate,
            turn.request.prompt,
            use=use,
            settings=turn.request.settings,
            on_token=self._stream.push,
            context=turn.request.context,
            cancel=turn.cancel,
        )
        self._stream.end()
        self._model.answer(turn.number, use, answer)

    def _say_missing(self, turn: _Turn, error: AppError) -> None:
        if self._shown.run_id == turn.run.id:
            self._model.set_missing(str(error))

    async def _read_samples(self, run: Run) -> None:
        avoid = [sample.prompt for sample in self._model.samples]
        database = self._desk.lanes.database
        try:
            samples = await database.run(self._runs.samples, run.id, avoid=avoid)
            system = await database.run(self._runs.system_prompt, run.id)
        except AppError as error:
            self._desk.notices.said.emit(str(error))
            return
        if run.id == self._shown.run_id:
            self._model.set_samples(samples, system)

    async def _export(self, text: str, path: Path) -> None:
        try:
            await self._desk.lanes.work.run(path.write_text, text, encoding="utf-8")
        except OSError as error:
            trouble = AppError("io", f"{path} cannot be written: {error}.", "Choose another place.")
            self._desk.notices.show_error("The chats were not saved", trouble)
        else:
            self._desk.notices.said.emit(f"Chats saved as {path}")

    @Slot()
    def _on_adapter_changed(self) -> None:
        """The page shows another run, or this one from its start: nobody waits any more."""
        turn, is_left = self._turn, self._model.tuned is None and not self._model.missing
        if turn is not None and is_left:
            self._turn = None
            turn.cancel.cancel()
