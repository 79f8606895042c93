"""Read reStructuredText: inline markup to plain text, entries with their bodies, paragraphs.

Only what the Python documentation uses and the dataset needs; docutils with Sphinx would read
everything, but would be a heavy dependency for a script that is run once in a while.
"""

import re
import textwrap
from collections.abc import Iterator

UNKNOWN = "\ufffd"  # stands for a reference whose text is elsewhere; its sentence is dropped

INLINE = re.compile(
    r"``(?P<code>.+?)``|:(?P<role>[\w:+-]+):`(?P<target>[^`]+)`|`(?P<link>[^`]+)`(?:__?)?"
    r"|\*\*(?P<strong>[^*]+)\*\*|(?<![\w*])\*(?P<emphasis>[^*\s](?:[^*]*[^*\s])?)\*(?!\w)"
    r"|\|(?P<name>[\w-]+)\|(?:_\b)?|\\(?P<escaped>.)"
    r"|(?P<dash>\s+---?\s+|(?<=\w)---(?=\w))|(?P<footnote>\s*\[[\d#]+\]_)|(?<![\w/])(?P<bare>[A-Za-z][A-Za-z-]*)_(?![\w])",
    re.DOTALL,
)
TEXT_ROLES = {"term", "ref", "dfn", "abbr", "mailheader", "kbd", "math", "sub", "sup", "doc"}
CALL_ROLES = {"func", "meth"}
STRESSED = {"after", "and", "assignment", "existing", "hashable", "not", "only", "or", "rightmost"}
NUMBERED_ROLES = {"pep": "PEP", "rfc": "RFC"}
DIRECTIVE = re.compile(r"( *)\.\. ([a-z]+):: *(\S.*)")
SKIPPED = re.compile(
    r"\.\. (?![\w-]+::)|\.\. (index|module|sectionauthor|moduleauthor|include|only)::"
)
REPAIRS = {  # slips of the pages themselves, and words that point at a table of the page
    "a asynchronous": "an asynchronous",
    "Return centered in": "Return the string centered in",
    " using this conversion table": "",
    "and also convert forward": "and also converts forward",
}
RULE = re.compile(r"\*\*Source code|-{4}|\*{4}")
NOT_PROSE = re.compile(r"[ *+|=-]|#\.|\d+\.|>>>|\.\. |:[\w ]+:(?!`)")


def role_text(role: str, target: str) -> str:
    """Give the words a reader sees for one role, such as ``:func:`zip```."""
    titled = re.fullmatch(r"(.+?)\s*<[^>]*>", target, re.DOTALL)
    text = titled[1] if titled else target.lstrip("!")
    last = role.split(":")[-1]
    if last in NUMBERED_ROLES:
        return text if titled else f"{NUMBERED_ROLES[last]} {text.split('#')[0]}"
    if last in TEXT_ROLES:
        return UNKNOWN if last in {"ref", "doc"} and not titled else re.sub(r" \(.*\)$", "", text)
    text = text.rsplit(".", 1)[-1] if text.startswith("~") else text.lstrip(".")
    call = last in CALL_ROLES and not titled and not text.endswith(")")
    return f"`{text}()`" if call else "`" + text.replace("\\", "") + "`"


def inline_text(match: re.Match[str]) -> str:
    """Replace one piece of inline markup; parameters become code, other emphasis plain words."""
    found = match.groupdict()
    if found["code"]:
        return f"`{found['code'].strip()}`"
    if found["role"]:
        return role_text(found["role"], found["target"])
    if found["link"]:
        return re.sub(r"\s*<[^>]*>$", "", found["link"])
    if found["emphasis"]:
        word = found["emphasis"]
        parameter = re.fullmatch(r"[a-z_][\w.]*", word) and word not in STRESSED
        return f"`{word}`" if parameter else word
    if found["dash"]:
        return " \u2013 "
    if found["name"]:
        return UNKNOWN
    return found["strong"] or found["bare"] or (found["escaped"] or "").strip()


def plain(rst: str) -> str:
    """Turn a paragraph of rst into one line of plain text with code in backticks."""
    text = re.sub(r"\s+", " ", INLINE.sub(inline_text, rst)).strip().replace("\u2019", "'")
    for wrong, right in REPAIRS.items():
        text = text.replace(wrong, right)
    return text


def indented(lines: list[str], margin: int) -> Iterator[str]:
    """Yield the lines up to the first one that is not indented deeper than the margin."""
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= margin:
            return
        yield line.rstrip()


def paragraphs(body: list[str]) -> Iterator[str]:
    """Yield the running text at the start of a body, up to a list, a table or a code block."""
    skipping = False
    for block in re.split(r"\n\s*\n", textwrap.dedent("\n".join(body)).strip("\n")):
        skipping = bool(SKIPPED.match(block)) or (skipping and block.startswith(" "))
        if skipping or not block or RULE.match(block):
            continue
        if NOT_PROSE.match(block):
            return
        yield plain(block)


def entries(lines: list[str], directives: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield name and body of each entry; one inside a class gets the name of the class."""
    owner = ""
    for start, line in enumerate(lines):
        match = DIRECTIVE.match(line)
        if not match:
            continue
        name = re.split(r"[(\s]", match[3])[0]
        operator = re.match(r"\w+ [<>=&|^-]", match[3])
        if match[2] == "class" and not match[1]:
            owner = name
        if match[2] in directives and not operator:
            body = list(indented(lines[start + 1 :], len(match[1])))
            inner = bool(match[1]) and "." not in name and owner
            text = body[body.index("") :] if "" in body else []
            yield f"{owner}.{name}" if inner else name, text
