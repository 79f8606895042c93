"""Shorten and reword what the documentation says, so that all answers speak in one voice.

The documentation writes "Return x", "Raised when y", "This module does z"; the answers say "The
`f()` function returns x" and so on. One short style is what a small model can learn from few rows.
"""

import re
from collections.abc import Iterable

from resources.samples.python_docs_rst import UNKNOWN

ENOUGH_WORDS, MOST_WORDS, MOST_SENTENCES = 24, 60, 3

SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.)(?<!vs\.)\s+(?=[A-Z`\"'(])")
DANGLING = re.compile(
    UNKNOWN + r"|[:,]$|: \*|\* [A-Z]|^\(|^Note|^Answer|\b(see|following|below|above|described"
    r"|documented|as follows|this (section|chapter|document|example|can be)|these|examples? (is|are"
    r"|show)|listed|refer to|consult|let's say|suppose|here's|legacy"
    r"|for (details|more information|an? example)|discussed|FAQ|later|earlier|previous(ly)?|here\."
    r"|module documentation|new in version|deprecated|(first|second"
    r"|third|other|two-argument) forms?)\b",
    re.IGNORECASE,
)
VERBS = re.findall(
    r"\w+",
    """accept acquire add append apply assert attempt block build calculate call cancel change
    check clear close combine compare compile compress compute concatenate configure construct
    convert copy count create decode decompress delete deserialize determine disable display do
    duplicate empty enable encode end enter escape evaluate execute exit expand extend extract fetch
    fill find flush force format generate get give indicate insert invoke iterate join kill leave
    list load look lock make map match merge modify move normalize open pack parse perform pop print
    produce provide push put query raise read rebind receive register release reload remove rename
    repeat replace report reset resolve restore retrieve return reverse rotate round run schedule
    search seek send serialize set shuffle shut skip sort specify split start stop store strip
    suspend swap sum take terminate test transform translate truncate try turn undo unpack
    unregister update wait wrap write yield""",
)
ANY_VERB = "|".join(VERBS)
TO_THE_READER = {"call", "make", "set", "specify", "try", "wait"}  # "Set x to true to see more."
SUBJECTLESS = re.compile(
    rf"((?:(?:^|; )(?:If|When|Unless|On|By)\b[^;]*?,|\botherwise,?|\belse,?) )"
    rf"((?!(?:{'|'.join(TO_THE_READER)})\b)(?:{ANY_VERB})|returns|raises|delegates)\b",
    re.IGNORECASE,
)
FURTHER = re.compile(
    rf"(?:, (?:and |or |but |then )?|\b(?:and|or) (?:also )?|; )({ANY_VERB})\b"
    r"(?= (?:an?|the|its?|any|all|various|`))"
)
GOVERNED = re.compile(
    rf"\b(to (?:{ANY_VERB})|can|may|will|must|should|that|which|not|if)\b", re.IGNORECASE
)
THIRD_PERSONS = re.compile(rf"(?:{ANY_VERB})e?s (?!are|is|and|can|may|of)", re.IGNORECASE)
FRAGMENTS = [
    (re.compile(r"^(Must|Can|Has|Is|Corresponds|Works|Does|Allows|May|Will)\b"), "It "),
    (
        re.compile(
            r"^(Equivalent|Analogous|Similar|Identical|Used|Called|Also|Always|Often)\b(?!,)"
        ),
        "It is ",
    ),
    (re.compile(r"^An instance of\b"), "It is "),
    (re.compile(r"^Alias for\b"), "It is an "),
    (re.compile(r"^Introduced\b"), "It was "),
]


def short_answer(texts: Iterable[str]) -> list[str]:
    """Take whole sentences until there are enough words; stop at one that needs its page."""
    taken: list[str] = []
    for sentence in (piece for text in texts for piece in SENTENCE_END.split(text)):
        words = len(" ".join([*taken, sentence]).split())
        whole = re.fullmatch(r"[^a-z].*[.!?][\")]?", sentence)
        if not whole or DANGLING.search(sentence) or words > MOST_WORDS:
            break
        taken.append(sentence)
        if words >= ENOUGH_WORDS or len(taken) == MOST_SENTENCES:
            break
    return taken


def third_person(verb: str) -> str:
    """Turn ``return`` into ``returns``, ``copy`` into ``copies`` and ``push`` into ``pushes``."""
    if verb.endswith("s"):
        return verb
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(sh|ch|x|z|o)$", verb) else "s")


def further(match: re.Match[str]) -> str:
    """Put a second verb ("Return x and raise y") into the third person, unless it has a subject."""
    whole = match[0]
    if GOVERNED.search(match.string[: match.start()]):
        return whole
    return whole.removesuffix(match[1]) + third_person(match[1])


def told(subject: str, sentence: str) -> str:
    """Rewrite an imperative ("Return x, or raise y") as a statement about the subject."""
    first, _, rest = sentence.partition(" ")
    rest = re.sub(r"^\([a-z]+\) ", "", rest)  # "Remove (delete) the file"
    if subject == "It" and first.lower() in TO_THE_READER:
        return sentence
    if first.lower() in VERBS:
        sentence = f"{subject} {third_person(first.lower())} {FURTHER.sub(further, rest)}"
    elif first.istitle() and THIRD_PERSONS.match(sentence):
        sentence = f"{subject} {first.lower()} {rest}"
    sentence = SUBJECTLESS.sub(lambda found: f"{found[1]}it {third_person(found[2])}", sentence)
    opening = next((words for start, words in FRAGMENTS if start.match(sentence)), "")
    return opening + sentence[0].lower() + sentence[1:] if opening else sentence


def retold(texts: list[str]) -> list[str]:
    """Give every sentence after the first one a subject, where it has none."""
    return [texts[0], *(told("It", text) for text in texts[1:])]


def statement(subject: str, texts: list[str]) -> str:
    """Join the sentences; the first one must name the subject, or there is no answer."""
    nouns = "function|method|module|exception|package|decorator|class"
    first = re.sub(rf"^This (?:{nouns})\b", subject, texts[0])
    named = re.match(rf"(?:The )?(`[^`]+`)(?: (?:{nouns}))?(?= [a-z(])", first)
    if named and named[1] in subject and not first.startswith(subject):
        first = subject + first[named.end() :]
    first = told(subject, re.sub(r"^Raised\b", f"{subject} is raised", first))
    return " ".join([first, *retold(texts)[1:]]) if first.startswith(subject + " ") else ""


def defined(subject: str, term: str, texts: list[str]) -> str:
    """Make "An object ..." a sentence about the term, and give an acronym its long form."""
    subject = subject[0].upper() + subject[1:]
    first, *rest = retold(texts)
    own = re.search(rf"\b{re.escape(term)}\b", first[:30], re.IGNORECASE)
    if re.match(r"(An?|The|Any|One) ", first) and not own:
        first = f"{subject} is {first[0].lower()}{first[1:]}"
    elif term.isupper():
        first = f"{term} stands for {first}"
    known = term[:5].lower() in first.lower()
    return " ".join([first, *rest]) if known else ""
