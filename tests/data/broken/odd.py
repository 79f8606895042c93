"""Odd files that an adversary would think of, each as its bytes with the verdict that it must get.

They are made here, for many hold bytes that no editor shows, and are read without a child.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import sqlite3
import struct
import tarfile
import warnings
import zipfile
from contextlib import closing
from typing import Any

from tests.data.broken.table import Case

ROW = b'{"question": "Why?", "answer": "So."}\n'
LIST = b"[" + ROW.strip() + b"]"
MARK = b"\xef\xbb\xbf"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"<!DOCTYPE html>\n<html><body>404, not found</body></html>\n"


def row(**more: Any) -> bytes:
    """A good row with other columns beside."""
    return json.dumps({"question": "a", "answer": "b"} | more).encode() + b"\n"


def chat(*turns: dict[str, Any], **more: Any) -> bytes:
    """A row of messages."""
    return json.dumps({"messages": list(turns)} | more).encode() + b"\n"


def deep(depth: int) -> bytes:
    """A good row with a list in a list in a list beside."""
    return b'{"question": "a", "answer": "b", "x": ' + b"[" * depth + b"]" * depth + b"}\n"


def zipped(*members: tuple[str, bytes]) -> bytes:
    """An archive."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")  # two members may have one name
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def tarred() -> bytes:
    """A tar archive of one file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("rows.jsonl")
        info.size = len(ROW)
        archive.addfile(info, io.BytesIO(ROW))
    return file.getvalue()


def unknown_packing() -> bytes:
    """An archive packed in a way that nobody here knows."""
    whole = bytearray(zipped(("rows.jsonl", ROW)))
    entry = whole.index(b"PK\x01\x02")
    whole[8:10] = whole[entry + 10 : entry + 12] = struct.pack("<H", 9)
    return bytes(whole)


def other_name() -> bytes:
    """An archive whose list names another file than the file itself does."""
    whole = bytearray(zipped(("rows.jsonl", ROW)))
    whole[30] = ord("x")
    return bytes(whole)


def shared_bytes() -> bytes:
    """A bomb of many members that are the same bytes, each of them harmless."""
    whole = zipped(("0000.jsonl", b"x"))
    body, entry = whole[: whole.index(b"PK\x01\x02")], bytearray(whole[whole.index(b"PK\x01") :])
    entry = entry[: entry.index(b"PK\x05\x06")]
    entry[24:28] = struct.pack("<I", 1 << 30)
    entries = bytes(entry) * 500
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 500, 500, len(entries), len(body), 0)
    return body + entries + end


def database(*statements: str, rows: tuple[tuple[Any, ...], ...] = ()) -> bytes:
    """An SQLite file."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements:
            connection.execute(statement)
        for values in rows:
            connection.execute("INSERT INTO scraped_pairs VALUES (?, ?, ?)", values)
        connection.commit()
        return connection.serialize()


PAIRS = "CREATE TABLE scraped_pairs (id INTEGER PRIMARY KEY, input_text, output_text)"
ENDLESS = (
    "CREATE VIEW scraped_pairs AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT i AS id, 'q' || i AS input_text, 'a' || i AS output_text FROM n"
)
SPLITS: tuple[Any, ...] = ([], {}, 3, None)
USER, SAYS = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "x"}}]}
NESTED, LONG = "[" * 100_000, b"x" * 10**6

Odd = tuple[Case, bytes]


def fine(name: str, rows: int, content: bytes, format_: str = "question_answer") -> Odd:
    """Imported, and nothing is said."""
    return Case(name, "fine", rows=rows, format=format_), content


def minor(name: str, code: str, rows: int, content: bytes, format_: str = "question_answer") -> Odd:
    """Imported, with something to be told."""
    return Case(name, "minor", code, rows=rows, format=format_), content


def major(
    name: str, code: str, content: bytes, row: int | None = None, line: int | None = None
) -> Odd:
    """Refused."""
    return Case(name, "major", code, row, line), content


ENCODINGS = [
    major("utf16_torn.jsonl", "invalid_utf8", (ROW * 3).decode().encode("utf-16")[:-1], 2, 3),
    major("utf16_torn.json", "invalid_utf8", LIST.decode().encode("utf-16")[:-1]),
    major("utf16_torn.csv", "invalid_utf8", "question,answer\na,b\n".encode("utf-16")[:-1], 0, 2),
    major("utf16_torn.txt", "invalid_utf8", "Hello.\n".encode("utf-16")[:-1]),
    major(
        "utf16_half_a_pair.jsonl",
        "invalid_utf8",
        b"\xff\xfe" + ROW.decode().encode("utf-16-le") + b"\x00\xd8\n\x00",
        1,
        2,
    ),
    fine("utf16_big_endian.jsonl", 1, b"\xfe\xff" + ROW.decode().encode("utf-16-be")),
    major("utf32.jsonl", "unknown_kind", ROW.decode().encode("utf-32")),
    major("surrogates_as_bytes.jsonl", "invalid_utf8", b'{"question": "\xed\xa0\xbd"}\n', 0, 1),
    major("overlong.jsonl", "invalid_utf8", b'{"question": "\xc0\x80"}\n', 0, 1),
    major("ends_in_a_character.jsonl", "invalid_utf8", ROW + b'{"question": "\xc3', 1, 2),
    fine("mark_twice.csv", 1, MARK * 2 + b"question,answer\na,b\n"),
    fine("mark_twice.jsonl", 1, MARK * 2 + ROW),
    fine("mark_inside.jsonl", 2, MARK + ROW + MARK + ROW),
    major("mark_inside.json", "invalid_json", LIST[:-1] + b"," + MARK + ROW + b"]", 1, 1),
    minor(
        "header_with_invisible.csv", "columns_renamed", 1, "question\u200b,answer\na,b\n".encode()
    ),
    minor(
        "name_with_invisible.jsonl", "columns_renamed", 1, b'{"\\ufeffquestion":"a","answer":"b"}'
    ),
    fine("line_ends_of_three_kinds.jsonl", 3, ROW[:-1] + b"\r\n" + ROW + ROW[:-1] + b"\r"),
    major(
        "unicode_line_end_between.jsonl", "invalid_json", ROW[:-1] + "\u2028".encode() + ROW, 0, 1
    ),
    fine("unicode_line_end_inside.txt", 1, "One\u2028two.\n".encode(), "text"),
    major("zeros_behind.jsonl", "invalid_json", ROW * 2000 + bytes(500_000), 2000, 2001),
    minor("zero_in_a_cell.csv", "control_characters", 1, b"question,answer\na,b\x00c\n"),
]
NAMES = [
    fine("rows.txt", 3, ROW * 3),
    fine("rows.md", 3, ROW * 3),
    fine("rows.csv", 3, ROW * 3),
    fine("rows.tsv", 3, ROW * 3),
    fine("rows.dat", 3, ROW * 3),
    fine("list.txt", 1, LIST),
    fine("braces.txt", 1, b"{this is no JSON}\n", "text"),
    fine("list_of_links.md", 1, b"[A link](https://example.org) in a text.\n", "text"),
    major("pointer.jsonl", "unknown_kind", POINTER),
    major("pointer.txt", "unknown_kind", POINTER),
    major("pointer.parquet", "unknown_kind", POINTER),
    major("page.json", "unknown_kind", PAGE),
    major("page.csv", "unknown_kind", PAGE),
    fine("page.txt", 1, PAGE, "text"),
    major("rows.tar", "unknown_kind", tarred()),
    major("rows.tar.gz", "unknown_kind", gzip.compress(tarred())),
    major("packed.zip.gz", "unknown_kind", gzip.compress(zipped(("rows.jsonl", ROW)))),
    major("packed.db.gz", "unknown_kind", gzip.compress(database(PAIRS))),
    major("picture.gz", "unknown_kind", gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(99))),
    major("table.jsonl", "invalid_json", b"question,answer\na,b\n", 0, 1),
    major("yaml.json", "invalid_json", b"question: a\nanswer: b\n", 0, 1),
]
DOCUMENTS = [
    minor(
        "train_and_test.json",
        "rows_left",
        2,
        json.dumps({"train": [json.loads(ROW)] * 2, "test": [json.loads(ROW)] * 5}).encode(),
    ),
    fine("version_first.json", 1, b'{"version": "1.0", "count": 1,\n "data": ' + LIST + b"}"),
    fine("facts_behind.json", 1, b'{"data": ' + LIST + b', "count": 1, "tags": ["a"]}\n'),
    fine("data_in_rows.jsonl", 2, row(data=[{"a": 1}]) * 2),
    fine("rows_with_items.jsonl", 2, b'{"items": [{"a": 1}], "text": "b"}\n' * 2, "text"),
    major("object_torn.json", "invalid_json", b'{"data": ' + LIST, 1, 1),
    major("object_faulty.json", "invalid_json", b'{"data": ' + LIST + b", oops}", 1, 1),
    major("object_followed.json", "invalid_json", b'{"data": ' + LIST + b"} and more", 1, 1),
    major("columns_of_lists.json", "wrong_type", b'{"question": ["a"], "answer": ["b"]}', 0, 1),
    major("list_of_lists.json", "not_object", b'[["a", "b"], ["c", "d"]]', 0, 1),
    major("two_lists.json", "not_object", LIST + b"\n" + LIST, 0, 1),
    major("list_on_each_line.jsonl", "not_object", (LIST + b"\n") * 5, 0, 1),
    major("a_text.json", "not_object", b'"hello"', 0, 1),
    major("a_number.json", "not_object", b"5", 0, 1),
    major("a_nan.json", "not_object", b"NaN", 0, 1),
    major("a_bracket.json", "invalid_json", b"[", 0, 1),
    major("a_comma.json", "invalid_json", b"[,]", 0, 1),
    major("comma_at_the_end.json", "invalid_json", LIST[:-1] + b",]", 1, 1),
    major("nothing_in_it.json", "no_rows", b"[]"),
    minor(
        "number_of_5000_digits.json", "long_number", 1, b"[" + row(n=1)[:-3] + b"1" * 5000 + b"}]"
    ),
    minor("number_of_5000_digits.jsonl", "long_number", 1, row(n=1)[:-3] + b"1" * 5000 + b"}\n"),
    minor("exponent_of_999.jsonl", "not_finite", 1, row(n=1)[:-3] + b"1e999}\n"),
    fine("many_objects_on_one_line.jsonl", 30_000, ROW.strip() * 30_000),
    fine("nested_250.jsonl", 1, deep(250)),
    *(major(f"nested_{n}.jsonl", "too_deep", deep(n), 0, 1) for n in (254, 600, 985, 200_000)),
    major("nested.json", "too_deep", b"[" * 100_000, 0, 1),
    major("half_and_nested.jsonl", "lone_surrogate", deep(600).replace(b'"a"', b'"\\ud800"'), 0, 1),
    major("half_in_a_name.jsonl", "lone_surrogate", b'{"\\ud800": 1}\n', 0, 1),
    fine("name_of_nothing.jsonl", 1, row(**{"": 1})),
    major("name_of_a_zero.jsonl", "empty_value", row(**{"\0": None}) + row(question=None), 1, 2),
    fine("splits_of_all_types.jsonl", 4, b"".join(row(split=one) for one in SPLITS)),
    major("endless_name_twice.jsonl", "duplicate_key", b'{"%b": 1, "%b": 2}\n' % (LONG, LONG)),
    major("endless_name.jsonl", "unknown_columns", b'{"%b": 1}\n' % LONG),
    major(
        "name_100000_twice.jsonl",
        "duplicate_key",
        b"{%b}\n" % b",".join(b'"c%d": 1' % (n % 99_999) for n in range(100_000)),
        0,
        1,
    ),
]
TABLES = [
    minor("two_tables.csv", "header_again", 2, b"question,answer\na,b\nquestion,answer\nc,d\n"),
    minor(
        "two_tables_with_marks.csv",
        "header_again",
        2,
        (MARK + b"question,answer\na,b\n") * 2,
    ),
    major(
        "wide.csv",
        "unknown_columns",
        b",".join(b"c%d" % n for n in range(50_000)) + b"\n" + b"x," * 49_999 + b"\n",
    ),
    major("wide_and_twice.csv", "duplicate_column", b",".join([b"c"] * 50_000) + b"\n", 0, 1),
    major("line_of_33_megabytes.csv", "row_too_long", b"text\n" + b"\xc3\xa9" * (17 << 20), 0, 2),
    fine("sep_is_a_letter.csv", 1, "sep=é\r\nquestionéanswer\r\naéb\r\n".encode()),
    fine("sep_is_a_quote.csv", 1, b'sep="\r\nquestion"answer\r\na"b\r\n'),
    major("quotes_with_backslash.csv", "bad_csv", b'question,answer\n"a \\"b\\"",c\n', 0, 2),
    fine("delimiter_twice.csv", 1, b"question||answer\na||b\n"),
    major("title_above.csv", "cell_count", b"Exported\n\nquestion,answer\na,b\n", 0, 3),
    fine("blank_lines_above.csv", 1, b"\n\nquestion,answer\na,b\n"),
    fine("text_says_null.csv", 1, b"question,answer\nNaN,null\n"),
    major("only_a_quote.csv", "bad_csv", b'"', 0, 1),
    major("only_a_comma.csv", "no_rows", b","),
    major("only_a_mark.csv", "no_rows", MARK),
    major("nested_in_a_cell.csv", "bad_nested_json", f'messages\n"{NESTED}"\n'.encode(), 0, 2),
]
CONVERSATIONS = [
    major("role_is_null.jsonl", "unknown_role", chat({"role": None, "content": "a"}), 0, 1),
    major("role_is_a_list.jsonl", "unknown_role", chat({"role": ["user"], "content": "a"}), 0, 1),
    major("endless_role.jsonl", "unknown_role", chat({"role": "x" * 10**6, "content": "a"}), 0, 1),
    major(
        "content_is_an_object.jsonl", "wrong_type", chat({**USER, "content": {"a": 1}}, SAYS), 0, 1
    ),
    major("part_without_text.jsonl", "wrong_type", chat({**USER, "content": [{}]}, SAYS), 0, 1),
    major("messages_is_one.jsonl", "wrong_type", b'{"messages": {"role": "user"}}\n', 0, 1),
    major("calls_are_a_text.jsonl", "bad_tool_call", chat(USER, {**SAYS, "tool_calls": "x"}), 0, 1),
    major(
        "calls_are_an_object.jsonl", "bad_tool_call", chat(USER, {**SAYS, "tool_calls": {"a": 1}})
    ),
    major(
        "arguments_are_a_number.jsonl",
        "bad_tool_call",
        chat(USER, {**CALL, "tool_calls": [{"name": "x", "arguments": 5}]}),
    ),
    major(
        "arguments_are_nested.jsonl",
        "bad_tool_call",
        chat(USER, {**CALL, "tool_calls": [{"name": "x", "arguments": NESTED}]}),
    ),
    major("tools_are_nested.jsonl", "bad_tools", chat(USER, SAYS, tools=NESTED), 0, 1),
    major("tools_are_an_object.jsonl", "bad_tools", chat(USER, SAYS, tools={"a": 1}), 0, 1),
    fine(
        "call_is_nested.jsonl",
        1,
        json.dumps(
            {
                "conversations": [
                    {"from": "human", "value": "a"},
                    {"from": "tool_call", "value": NESTED},
                ]
            }
        ).encode(),
        "sharegpt",
    ),
    fine("call_without_arguments.jsonl", 1, chat(USER, CALL), "messages"),
    major("system_is_an_object.jsonl", "wrong_type", row(system={"a": 1}), 0, 1),
    major(
        "same_in_other_order.jsonl",
        "chosen_equals_rejected",
        json.dumps(
            {"chosen": [SAYS], "rejected": [{"content": "b", "role": "assistant"}], "prompt": "a"}
        ).encode(),
    ),
]
ARCHIVES = [
    fine("digits_without_end.zip", 2, zipped(("1" * 5000 + ".jsonl", ROW), ("2.jsonl", ROW))),
    fine("digit_that_is_none.zip", 2, zipped(("1\u00b2.jsonl", ROW), ("1.jsonl", ROW))),
    minor(
        "name_steers_terminal.zip",
        "file_left",
        1,
        zipped(("\x1b[2Ja.jsonl", ROW), ("\x1b[31mb", b"x")),
    ),
    fine("same_name_twice.zip", 2, zipped(("a.jsonl", ROW), ("a.jsonl", ROW))),
    major("windows_path.zip", "unsafe_path", zipped(("C:\\x.jsonl", ROW))),
    major("unknown_packing.zip", "bad_archive", unknown_packing()),
    major("names_differ.zip", "bad_archive", other_name()),
    major("bytes_shared.zip", "zip_bomb", shared_bytes()),
    major("list_that_lies.zip", "bad_archive", b"PK\x05\x06" + bytes(4) + b"\xff" * 12 + bytes(2)),
    fine("bytes_before.zip", 1, b"PK\x03\x04bytes" + zipped(("rows.jsonl", ROW))),
    fine("two_members.jsonl.gz", 2, gzip.compress(ROW) * 2),
    fine("two_members.jsonl.bz2", 2, bz2.compress(ROW) * 2),
    major("bytes_behind.jsonl.gz", "bad_archive", gzip.compress(ROW) + b"bytes"),
    major("wrong_sum.jsonl.gz", "bad_archive", gzip.compress(ROW)[:-8] + bytes(8)),
    major("head_alone.gz", "bad_archive", b"\x1f\x8b"),
    major("no_bzip2.bz2", "bad_archive", b"BZh9" + b"x" * 100),
    major("no_xz.xz", "bad_archive", b"\xfd7zXZ\x00" + b"x" * 100),
    major("nothing.jsonl.gz", "no_rows", gzip.compress(b"")),
]
DATABASES = [
    major("endless_view.db", "unknown_database", database(ENDLESS)),
    fine(
        "names_in_capitals.db",
        1,
        database(PAIRS.replace("scraped_pairs", "Scraped_Pairs").upper(), rows=((1, "a", "b"),)),
        "input_output",
    ),
    minor(
        "infinite_number.db",
        "number_as_text",
        1,
        database(PAIRS, rows=((1, 9e999, "b"),)),
        "input_output",
    ),
    minor(
        "largest_number.db",
        "number_as_text",
        1,
        database(PAIRS, rows=((1, 2**63 - 1, "b"),)),
        "input_output",
    ),
    major("bytes_for_text.db", "wrong_type", database(PAIRS, rows=((1, b"\xff", "b"),)), 0),
    major("head_alone.db", "bad_database", b"SQLite format 3\x00" + bytes(84)),
]
ODD = [*ENCODINGS, *NAMES, *DOCUMENTS, *TABLES, *CONVERSATIONS, *ARCHIVES, *DATABASES]
