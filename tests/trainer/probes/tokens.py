"""Rows by several processes beside the same rows by one, and what is left of them: ``MODEL``."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

os.environ["TEMPER_DATA_ROOT"] = tempfile.mkdtemp()

from trainer_image.encoding import Encoding, encode_all
from trainer_image.environment import prepare_process
from trainer_image.kept_tokens import is_kept, kept_path
from trainer_image.pretrained import tokenizer_of, without_torch
from trainer_image.report import Report, Split
from trainer_image.row_formats import DatasetFormat
from trainer_image.row_worker import Work
from trainer_image.rows import file_sha256, read_rows

ROOT = Path(os.environ["TEMPER_DATA_ROOT"])
SAMPLES = Path(__file__).parents[3] / "resources" / "samples" / "python-docs.jsonl"
LONG = {"question": "Why?", "answer": "And so on. " * 60}
prepare_process(offline=True, use_gpu=False)


def file(name: str, lines: list[str]) -> Work:
    path = ROOT / f"{name}.jsonl"
    path.write_text("\n".join(lines))
    return Work(path, sys.argv[1], DatasetFormat.QUESTION_ANSWER, 128, True, False)


def children() -> list[psutil.Process]:
    found = psutil.Process().children()
    return [one for one in found if "trainer_image.row_worker" in one.cmdline()]


def wait_for(condition: Any, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


def texts_of(encoded: Any) -> list[Any]:
    texts = encoded.texts
    rows = zip(texts.rows.tolist(), texts, strict=True)
    return [[row, text.input_ids, text.labels, text.length] for row, text in rows]


def beside(work: Work) -> dict[str, Any]:
    """All rows by two processes, of which one is killed on the way, and by none."""
    with Encoding(work, file_sha256(work.path), workers=2) as encoding:
        wait_for(lambda: len(children()) == 2)
        threading.Timer(1.0, children()[0].kill).start()
        encoded = encoding.finish(work.recipe(tokenizer), 0)
        left_running = len(children())
    kept = kept_path(file_sha256(work.path), work.base_model, work.format, work.options)
    alone = encode_all(read_rows(work.path), work.recipe(tokenizer))
    return {
        "same": texts_of(encoded) == texts_of(alone) and encoded.dropped == alone.dropped,
        "texts": len(alone.texts),
        "dropped": len(alone.dropped),
        "left_running": left_running,
        "kept": is_kept(kept),
    }


def reports(work: Work, sound: Work) -> dict[str, Any]:
    """Of rows with faults and without, by two processes and by none; what is kept of them."""
    found = {}
    for one in (replace(work, looks=True), replace(sound, looks=True)):
        said: list[dict[str, int]] = []
        kept = kept_path(file_sha256(one.path), one.base_model, one.format, one.options)
        assert kept is not None
        kept.unlink(missing_ok=True)
        values = [
            Report(one.path, one.recipe(tokenizer), Split(5.0), one, workers, kept).run(
                said.append, lambda: False
            )
            for workers in (2, 0)
        ]
        shares = [progress["bytes"] for progress in said]
        found[one.path.stem] = {
            "same": values[0] == values[1],
            "codes": sorted({entry["code"] for entry in values[0]["findings"]}),
            "kept": is_kept(kept),
            "progress_ends": shares[-1] == one.path.stat().st_size,
        }
    deaf = replace(sound.recipe(tokenizer), tokenizer=None)
    with Encoding(sound, file_sha256(sound.path)) as encoding:
        taken = encoding.finish(deaf, 0)
    alone = encode_all(read_rows(sound.path), sound.recipe(tokenizer))
    return {**found, "taken_up": texts_of(taken) == texts_of(alone)}


def cancelled(work: Work) -> dict[str, Any]:
    """A report that is cancelled while two processes are at it."""
    one, asked = replace(work, looks=True), threading.Event()
    threading.Timer(0.5, asked.set).start()
    kept = ROOT / "cancelled.tokens"
    recipe = one.recipe(tokenizer)
    value = Report(one.path, recipe, Split(), one, 2, kept).run(lambda _: None, asked.is_set)
    left = sorted(path.name for path in ROOT.glob("cancelled*"))
    return {"value": value, "left": left, "left_running": len(children())}


def parent_killed(work: Work) -> dict[str, Any]:
    """A parent that is killed leaves no process behind."""
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from trainer_image.row_formats import DatasetFormat\n"
        "from trainer_image.row_pool import RowPool\n"
        "from trainer_image.row_worker import Work\n"
        "format_ = DatasetFormat(sys.argv[3])\n"
        "work = Work(Path(sys.argv[1]), sys.argv[2], format_, 128, True, False)\n"
        "RowPool(work, 2).start()\n"
        "time.sleep(60)\n"
    )
    arguments = [str(work.path), work.base_model, work.format]
    parent = subprocess.Popen([sys.executable, "-c", script, *arguments])
    known = psutil.Process(parent.pid)
    started = wait_for(lambda: len(known.children()) == 2)
    workers = known.children()
    time.sleep(0.5)
    parent.send_signal(signal.SIGKILL)
    parent.wait()

    def is_gone(one: psutil.Process) -> bool:
        return not one.is_running() or one.status() == psutil.STATUS_ZOMBIE

    return {"started": started, "gone": wait_for(lambda: all(map(is_gone, workers)))}


with without_torch():
    tokenizer = tokenizer_of(sys.argv[1])
sound_lines = [*SAMPLES.read_text().splitlines()[:500], json.dumps(LONG)]
faulty_lines = [*sound_lines[:300], "{oops", "", '{"question": "?"}', sound_lines[0]]
sound, faulty = file("sound", sound_lines), file("faulty", faulty_lines)
print(
    json.dumps(
        {
            "beside": beside(sound),
            "reports": reports(faulty, sound),
            "cancelled": cancelled(file("long", sound_lines * 8)),
            "parent_killed": parent_killed(sound),
        }
    )
)
