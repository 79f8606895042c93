"""Quick Local Inference: loads the adapter of the run that is shown and streams its answers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from models.domain.errors import AppError
from models.domain.run import RunState
from models.qt.chat_export import export_text
from models.qt.inference_model import InferenceState

if TYPE_CHECKING:
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import InferencePort, RunPort
    from models.domain.run import Run
    from models.qt.inference_model import InferenceRequest
    from models.qt.run_models import RunModels

DRAIN_MS = 50


class TokenStream(QObject):
    """Collects the pieces of an answer in the lane and hands them to the model in the window."""

    def __init__(self, shown: RunModels, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shown = shown
        self._use = ""
        self._pieces: list[str] = []
        self._lock = threading.Lock()
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self.drain)

    def begin(self, use: str) -> None:
        """Pieces from now on belong to this answer."""
        self._use = use
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
            self._shown.inference.stream(self._use, text)


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
        self._stream = TokenStream(shown, self)
        self._cancelled = False
        self._loaded = ""

    @Slot(object)
    def run(self, request: InferenceRequest) -> None:
        """Answer a prompt with the tuned model, and with the base model where asked."""
        model = self._shown.inference
        run = self._shown.status.run
        if run is None or model.state.is_busy or not self._shown.status.can_infer:
            return
        self._cancelled = False
        is_loaded = self._loaded == run.id
        model.set_state(InferenceState.GENERATING if is_loaded else InferenceState.LOADING)
        model.begin(request)
        self._desk.tasks.start(self._answer(run, request))

    @Slot()
    def cancel(self) -> None:
        """End the answer that is on its way; what has come stays."""
        if self._shown.inference.state.is_busy and not self._cancelled:
            self._cancelled = True
            self._desk.tasks.start(self._cancel())

    @Slot()
    def clear(self) -> None:
        """Forget the history."""
        self._shown.inference.clear_history()

    @Slot()
    def refresh_samples(self) -> None:
        """Offer other prompts of the run's dataset."""
        run = self._shown.status.run
        if run is not None:
            self._desk.tasks.start(self._read_samples(run))

    @Slot(object)
    def offer(self, run: Run) -> None:
        """A run has ended or is shown: offer its prompts where there is an adapter to try."""
        if run.state is RunState.FINISHED and run.id == self._shown.run_id:
            self._desk.tasks.start(self._read_samples(run))

    @Slot(object)
    def release(self, _run: object = None) -> None:
        """Give the model's memory back: a training is about to need it."""
        if self._loaded:
            self._loaded = ""
            self._desk.tasks.start(self._unload())

    def export(self, path: Path) -> None:
        """Write the history to a text file."""
        run = self._shown.status.run
        if run is not None:
            text = export_text(run, self._shown.inference.exchanges)
            self._desk.tasks.start(self._export(text, path))

    async def _answer(self, run: Run, request: InferenceRequest) -> None:
        model = self._shown.inference
        try:
            await self._load(run)
            for use in self._uses(request):
                if self._cancelled or self._shown.run_id != run.id:
                    break
                await self._generate(request, use)
        except AppError as error:
            self._loaded = ""
            model.set_state(InferenceState.ERROR, str(error))
        else:
            model.set_state(InferenceState.IDLE)
        finally:
            self._stream.end()
            model.end()

    async def _load(self, run: Run) -> None:
        lanes = self._desk.lanes
        adapter = await lanes.runs.run(self._runs.adapter_path, run)
        base = run.base_model or run.config.hp.base_model
        await lanes.inference.run(self._engine.load, base, str(adapter))
        self._loaded = run.id
        self._shown.inference.set_state(InferenceState.GENERATING)

    async def _generate(self, request: InferenceRequest, use: str) -> None:
        self._stream.begin(use)
        answer = await self._desk.lanes.inference.run(
            self._engine.generate,
            request.prompt,
            use=use,
            settings=request.settings,
            on_token=self._stream.push,
        )
        self._stream.end()
        self._shown.inference.answer(use, answer)

    async def _cancel(self) -> None:
        # Not in the inference lane: that one is busy with the answer.
        await self._desk.lanes.runs.run(self._engine.cancel)

    async def _unload(self) -> None:
        try:
            await self._desk.lanes.inference.run(self._engine.unload)
        except AppError as error:
            self._desk.notices.said.emit(str(error))

    async def _read_samples(self, run: Run) -> None:
        try:
            samples = await self._desk.lanes.database.run(self._runs.samples, run.id)
        except AppError as error:
            self._desk.notices.said.emit(str(error))
            return
        if run.id == self._shown.run_id:
            self._shown.inference.set_samples(samples)

    async def _export(self, text: str, path: Path) -> None:
        try:
            await self._desk.lanes.work.run(path.write_text, text, encoding="utf-8")
        except OSError as error:
            trouble = AppError("io", f"{path} cannot be written: {error}.", "Choose another place.")
            self._desk.notices.show_error("The chats were not saved", trouble)
        else:
            self._desk.notices.said.emit(f"Chats saved as {path}")

    @staticmethod
    def _uses(request: InferenceRequest) -> tuple[str, ...]:
        return ("adapter", "base") if request.compare else ("adapter",)
