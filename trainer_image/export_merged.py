"""Writes a finished run's adapter and its base model as one model, without training anything."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from trainer_image.contract import FailureKind, Job, Result
from trainer_image.environment import prepare_process
from trainer_image.failures import RefusedError, understand
from trainer_image.publish import write_merged
from trainer_image.record import commit_of, local_base_signature
from trainer_image.run_folder import RunFolder


def main(arguments: list[str] | None = None) -> int:
    """Merge; 0 when the folder is there, 1 with a sentence when it cannot be."""
    parser = argparse.ArgumentParser(prog="trainer_image.export_merged", description=__doc__)
    parser.add_argument("run", type=Path, help="the run's folder, with job.json and result.json")
    parser.add_argument("adapter", type=Path, help="the folder of its adapter")
    parser.add_argument("folder", type=Path, help="where the merged model goes")
    parser.add_argument("base_model", help="the base model, as this computer names it")
    options = parser.parse_args(arguments)
    prepare_process(offline=True, use_gpu=False)
    try:
        export(options.run, options.adapter, options.folder, options.base_model)
    except Exception as error:  # noqa: BLE001 - whatever the libraries raise gets its sentence
        failure = understand(error)
        _say("failed", message=failure.message, hint=failure.hint, details=failure.details)
        return 1
    _say("done")
    return 0


def export(run: Path, adapter: Path, folder: Path, base_model: str) -> None:
    """Write the merged model with its README. RefusedError where the base is another one now."""
    result = Result.model_validate_json((run / "result.json").read_bytes())
    job = Job.model_validate_json((run / "job.json").read_bytes())
    signature = local_base_signature(base_model)
    if signature and result.base_sha256 not in {"", signature}:
        raise RefusedError(
            FailureKind.BAD_CONFIG,
            f"The base model in {base_model} is not the one that the adapter was trained on: its "
            "files have changed since.",
            "Put the former model back, or export the adapter.",
        )
    here = job.model_copy(update={"base_model": base_model})
    revision = commit_of(base_model, result.base_sha256)
    write_merged(here, result, RunFolder(run), adapter, folder, revision, _say)


def _say(stage: str, **fields: Any) -> None:
    print(json.dumps({"stage": stage, **fields}), flush=True)  # noqa: T201 - the command's output


if __name__ == "__main__":
    sys.exit(main())
