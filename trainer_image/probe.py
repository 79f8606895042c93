"""``python -m trainer_image.train --job PATH/job.json --probe``: does the run fit, and how fast is
its slowest step?

The longest batch that the run could draw, by the very code of a training, behind some short ones
that make the optimiser's state; then all of it is thrown away. The answer is one line of JSON on
standard output, what is printed goes to standard error. Nothing is written to the run's folder or
its output.

As a worker, ``python -m trainer_image.probe``, it takes the job on standard input::

    {"id": 1, "op": "probe", "job": {...}, "folder": "probe-3fa9"}
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, overload

from pydantic import ValidationError

from trainer_image import world
from trainer_image.checks import read_job, sentences
from trainer_image.contract import CONTAINER_DATA_ROOT, FailureKind, Job
from trainer_image.failures import understand
from trainer_image.lines import claim_stdout
from trainer_image.peaks import free_memory, peak_memory
from trainer_image.preference_items import size_of
from trainer_image.remedies import Situation, remedies_for
from trainer_image.reporter import Reporter
from trainer_image.run_folder import EventWriter, RunFolder, StateWriter, resolve, write_model
from trainer_image.secrecy import guard_output
from trainer_image.steps import plan_steps
from trainer_image.train import Run
from trainer_image.trainer import trainer_of

if TYPE_CHECKING:
    from trainer_image.checks import CheckedJob
    from trainer_image.collate import Item
    from trainer_image.prepare import Dataset, Prepared

PLACE = f"{CONTAINER_DATA_ROOT}/cache"
"""Probes have their folders here: the one place that can be written wherever a trainer runs."""
_STEPS = 2
"""In the first the optimiser makes its state; the last batch of the second meets all of it."""
_HOLES_BYTES, _HOLES_SHARE = 150_000_000, 0.1
"""What batches of other shapes leave in the heap of a processor, beyond what the longest one takes:
measured were 131 and 145 MB with a tiny model (60 steps, rows of many lengths, batches of 100 MB),
and nothing with SmolLM2 135M (36 steps, batches of 970 MB). oneDNN keeps 16 shapes
(``environment.py``), and a share of the batch is left for what two models do not show."""
_IN_MEMORY = (FailureKind.CUDA_OOM, FailureKind.HOST_OOM)
_ANSWER = "--answer"


def main() -> NoReturn:
    """Take one request from standard input and become the process that answers it."""
    request = json.loads(sys.stdin.buffer.readline() or "{}")
    try:
        job = Job.model_validate(request.get("job"))
    except ValidationError as error:
        reply = {"type": "error", "kind": FailureKind.BAD_CONFIG, "message": sentences(error)}
        print(json.dumps({"id": request.get("id")} | reply), flush=True)  # noqa: T201
        sys.exit(1)
    folder = resolve(PLACE) / Path(str(request.get("folder"))).name
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder / "job.json", job)
    command = [sys.executable, "-m", "trainer_image.train", "--job", str(folder / "job.json")]
    command += ["--probe", _ANSWER, str(request.get("id"))]
    if os.name == "nt":  # there a process cannot become another one
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(command[0], command)  # noqa: S606 - our own module with our own paths


def probe(job_path: Path, request: int | None = None) -> int:
    """Measure a job and print the answer; 0 where there is one, whether it fits or not."""
    replies = claim_stdout()
    guard_output()
    world.enter()
    # A worker's folder is removed by whoever asked, also where the system has ended the worker.
    place = PLACE if request is None else f"{PLACE}/{job_path.parent.name}"
    resolve(place).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="probe-", dir=resolve(place)))
    try:
        answer = _measured(job_path, folder, f"{place}/{folder.name}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    identity = {} if request is None else {"id": request}
    replies.write(json.dumps(identity | answer, ensure_ascii=False) + "\n")
    replies.flush()
    return 1 if answer["type"] == "error" else 0


def _measured(job_path: Path, folder: Path, place: str) -> dict[str, Any]:
    began, measured = time.monotonic(), None
    try:
        job = read_job(job_path)
        measured = _Probe.of(job, folder, place)
        facts = measured.run_steps()
    except BaseException as error:  # noqa: BLE001 - any error gets its name, as in a training
        failure = understand(error)
        print(failure.details + failure.message, file=sys.stderr, flush=True)  # noqa: T201
        if measured is None or failure.kind not in _IN_MEMORY:
            told = {"kind": failure.kind, "message": failure.message, "hint": failure.hint}
            return {"type": "error"} | told
        situation = Situation(job, measured.on_gpu)
        facts = measured.facts() | {
            "fits": False, "message": failure.message, "hint": failure.hint,
            "remedies": remedies_for(failure.kind, situation),
        }  # fmt: skip
    return {"type": "probe"} | facts | {"seconds": time.monotonic() - began}


def _throwaway(job: Job, place: str) -> Job:
    """The same training for a few steps, in a folder that is removed afterwards."""
    hp = job.hp.model_copy(
        update={
            "epochs": 1.0, "max_steps": _STEPS, "grad_accum": min(2, job.hp.grad_accum),
            "resume_from": "", "push_to_hub": False, "report_to": "none", "early_stopping": None,
        }
    )  # fmt: skip
    output = f"{place}/output"
    changes = {"hp": hp, "output_directory": output, "on_existing": "refuse", "processes": 1}
    return job.model_copy(update=changes)


class _Enough(Exception):  # noqa: N818 - not an error: the last step that is looked at has ended
    """Ends the training before it would log, evaluate or save."""


class _Probe(Run):
    """A training of a few chosen batches, which stops before anything would be kept."""

    def __init__(self, job: Job, path: Path, folder: RunFolder, reporter: Reporter) -> None:
        super().__init__(path, folder, reporter)
        self._asked = job
        self._free = self._held = 0
        self._began = self._ended = 0.0
        self._script: _Script | None = None
        self._known: dict[str, Any] = {}

    @classmethod
    def of(cls, job: Job, folder: Path, place: str) -> _Probe:
        """A probe of this job in a folder of its own, which jobs call ``place``."""
        path = folder / "job.json"
        write_model(path, _throwaway(job, place))
        run = RunFolder(folder)
        state = StateWriter(run.state, folder.name)
        return cls(job, path, run, Reporter(EventWriter(run.events), state))

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU is used."""
        return self._situation is not None and self._situation.on_gpu

    def run_steps(self) -> dict[str, Any]:
        """Make the steps, and say what they took."""
        self._stop.listen()
        training = self._training(self._check())
        engine = training.engine
        self._known |= {
            "engine": engine.name, "device": engine.device, "precision": engine.precision,
            "quantization": engine.quantization,
        }  # fmt: skip
        trainer = trainer_of(training)
        trainer.add_callback(self._stopwatch())
        if self._script is not None:
            self._script.begin()
        self._held = _held_now()
        with contextlib.suppress(_Enough):
            trainer.train()
        return self.facts() | self._times()

    def facts(self) -> dict[str, Any]:
        """What is known by now; ``free_memory_bytes`` is what could be taken before the model."""
        peak = peak_memory(self.on_gpu)
        batch = max(0, peak - self._held)
        holes = 0 if self.on_gpu else _HOLES_BYTES + _HOLES_SHARE * batch
        return self._known | {
            "fits": peak + holes <= self._free,
            "peak_memory_bytes": peak,
            "free_memory_bytes": self._free,
        }

    def _prepare(self, dataset: Dataset, tokenizer: Any, checked: CheckedJob) -> Prepared:
        prepared = super()._prepare(dataset, tokenizer, checked)
        plan = plan_steps(self._asked.hp, len(prepared.train), evaluating=False)
        batch = longest(prepared.train, checked.job.hp.batch_size)
        width = max(map(size_of, batch))
        self._known |= {
            "total_steps": plan.total, "rows": len(batch), "tokens": width * len(batch),
            "longest": width,
        }  # fmt: skip
        self._free = free_memory(self.on_gpu) + (0 if self.on_gpu else _held_now())
        self._script = _Script(batch, briefest(prepared.train), _STEPS * checked.job.hp.grad_accum)
        return replace(prepared, train=self._script, held_out=[])

    def _times(self) -> dict[str, Any]:
        whole = (self._ended - self._began) * self._asked.hp.grad_accum
        return {
            "step_seconds": whole,
            "at_most_seconds": whole * self._known["total_steps"],
        }

    def _stopwatch(self) -> Any:
        from transformers import TrainerCallback

        probe = self

        class Stopwatch(TrainerCallback):  # type: ignore[misc]
            """Times the last batch, with the optimiser's step behind it."""

            def on_step_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
                probe._began = time.monotonic()

            def on_substep_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
                probe._began = time.monotonic()

            def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
                probe._ended = time.monotonic()
                if state.global_step >= _STEPS:
                    raise _Enough

        return Stopwatch()


class _Script(Sequence["Item"]):
    """Items in the order in which they are asked for, whatever their numbers: brief ones, and in
    the last batch the longest."""

    def __init__(self, longest: list[Item], brief: Item, batches: int) -> None:
        self._longest = longest
        self._brief = brief
        self._batches = batches
        self._asked = 0

    def begin(self) -> None:
        """The next one that is asked for is the first."""
        self._asked = 0

    def __len__(self) -> int:
        return self._batches * len(self._longest)

    @overload
    def __getitem__(self, number: int) -> Item: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Item]: ...

    def __getitem__(self, number: int | slice) -> Item | Sequence[Item]:
        if isinstance(number, slice):
            return [self._brief] * len(range(*number.indices(len(self))))
        place = self._asked - (self._batches - 1) * len(self._longest)
        self._asked += 1
        return self._longest[place % len(self._longest)] if place >= 0 else self._brief


def longest(items: Sequence[Item], count: int) -> list[Item]:
    """The items that need most memory when they meet in one batch; fewer where there are fewer."""
    import heapq

    best = heapq.nlargest(count, range(len(items)), key=lambda number: size_of(items[number]))
    return [items[number] for number in best]


def briefest(items: Sequence[Item]) -> Item:
    """The shortest item; of a packed one its first row."""
    item = min(items, key=size_of)
    places = item.get("position_ids", ())
    ends = (place for place, position in enumerate(places) if place and position == 0)
    end = next(ends, None)
    return item if end is None else {name: values[:end] for name, values in item.items()}


def _held_now() -> int:
    """Bytes that this process has already, which the model need not take anew."""
    import psutil

    return int(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    main()
