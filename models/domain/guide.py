"""The guide: the Markdown pages of ``docs/guide``, their places, and how to find one.

``index.md`` lists the pages in their order. A line that begins with a setting's or a control's name
in code (```hp.epochs```), alone, in a list or in a table, is that one's place: F1 opens it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INDEX = "index"
GROUPS = {
    "training": "presets",
    "dataset": "datasets",
    "output": "output",
    "hp": "hyperparameters",
    "local": "targets#local",
    "docker": "docker",
    "images": "docker#images",
    "runpod": "targets#runpod",
    "run": "progress",
    "runs": "runs",
    "infer": "inference",
    "config": "configurations",
    "offline": "offline",
    "settings": "settings",
    "memory": "memory",
    "doctor": "doctor",
    "environment": "targets#python-on-this-computer",
    "import": "datasets",
    "models": "models",
    "storage": "storage",
    "nav": "quick-start",
}
"""Where the guide opens for a control that it does not name, by the first part of its name."""

_CHAPTER = 2
_FENCE = re.compile(r"^\s*(```|~~~)")
_HEADING = re.compile(r"^(#{1,4})\s+(.+?)\s*#*$")
_NAMED = re.compile(r"^(?:[-*] |\| )?`([a-z0-9_]+(?:\.[a-z0-9_]+)+)`")
_PAGE_LINK = re.compile(r"\]\(([a-z0-9-]+)\.md\)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"[`*|]|^#+ |^[-:| ]+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the guide and an anchor in it; an empty anchor is the page's beginning."""

    page: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: ``anchor`` is what links call it, as code hosts make it from the title."""

    level: int
    title: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the text beneath it, up to the next heading; without Markdown's marks."""

    heading: Heading
    text: str


@dataclass(frozen=True)
class Page:
    """One file of the guide; ``name`` is its name without the suffix."""

    name: str
    text: str

    @property
    def title(self) -> str:
        """The page's first heading."""
        return self.sections[0].heading.title if self.sections else self.name

    @property
    def headings(self) -> tuple[Heading, ...]:
        """All headings in their order."""
        return tuple(section.heading for section in self.sections)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The page cut at its headings."""
        return tuple(_sections(self.text))

    @cached_property
    def named(self) -> dict[str, str]:
        """The settings and controls that have a place here, with the anchor of each.

        Right beneath a heading it is the heading's, elsewhere the name itself.
        """
        return {name: anchor for name, anchor, _ in _named(self.text, self.headings)}

    def chapter(self, anchor: str) -> str:
        """The anchor of the heading of the second level over an anchor; empty before the first."""
        chapter = ""
        over = {name: heading.anchor for name, _, heading in _named(self.text, self.headings)}
        wanted = over.get(anchor, anchor)
        for heading in self.headings:
            if heading.level == _CHAPTER:
                chapter = heading.anchor
            if heading.anchor == wanted:
                return chapter if heading.level >= _CHAPTER else ""
        return ""

    @property
    def chapters(self) -> tuple[Heading, ...]:
        """The headings of the second level."""
        return tuple(heading for heading in self.headings if heading.level == _CHAPTER)


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that was searched for and found."""

    place: Place
    title: str
    page_title: str


class Guide:
    """All pages, in the order of the index."""

    def __init__(self, pages: tuple[Page, ...]) -> None:
        self.pages = pages
        self._by_name = {page.name: page for page in pages}

    def page(self, name: str) -> Page | None:
        """The page of this name."""
        return self._by_name.get(name)

    def find(self, topic: str) -> Place | None:
        """The place of a topic: a setting, a control, a page or ``page#anchor``; None if unknown.

        Of ``run.log.filter`` the guide may know only ``run.log``.
        """
        if "." not in topic:
            return self._page_place(topic)
        name = topic
        while "." in name:
            for page in self.pages:
                if name in page.named:
                    return Place(page.name, page.named[name])
            name = name.rpartition(".")[0]
        return None

    def near(self, topic: str) -> Place | None:
        """The place of a topic, or of the group of controls that it belongs to."""
        group = GROUPS.get(topic.partition(".")[0], "")
        return self.find(topic) or self._page_place(group)

    def follow(self, link: str, page: str) -> Place | None:
        """Where a link of ``page`` leads within the guide: ``datasets.md#formats``, ``#seed``."""
        target, _, anchor = link.partition("#")
        name = target.removesuffix(".md") if target else page
        return self._page_place(f"{name}#{anchor}")

    def search(self, words: str) -> tuple[Hit, ...]:
        """The sections that hold all of these words; those with one in their title come first."""
        wanted = words.casefold().split()
        if not wanted:
            return ()
        return (*self._hits(wanted, in_title=True), *self._hits(wanted, in_title=False))

    def _page_place(self, topic: str) -> Place | None:
        name, _, anchor = topic.partition("#")
        page = self._by_name.get(name)
        if page is None:
            return None
        known = {heading.anchor for heading in page.headings} | set(page.named.values())
        return Place(name, anchor) if not anchor or anchor in known else None

    def _hits(self, wanted: list[str], *, in_title: bool) -> Iterator[Hit]:
        for page in self.pages:
            for section in page.sections:
                title = section.heading.title.casefold()
                text = f"{title} {section.text.casefold()}"
                is_titled = any(word in title for word in wanted)
                if is_titled is in_title and all(word in text for word in wanted):
                    place = Place(page.name, section.heading.anchor)
                    yield Hit(place, section.heading.title, page.title)


def load_guide(folder: Path) -> Guide:
    """Read the pages that the index lists. OSError where the program's files are not complete."""
    index = _read(folder, INDEX)
    names = dict.fromkeys(_PAGE_LINK.findall(index.text))
    return Guide((index, *(_read(folder, name) for name in names if name != INDEX)))


def anchor_of(title: str) -> str:
    """The anchor that code hosts give a heading."""
    kept = re.sub(r"[^\w\- ]", "", plain(title).lower())
    return kept.strip().replace(" ", "-")


def plain(text: str) -> str:
    """Text without Markdown's marks."""
    return _MARKS.sub("", _LINK.sub(r"\1", text))


def _read(folder: Path, name: str) -> Page:
    return Page(name, (folder / f"{name}.md").read_text(encoding="utf-8"))


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is prose rather than a code block's."""
    in_code = False
    for line in text.splitlines():
        is_fence = bool(_FENCE.match(line))
        in_code ^= is_fence
        yield line, not in_code and not is_fence


def _sections(text: str) -> Iterator[Section]:
    used: dict[str, int] = {}
    heading: Heading | None = None
    body: list[str] = []
    for line, is_prose in _lines(text):
        found = _HEADING.match(line) if is_prose else None
        if found is None:
            body.append(line)
            continue
        if heading is not None:
            yield Section(heading, plain("\n".join(body)))
        heading, body = _heading(found, used), []
    if heading is not None:
        yield Section(heading, plain("\n".join(body)))


def _heading(found: re.Match[str], used: dict[str, int]) -> Heading:
    title = plain(found[2])
    anchor = anchor_of(title)
    count = used[anchor] = used.get(anchor, -1) + 1
    return Heading(len(found[1]), title, f"{anchor}-{count}" if count else anchor)


def _named(text: str, headings: tuple[Heading, ...]) -> Iterator[tuple[str, str, Heading]]:
    """Names of settings and controls, each with its anchor and the heading it stands under."""
    number = -1
    is_beneath = False
    for line, is_prose in _lines(text):
        if not is_prose or not line.strip():
            continue
        if _HEADING.match(line):
            number += 1
            is_beneath = True
            continue
        found = _NAMED.match(line)
        if found is not None:
            heading = headings[number]
            yield found[1], heading.anchor if is_beneath else found[1], heading
        is_beneath = False
