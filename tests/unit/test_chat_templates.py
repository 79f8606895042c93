"""Chat templates in files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from services.chat_templates import read_template

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "{% for m in messages %}{{ m.content }}{% endfor %}"


def test_a_jinja_file_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "chat_template.jinja"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert read_template(path) == TEXT


@pytest.mark.parametrize(
    "value",
    [
        TEXT,
        [{"name": "tool_use", "template": "x"}, {"name": "default", "template": TEXT}],
    ],
)
def test_a_tokenizers_configuration_has_one_inside(tmp_path: Path, value: object) -> None:
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({"chat_template": value}))
    assert read_template(path) == TEXT


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.jinja", b" \n", "empty"),
        ("a.jinja", b"\xff\xfe\x00", "cannot be read"),
        ("a.json", b"{oops", "no valid JSON"),
        ("a.json", b'{"chat_template": 3}', "no chat template"),
        ("a.json", b"[1]", "no chat template"),
        ("a.json", b'{"chat_template": [{"name": "rag", "template": "x"}]}', "no chat template"),
    ],
)
def test_what_is_none_is_said(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AppError, match=complaint) as found:
        read_template(path)
    assert found.value.kind == "bad_template"
    assert found.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="cannot be read"):
        read_template(tmp_path / "gone.jinja")
