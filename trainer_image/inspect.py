"""``python -m trainer_image.inspect``: what a model would learn of rows, over JSON lines.

It is the training's own code that renders, tokenises and masks; torch is not loaded. Requests come
on standard input, replies go to standard output (:mod:`trainer_image.lines`)::

    {"id": 1, "op": "mask", "base_model": "...", "format": "messages", "row": {...}, ...}
    {"id": 2, "op": "report", "base_model": "...", "format": "messages", "path": "...", ...}

With the text of a chat template as ``template`` it is used instead of the model's own. Replies:
``mask`` with the row's texts; ``progress`` and then ``report``. A report can be cancelled.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from typing import IO, TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from trainer_image.contract import FailureKind
from trainer_image.conversations import Row, RowError
from trainer_image.data import LAST_ANSWER, NOT_TRAINED, Recipe, Tokens, tokenised
from trainer_image.environment import prepare_process
from trainer_image.failures import TrainerError
from trainer_image.kept_tokens import is_kept, kept_path, may_keep
from trainer_image.lines import LineWorker, Request, claim_stdout
from trainer_image.preference_rows import names
from trainer_image.pretrained import (
    configuration_of,
    signature_of_base,
    tokenizer_of,
    without_torch,
)
from trainer_image.report import Report, Split
from trainer_image.row_formats import DatasetFormat
from trainer_image.row_pool import workers_for
from trainer_image.row_worker import Work
from trainer_image.rows import DatasetError, file_sha256
from trainer_image.run_folder import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from threading import Event

_SENTENCES = {
    FailureKind.NETWORK: (
        "The base model is not on this computer, and Hugging Face could not be reached.",
        "Check the connection; in Offline mode only models that are here already can be used.",
    ),
    FailureKind.INTERNAL: (
        "The rows could not be looked at.",
        "logs/inspection.log has the details; please report it.",
    ),
}
"""What is said instead of the sentences of a failed training."""
_LENGTH = "max_position_embeddings"


class Learning(BaseModel):
    """How rows would be learnt; the names are those of the hyperparameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_model: str = Field(min_length=1)
    template: str | None = None
    format: DatasetFormat
    max_seq_length: int = Field(2048, ge=16)
    assistant_only_loss: bool = True
    train_on: str = "every answer"


class MaskRequest(Learning):
    """One row."""

    row: Row


class ReportRequest(Learning):
    """All rows of a JSONL file under the data root, and what of them would be held out."""

    path: str
    eval_percent: float = Field(0.0, ge=0, le=50)
    eval_split: str = ""
    seed: int = 0


def main() -> int:
    """Serve until standard input ends or ``quit`` comes."""
    replies = claim_stdout()
    prepare_process(offline=os.environ.get("HF_HUB_OFFLINE") == "1", use_gpu=False)
    Inspector(replies).serve(sys.stdin.buffer)
    return 0


class Inspector(LineWorker):
    """Keeps the last tokenizer; all else is done anew for each request."""

    def __init__(self, replies: IO[str]) -> None:
        super().__init__(replies, _SENTENCES)
        self._known: tuple[object, Any] | None = None

    def dispatch(self, request_id: Any, op: object, rest: Request, cancel: Event) -> None:
        """``mask`` or ``report``."""
        match op:
            case "mask":
                self._mask(request_id, MaskRequest.model_validate(rest))
            case "report":
                self._report(request_id, ReportRequest.model_validate(rest), cancel)
            case _:
                super().dispatch(request_id, op, rest, cancel)

    def _mask(self, request_id: Any, request: MaskRequest) -> None:
        recipe = self._recipe(request)
        try:
            texts = tokenised(request.row, recipe)
        except RowError as error:
            raise DatasetError([f"This row cannot be learnt from: {error}"]) from error
        parts = names(request.row, request.format, len(texts))
        views = [
            view(text, recipe) | {"part": part} for text, part in zip(texts, parts, strict=True)
        ]
        self.reply(request_id, "mask", texts=views, **_template_of(recipe))

    def _report(self, request_id: Any, request: ReportRequest, cancel: Event) -> None:
        began = time.monotonic()
        path, recipe = resolve(request.path), self._recipe(request)
        if not path.is_file():
            raise TrainerError(FailureKind.NOT_FOUND, f"The dataset file {path} does not exist.")
        split = Split(request.eval_percent, request.eval_split, request.seed)
        length = _length_of(request.base_model)  # first: it fetches a file that a tokenizer is of
        work = _work(path, request, recipe)
        kept = _to_keep(work)
        result = Report(path, recipe, split, work, workers_for(path), kept).run(
            lambda progress: self.reply(request_id, "progress", **progress), cancel.is_set
        )
        if result is None:
            raise TrainerError(FailureKind.CANCELLED, "The check was cancelled.")
        facts = {
            "model": request.base_model,
            "model_length": length,
            "seconds": time.monotonic() - began,
        }
        self.reply(request_id, "report", **result, **facts, **_template_of(recipe))

    def _recipe(self, request: Learning) -> Recipe:
        tokenizer = self._tokenizer(request.base_model, request.template)
        if request.format is not DatasetFormat.TEXT and not tokenizer.chat_template:
            raise TrainerError(
                FailureKind.BAD_CONFIG,
                f"{request.base_model} has no chat template, so it cannot learn conversations.",
                "Choose an instruction-tuned model, or a dataset of plain text.",
            )
        return Recipe(
            tokenizer,
            request.format,
            request.max_seq_length,
            request.assistant_only_loss,
            request.train_on == LAST_ANSWER,
        )

    def _tokenizer(self, base_model: str, template: str | None) -> Any:
        wanted = (base_model, template, signature_of_base(base_model))
        if self._known is None or self._known[0] != wanted:
            with without_torch():
                tokenizer = tokenizer_of(base_model)
            if template is not None:
                tokenizer.chat_template = template
            if tokenizer.pad_token_id is None:  # as in a training: a template may write it
                tokenizer.pad_token = tokenizer.eos_token
            self._known = (wanted, tokenizer)
        return self._known[1]


def _work(path: Path, request: Learning, recipe: Recipe) -> Work:
    return Work(
        path, request.base_model, recipe.format, recipe.max_length, recipe.assistant_only,
        recipe.last_only, request.template, looks=True,
    )  # fmt: skip


def _to_keep(work: Work) -> Path | None:
    """Where the tokens of all rows are to be kept; None where they are, or there is no room."""
    if not may_keep(work.path):
        return None
    sha256 = file_sha256(work.path)
    place = kept_path(sha256, work.base_model, work.format, work.options, work.template)
    return None if is_kept(place) else place


def view(tokens: Tokens, recipe: Recipe) -> dict[str, Any]:
    """A text as it would be learnt: cut to the maximum length, in pieces that are learnt or not.

    ``sizes`` says of how many tokens each piece is (none where the tokenizer passed it over), and
    ``controls`` which pieces, by number, are control tokens.
    """
    limit = recipe.max_length
    pieces = list(_pieces(tokens, recipe.tokenizer, limit))
    controls = {*recipe.words.controls, *recipe.words.ends}
    return {
        "text": tokens.text,
        "input_ids": tokens.ids[:limit],
        "labels": tokens.labels[:limit],
        "pieces": [(piece, learnt) for piece, learnt, _size in pieces],
        "sizes": [size for _piece, _learnt, size in pieces],
        "controls": [number for number, one in enumerate(pieces) if one[0] in controls],
        "length": len(tokens.ids),
        "max_length": limit,
    }


def _pieces(tokens: Tokens, tokenizer: Any, limit: int) -> Iterator[tuple[str, bool, int]]:
    """The text of each token; a character of several tokens is one piece, and learnt if all are."""
    reached, number, last = 0, 0, min(limit, len(tokens.ids))
    while number < last:
        begin, end = tokens.offsets[number]
        after = number + 1
        while after < len(tokens.ids) and begin < end and tokens.offsets[after][0] < end:
            end = max(end, tokens.offsets[after][1])
            after += 1
        learnt = all(one != NOT_TRAINED for one in tokens.labels[number:after])
        if begin > reached:  # what the tokenizer passed over, so that the pieces make the text
            yield tokens.text[reached:begin], False, 0
        text = tokens.text[begin:end] or tokenizer.decode(tokens.ids[number:after])
        yield text, learnt, min(after, last) - number
        reached, number = max(reached, end), after


def _length_of(base_model: str) -> int:
    """The most tokens that the model reads; 0 where its configuration does not say."""
    try:
        with without_torch():
            values = configuration_of(base_model)
    except (OSError, ValueError):  # not there, or not to be read: the training will tell
        return 0
    length = values.get(_LENGTH) or (values.get("text_config") or {}).get(_LENGTH)
    return length if isinstance(length, int) else 0


def _template_of(recipe: Recipe) -> dict[str, str]:
    template = recipe.tokenizer.chat_template
    text = template if isinstance(template, str) else repr(template or "")
    return {"template_sha256": hashlib.sha256(text.encode()).hexdigest()}


if __name__ == "__main__":
    sys.exit(main())
