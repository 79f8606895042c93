"""Starts trainers by forking: the libraries are imported once, and each start takes no time.

Reads a JSON object a line. ``{"job", "root", "log"}`` starts one and prints its number;
``{"wait": number}`` prints how it ended, as ``os.waitstatus_to_exitcode`` has it.
"""

from __future__ import annotations

import json
import os
import sys

from trainer_image import train
from trainer_image.environment import prepare_process


def load_all() -> None:
    """Import what a trainer imports, and compute nothing: threads would not survive the fork."""
    # Whether there is a Hub is settled when its client is imported.
    prepare_process(offline="HF_ENDPOINT" not in os.environ, use_gpu=False)
    import datasets  # noqa: F401
    import peft  # noqa: F401
    import trl  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer  # noqa: F401
    from trl import SFTTrainer  # noqa: F401


def start(job: str, root: str, log: str) -> int:
    number = os.fork()
    if number:
        return number
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ["TEMPER_DATA_ROOT"] = root
    code = 1
    try:
        code = int(train.main(["--job", job]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    load_all()
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
        else:
            print(start(asked["job"], asked["root"], asked["log"]), flush=True)


if __name__ == "__main__":
    main()
