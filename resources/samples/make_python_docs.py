"""Build the sample dataset: questions and short answers from the Python 3.11 documentation.

Run it as ``python make_python_docs.py SOURCES_FOLDER OUTPUT.jsonl``, where SOURCES_FOLDER is the
``html/_sources`` folder of the Debian package ``python3.11-doc``. Every choice hangs on the text
alone (hashes, no random numbers), so that the same sources always give the same bytes.
"""

import json
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run by path, imported by name

from resources.samples.python_docs_rows import Row, distinct, number, records
from resources.samples.python_docs_rst import entries, indented, paragraphs, plain
from resources.samples.python_docs_wording import defined, short_answer, statement

SPOKEN = {  # terms that "a" or "an" does not suit
    **dict.fromkeys(("hashable", "mutable"), "a {} object"),
    **dict.fromkeys(("global interpreter lock", "method resolution order"), "the {}"),
    **dict.fromkeys(("2to3", "BDFL", "CPython", "EAFP", "IDLE", "LBYL", "PEP", "bytecode"), "{}"),
    **dict.fromkeys(("duck-typing", "floor division", "garbage collection", "importing"), "{}"),
    **dict.fromkeys(("interpreter shutdown", "single dispatch"), "{}"),
    "immutable": "an {} object",
}
LEFT_OUT = re.compile(  # their first sentences say little without the rest of the page
    r"\b(contiguous|dictionary view|text encoding|interpreted|locale encoding|Pythonic|Python 3000"
    r"|interface spec|switch or case|\"with\" statement|join\(\) a string|CGI|overload|beginning"
    r"|complicated sort|higher order|hexadecimal|stand-alone|Where in the|How many people|published"
    r"|database|keypress|termcap|more traditional|negative index|static class|Global Interp|book"
    r"|os\.(sched|major|minor|closerange|device|lseek|get_exec|\w*xattr)|\w+\._|check_call|asyncgen)"
)
FAQ_PAGES = ("design", "general", "library", "programming")
FUNCTION_PAGES = re.findall(
    r"\S+",
    """os os.path shutil itertools functools math json re random statistics time subprocess
    threading tempfile csv contextlib heapq bisect copy textwrap glob fnmatch pickle
    sys dataclasses shlex""",
)
OWNERS = re.compile(r"(str|list|dict|set|frozenset|bytes|int|float|pathlib\.\w+)\.[a-z]")


class Kind(NamedTuple):
    """How the entries of one kind are found, asked for and named in the answer."""

    noun: str
    directives: set[str]
    questions: list[str]


BUILT_IN = Kind(
    "function",
    {"function", "class", "awaitablefunction", "decorator"},
    [
        "What does the built-in function {} do in Python?",
        "What is the built-in function {} for in Python?",
    ],
)
EXCEPTION = Kind(
    "exception",
    {"exception"},
    ["When is the exception {} raised in Python?", "What does the exception {} mean in Python?"],
)
METHOD = Kind(
    "method",
    {"method", "classmethod"},
    ["What does the method {} do in Python?", "What is the method {} for in Python?"],
)
FUNCTION = Kind(
    "function",
    {"function", "decorator"},
    ["What does the function {} do in Python?", "What is the function {} for in Python?"],
)
MODULE = ["What is the module {} for in Python?", "What does the Python module {} offer?"]


def asked(name: str, forms: list[str]) -> str:
    """Ask for a name; its hash picks the form of the question."""
    return forms[number(name) % len(forms)].format(name)


def lines_of(sources: Path, page: str) -> list[str]:
    """Read one page's rst as lines; Debian ships ``glossary.rst`` as ``glossary.rst.txt``."""
    return (sources / f"{page}.txt").read_text(encoding="utf-8").split("\n")


def glossary_rows(sources: Path) -> Iterator[Row]:
    """Ask for the meaning of each term."""
    lines = lines_of(sources, "glossary.rst")
    for start, line in enumerate(lines):
        term = plain(line)
        texts = short_answer(paragraphs(list(indented(lines[start + 1 :], 3))))
        if not re.match(r"   [A-Za-z0-9]", line) or not texts:
            continue
        spoken = SPOKEN.get(term, "an {}" if term[0] in "aeiou" else "a {}").format(term)
        forms = ['What does the term "{}" mean in Python?', f"What is {spoken} in Python?"]
        forms = forms[:1] if term[0] in string.ascii_uppercase + "2" else forms
        answer = defined(spoken, term, texts)
        yield Row("glossary", asked(term, forms), answer, f"glossary.rst#{term}")


def faq_rows(sources: Path) -> Iterator[Row]:
    """Take the questions of the FAQ as they stand, with the start of their answers."""
    for page in FAQ_PAGES:
        lines = lines_of(sources, f"faq/{page}.rst")
        rules = [at for at, line in enumerate(lines) if re.fullmatch(r"[-=]{4,}", line)]
        ends = [*(rule - 1 for rule in rules[1:]), len(lines)]
        for at, end in zip(rules, ends, strict=True):
            question = plain(lines[at - 1])
            answer = " ".join(short_answer(paragraphs(lines[at + 1 : end])))
            if question.endswith("?"):
                slug = re.sub(r"\W+", "-", question.lower()).strip("-")
                yield Row("faq", question, answer, f"faq/{page}.rst#{slug}")


def entry_rows(sources: Path, kind: Kind, page: str, module: str = "") -> Iterator[Row]:
    """Ask what each function, method or exception of a library page does."""
    for entry, body in entries(lines_of(sources, f"library/{page}.rst"), kind.directives):
        name = f"{module}.{entry}" if module and not entry.startswith(f"{module}.") else entry
        code = f"`{name}`" if kind is EXCEPTION else f"`{name}()`"
        texts = short_answer(paragraphs(body))
        special = any(re.match(r" *\.\. (deprecated|availability)", line) for line in body)
        if not texts or special or (kind is METHOD and not OWNERS.match(name)):
            continue
        answer = statement(f"The {code} {kind.noun}", texts)
        source = f"library/{page}.rst#{name}"
        yield Row(kind.noun + page, asked(code, kind.questions), answer, source)


def module_rows(sources: Path) -> Iterator[Row]:
    """Ask what each module of the standard library is for: the first lines of its page."""
    for path in sorted((sources / "library").glob("*.rst.txt")):
        name = path.name.removesuffix(".rst.txt")
        lines = lines_of(sources, f"library/{name}.rst")
        start = next((at for at, line in enumerate(lines) if line == f".. module:: {name}"), -1)
        if start < 0 or any(":deprecated:" in line for line in lines[start : start + 6]):
            continue
        texts = short_answer(paragraphs(lines[start:]))
        answer = statement(f"The `{name}` module", texts) if texts else ""
        yield Row("module", asked(f"`{name}`", MODULE), answer, f"library/{name}.rst#{name}")


def every_row(sources: Path) -> Iterator[Row]:
    """Yield all rows that can be made, in a fixed order; some have no answer."""
    yield from glossary_rows(sources)
    yield from faq_rows(sources)
    yield from entry_rows(sources, BUILT_IN, "functions")
    yield from entry_rows(sources, EXCEPTION, "exceptions")
    yield from entry_rows(sources, METHOD, "stdtypes")
    yield from entry_rows(sources, METHOD, "pathlib", "pathlib")
    yield from module_rows(sources)
    for page in FUNCTION_PAGES:
        yield from entry_rows(sources, FUNCTION, page, page)


def main(sources: str, output: str) -> None:
    """Write the dataset, one JSON object a line."""
    possible = (row for row in every_row(Path(sources)) if not LEFT_OUT.search(row.question))
    rows = records(distinct(possible))
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    Path(output).write_text(text, encoding="utf-8")
    print(f"{len(rows)} rows written to {output}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
