"""Makes Qt's ICU data library small: of 32 MB the program needs the order of letters.

Qt has its own names of languages, months and currencies; from ICU it takes collation and case.
The data is one table of named items (icu4c: source/common/ucmndata.h), so items can be left out:
ICU then falls back to its root locale, as it does for a language it has never heard of.
"""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
from pathlib import Path

_MAGIC, _FORMAT, _FORMAT_AT = b"\xda\x27", b"CmnD", 12
_ENTRY = struct.Struct("<II")  # where an item's name and its content begin, after the header
_ALIGNMENT = 16
_LEFT_OUT = re.compile(
    r"icudt\d+l/(?:(?:brkitr|curr|lang|rbnf|region|translit|unit|zone)/.*"
    r"|[^/]+\.cnv|unames\.icu"  # other encodings and the names of characters: Python reads files
    r"|(?!en\.res|en_US\.res)[a-z]{2,3}(?:_[^/]*)?\.res)"  # what one language calls things
)


def shrink_library(path: Path) -> None:
    """Replace the library by one with the same name, symbol and less data (GNU as and ld)."""
    symbol, content = read_data(path)
    soname = path.name
    with tempfile.TemporaryDirectory() as folder:
        data, source, unit = (Path(folder) / name for name in ("data", "data.s", "data.o"))
        data.write_bytes(filtered(content))
        source.write_text(
            f".section .rodata\n.balign 16\n.globl {symbol}\n.type {symbol}, %object\n"
            f'{symbol}:\n.incbin "{data}"\n.size {symbol}, . - {symbol}\n'
            '.section .note.GNU-stack,"",%progbits\n',
            encoding="ascii",
        )
        subprocess.run(["as", "-o", str(unit), str(source)], check=True)
        link = ["ld", "-shared", "-z", "noexecstack", "-soname", soname, "-o", str(path), str(unit)]
        subprocess.run(link, check=True)


def read_data(library: Path) -> tuple[str, bytes]:
    """The name of the library's only symbol, and the data it stands for."""
    listed = subprocess.run(
        ["nm", "-D", "-S", "--defined-only", str(library)],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    _, size, _, symbol = listed
    content = library.read_bytes()
    start = content.index(_FORMAT) - _FORMAT_AT
    data = content[start : start + int(size, 16)]
    if data[2:4] != _MAGIC or not symbol.startswith("icudt"):
        raise ValueError(f"{library} does not hold ICU's data as expected")
    return symbol, data


def filtered(content: bytes) -> bytes:
    """The data without the items that are left out; the same order, as ICU searches by halves."""
    (head,) = struct.unpack_from("<H", content)
    kept = [(name, data) for name, data in items(content) if not _LEFT_OUT.fullmatch(name)]
    names_at = 4 + _ENTRY.size * len(kept)
    names = b"".join(name.encode() + b"\0" for name, _ in kept)
    entries, body = b"", b""
    name_at, data_at = names_at, _aligned(names_at + len(names))
    first = data_at
    for name, data in kept:
        entries += _ENTRY.pack(name_at, data_at)
        body += data + bytes(_aligned(len(data)) - len(data))
        name_at += len(name) + 1
        data_at = first + len(body)
    table = struct.pack("<I", len(kept)) + entries + names
    return content[:head] + table + bytes(first - len(table)) + body


def items(content: bytes) -> list[tuple[str, bytes]]:
    """Name and content of every item, sorted by name."""
    (head,) = struct.unpack_from("<H", content)
    (count,) = struct.unpack_from("<I", content, head)
    table = [_ENTRY.unpack_from(content, head + 4 + _ENTRY.size * n) for n in range(count)]
    ends = [data for _, data in table[1:]] + [len(content) - head]
    return [
        (_text(content, head + name), content[head + data : head + end])
        for (name, data), end in zip(table, ends, strict=True)
    ]


def _text(content: bytes, at: int) -> str:
    return content[at : content.index(b"\0", at)].decode("ascii")


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
