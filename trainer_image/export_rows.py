"""Rows of Parquet, Arrow and Hub datasets, printed as JSON Lines for the program to import.

``python -m trainer_image.export_rows file PATH`` or ``hub REPO CONFIG SPLIT [HELD_OUT]``. An empty
CONFIG is the default one; with HELD_OUT, another split, each row says in ``split`` which it is of.
A token for the Hub comes by the environment. The last line of standard error is a JSON document:
``{"licence": …}`` at the end, or ``{"kind", "message", "hint"}`` on exit code 1.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from datetime import time as day_time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_image.export_names import ENDS_WITH_INPUT_VARIABLE, WORK_FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROWS = 500
_ATTEMPTS = 5
_PAUSE_SECONDS = 1.0


class ExportError(Exception):
    """The rows cannot be had: what is wrong, and what to do."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.document = {"kind": kind, "message": message, "hint": hint}


@dataclass(frozen=True)
class HubRows:
    """What is asked of the Hub."""

    repo: str
    config: str
    split: str
    held_out: str = ""

    @property
    def parts(self) -> tuple[HubRows, ...]:
        """Each split by itself, in the order of their rows."""
        splits = (self.split, self.held_out) if self.held_out else (self.split,)
        return tuple(replace(self, split=split, held_out="") for split in splits)


def main(arguments: list[str]) -> int:
    """Print the rows; 1 where it cannot be done."""
    if os.environ.get(ENDS_WITH_INPUT_VARIABLE):
        threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        if arguments[0] == "file":
            _print(file_rows(Path(arguments[1])))
            _say({"licence": ""})
        else:
            source = HubRows(*arguments[1:5])
            _print(hub_rows(source))
            _say({"licence": licence_of(source.repo)})
    except ExportError as error:
        _say(error.document)
        return 1
    except BrokenPipeError:  # nobody reads any more: the import was cancelled
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def file_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet or Arrow file, read piece by piece."""
    import pyarrow

    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        batches = _parquet(path) if is_parquet else _arrow(path)
        for batch in batches:
            _require_names(batch.schema.names)
            yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        message = f"{path.name} cannot be read: {_first_lines(error)}"
        raise ExportError("bad_dataset", message, "Write the file anew, and import it.") from error


def _require_names(names: list[str]) -> None:
    """ExportError where two columns share a name: only the last of them would reach a row."""
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        message = f"{count} columns are called {name!r}."
        raise ExportError("bad_dataset", message, "Rename one, and import the file again.")


def hub_rows(source: HubRows) -> Iterator[dict[str, Any]]:
    """The rows of a dataset of the Hub. A download that breaks off is gone on with."""
    with tempfile.TemporaryDirectory(dir=os.environ.get(WORK_FOLDER_VARIABLE)) as folder:
        os.chdir(folder)  # a folder of this name where we were started is not meant
        loaded = [(part.split, _load(part, folder)) for part in source.parts]
        for split, dataset in loaded:
            # Whatever a column of that name says: a training on the Hub does not look at it.
            of_split = {"split": split} if source.held_out else {}
            for table in dataset.with_format("arrow").iter(_ROWS):
                yield from (row | of_split for row in table.to_pylist())


def licence_of(repo: str) -> str:
    """What the dataset's card says of its licence; empty where it says nothing."""
    from huggingface_hub import DatasetCard

    with contextlib.suppress(Exception):  # a card that is not there, or is no card
        return str(DatasetCard.load(repo).data.get("license") or "")
    return ""


def _parquet(path: Path) -> Iterator[Any]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        yield from file.iter_batches(_ROWS)


def _arrow(path: Path) -> Iterator[Any]:
    """Arrow's file format, or its stream format, which ``datasets`` writes under the same name."""
    import pyarrow

    with pyarrow.memory_map(str(path)) as source:
        try:
            reader = pyarrow.ipc.open_file(source)
        except pyarrow.ArrowInvalid:
            source.seek(0)
            yield from pyarrow.ipc.open_stream(source)
            return
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            for start in range(0, batch.num_rows, _ROWS):
                yield batch.slice(start, _ROWS)


def _load(source: HubRows, folder: str) -> Any:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _load_once(source, folder)
        except ExportError as error:
            if error.document["kind"] != "network" or attempt == _ATTEMPTS:
                raise
            time.sleep(_PAUSE_SECONDS * attempt)
    raise AssertionError


def _load_once(source: HubRows, folder: str) -> Any:
    import datasets
    import httpx
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub.errors import HfHubHTTPError

    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(
            source.repo, source.config or None, split=source.split, cache_dir=folder
        )
    except DatasetNotFoundError as error:
        raise _not_given(source, str(error)) from error
    except (httpx.HTTPError, HfHubHTTPError, ConnectionError, TimeoutError) as error:
        raise _no_network(source, error) from error
    except (ValueError, RuntimeError, OSError) as error:
        raise _explained(source, error) from error
    except datasets.exceptions.DatasetGenerationError as error:
        raise _explained(source, error.__cause__ or error) from error


def _not_given(source: HubRows, said: str) -> ExportError:
    if "gated" in said:
        return ExportError(
            "auth",
            f"{source.repo} is gated: its owner gives it only to those who accept the conditions.",
            f"Accept them at huggingface.co/datasets/{source.repo}, and set your token.",
        )
    return ExportError(
        "not_found",
        f"{source.repo} is not on Hugging Face, or is private.",
        "Check the name, or set a token in Settings.",
    )


def _no_network(source: HubRows, error: BaseException) -> ExportError:
    return ExportError(
        "network",
        f"The connection to Hugging Face broke while {source.repo} was fetched "
        f"({type(error).__name__}).",
        "Check the network and import it again: what was fetched is kept.",
    )


def _explained(source: HubRows, error: BaseException) -> ExportError:
    said = _first_lines(error)
    if isinstance(error, OSError) and error.errno == 28:
        return ExportError("disk_full", "The disk is full.", "Free some space, and import again.")
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        return _no_network(source, error)
    if "BuilderConfig" in said or "Config name is missing" in said:
        hint = "Name one of these as the configuration."
        return ExportError("bad_dataset", f"{source.repo}: {said}", hint)
    if "split" in said.lower():
        message = f"{source.repo} has no split {source.split!r}. {said}"
        return ExportError("bad_dataset", message, "Name one of these as the split.")
    return ExportError(
        "bad_dataset", f"{source.repo} cannot be read: {said}", "Choose another dataset."
    )


def _end_with_input() -> None:
    """Whoever started us is gone: nothing of this process may stay behind."""
    # Not through the buffer, whose lock the interpreter needs when it ends.
    while os.read(0, 4096):
        pass
    os._exit(1)


def _print(rows: Iterator[dict[str, Any]]) -> None:
    write = sys.stdout.write
    for row in rows:
        write(json.dumps(row, ensure_ascii=False, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: object) -> str:
    """What JSON has no word for."""
    if isinstance(value, datetime | date | day_time):
        return value.isoformat()
    if isinstance(value, Decimal | timedelta):
        return str(value)
    raise ExportError(
        "bad_dataset",
        "A column holds pictures, sound or other bytes; only text can be learnt.",
        "Leave that column out of the file, and import it again.",
    )


def _first_lines(error: BaseException) -> str:
    """The first two, for the second one of ``datasets`` often names what there is."""
    lines = (str(error).strip() or type(error).__name__).splitlines()
    return " ".join(line.strip() for line in lines[:2])[:300]


def _say(document: dict[str, str]) -> None:
    sys.stderr.write("\n" + json.dumps(document) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    # Texts of any language, whatever the system's encoding; the import sees half characters.
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
