"""Which test shows which sentence of the user's document: writes docs/spec-coverage.md.

``python tests/spec/coverage.py`` writes the table, ``--check`` only says whether it is true. The
marks are read from the tests' sources: ``@pytest.mark.spec("sentence")``.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "training-tab.md"
REST = ROOT / "tests" / "spec" / "elsewhere.toml"
TABLE = ROOT / "docs" / "spec-coverage.md"
_LIST = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")
_END = re.compile(r"(?<!e\.g\.)(?<=[.!?:])\s+(?=[A-Z`])")
_NO_PROSE = ("#", "![", "___", "**Next**", "> 💡 **Where")


@dataclass(frozen=True)
class Mark:
    """A test that says it shows a sentence."""

    sentence: str
    test: str


def plain(text: str) -> str:
    """A sentence as it is compared: without emphasis, code marks, arrows of lists, end stops."""
    text = text.replace("**", "").replace("`", "").replace("*", "").replace("> 💡", "")
    return " ".join(text.split()).strip().rstrip(".:,").casefold()


@dataclass(frozen=True)
class Sentence:
    """A sentence with the heading and the whole list entry or paragraph it stands in."""

    heading: str
    entry: str
    text: str

    def is_shown_by(self, mark: Mark) -> bool:
        """Whether the mark quotes this sentence, or the whole entry."""
        return plain(mark.sentence) in {plain(self.text), plain(self.entry)}


def sentences(document: str) -> Iterator[Sentence]:
    """In order. A list entry of several sentences gives each of them."""
    heading = ""
    for block in _blocks(document):
        if block.startswith("#"):
            heading = block.lstrip("# ").strip()
        elif not block.startswith(_NO_PROSE):
            for sentence in _END.split(block):
                if plain(sentence):
                    yield Sentence(heading, block, sentence.strip())


def _blocks(document: str) -> Iterator[str]:
    block = ""
    for line in [*document.splitlines(), ""]:
        starts_anew = not line.strip() or line.startswith("#") or _LIST.match(line)
        if starts_anew and block:
            yield block
            block = ""
        block = f"{block} {_LIST.sub('', line).strip()}".strip()
        if line.startswith("#"):
            yield block
            block = ""


def marks() -> list[Mark]:
    """Every mark of every test."""
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{path.relative_to(ROOT).as_posix()}::{node.name}"
                found += [Mark(text, name) for text in _quoted(node)]
    return found


def _quoted(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for call in node.decorator_list:
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.spec":
            yield from (str(ast.literal_eval(argument)) for argument in call.args)


def elsewhere() -> dict[str, list[str]]:
    """Sentences that no test shows as yet, by the part of the program that will, or why none."""
    with REST.open("rb") as file:
        return {str(k): [str(one) for one in v] for k, v in tomllib.load(file).items()}


@dataclass(frozen=True)
class Report:
    """The table, and what is wrong with the marks."""

    text: str
    unknown: tuple[Mark, ...]
    missing: tuple[str, ...]
    needless: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether each mark quotes the document, and each sentence has its place."""
        return not (self.unknown or self.missing or self.needless)


def report() -> Report:
    """Hold the marks against the document."""
    document = list(sentences(DOCUMENT.read_text("utf-8")))
    found = marks()
    shown = {
        sentence: [mark.test for mark in found if sentence.is_shown_by(mark)]
        for sentence in document
    }
    placed = {plain(text): part for part, texts in elsewhere().items() for text in texts}
    covered = {plain(sentence.text) for sentence, tests in shown.items() if tests}
    known = {plain(part) for one in document for part in (one.text, one.entry)}
    return Report(
        text="\n".join([*_head(), *_table(shown, placed)]) + "\n",
        unknown=tuple(mark for mark in found if plain(mark.sentence) not in known),
        missing=tuple(
            sentence.text
            for sentence, tests in shown.items()
            if not tests and plain(sentence.text) not in placed
        ),
        needless=tuple(text for text in placed if text in covered or text not in known),
    )


def _table(shown: dict[Sentence, list[str]], placed: dict[str, str]) -> Iterator[str]:
    heading = ""
    for sentence, tests in shown.items():
        if sentence.heading != heading:
            heading = sentence.heading
            yield from ("", f"## {heading}", "", "| sentence | shown by |", "| --- | --- |")
        part = f"*{placed.get(plain(sentence.text), '')}*"
        names = "<br>".join(f"`{test}`" for test in dict.fromkeys(tests)) or part
        yield f"| {sentence.text.replace('|', '/')} | {names} |"


def _head() -> list[str]:
    return [
        "# The user's document, sentence by sentence",
        "",
        "Made by `python tests/spec/coverage.py` from the tests; a test fails when it is",
        "out of date. In italics: the part of the program that is still to come, or why a sentence",
        "needs no test. The document: [training-tab.md](training-tab.md).",
    ]


def main(arguments: list[str]) -> int:
    """Write or check the table; 1 with every sentence that has no place and every wrong mark."""
    made = report()
    for mark in made.unknown:
        print(f"not in the document: {mark.sentence!r} ({mark.test})")
    for text in made.missing:
        print(f"no test and no place: {text}")
    for text in made.needless:
        print(f"listed in elsewhere.toml, but shown by a test or not in the document: {text}")
    if "--check" not in arguments:
        TABLE.write_text(made.text, encoding="utf-8")
    return 0 if made.is_sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
