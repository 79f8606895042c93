"""What a report finds in datasets that only the model's template and tokenizer can judge."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.trainer.report_table import LOOKS, TEMPLATES, Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ask(
    tmp_path_factory: pytest.TempPathFactory,
    trainer_python: str,
    tiny_model: Path,
    probe_env: dict[str, str],
    shipped_templates: Path,
) -> Iterator[Callable[[Look], dict[str, Any]]]:
    """One worker looks at every dataset."""
    root = tmp_path_factory.mktemp("root")
    (root / "models").mkdir()
    (root / "models" / "tiny").symlink_to(tiny_model)
    worker = subprocess.Popen(
        [trainer_python, "-m", "trainer_image.inspect"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=probe_env | {"TEMPER_DATA_ROOT": str(root), "HF_HUB_OFFLINE": "1"},
    )
    assert worker.stdin
    assert worker.stdout

    def ask(look: Look) -> dict[str, Any]:
        (root / "rows.jsonl").write_bytes(look.lines())
        request = {
            "id": 1,
            "op": "report",
            "base_model": "/data/models/tiny",
            "path": "/data/rows.jsonl",
            "format": look.format,
            **look.options,
        }
        if look.template is not None:
            own = TEMPLATES.get(look.template)
            request["template"] = own or (shipped_templates / f"{look.template}.jinja").read_text()
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write(json.dumps(request) + "\n")
        worker.stdin.flush()
        reply: dict[str, Any] = json.loads(worker.stdout.readline())
        while reply["type"] == "progress":
            reply = json.loads(worker.stdout.readline())
        return reply

    assert json.loads(worker.stdout.readline()) == {"type": "ready"}
    yield ask
    worker.stdin.close()
    assert worker.wait(timeout=20) == 0
    worker.stdout.close()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_a_dataset_gets_its_findings(ask: Callable[[Look], dict[str, Any]], look: Look) -> None:
    report = ask(look)
    assert report["type"] == "report", report
    found: dict[str, list[int]] = {}
    for one in report["findings"]:
        name = one["code"].upper() if one["severity"] == "major" else one["code"]
        found[name] = sorted(found.get(name, []) + one["rows"])
        assert one["message"].endswith(".")
        assert one["count"] >= len(one["rows"])
    assert found == look.found
    assert report["rows"] == sum(bool(one) for one in look.rows)


def test_there_are_enough() -> None:
    assert len({look.name for look in LOOKS}) == len(LOOKS) >= 80
