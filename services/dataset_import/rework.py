"""New datasets of rows that are in the library: merged, split, or without some. Runs in the child.

The work is a document: ``kind``, ``sources`` (``data``, ``index``, ``rows``, ``format``, ``name``,
``weight``), ``outputs`` (pairs of files), ``format``, and what the kind needs. Memory holds at most
some twenty bytes for each row, whatever is in it.
"""

from __future__ import annotations

import errno
import traceback
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.dataset_import.merging import merged_lines
from services.dataset_import.rework_output import Output
from services.dataset_import.rework_rows import RowFile, parsed
from services.dataset_import.splitting import held_out_keys, with_split

if TYPE_CHECKING:
    from collections.abc import Callable

    Tick = Callable[[int, int], None]


def files_of(work: dict[str, Any]) -> tuple[str, ...]:
    """The files that are written, which must not stay when the work is not finished."""
    return tuple(name for pair in work["outputs"] for name in pair)


def rework(work: dict[str, Any], tick: Tick) -> dict[str, Any]:
    """Do it, and say what was written; nothing is left where it failed."""
    outputs: list[Output] = []
    is_kept = False
    try:
        outputs += [Output(data, index) for data, index in work["outputs"]]
        _KINDS[work["kind"]](work, outputs, tick)
        result: dict[str, Any] = {"stored": [output.close() for output in outputs]}
        is_kept = True
    except AppError as error:
        result = {"error": {name: getattr(error, name) for name in _ERROR}}
    except OSError as error:
        result = {"error": {name: getattr(_disk_error(error), name) for name in _ERROR}}
    except Exception:  # noqa: BLE001 - the program reports the bug, with all of this
        result = {"bug": traceback.format_exc()}
    finally:
        if not is_kept:
            for output in outputs:
                output.discard()
    return result


def _merge(work: dict[str, Any], outputs: list[Output], tick: Tick) -> None:
    sources = [RowFile(**source) for source in work["sources"]]
    lines = merged_lines(sources, work["format"], work["seed"], shuffle=work["shuffle"])
    for done, (line, row) in enumerate(lines, 1):
        outputs[0].add(line, row)
        tick(done, done)


def _split(work: dict[str, Any], outputs: list[Output], tick: Tick) -> None:
    """Rows of the held-out side go to the last output; if there is only one, they say so."""
    source, is_column = RowFile(**work["sources"][0]), len(outputs) == 1
    held_out = held_out_keys(source, work["held_out"], work["seed"], tick)
    for number, (line, is_held_out) in enumerate(zip(source.lines(), held_out, strict=True)):
        row = parsed(line)
        if is_column:
            line, row = with_split(line, row, is_held_out=is_held_out)
        outputs[-1 if is_held_out else 0].add(line, row)
        tick((source.rows + number + 1) // 2, source.rows + number + 1)


def _without(work: dict[str, Any], outputs: list[Output], tick: Tick) -> None:
    source, left_out = RowFile(**work["sources"][0]), set(work["left_out"])
    for number, line in enumerate(source.lines()):
        if number not in left_out:
            outputs[0].add(line, parsed(line))
        tick(number + 1, number + 1)


_KINDS = {"merge": _merge, "split": _split, "without": _without}
_ERROR = ("kind", "message", "hint", "details")


def _disk_error(error: OSError) -> AppError:
    if error.errno == errno.ENOSPC:
        return AppError(
            "disk_full",
            "The disk is full; nothing was changed.",
            "Free some space, or move the program's data with TEMPER_HOME, and try again.",
            str(error),
        )
    return AppError(
        "io",
        f"The rows could not be read or written: {error}.",
        "Check the disk, and whether the dataset is still in the library.",
        str(error),
    )
