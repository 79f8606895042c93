"""What is said of a look at a dataset: which setup, which numbers, which token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.token_pieces import learnt_count, legible
from models.qt.wording import counted, duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.config import TrainingConfig
    from models.domain.data_report import DataReport, Finding, TokenView
    from models.domain.token_pieces import TokenPiece

_TEXTS = {"chosen": "{} sides of a pair", "piece": "{} pieces of a long text"}
_MORE_TEXTS = {
    "preference": "texts, as each pair has two sides",
    "text": "pieces, as long texts are cut",
}
_COMPARED = {"preference", "unpaired_preference"}
_PARTS = {
    "chosen": "Chosen answer: made likelier than the rejected one",
    "rejected": "Rejected answer: made less likely",
    "good": "Marked as a good answer: made likelier",
    "bad": "Marked as a bad answer: made less likely",
}
"""What is done with an answer that is compared; it is coloured as learnt, either way."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with its words; ``tone`` is good, warning, bad or none."""

    value: str
    words: str
    tone: str = ""


def setup_words(config: TrainingConfig) -> str:
    """The model and the options that decide what is learnt, in one line."""
    hp = config.hp
    whole = "the whole text is learnt"
    learnt = {
        "every answer": "every answer is learnt",
        "last answer": "only the last answer is learnt",
    }.get(hp.train_on, whole)
    if not hp.assistant_only_loss:
        learnt = whole
    if hp.method != "SFT":
        learnt = f"{hp.method} compares answers"
    model, length = hp.base_model.strip() or "no model", f"up to {hp.max_seq_length:,} tokens"
    return f"{model} · {length} · {learnt}"


def learning_setup(config: TrainingConfig) -> tuple[object, ...]:
    """All of a setup that a report and its words depend on; two with the same learn the same."""
    hp, dataset = config.hp, config.dataset
    return (
        hp.base_model.strip(),
        hp.method,
        hp.max_seq_length,
        hp.assistant_only_loss,
        hp.train_on,
        dataset.eval_percent,
        dataset.eval_split,
        hp.seed,
    )


def facts_of(report: DataReport) -> tuple[Fact, ...]:
    """The numbers of all rows that are worth a place."""
    usable = report.rows - report.refused
    facts = [
        Fact(f"{report.rows:,}", "row" if report.rows == 1 else "rows"),
        Fact(f"{report.tokens:,}", "tokens in one epoch"),
    ]
    if report.texts != usable:
        words = _MORE_TEXTS.get(report.format, "texts, as the template gives each answer its own")
        facts.append(Fact(f"{report.texts:,}", words))
    facts += [
        _bad(report.refused, "row cannot be used", "rows cannot be used"),
        _bad(report.without_answer, "row teaches nothing", "rows teach nothing"),
        _warning(report.truncated, "row is cut", "rows are cut"),
        _bad(
            usable - report.end_of_turn_trained,
            "row does not teach to end the turn",
            "rows do not teach to end the turn",
        ),
    ]
    return tuple(facts)


def _bad(count: int, one: str, many: str) -> Fact:
    return Fact(f"{count:,}", one if count == 1 else many, "bad" if count else "good")


def _warning(count: int, one: str, many: str) -> Fact:
    return Fact(f"{count:,}", one if count == 1 else many, "warning" if count else "good")


def learnt_word(texts: Sequence[TokenView]) -> str:
    """What is done with the marked tokens of a row: a rejected answer is not learnt to be said."""
    return "compared" if texts and texts[0].part in _PARTS else "learnt"


def share_words(report: DataReport) -> str:
    """How much of what the model reads it also learns."""
    learnt = "compared" if report.format in _COMPARED else "learnt"
    share = report.trained_share
    percent = f"{share:.0%}" if share >= 0.1 or not share else f"{share:.1%}"
    return f"{percent} of the tokens are {learnt}: {report.trained_tokens:,} of {report.tokens:,}"


def template_words(name: str) -> str:
    """What is said where another chat template than the model's own is looked with."""
    return f"Seen with {name}, only here: a training uses the model's own template." if name else ""


def report_source_words(report: DataReport, *, is_kept: bool) -> str:
    """Where the numbers come from."""
    if is_kept:
        return "Kept from an earlier look: rows, model and options are the same."
    took = duration(report.seconds) if report.seconds >= 1 else "less than a second"
    return f"Every row was looked at, in {took}."


def row_words(texts: Sequence[TokenView]) -> str:
    """What of one row is learnt."""
    tokens = sum(min(text.length, text.max_length) for text in texts)
    learnt = sum(map(learnt_count, texts))
    parts = [counted(tokens, "token"), f"{learnt:,} {learnt_word(texts)}"]
    if len(texts) > 1:
        parts.insert(
            0, _TEXTS.get(texts[0].part, "{} texts, one for each answer").format(len(texts))
        )
    lost = sum(max(0, text.length - text.max_length) for text in texts)
    if lost:
        parts.append(f"{lost:,} cut off")
    return " · ".join(parts)


def text_title(number: int, texts: Sequence[TokenView]) -> str:
    """What one of a row's texts is, where that is to be said; ``number`` counts from 0."""
    part, count = texts[number].part, len(texts)
    if part in _PARTS:
        return _PARTS[part]
    if count == 1:
        return ""
    what = "of a long text" if part == "piece" else "learnt for its answer"
    return f"{'Piece' if part == 'piece' else 'Text'} {number + 1} of {count}, {what}"


def piece_words(piece: TokenPiece, length: int, learnt: str = "learnt") -> str:
    """One token: where it stands, what it is, and whether it is learnt, or ``learnt`` in words."""
    if not piece.ids:
        return f"“{legible(piece.text)}” · passed over by the tokenizer: the model never sees it"
    first, last = piece.number + 1, piece.number + len(piece.ids)
    place = f"Token {first:,}" if first == last else f"Tokens {first:,} to {last:,}"
    ids = ", ".join(map(str, piece.ids))
    kind = "control token · " if piece.is_control else ""
    use = learnt if piece.is_learnt else f"not {learnt}, only read"
    return f"{place} of {length:,} · “{legible(piece.text)}” · id {ids} · {kind}{use}"


def count_words(finding: Finding) -> str:
    """How many rows a finding is about, where it is about rows."""
    return counted(finding.count, "row") if finding.rows else ""


def refusal_words(findings: Sequence[Finding], *, is_past: bool = False) -> str:
    """Why a training was not started, or what of it is left once something was done."""
    major = [one for one in findings if one.severity == "major"]
    rows = sum(one.count for one in major if one.rows)
    kinds = counted(len(major), "kind of problem", "kinds of problems")
    where = f" in {counted(rows, 'row')}" if rows else ""
    begin = "There is something left" if is_past else "The training was not started"
    which = "it" if len(major) == 1 else "each"
    return f"{begin}: {kinds}{where}. Choose what to do about {which}."
