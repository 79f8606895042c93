"""What takes room on the disk, and what of it a clean-up may remove: plain values and rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from models.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST_KEPT = 1000
"""As many checkpoints as a training keeps at most."""


class StoredKind(StrEnum):
    """What something on the disk is; in the order in which it is shown, and in which a file that
    lies in several places is counted."""

    CHECKPOINT = "checkpoint"
    RESULT = "result"
    RUN = "run"
    DATASET = "dataset"
    MODEL = "model"
    IMAGE = "image"
    ENVIRONMENT = "environment"
    CACHE = "cache"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One thing on the disk. ``bytes`` are what it takes by itself, ``shared`` what it has in
    common with something that is counted already (hard links). ``run_id`` and ``run_name`` are its
    run's, if it is one's; ``is_pinned`` that the user has pinned it itself."""

    kind: StoredKind
    name: str
    place: str
    bytes: int
    shared: int = 0
    run_id: str = ""
    run_name: str = ""
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class StorageReport:
    """All that was found. ``free`` is what the disk of the data folder has left, in bytes;
    ``problems`` say what could not be looked at, a sentence each."""

    items: tuple[StoredItem, ...]
    free: int
    problems: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All of it, each byte once."""
        return sum(item.bytes for item in self.items)

    def of(self, kind: StoredKind) -> tuple[StoredItem, ...]:
        """Those of one kind, the largest first."""
        found = (item for item in self.items if item.kind is kind)
        return tuple(sorted(found, key=lambda item: (-item.bytes, item.name)))


@dataclass(frozen=True, slots=True)
class FileName:
    """One name of a file. A file with ``links`` names gives up its ``bytes`` with the last one."""

    inode: tuple[int, int]
    bytes: int
    links: int = 1


class CleanKind(StrEnum):
    """What a clean-up is about. The rules are for checkpoints and what ended programs left of a
    run; the others, which are no run's, go only where they are chosen."""

    CHECKPOINTS = "checkpoints"
    ROWS = "rows"
    CACHES = "caches"
    VERSIONS = "versions"
    REVISIONS = "revisions"


FURTHER_KINDS = tuple(kind for kind in CleanKind if kind is not CleanKind.CHECKPOINTS)
"""What a clean-up leaves alone unless it is chosen."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that may go. Of a training: a checkpoint, or, with step 0, what an ended program
    left half-made. ``is_sealed`` is that it was finished, ``is_whole`` that its files are as long
    as its seal says. ``path`` is free of links; ``parts`` are what goes in this order where that is
    not ``path`` itself, ``name`` what it is called where that is not the name of ``path``."""

    path: str
    run_id: str = ""
    step: int = 0
    is_sealed: bool = False
    is_whole: bool = False
    files: tuple[FileName, ...] = ()
    kind: CleanKind = CleanKind.CHECKPOINTS
    parts: tuple[str, ...] = ()
    name: str = ""

    @property
    def places(self) -> tuple[str, ...]:
        """What is removed."""
        return self.parts or (self.path,)


@dataclass(frozen=True, slots=True)
class Spare:
    """Something that is no run's. ``goes`` says why nothing needs it, ``stays`` why it cannot go;
    empty where nothing is in the way."""

    piece: Piece
    goes: str
    stays: str = ""


@dataclass(frozen=True, slots=True)
class RunHistory:
    """A run as far as a clean-up goes. ``has_result`` is that its adapter or model is there whole,
    ``best_step`` the checkpoint of the lowest held-out loss."""

    run_id: str
    name: str
    state: RunState
    has_result: bool
    pieces: tuple[Piece, ...]
    best_step: int | None = None
    is_pinned: bool = False
    pinned: frozenset[str] = frozenset()
    """Names of checkpoints (``checkpoint-40``)."""


@dataclass(frozen=True, slots=True)
class Need:
    """A path that somebody counts on, free of links, and who in words."""

    path: str
    who: str


@dataclass(frozen=True, slots=True)
class Found:
    """All that a clean-up has to think about, as it is at one moment."""

    histories: Sequence[RunHistory] = ()
    needs: Sequence[Need] = ()
    spares: Sequence[Spare] = ()


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """What is kept of each run: its newest whole checkpoints, and its best one. A run that has no
    result keeps the newest and the best whatever they say."""

    keep_last: int = 1
    keep_best: bool = True
    also: frozenset[CleanKind] = frozenset()
    """What goes beside checkpoints, as far as nothing needs it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a piece, and why, in words; ``run_name`` is what its run is called.
    ``could_go``: nothing needs it, so it goes if its kind is chosen."""

    piece: Piece
    goes: bool
    why: str
    run_name: str = ""
    could_go: bool = False


@dataclass(frozen=True, slots=True)
class CleanPlan:
    """What a clean-up removes and what stays; nothing is done yet."""

    verdicts: tuple[Verdict, ...] = ()

    @property
    def going(self) -> tuple[Verdict, ...]:
        """What is removed."""
        return tuple(verdict for verdict in self.verdicts if verdict.goes)

    @property
    def staying(self) -> tuple[Verdict, ...]:
        """What is kept."""
        return tuple(verdict for verdict in self.verdicts if not verdict.goes)

    @property
    def bytes(self) -> int:
        """What removing it frees: a file counts where all of its names go."""
        return freed_bytes(verdict.piece for verdict in self.going)

    def bytes_of(self, kind: CleanKind) -> int:
        """What is freed by what could go of a further kind, chosen or not."""
        return freed_bytes(
            one.piece for one in self.verdicts if one.could_go and one.piece.kind is kind
        )


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a clean-up did: the bytes it freed, the paths that are gone, and what stayed of what was
    shown, with the reason."""

    bytes: int = 0
    paths: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()


def freed_bytes(pieces: Iterable[Piece]) -> int:
    """What the disk has back when these are gone."""
    names: Counter[FileName] = Counter(name for piece in pieces for name in piece.files)
    return sum(name.bytes for name, count in names.items() if count >= name.links)


def plan_clean(found: Found, rules: RetentionRules) -> CleanPlan:
    """What may go of this by these rules. Whatever is not known to be dispensable stays."""
    wanted = _by_folder(found.needs)
    of_runs = (one for history in found.histories for one in _verdicts(history, wanted, rules))
    further = (one for spare in found.spares for one in _of_spare(spare, wanted, rules))
    return CleanPlan((*of_runs, *further))


def newest_whole(history: RunHistory) -> Piece | None:
    """The checkpoint that the run goes on from when it is resumed."""
    whole = [piece for piece in history.pieces if piece.step and piece.is_whole]
    return max(whole, key=lambda piece: piece.step, default=None)


def _verdicts(
    history: RunHistory, needs: Mapping[str, str], rules: RetentionRules
) -> Iterator[Verdict]:
    all_of_it = _why_all_stays(history)
    kept = _kept_steps(history, rules)
    for piece in history.pieces:
        why = all_of_it or _why_it_stays(piece, history, needs) or kept.get(piece.step, "")
        yield Verdict(piece, not why, why or _why_it_goes(piece, rules), history.name)


def _why_all_stays(history: RunHistory) -> str:
    if history.state is RunState.LOST:
        return "It is not known whether the run still trains."
    if history.state is RunState.QUEUED:
        return "The run waits for its turn."
    if not history.state.is_over:
        return "The run is not over."
    return "You have pinned the run." if history.is_pinned else ""


def _why_it_stays(piece: Piece, history: RunHistory, needs: Mapping[str, str]) -> str:
    if piece.step and _plain(piece.path).rsplit("/", 1)[-1] in history.pinned:
        return "You have pinned it."
    if who := needs.get(_plain(piece.path)):
        return f"{who} needs it."
    is_spoilt = piece.step and piece.is_sealed and not piece.is_whole
    if is_spoilt and not history.has_result and newest_whole(history) is None:
        return "It is damaged, and nothing better is left of the run."
    return ""


def _of_spare(spare: Spare, needs: Mapping[str, str], rules: RetentionRules) -> Iterator[Verdict]:
    """What stays anyhow is only told of what is chosen: of the others nobody has asked."""
    is_chosen = spare.piece.kind in rules.also
    who = next(filter(None, (needs.get(_plain(path)) for path in spare.piece.places)), "")
    why = spare.stays or (f"{who} needs it." if who else "")
    if not why:
        words = spare.goes if is_chosen else "Nothing needs it, but its kind is not chosen."
        yield Verdict(spare.piece, is_chosen, words, could_go=True)
    elif is_chosen:
        yield Verdict(spare.piece, goes=False, why=why)


def _kept_steps(history: RunHistory, rules: RetentionRules) -> dict[int, str]:
    """Why a checkpoint stays, by its step; remnants have step 0, for which nothing is said."""
    steps = sorted((one.step for one in history.pieces if one.step and one.is_whole), reverse=True)
    last = max(0, rules.keep_last)
    kept = dict.fromkeys(steps[:last], _newest_words(last))
    if history.best_step in steps and (rules.keep_best or not history.has_result):
        kept.setdefault(history.best_step, "It has the lowest held-out loss.")
    if steps and not history.has_result:
        kept[steps[0]] = "The run goes on from it when it is resumed."
    return kept


def _newest_words(count: int) -> str:
    return "It is the newest." if count == 1 else f"It is one of the newest {count}."


def _why_it_goes(piece: Piece, rules: RetentionRules) -> str:
    if not piece.step:
        return "It was left half-made."
    if not piece.is_sealed:
        return "It was never finished."
    if not piece.is_whole:
        return "It is damaged."
    if not rules.keep_last:
        return "The run has its result."
    return f"{'A newer one is' if rules.keep_last == 1 else 'Newer ones are'} kept."


def _by_folder(needs: Iterable[Need]) -> dict[str, str]:
    """Who needs a folder, or something in it, by the folder."""
    found: dict[str, str] = {}
    for need in needs:
        path = _plain(need.path)
        while path and path not in found:
            found[path] = need.who
            path = path.rpartition("/")[0]
    return found


def _plain(path: str) -> str:
    return path.replace("\\", "/").rstrip("/")
