"""Has the trainer's own code merge an adapter into its base model, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.adapters import is_usable
from services.environment.child_process import ChildHooks, Command, run_child
from services.environment.disk_space import folder_bytes
from services.export_copy import megabytes, weights_sha256
from services.hub_cache import cached_revision, hub_cache
from services.inference_places import is_killed
from services.job_builder import is_local_model
from services.offline import LIBRARIES_OFFLINE
from services.progress import Progress
from services.run_follower import run_folder
from services.runners.process import worker_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.inference import TunedModel
    from models.domain.run import Run
    from services.environment.runtime_env import RuntimeEnvironment
    from services.progress import CancelToken, Reporter
    from services.trainer_code import TrainerCode

_MODULE = "trainer_image.export_merged"
_COMMIT = 40
"""Characters of a commit's hash; the signature of a folder's model has more."""
_PIECE = 2**24
_STARTING = "Starting the Python environment"
_STAGES = {
    "loading": "Loading the base model",
    "merging": "Merging the adapter into its base model",
    "writing": "Writing the merged model",
}
"""What ``trainer_image/export_merged.py`` says of itself, in words."""


class Merger:
    """Blocking. ``code`` says where the trainer's code is. Wherever a run trained, its adapter is
    merged by the managed environment, on the processor and without the network."""

    def __init__(self, runtime: RuntimeEnvironment, code: Callable[[], TrainerCode]) -> None:
        self._runtime = runtime
        self._code = code

    def problems(self, run: Run, model: TunedModel) -> Iterator[AppError]:
        """What is missing for it."""
        if not self._runtime.is_ready():
            yield AppError(
                "runtime_missing",
                "An adapter is merged by the Python environment of this computer, wherever its "
                "run trained, and that is not set up.",
                "Set it up with temper doctor, or export the adapter.",
            )
        if not self.need(run, model):
            yield AppError(
                "no_base_model",
                f"The base model {model.base_model}, as the run was trained on it, is not on this "
                "computer.",
                "Get it on the Models page or with temper models download, or export the adapter.",
            )

    def need(self, run: Run, model: TunedModel) -> int:
        """The bytes of the base model's weights, and so of the merged ones; 0 where it has none.

        Of a model of the Hub those of the commit that the run was trained on count.
        """
        folder = Path(model.base_model)
        if not is_local_model(model.base_model):
            root = Path(run.data_root)
            name = f"models--{model.base_model.replace('/', '--')}"
            commit = _commit(run) or cached_revision(model.base_model, root)
            folder = hub_cache(root) / name / "snapshots" / commit
        files = (path for path in folder.glob("*") if path.suffix in {".safetensors", ".bin"})
        return sum(path.stat().st_size for path in files if path.is_file())

    def merge(
        self, run: Run, model: TunedModel, new: Path, report: Reporter, cancel: CancelToken, *,
        lock: int,
    ) -> str:  # fmt: skip
        """Write the merged model into ``new``; the hash of its weights. AppError, Cancelled.

        ``lock`` is held until the child has ended, too, should this program be killed.
        """
        said: list[dict[str, Any]] = []
        need = self.need(run, model)

        def on_tick() -> None:
            report(_progress(said, folder_bytes(new), need))

        hooks = ChildHooks(on_line=lambda line: said.append(_parsed(line)), on_tick=on_tick)
        result = run_child(self._command(run, model, new, lock), cancel, hooks)
        if result.code != 0 or not is_usable(new):
            raise _not_merged(said, result.code, result.stderr)
        for path in new.iterdir():
            path.chmod(0o644)  # safetensors writes for its owner only, and a container is another
        return _weights_of(new, report, cancel)

    def _command(self, run: Run, model: TunedModel, new: Path, lock: int) -> Command:
        code = self._code().folder
        variables = worker_environment(os.environ, code, Path(run.data_root)) | LIBRARIES_OFFLINE
        places = (run_folder(run).path, model.adapter, new)
        words = [str(self._runtime.python), "-m", _MODULE, *map(str, places), model.base_model]
        return Command(words, variables, cwd=code, pass_fds=(lock,))


def _commit(run: Run) -> str:
    result = run_folder(run).result()
    signature = result.base_sha256 if result is not None else ""
    return signature if len(signature) == _COMMIT else ""


def _progress(said: list[dict[str, Any]], done: int, need: int) -> Progress:
    """How far the child is: what it said last, and once it writes how many bytes of how many.

    Writing and looking at what was written are half of the bar each: every byte is moved twice.
    """
    stages = [line["stage"] for line in said if line.get("stage") in _STAGES]
    if not done:
        return Progress(None, _STAGES[stages[-1]] if stages else _STARTING)
    if done >= need:
        return Progress(0.5, "Writing tokenizer and README")
    return Progress(done / need / 2, f"Writing the merged model, {megabytes(done, need)}")


def _weights_of(new: Path, report: Reporter, cancel: CancelToken) -> str:
    """The hash of all weights that were written. Cancelled."""
    files = sorted(new.glob("*.safetensors"))
    total, seen = sum(path.stat().st_size for path in files), 0
    sums = {}
    for path in files:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                cancel.raise_if_cancelled()
                digest.update(piece)
                seen += len(piece)
                words = f"Checking what was written, {megabytes(seen, total)}"
                report(Progress(0.5 + seen / total / 2, words))
        sums[path.name] = digest.hexdigest()
    return weights_sha256(sums)


def _not_merged(said: list[dict[str, Any]], code: int, stderr: str) -> AppError:
    failed = next((line for line in said if line.get("stage") == "failed"), {})
    message = str(failed.get("message", ""))
    if not message and is_killed(code):
        message = "The system ended it, most often because the memory was not enough."
    return AppError(
        "merge_failed",
        f"The adapter could not be merged. {message}".strip(),
        str(failed.get("hint", "")) or "Export the adapter instead.",
        str(failed.get("details", "")) or stderr.strip()[-8000:],
    )


def _parsed(line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
