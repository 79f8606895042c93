"""A process's share of each step's batches.

A step has ``accumulation x processes`` batches, and every process goes through the same loop over
all of them, as one alone would: same order, same epochs, same place after a resume. It computes
every batch whose number is its own and passes the others by; at the end of the step gradients and
loss are added up. The loss of a batch is a sum divided by the units of the whole step, so the sum
of the gradients is exactly that of one process.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from trainer_image import crew, world
from trainer_image.contract import FailureKind
from trainer_image.failures import TrainerError
from trainer_image.peaks import note_peak_of_others, peak_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trainer_image.objective import Measured
    from trainer_image.reporter import Reporter
    from trainer_image.stopping import StopRequest

_STEPS_APART = 1_000_003
"""A prime beyond the batches of any step, so that no two batches of a run share their seed."""


class StepShare:
    """Knows where in a step's batches this process is."""

    def __init__(
        self,
        reporter: Reporter,
        stop: StopRequest,
        seed: int,
        *,
        on_gpu: bool,
        is_sharded: bool = False,
    ) -> None:
        self._reporter = reporter
        self._stop = stop
        self._seed = seed
        self._on_gpu = on_gpu
        self._is_sharded = is_sharded
        self._keeps_company = False
        self._batches = self._next = self._units = 0
        self._loss = 0.0
        self._tokens = (0, 0)

    def begin(self, batches: int, units: int) -> None:
        """A step of so many batches begins, of ``units`` in all."""
        self._batches, self._next, self._units = batches, 0, units
        self._loss = 0.0
        self._tokens = (self._reporter.trained_tokens, self._reporter.processed_tokens)

    def count(self, measured: Measured) -> Any:
        """The loss of a batch that was computed, and its tokens; nothing of one that is another
        process's, and was computed so that all compute equally often."""
        if self._keeps_company:
            return measured.total * 0
        self._reporter.count(measured.trained, measured.processed)
        return measured.total

    def take(self, step: int, compute: Callable[[], Any], model: Any, device: Any) -> Any:
        """The loss of the next batch if it is ours, else zero; after the last one, what is missing
        to the loss of all processes."""
        import torch

        number, self._next = self._next, self._next + 1
        loss = torch.zeros((), device=device)
        if number % world.size() == world.rank():
            with _random_of(self._seed + _STEPS_APART * step + number, on_gpu=self._on_gpu):
                loss = compute()
            self._loss += loss.item()
        if self._next == self._batches:
            if not self._is_sharded:
                crew.add_up_gradients(model.parameters())
            elif 0 < self._batches % world.size() <= world.rank():
                self._keep_company(compute)
            loss = loss + self._settle()
        return loss

    def _keep_company(self, compute: Callable[[], Any]) -> None:
        self._keeps_company = True
        try:
            compute()
        finally:
            self._keeps_company = False

    def _settle(self) -> float:
        """Agree on what the step was; what the others' loss adds to ours."""
        before, reporter = self._tokens, self._reporter
        trained = reporter.trained_tokens - before[0]
        processed = reporter.processed_tokens - before[1]
        peak = peak_memory(self._on_gpu)
        everybody = crew.gathered(
            [self._units, self._loss, trained, processed, self._stop.seen, peak]
        )
        units, losses, learnt, computed, asked, peaks = zip(*everybody, strict=True)
        if any(one != units[0] for one in units):
            raise TrainerError(
                FailureKind.INTERNAL,
                "The processes that train together do not see the same rows.",
                "Start the same version on all machines, with the same data folder.",
            )
        reporter.count(int(sum(learnt)) - trained, int(sum(computed)) - processed)
        self._stop.settle(any(asked))
        note_peak_of_others(int(max(peaks)))
        return float(sum(losses) - self._loss)


def rounds(batches: Sequence[Any], *, is_sharded: bool) -> Iterator[tuple[Any, bool]]:
    """This process's batches of an evaluation, and whether each counts; as many for every process.
    Where one has none left that is None, or with divided weights another's that does not count."""
    for first in range(0, len(batches), world.size()):
        number = first + world.rank()
        if number < len(batches):
            yield batches[number], True
        else:
            yield (batches[first] if is_sharded else None), False


@contextmanager
def _random_of(seed: int, *, on_gpu: bool) -> Iterator[None]:
    """Random numbers that follow from the batch alone, whichever process computes it.

    Afterwards they go on as if nothing had been drawn: the order of the rows comes from them, and
    must be the same everywhere.
    """
    import torch

    devices = [torch.cuda.current_device()] if on_gpu else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


class Sharing:
    """The part of a trainer that leaves batches to other processes; before transformers' own."""

    args: Any
    state: Any
    _share: StepShare

    def get_batch_samples(self, iterator: Any, count: int, device: Any) -> tuple[list[Any], Any]:
        """All batches of a step; their units are counted over all of them."""
        batches, units = super().get_batch_samples(iterator, count, device)  # type: ignore[misc]
        if world.size() > 1:
            self._share.begin(len(batches), int(units))
        return batches, units

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if world.is_first():
            super()._save_checkpoint(model, trial)  # type: ignore[misc]

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """One batch, or the next one that another process computes."""
        compute = partial(super().training_step, model, inputs, num_items_in_batch)  # type: ignore[misc]
        if world.size() == 1:
            return compute()
        return self._share.take(self.state.global_step, compute, model, self.args.device)
