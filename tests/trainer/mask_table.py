"""The table of docs/loss-mask.md: how our loss mask differs from TRL's, by family and reason.

``python tests/trainer/mask_table.py PYTHON MODEL`` writes it anew, with the trainer's Python and a
folder that holds SmolLM2's tokenizer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "loss-mask.md"
BEGIN, END = "<!-- table: tests/trainer/mask_table.py -->", "<!-- end of the table -->"
_HEAD = (
    "| Family | The prompt gives it already | Behind the end of turn | A text for each answer "
    "| Only we learn | Refused |\n|---|---|---|---|---|---|\n"
)


def table(facts: dict[str, Any]) -> str:
    """One line for each pair of templates."""
    return _HEAD + "".join(
        f"| {name} | {' | '.join(_cells(one['conversations']))} |\n" for name, one in facts.items()
    )


def _cells(conversations: dict[str, Any]) -> list[str]:
    texts = {name: one for name, one in conversations.items() if not isinstance(one, str)}
    each = [text for one in texts.values() for text in one]
    divided = [name for name, one in texts.items() if len(one) > 1]
    return [
        _given(each),
        _quoted(token for text in each for token in text.get("behind", ())),
        "yes" if "two turns" in divided else "with thoughts" if divided else "",
        _quoted(token for text in each for token in text.get("more", ())),
        _refused(conversations),
    ]


def _given(texts: list[dict[str, Any]]) -> str:
    """Each beginning that TRL learns and we do not, where it is more than a line break that the
    tokenizer drew together with the answer's own."""
    runs = {"".join(_words(text.get("before", ()))) for text in texts if len(text["answers"]) == 1}
    return ", ".join(sorted(f"`{run}`" for run in runs if run))


def _refused(conversations: dict[str, Any]) -> str:
    refused = {name: one for name, one in conversations.items() if isinstance(one, str)}
    refused = {name: one for name, one in refused.items() if not name.startswith("marker")}
    if len(refused) == len(conversations) - 2:
        return "everything"
    return ", ".join(sorted({"system" if "system" in name else name for name in refused}))


def _quoted(tokens: Any) -> str:
    return ", ".join(sorted({f"`{word}`" for word in _words(tokens)}))


def _words(tokens: Any) -> list[str]:
    return [
        one.replace("\u010a", "\\n").replace("\u0120", "␠").replace("|", "\\|") for one in tokens
    ]


def write(facts: dict[str, Any]) -> None:
    """Put the table into its document."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table(facts)}{END}{after}")


if __name__ == "__main__":
    probe = ROOT / "tests" / "trainer" / "probes" / "family_masks.py"
    (folder,) = Path(sys.argv[1]).parents[1].rglob("trl/chat_templates")
    printed = subprocess.run(
        [sys.argv[1], str(probe), sys.argv[2], str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ).stdout
    write(json.loads(printed.splitlines()[-1]))
