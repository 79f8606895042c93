"""From a job's dataset to the items that are trained on and the items that are held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer_image.collate import packed_items, padded_items
from trainer_image.conversations import is_good
from trainer_image.encoding import encode_all
from trainer_image.preference_items import compared, size_of
from trainer_image.row_formats import METHODS, DatasetFormat, fitting, misfit
from trainer_image.rows import (
    DatasetError,
    NumberedRow,
    RowFile,
    RowValues,
    detect_format,
    held_out_rows,
)
from trainer_image.run_folder import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer_image.collate import Item
    from trainer_image.contract import DatasetSpec, Job
    from trainer_image.conversations import Row
    from trainer_image.data import Recipe
    from trainer_image.encoding import Encoding
    from trainer_image.texts import EncodedRows, Texts


@dataclass(frozen=True)
class Dataset:
    """All rows of a dataset, and the numbers of the held-out ones."""

    rows: Sequence[NumberedRow]
    held_out: set[int]
    format: DatasetFormat

    @property
    def values(self) -> Sequence[Row]:
        """What the rows hold."""
        return RowValues(self.rows)


@dataclass(frozen=True)
class Prepared:
    """What the trainer is fed with, and what the log says about it."""

    train: Sequence[Item]
    held_out: Sequence[Item]
    train_rows: int
    held_out_rows: int
    trained_tokens: int
    """Tokens learnt in one epoch."""
    encoded: EncodedRows


def load_dataset(job: Job) -> Dataset:
    """Read the rows and divide them."""
    spec = job.dataset
    if spec.hf_repo:
        dataset = _hub_dataset(spec, job.hp.seed)
        wrong = misfit(dataset.format, job.hp.method)
        if wrong:  # one of a file is refused before anything is loaded
            raise DatasetError([f"{spec.hf_repo} {wrong} {fitting(dataset.format)}"])
        return dataset
    rows = RowFile(resolve(spec.path))
    held_out = held_out_rows(RowValues(rows), spec, job.hp.seed)
    if spec.format is None:
        raise DatasetError(["The dataset file has no format."])
    return Dataset(rows, held_out, spec.format)


def _hub_dataset(spec: DatasetSpec, seed: int) -> Dataset:
    """A Hub dataset; there ``eval_split`` is a split of the repository, not a column."""
    values = _hub_split(spec, spec.hf_split)
    if spec.eval_split:
        unseen = _hub_split(spec, spec.eval_split)
        held_out = set(range(len(values), len(values) + len(unseen)))
        values += unseen
    else:
        held_out = held_out_rows(values, spec, seed)
    format_ = spec.format or detect_format(values[0] if values else {})
    rows = [NumberedRow(n, f"{spec.hf_repo} row {n}", row) for n, row in enumerate(values)]
    return Dataset(rows, held_out, format_)


def _hub_split(spec: DatasetSpec, split: str) -> list[dict[str, Any]]:
    import datasets

    return list(datasets.load_dataset(spec.hf_repo, spec.hf_config or None, split=split))


def prepare(
    dataset: Dataset,
    recipe: Recipe,
    job: Job,
    encoding: Encoding | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Tokenise; DatasetError if nothing is left to train on.

    The rows of a file may be on their way already, by ``encoding``; ``progress`` is told how many
    of how many are done.
    """
    if encoding is None:
        encoded = encode_all(dataset.rows, recipe)
    else:
        encoded = encoding.finish(recipe, len(dataset.rows), progress)
    if dataset.format in METHODS:
        return _compared(dataset, encoded, job)
    train, unseen = encoded.texts.of_rows(dataset.held_out)
    if not len(train):
        raise DatasetError(
            [f"No row has an answer within the maximum length of {recipe.max_length} tokens."]
        )
    return Prepared(
        train=_items(train, job),
        held_out=_items(unseen.by_length(), job),
        train_rows=train.count_rows(),
        held_out_rows=unseen.count_rows(),
        trained_tokens=int(train.trained.sum()),
        encoded=encoded,
    )


def _compared(dataset: Dataset, encoded: EncodedRows, job: Job) -> Prepared:
    """The same for rows that compare answers; nothing of them is packed."""
    labelled = dataset.format is DatasetFormat.UNPAIRED_PREFERENCE
    good = {row.number: is_good(row.values) for row in dataset.rows} if labelled else {}
    items = compared(encoded.rows, good, job.hp.method)
    train = [item for n, some in items.items() if n not in dataset.held_out for item in some]
    unseen = [item for n, some in items.items() if n in dataset.held_out for item in some]
    if not train:
        length = job.hp.max_seq_length
        raise DatasetError(
            [f"No row has its answers within the maximum length of {length} tokens."]
        )
    return Prepared(
        train=train,
        held_out=sorted(unseen, key=size_of),
        train_rows=len(items.keys() - dataset.held_out),
        held_out_rows=len(items.keys() & dataset.held_out),
        trained_tokens=sum(
            text.trained_tokens
            for number, texts in encoded.rows.items()
            if number not in dataset.held_out
            for text in texts
        ),
        encoded=encoded,
    )


def _items(texts: Texts, job: Job) -> Sequence[Item]:
    if job.hp.packs:
        return packed_items(texts, job.hp.max_seq_length, job.hp.seed)
    return padded_items(texts)
