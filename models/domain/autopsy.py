"""Why a run failed: the reason in one sentence, the evidence, and what helps.

A pure function of what is stored and seen of the run; window and command line say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.domain.autopsy_words import advice_of, kind_of, memory_limit, reason_of
from models.domain.exit_codes import exit_code_meaning
from models.domain.log_lines import meaningful_lines
from models.domain.pod_remedies import pod_remedies
from models.domain.remedies import MemoryFacts, Remedy, less_memory, remedies_for
from models.domain.run import RunState
from models.domain.told_remedies import told_remedies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.domain.run import Run, RunEvent
    from models.domain.told_remedies import ToldRemedy

_GIGABYTE = 1024**3
PHASE_WORDS = {
    "preparing": "getting ready",
    "downloading": "downloading the base model",
    "tokenizing": "preparing the dataset",
    "training": "training",
    "evaluating": "measuring on held-out rows",
    "saving": "saving",
    "pushing": "pushing to the Hub",
}
"""What a run does in each phase, within a sentence."""
_ENDED = {"finished", "failed", "cancelled"}
_STORED_KINDS = {
    "container_oom": "host_oom",
    "container_killed": "stopped_outside",
    "crashed": "internal",
    "silent": "internal",
}
"""What helps against the finer kinds of the words."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A piece of evidence: what it is about, and what is known."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Autopsy:
    """``reason`` is one sentence, ``advice`` the next step; ``log`` the last lines that matter."""

    kind: str
    reason: str
    advice: str
    facts: tuple[Fact, ...] = ()
    log: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()

    def report(self) -> str:
        """Everything as text, to be copied."""
        width = max((len(fact.name) for fact in self.facts), default=0) + 1
        facts = [f"{fact.name + ':':{width}} {fact.text}" for fact in self.facts]
        log = ["", "The log's last lines:", *(f"  {line}" for line in self.log)] if self.log else []
        return "\n".join([self.reason, self.advice, "", *facts, *log]).strip() + "\n"


def autopsy(
    run: Run,
    events: Sequence[RunEvent] = (),
    log: Iterable[str] = (),
    memory: MemoryFacts | None = None,
) -> Autopsy | None:
    """What became of a run that failed or was lost; None of one that lives, finished or was
    stopped by its user. ``events`` and ``log`` may be the last ones only.
    """
    if not has_failed(run):
        return None
    kind, checkpoint = kind_of(run), _checkpoint(run, events)
    known = _memory(run, events, memory or MemoryFacts())
    helps_like = _STORED_KINDS.get(kind, kind)
    told = told_remedies(run, events)
    remedies = pod_remedies(run, kind, checkpoint) or remedies_for(
        run, helps_like, checkpoint, known, told
    )
    return Autopsy(
        kind,
        reason_of(run),
        _advice(run, helps_like, remedies, known, told),
        tuple(_facts(run, events, checkpoint, known)),
        meaningful_lines(log),
        remedies,
    )


def has_failed(run: Run) -> bool:
    """Whether there is something to explain: it ended, and neither well nor by its user's wish."""
    if run.state in {RunState.FAILED, RunState.LOST}:
        return True
    return run.state is RunState.CANCELLED and run.failure is not None


def next_step(run: Run) -> str:
    """The advice where no more than the run itself is known."""
    found = autopsy(run)
    return found.advice if found is not None else ""


def _advice(
    run: Run,
    kind: str,
    remedies: Sequence[Remedy],
    memory: MemoryFacts,
    told: Sequence[ToldRemedy],
) -> str:
    """The remedy's own words where it is a change of the memory's use; they name the numbers."""
    if kind not in {"cuda_oom", "host_oom"} or not remedies:
        return advice_of(run)
    if "local.memory_limit" in remedies[0].values:
        has = f"This computer has {_size(memory.total)}: let" if memory.total else "Let"
        return f"{has} the container take more of its memory."
    if told:
        return told[0].sentence
    changes = less_memory(run.config, on_gpu=kind == "cuda_oom" or memory.on_gpu)
    return changes[0].advice if changes else advice_of(run)


def _checkpoint(run: Run, events: Sequence[RunEvent]) -> int | None:
    """The step of the newest checkpoint, 0 where none was told of, None where nobody looked."""
    if not events and run.next_seq:
        return None
    steps = [event.number("step") or 0 for event in events if event.type == "checkpoint"]
    return int(max(steps, default=0))


def _memory(run: Run, events: Sequence[RunEvent], memory: MemoryFacts) -> MemoryFacts:
    peaks = [event.number("peak_memory_bytes") or 0 for event in events]
    peak = max([memory.peak, *(int(peak) for peak in peaks)])
    limit = memory.limit or int(memory_limit(run) * _GIGABYTE)
    return replace(memory, peak=peak, limit=limit)


def _facts(
    run: Run, events: Sequence[RunEvent], checkpoint: int | None, memory: MemoryFacts
) -> Iterable[Fact]:
    if run.exit_code is not None:
        yield Fact("Exit code", f"{run.exit_code}: {exit_code_meaning(run.exit_code)}")
    where = _where(run, events)
    if where:
        yield Fact("Where", where)
    if events and checkpoint is not None:
        saved = f"of step {checkpoint:,}" if checkpoint else "none was saved yet"
        yield Fact("Checkpoint", saved)
    if memory.peak:
        there = memory.gpu or memory.total
        what = "of the GPU's" if memory.on_gpu else "of the computer's"
        total = f" {what} {_size(there)}" if there else ""
        yield Fact("Peak memory", f"{_size(memory.peak)}{total}")
    if memory.limit:
        yield Fact("Memory limit", f"{_size(memory.limit)} for the container")
    told = _more_told(run)
    if told:
        yield Fact("Message", told)


def _where(run: Run, events: Sequence[RunEvent]) -> str:
    """Step and phase; the last event of a failed run names its end, not where it was."""
    phases = [event.text("phase") for event in events if event.type == "phase"]
    told = next((phase for phase in reversed(phases) if phase not in _ENDED), run.phase)
    parts = []
    if run.total_steps:
        parts.append(f"step {run.step:,} of {run.total_steps:,}")
    if told in PHASE_WORDS:
        parts.append(PHASE_WORDS[told])
    return ", ".join(parts)


def _more_told(run: Run) -> str:
    """What came with the failure beyond the sentence that is shown anyhow."""
    message = run.failure.message.strip() if run.failure is not None else ""
    is_known = reason_of(run).startswith(message.rstrip("."))
    return "" if is_known or message.startswith("Traceback") else message


def _size(count: float) -> str:
    return f"{count / _GIGABYTE:.1f} GB" if count >= 0.1 * _GIGABYTE else f"{count / 2**20:.0f} MB"
