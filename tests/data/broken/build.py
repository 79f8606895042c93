"""Makes the large files of the corpus in a folder: ``python tests/data/broken/build.py FOLDER``."""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from pathlib import Path

BLANK = (b" " * 9_999 + b"\n") * 100


def rows(count, start=0):
    for number in range(start, start + count):
        yield {"question": f"What is {number}?", "answer": f"Number {number}. " * 5}


def lines(found):
    return "".join(json.dumps(row) + "\n" for row in found).encode()


def bad_byte_in_row_9999():
    return lines(rows(9999)) + b'{"question": "a", "answer": "caf\xe9"}\n' + lines(rows(500))


def ten_megabyte_line():
    long = [{"question": "Why?", "answer": "word " * 2_000_000}]
    return lines(rows(1)) + lines(long) + lines(rows(1))


def row_of_70_megabytes():
    return b'{"question": "Why?", "answer": "' + b"x" * 70_000_000 + b'"}\n'


def thousand_columns():
    more = {f"column {number}": number for number in range(1000)}
    return lines({**row, **more} for row in rows(50))


def ever_new_columns():
    return lines({**row, f"column {n}": n} for n, row in enumerate(rows(5000)))


def ever_new_columns_only():
    return lines({f"column {number}": number} for number in range(5000))


def late_other_format():
    return lines(rows(50_000)) + lines([{"prompt": "a", "completion": "b"}]) + lines(rows(10))


def late_name_twice():
    return lines(rows(40_000)) + b'{"question":"a","answer":"b","question":"c"}\n'


def array_over_chunks():
    return b"[" + b",\n".join(lines([row]).strip() for row in rows(20_000)) + b"]"


def fault_late_in_array():
    return array_over_chunks()[:-1] + b',\n{"question": "a" "answer": "b"}]'


def quote_open_over_chunks():
    cells = b"".join(b"What is %d?,Number %d\n" % (number, number) for number in range(50_000))
    return b'question,answer\nWhy?,So\nHow?,"Thus\n' + cells


def zip_bomb(path):
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("rows.jsonl", "w", force_zip64=True) as member,
    ):
        for _ in range(80):
            member.write(BLANK)


def gzip_bomb(path):
    with gzip.open(path, "wb") as file:
        for _ in range(80):
            file.write(BLANK)


def build(folder):
    """Write every file."""
    for make in (
        bad_byte_in_row_9999, ten_megabyte_line, row_of_70_megabytes, thousand_columns,
        ever_new_columns, ever_new_columns_only, late_other_format, late_name_twice,
    ):  # fmt: skip
        (folder / f"{make.__name__}.jsonl").write_bytes(make())
    for make in (array_over_chunks, fault_late_in_array):
        (folder / f"{make.__name__}.json").write_bytes(make())
    (folder / "quote_open_over_chunks.csv").write_bytes(quote_open_over_chunks())
    zip_bomb(folder / "zip_bomb.zip")
    gzip_bomb(folder / "gzip_bomb.jsonl.gz")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
