"""What a check of a dataset found: plain values for windows, reports and the command line."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.domain.config import LocalSection


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of problem, wherever it stands.

    ``severity`` is ``major`` (refuses the import or the start) or ``minor``; ``code`` a stable word
    for programs, ``message`` a sentence. ``rows`` are the numbers, from 0, of the first 20 rows of
    ``count``, and ``lines`` their lines from 1 in the user's file (0 where it has none). ``remedy``
    is ``drop`` (leave these rows out), ``fix`` (in the file), ``map`` (say what the columns are),
    ``lengthen`` (raise the maximum length), ``unmask`` (learn whole conversations). ``can_drop``
    says of an import's finding that these rows can be left out, whatever the best remedy is.
    ``files`` names the file of each of the rows where an import had several, else it is empty.
    """

    severity: str
    code: str
    message: str
    count: int
    rows: tuple[int, ...] = ()
    lines: tuple[int, ...] = ()
    remedy: str = ""
    can_drop: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Learning:
    """How rows would be learnt: all that decides what of them becomes which token.

    ``base_model`` is named as in a configuration; ``template`` is the text of a chat template to be
    used instead of the model's own. ``data_root`` and ``local`` say where it is looked at.
    """

    base_model: str
    data_root: str
    template: str | None = None
    max_seq_length: int = 2048
    assistant_only_loss: bool = True
    train_on: str = "every answer"
    local: LocalSection = field(default_factory=LocalSection)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Which rows a training would hold out: those of a named split, else some percent by seed."""

    eval_percent: float = 0.0
    eval_split: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TokenView:
    """A text as the model would see it. ``labels`` are the ids that are learnt, or -100.

    ``pieces`` are the texts of the tokens, each with whether it is learnt; they go no further than
    ``max_length`` tokens of the ``length`` that the text has. ``sizes`` are the tokens of each
    piece (none where the tokenizer passed it over, several where they share a character), and
    ``controls`` the numbers of the pieces that are control tokens. A row is several such texts
    where the model's template rewrites what stands before an answer, and where answers are
    compared: ``part`` is then ``chosen``, ``rejected``, ``good`` or ``bad``, and ``piece`` where a
    long raw text is cut.
    """

    text: str
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    pieces: tuple[tuple[str, bool], ...]
    length: int
    max_length: int
    sizes: tuple[int, ...] = ()
    controls: tuple[int, ...] = ()
    part: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of texts by length in tokens: ``counts[n]`` from ``edges[n]`` up to ``edges[n + 1]``,
    the last not included."""

    edges: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DataReport:
    """What a model would learn from all rows. Rows are numbered from 0, lines of the stored rows
    from 1.

    ``tokens`` and ``trained_tokens`` are of one epoch, after texts were cut to ``max_length``; the
    share is the one by the other. ``truncated``, ``without_answer`` (nothing of it is learnt),
    ``refused`` and ``divided`` (it becomes ``texts``, one for each answer) count rows, and so does
    ``end_of_turn_trained``, among those that are not refused. ``longest`` is the text with the most
    tokens before it is cut, ``model_length`` the most that the model reads, 0 where unknown.
    """

    rows: int
    format: str
    findings: tuple[Finding, ...]
    lengths: Histogram
    trained_share: float
    texts: int
    tokens: int
    trained_tokens: int
    truncated: int
    without_answer: int
    refused: int
    divided: int
    end_of_turn_trained: int
    max_length: int
    model: str
    template_sha256: str
    seconds: float
    longest: int = 0
    model_length: int = 0

    @property
    def has_major(self) -> bool:
        """Whether anything found refuses the start of a training."""
        return any(finding.severity == "major" for finding in self.findings)
