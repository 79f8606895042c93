"""``python -m trainer_image.train --job PATH/job.json``: one run, from its job to its result.

A job that cannot be done is refused within a second, with all that is wrong with it, before torch
is imported. The job's folder is the run's: events, state, samples and result are written there.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_image import checkpoints, crew, distributed, lifeline, worker_reports, world
from trainer_image.checks import CheckedJob, check, read_job
from trainer_image.contract import ExitCode, Phase, Result
from trainer_image.data import LAST_ANSWER, Recipe
from trainer_image.downloads import Download
from trainer_image.drift import explained
from trainer_image.encoding import Encoding, encoding_of
from trainer_image.engine import Engine, choose_engine
from trainer_image.environment import prepare_process
from trainer_image.failures import Failure, understand
from trainer_image.finish import finish
from trainer_image.heartbeat import Heartbeat
from trainer_image.loss import refuse_leaking
from trainer_image.machine import look_at_machine
from trainer_image.methods import kind_of_item, notes, objective_of, take_reference
from trainer_image.model_loading import load_model, load_tokenizer
from trainer_image.output import OutputFolder
from trainer_image.prepare import Dataset, Prepared, load_dataset, prepare
from trainer_image.push import refuse_without_access
from trainer_image.quick_steps import quicken
from trainer_image.record import loaded_signature, use_threads, write_boot
from trainer_image.remedies import Situation, remedies_for
from trainer_image.row_formats import DatasetFormat
from trainer_image.run_folder import EventWriter, RunFolder, StateWriter, is_local
from trainer_image.samples import write_samples, write_split
from trainer_image.secrecy import guard_output
from trainer_image.steps import StepPlan, plan_steps
from trainer_image.stopping import StopRequest
from trainer_image.trainer import Training
from trainer_image.unsloth_engine import import_first, or_start_anew
from trainer_image.whole_model import check_room

if TYPE_CHECKING:
    from trainer_image.contract import Job
    from trainer_image.output import Start
    from trainer_image.reporter import Reporter


def main(arguments: list[str] | None = None) -> int:
    """Run a job; the exit code is one of ``ExitCode``."""
    parser = argparse.ArgumentParser(prog="trainer_image.train", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="the job.json in the run's folder")
    parser.add_argument("--probe", action="store_true", help="measure two steps, and no more")
    parser.add_argument("--answer", type=int, help="the number of the request that a probe answers")
    options = parser.parse_args(arguments)
    path = options.job
    if options.probe:
        from trainer_image.probe import probe  # made of what is below

        return probe(path, options.answer)
    guard_output()
    watched = distributed.launch(path)
    return _run(path) if watched is None else watched


def _run(path: Path) -> int:
    """Train in this process, alone or as one of several."""
    world.enter()
    lifeline.hold()
    folder = RunFolder(path.parent)
    if not world.is_first():
        worker_reports.say_nothing()
        silent = worker_reports.SilentReporter(folder.path)
        return worker_reports.told(Run(path, folder, silent).run())
    try:
        events = EventWriter(folder.events)
    except OSError as error:
        print(f"The run's folder cannot be written: {error}", file=sys.stderr)  # noqa: T201
        return ExitCode.REFUSED
    with events:
        state = StateWriter(folder.state, path.parent.name)
        reporter = worker_reports.reporter_of(folder.path, events, state)
        with Heartbeat(reporter):
            return worker_reports.told(Run(path, folder, reporter).run())


class Run:
    """One boot of a run."""

    def __init__(self, job_path: Path, folder: RunFolder, reporter: Reporter) -> None:
        self._job_path = job_path
        self._folder = folder
        self._reporter = reporter
        self._stop = StopRequest(folder.stop_request)
        self._checked: CheckedJob | None = None
        self._situation: Situation | None = None
        self._encoding: Encoding | None = None
        self._base_sha256 = ""

    def run(self) -> ExitCode:
        """Do the job and say how it ended, whatever happens."""
        try:
            self._stop.listen()
            result = self._train(self._check())
        except BaseException as error:  # noqa: BLE001 - the one place where any error gets its name
            return self._failed(understand(error))
        told = result.model_dump(mode="json") if result is not None else {}
        self._reporter.end(Phase.FINISHED, ExitCode.FINISHED, "finished", **told)
        return ExitCode.FINISHED

    def _failed(self, failure: Failure) -> ExitCode:
        print(failure.details + failure.message, file=sys.stderr, flush=True)  # noqa: T201
        if self._checked is not None and world.is_first():
            checkpoints.remove_unsealed(self._checked.output.checkpoints)
        cancelled = failure.exit_code is ExitCode.CANCELLED
        # On a disk that is still full, the exit code alone must tell.
        with contextlib.suppress(OSError):
            self._reporter.end(
                Phase.CANCELLED if cancelled else Phase.FAILED,
                failure.exit_code,
                "failed",
                kind=failure.kind,
                message=failure.message,
                hint=failure.hint,
                details=failure.details,
                remedies=remedies_for(failure.kind, self._situation),
            )
        return failure.exit_code

    def _check(self) -> CheckedJob:
        self._reporter.phase(Phase.PREPARING)
        job = read_job(self._job_path)
        self._situation = Situation(job)
        if world.size() > 1:
            prepare_process(offline=job.offline, use_gpu=job.use_gpu)
            crew.join(use_gpu=job.use_gpu)
        if not world.is_first():
            start, sha256 = crew.from_first(None)
            return CheckedJob(job, OutputFolder(job, sha256), start, sha256)
        checked = check(job)
        prepare_process(offline=job.offline, use_gpu=job.use_gpu)
        refuse_without_access(job)
        use_threads(job.threads)
        checked = replace(checked, start=checked.output.begin(checked.start))
        # An upload that failed left one; whether this boot succeeds is for it to say.
        self._folder.result.unlink(missing_ok=True)
        self._checked = checked
        crew.from_first((checked.start, checked.dataset_sha256))
        return checked

    def _train(self, checked: CheckedJob) -> Result | None:
        training = self._training(checked)
        history = training.run()
        crew.leave()
        if not world.is_first():
            return None
        self._stop.decide_alone()
        self._reporter.phase(Phase.SAVING)
        return finish(training, history, self._folder)

    def _training(self, checked: CheckedJob) -> Training:
        """The rows are read by other processes while torch and the model are loaded."""
        sha256, revision = checked.dataset_sha256, checked.base_revision
        with encoding_of(checked.job, sha256, revision) as self._encoding:
            return self._loaded(checked)

    def _loaded(self, checked: CheckedJob) -> Training:
        job = checked.job
        with self._stop.interrupting():
            engine = choose_engine(job, look_at_machine(job))
        with or_start_anew(engine, self._reporter):
            import_first(engine)
        self._situation = Situation(job, engine.on_gpu)
        self._say_start(checked, engine)
        dataset, tokenizer = self._load(job, checked.base_revision)
        is_under_way = self._encoding is not None and self._encoding.is_under_way
        model = self._model(checked, engine) if is_under_way else None
        prepared = self._prepare(dataset, tokenizer, checked)
        plan = plan_steps(
            job.hp, len(prepared.train), evaluating=bool(prepared.held_out), processes=job.crew
        )
        _print_plan(engine, prepared, plan, job)
        model = self._model(checked, engine) if model is None else model
        with or_start_anew(engine, self._reporter), self._stop.interrupting():
            quicken(model, prepared.train, job.hp, engine)
            if job.hp.packs:
                refuse_leaking(model, prepared.train[0])
            take_reference(model, prepared, job.hp, tokenizer.pad_token_id, engine)
        training = Training(
            checked, engine, model, tokenizer, prepared.train, prepared.held_out,
            plan, objective_of(job.hp), self._reporter, self._stop, self._base_sha256,
        )  # fmt: skip
        if job.hp.tuning == "full":
            for warning in check_room(training):
                self._reporter.warn(warning)
        return training

    def _model(self, checked: CheckedJob, engine: Engine) -> Any:
        watched = contextlib.ExitStack()
        if _fetches_model(checked.job):
            self._reporter.phase(Phase.DOWNLOADING)
            watched.enter_context(self._reporter.watching(Download(checked.job.base_model)))
        with or_start_anew(engine, self._reporter), watched, self._stop.interrupting():
            model = load_model(checked.job, engine, checked.base_revision)
            if world.is_first():
                self._base_sha256 = loaded_signature(model, checked)
                self._record(checked, engine)
            return model

    def _say_start(self, checked: CheckedJob, engine: Engine) -> None:
        start, remote = checked.start, _fetches_model(checked.job)
        self._reporter.phase(
            Phase.DOWNLOADING if remote or checked.job.dataset.hf_repo else Phase.TOKENIZING,
            engine=engine.name,
            device=engine.device,
            precision=engine.precision,
            quantization=engine.quantization,
            reason=engine.reason,
            processes=checked.job.crew,
            resumed_step=start.manifest.step if start.manifest else 0,
        )
        for name in start.damaged:
            self._reporter.warn(f"{name} is damaged or another job's; it was passed over.")
        if start.other_job and start.manifest is not None:
            self._reporter.warn(explained(start.manifest, checked.job))
        if start.manifest is not None:
            self._reporter.resume(start.manifest)
            self._tell_of(start)

    def _tell_of(self, start: Start) -> None:
        """Of a checkpoint that was sealed the moment before the boot that made it was killed."""
        if start.checkpoint is None or start.manifest is None or self._checked is None:
            return
        path = f"{self._checked.job.output_directory}/checkpoints/{start.checkpoint.name}"
        if f'"{path}"' not in self._folder.events.read_text(encoding="utf-8"):
            self._reporter.saved(start.manifest.step, path)

    def _record(self, checked: CheckedJob, engine: Engine) -> None:
        changed = write_boot(self._folder.path, checked, engine, self._base_sha256, time.time())
        if changed and checked.start.manifest is not None:
            self._reporter.warn(
                f"Since this run last trained, {changed}. It goes on, and learns the same up to "
                "rounding."
            )

    def _load(self, job: Job, revision: str | None) -> tuple[Dataset, Any]:
        with self._stop.interrupting():
            dataset = load_dataset(job)
            needs_template = dataset.format is not DatasetFormat.TEXT
            return dataset, load_tokenizer(job, needs_template=needs_template, revision=revision)

    def _count_rows(self, done: int, total: int) -> None:
        """A stop that is asked for by a file is heard among the rows, too."""
        self._reporter.work(done, total)
        self._stop.check()

    def _prepare(self, dataset: Dataset, tokenizer: Any, checked: CheckedJob) -> Prepared:
        self._reporter.phase(Phase.TOKENIZING)
        job, values = checked.job, dataset.values
        if world.is_first():
            write_samples(self._folder.samples, values, dataset.held_out, dataset.format)
            write_split(self._folder.split, checked.dataset_sha256, len(values), dataset.held_out)
        recipe = Recipe(
            tokenizer,
            dataset.format,
            job.hp.max_seq_length,
            job.hp.assistant_only_loss,
            job.hp.train_on == LAST_ANSWER,
        )
        with self._stop.interrupting(), crew.first_alone():  # it keeps what the others take up
            prepared = prepare(dataset, recipe, job, self._encoding, self._count_rows)
        for note in notes(job.hp, prepared.train):
            self._reporter.warn(note)
        if prepared.encoded.dropped:
            self._reporter.warn(
                f"{len(prepared.encoded.dropped)} rows were left out: no part of their answer lies "
                f"within {recipe.max_length} tokens. The first: {prepared.encoded.dropped[0]}."
            )
        return prepared


def _fetches_model(job: Job) -> bool:
    """Whether the base model may come over the network."""
    return not job.offline and not is_local(job.base_model)


def _print_plan(engine: Engine, prepared: Prepared, plan: StepPlan, job: Job) -> None:
    """The derived numbers, before the run, for whoever reads the log."""
    hp = job.hp
    times = f" x {job.crew} processes" if job.crew > 1 else ""
    kind = kind_of_item(hp)
    facts = {
        "engine": f"{engine.name} on {engine.device} ({engine.reason})",
        "precision": f"{engine.precision}, quantization {engine.quantization}",
        "rows": f"{prepared.train_rows} to train, {prepared.held_out_rows} held out, "
        f"{len(prepared.encoded.dropped)} left out, {prepared.encoded.shortened} shortened, "
        f"{prepared.encoded.divided} became several texts",
        "trained tokens": f"{prepared.trained_tokens} in an epoch",
        "effective batch": f"{job.effective_batch} {kind} "
        f"({hp.batch_size} x {hp.grad_accum}{times})",
        "steps": f"{plan.total} ({plan.per_epoch} in an epoch), warm-up {plan.warmup}, "
        f"evaluation every {plan.eval_every}, checkpoint every {plan.save_every}",
    }
    for name, fact in facts.items():
        print(f"{name}: {fact}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
