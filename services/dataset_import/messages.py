"""What the program and its importing child tell each other: a line of JSON each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from models.domain.column_mapping import ColumnMapping
from models.domain.data_report import Finding
from models.domain.dataset_import import ImportOptions, ImportVerdict

_SAMPLE_CHARACTERS = 1000
_SAMPLE_COLUMNS = 2000
_SAMPLE_JSON_CHARACTERS = 20_000
"""Of texts that may hold a conversation as JSON: cut, they could not be read."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """A program that prints rows as JSONL: the trainer's, for files and hosts that need its
    libraries. ``env`` may hold a token, so it travels through a pipe and nowhere else."""

    argv: tuple[str, ...]
    env: dict[str, str]
    is_source: bool
    """The rows come from it alone; else it is asked for each Parquet or Arrow file."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the child is to do. Without ``data`` and ``index`` the file is only checked.

    ``places`` is a file for where each kept row stood, where somebody asks; ``folder`` is there for
    what an exporter needs meanwhile.
    """

    path: str
    options: ImportOptions
    data: str = ""
    index: str = ""
    exporter: Exporter | None = None
    places: str = ""
    folder: str = ""


def request_text(request: Request) -> dict[str, Any]:
    """A request as JSON has it."""
    return asdict(request)


def read_request(document: dict[str, Any]) -> Request:
    """The other way."""
    options, exporter = document["options"], document["exporter"]
    found = None
    if exporter is not None:
        found = Exporter(tuple(exporter["argv"]), exporter["env"], exporter["is_source"])
    return Request(
        path=document["path"],
        options=ImportOptions(
            _mapping(options["mapping"]),
            options["drop_bad_rows"],
            options["text_split"],
            options.get("scrape_session", ""),
        ),
        data=document["data"],
        index=document["index"],
        exporter=found,
        places=document.get("places", ""),
        folder=document.get("folder", ""),
    )


def verdict_text(verdict: ImportVerdict) -> dict[str, Any]:
    """A verdict as JSON has it; long texts of the sample rows are cut."""
    document = asdict(verdict)
    document["samples"] = [_short(row) for row in verdict.samples]
    return document


def read_verdict(document: dict[str, Any]) -> ImportVerdict:
    """The other way."""
    findings = (
        Finding(**one | {name: tuple(one[name]) for name in ("rows", "lines", "files")})
        for one in document["findings"]
    )
    candidates = (_mapping(one) for one in document["candidates"])
    return ImportVerdict(
        rows=document["rows"],
        kept=document["kept"],
        format=document["format"],
        findings=tuple(findings),
        columns=tuple(document["columns"]),
        splits=tuple((name, count) for name, count in document["splits"]),
        mapping=_mapping(document["mapping"]),
        candidates=tuple(one for one in candidates if one is not None),
        samples=tuple(document["samples"]),
        licence=document["licence"],
    )


def _mapping(document: dict[str, Any] | None) -> ColumnMapping | None:
    if document is None:
        return None
    return ColumnMapping(tuple((role, source) for role, source in document["columns"]))


def _short(value: Any) -> Any:
    if isinstance(value, str):
        is_json = value.lstrip()[:1] in {"[", "{"}
        return value[: _SAMPLE_JSON_CHARACTERS if is_json else _SAMPLE_CHARACTERS]
    if isinstance(value, dict):
        items = islice(value.items(), _SAMPLE_COLUMNS)
        return {key[:_SAMPLE_CHARACTERS]: _short(item) for key, item in items}
    return [_short(item) for item in value[:20]] if isinstance(value, list) else value
