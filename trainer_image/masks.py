"""What of a rendered conversation the assistant wrote: the loss mask, in characters.

An answer is what the text gains between "the conversation so far, with the assistant about to
speak" and "the conversation with the answer". Both must be beginnings of the whole text, else each
answer gets a text of its own, which ends with it: templates that leave old thoughts out, or put a
token at the very end, rewrite what stood there before. Where that does not help either, a template
that marks the answers itself (``{% generation %}``) is believed, and any other is refused. An end
of turn belongs to the answer, whatever the template does with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer_image.conversations import RowError
from trainer_image.templates import tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer_image.templates import Script, Span


@dataclass(frozen=True)
class Masked:
    """A text and where in it the answers stand, in order, each with its end of turn."""

    text: str
    spans: list[Span]


def masked(script: Script, *, last_only: bool = False, since: int = 0) -> list[Masked]:
    """The texts of a conversation; RowError where the answers in them cannot be told for sure.

    Answers before message number ``since`` are part of the prompt.
    """
    answers = [n for n, one in enumerate(script.messages) if one["role"] == "assistant"]
    wanted = answers[-1:] if last_only else [number for number in answers if number >= since]
    try:
        return [_one_text(script, wanted)]
    except RowError as whole:
        try:
            return [_one_text(script.until(number + 1), [number]) for number in wanted]
        except RowError as reason:
            if script.has_marks:
                return [_as_marked(script, wanted)]
            raise reason from whole


def _one_text(script: Script, answers: Sequence[int]) -> Masked:
    """One text for all of these answers."""
    text = script.text()
    spans = []
    for number in answers:
        until = script.text(number + 1)
        begin = _begin(script, number, until)
        if not text.startswith(until):
            raise _rewritten(number)
        text, end = _end(script, number, until, text)
        spans.append((begin, end))
    if script.has_marks:
        spans = _within(spans, script.marks(), text, script.words.ends)
    return Masked(text, spans)


def _begin(script: Script, number: int, until: str) -> int:
    """Where the answer begins: what the prompt gives already is never the model's to write."""
    begin = _behind_prompt(script, number, until) if number else _behind_header(script, until)
    if tail(script.messages[number]) not in until[begin:]:
        raise RowError(f"the model's chat template leaves out a part of message {number + 1}.")
    return begin


def _behind_prompt(script: Script, number: int, until: str) -> int:
    openings, before = list(script.openings(number)), _so_far(script, number)
    begin = next((len(one) for one in openings if until.startswith(one)), None)
    if begin is not None:
        # After a tool's output Gemma 4 asks with nothing, yet writes down its usual header.
        header = script.header if until[:begin] == before else ""
        return begin + len(header) if header and until.startswith(header, begin) else begin
    if openings[0].startswith(before) and until.startswith(before):
        opening = openings[0][len(before) :]
        raise RowError(
            f"the model's chat template asks for an answer with {opening!r} and writes down "
            f"message {number + 1} without it, so what to learn cannot be told."
        )
    raise _rewritten(number)


def _behind_header(script: Script, until: str) -> int:
    """Nothing comes before the first message, and templates do not ask without any."""
    header = script.header
    if until.count(header) != 1 or not any(one in header for one in script.words.controls):
        raise RowError(
            "the assistant speaks first, and where its message begins cannot be told from the "
            "model's chat template."
        )
    return until.index(header) + len(header)


def _so_far(script: Script, number: int) -> str:
    """The conversation before a message; nothing where the template takes none that ends there."""
    try:
        return script.text(number)
    except RowError:
        return ""


def _rewritten(number: int) -> RowError:
    return RowError(
        f"the model's chat template changes earlier text at message {number + 1}, "
        "so what to learn cannot be told."
    )


def _end(script: Script, number: int, until: str, text: str) -> tuple[str, int]:
    """The end of the answer, without the line break that many templates put behind its end token,
    and the text, in which an end of turn is put where a template ends an answer with nothing."""
    stripped = until.rstrip()
    if stripped.endswith(script.words.ends):
        return text, len(stripped)
    token = _token_of_next_turn(script, number)
    if token and text.startswith(until + token):
        return text, len(until) + len(token)
    if text != until:
        raise _rewritten(number)
    ended = until + (token or script.tokenizer.eos_token or "")
    return ended, len(ended)


def _token_of_next_turn(script: Script, number: int) -> str:
    """GLM ends an answer with the token that begins the next speaker's turn."""
    try:
        following = script.next_turn(script.messages[number])
    except RowError:
        return ""
    return next((one for one in script.words.controls if following.startswith(one)), "")


def _within(spans: list[Span], marks: list[Span], text: str, ends: tuple[str, ...]) -> list[Span]:
    """The parts of the answers that the template marks, and their ends in any case."""
    kept = []
    for begin, end in spans:
        parts = [(max(begin, b), min(end, e)) for b, e in marks if b < end and e > begin]
        if parts:
            first, last = parts[-1]
            if text[last:end].strip() in ("", *ends):
                parts[-1] = (first, end)
            kept += parts
    return kept


def _as_marked(script: Script, answers: Sequence[int]) -> Masked:
    """The marks alone, from the first of these answers on."""
    text, ends = script.text(), script.words.ends
    earlier = len(script.marks(answers[0])) if answers[0] else 0
    return Masked(text, [_ended(text, span, ends) for span in script.marks()[earlier:]])


def _ended(text: str, span: Span, ends: tuple[str, ...]) -> Span:
    """A marked part with the end token behind it, and without the line break behind that."""
    begin, end = span
    stripped = text[begin:end].rstrip()
    if stripped.endswith(ends):
        return begin, begin + len(stripped)
    following = next((one for one in ends if text.startswith(one, end)), "")
    return begin, end + len(following)
