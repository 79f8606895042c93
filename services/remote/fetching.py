"""What the run made comes home: checked against its hashes, in place as a whole, and then told.

A run that was stopped, or failed, brings what there is. Where there is no network volume to keep
them the newest checkpoint comes, too: with the pod it would be gone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.remote_run import CANCELLED, FINISHED, LOST, RemotePhase
from services.export_copy import weights_sha256
from services.remote.delivering import WAITING
from services.remote.inputs import job_of
from services.remote.mirror import EVENTS, LOG, Mirror
from services.remote.presence import LOOK_SECONDS, Gone
from services.remote.training import pull, read_volume
from services.remote.unheard import Unheard
from services.remote.volume_access import (
    VOLUME_REFUSED,
    VOLUME_SILENT,
    volume_files,
    watch_of,
)
from services.run_files import host_path
from services.run_follower import run_folder
from services.runpod.agent_client import UNREACHABLE, Artifact
from services.runpod.agent_files import download, is_whole, not_kept
from trainer_image.contract import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.domain.remote_run import RemoteAttempt
    from services.remote.s3 import VolumeFiles
    from services.remote.work import Work
    from services.runpod.agent_files import Watch

    Bring = Callable[[Artifact, Path, Watch], None]

logger = logging.getLogger(__name__)

WHOLE = ("adapter", "model")
"""Folders that appear in place as a whole: what was learnt."""
_RESULT = "result.json"
_SEAL = "temper-checkpoint.json"
_OF_VALUE = frozenset({FINISHED, CANCELLED})
"""Outcomes of runs that have made something that is still to come home."""
_MISFIT, _MOST_MISFITS = "bad_result", 3
"""Kind of the error where result and adapter do not belong together, and how often it is looked."""
_ON_THE_VOLUME = "Resume: another pod brings it from the network volume."
_NOWHERE = "There was no network volume to keep it; start again with one."


@dataclass(frozen=True, slots=True)
class _Home:
    """Where the files of a run belong on this computer."""

    run: Path
    output: Path
    of_run: str
    of_output: str

    def place(self, artifact: Artifact) -> Path | None:
        """Of one file; None for what is none of this run's."""
        for folder, prefix in ((self.run, self.of_run), (self.output, self.of_output)):
            if artifact.path.startswith(prefix):
                return folder.joinpath(*artifact.path.removeprefix(prefix).split("/"))
        return None


def fetch(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Bring everything home, by the agent or else by the volume, and let the pod go."""
    unheard, misfits = Unheard(work), 0
    while True:
        try:
            home = _somehow(attempt, work, unheard)
        except AppError as error:
            misfits += 1
            if error.kind != _MISFIT:
                raise
            if misfits == _MOST_MISFITS:  # nothing that is waited for would change it
                return _given_up(work, error)
            home = None
        if home is not None:
            return home
        work.pause(LOOK_SECONDS)
        attempt = work.check()


def _somehow(attempt: RemoteAttempt, work: Work, unheard: Unheard) -> RemoteAttempt | None:
    """By the agent or the volume; None where neither can be had and the pod is waited for."""
    try:
        return _by_agent(attempt, work, unheard)
    except AppError as error:
        if error.kind != UNREACHABLE:
            raise
    silent = None
    try:
        home = _by_volume(attempt, work)
    except AppError as error:
        if error.kind not in VOLUME_SILENT:
            raise
        home, silent = None, error
    if home is not None:
        return home
    gone = unheard.look(attempt, silent)
    return None if gone is None else out_of_reach(attempt, work, gone)


def _by_agent(attempt: RemoteAttempt, work: Work, unheard: Unheard) -> RemoteAttempt:
    with work.agent(attempt) as agent:
        status = agent.status()
        unheard.heard()
        with Mirror(run_folder(work.run)) as mirror:
            while pull(agent, mirror, status.state_id):
                work.check()
        if status.phase == WAITING and attempt.outcome in _OF_VALUE:
            return out_of_reach(attempt, work, _wiped(attempt))
        bring_all(agent.artifacts(work.pause), partial(download, agent), attempt, work)
        home = _home(work)  # first: a pod that is gone because it was let go is no loss
        if not attempt.keep or attempt.stop_asked:
            with suppress(AppError):
                agent.acknowledge()
    return home


def _by_volume(attempt: RemoteAttempt, work: Work) -> RemoteAttempt | None:
    """Bring what the volume has; None where it cannot be read from here, or does not list yet what
    was made: hashing takes its time, and a pod that is there is waited for. AppError also of the
    kinds :data:`VOLUME_SILENT`."""
    try:
        files = volume_files(attempt, work)
        if files is None:
            return None
        with files:
            with Mirror(run_folder(work.run)) as mirror:
                read_volume(files, work, mirror)
            artifacts = _listed(files, work)
            result = f"runs/{work.run_id}/{_RESULT}"
            if attempt.outcome == FINISHED and all(one.path != result for one in artifacts):
                return None
            bring_all(artifacts, files.fetch, attempt, work)
    except AppError as error:
        if error.kind not in VOLUME_REFUSED:
            raise
        logger.info("run %s: not by S3: %s", work.run_id, error)
        return None
    return _home(work)


def bring_all(
    artifacts: Sequence[Artifact], bring: Bring, attempt: RemoteAttempt, work: Work
) -> None:
    """Every file that belongs here; the result, which means success, comes last."""
    folder = run_folder(work.run)
    job = job_of(folder)
    home = _Home(
        folder.path,
        host_path(folder.data_root, job.output_directory),
        f"runs/{work.run_id}/",
        f"{job.output_directory.removeprefix('/data/')}/",
    )
    wanted = [one for one in artifacts if _belongs(one, home, attempt, artifacts)]
    whole: dict[str, list[Artifact]] = {name: [] for name in WHOLE}
    last: list[Artifact] = []
    for one in wanted:
        inside = one.path.removeprefix(home.of_output)
        first = inside.partition("/")[0]
        if inside != one.path and first in whole and "/" in inside:
            whole[first].append(one)
        elif one.path == f"{home.of_run}{_RESULT}":
            last.append(one)
        else:
            _bring(one, home.place(one), bring, work)
    for name, parts in whole.items():
        if parts:
            _bring_whole(home.output / name, parts, f"{home.of_output}{name}/", bring, work)
    for one in last:
        target = home.place(one)
        if target is not None:
            _bring_result(one, target, home.output, bring, work)


def _belongs(
    one: Artifact, home: _Home, attempt: RemoteAttempt, artifacts: Sequence[Artifact]
) -> bool:
    """Whether a file comes home: log and events have come already, and checkpoints stay on the
    volume where there is one."""
    if one.path in {f"{home.of_run}{LOG}", f"{home.of_run}{EVENTS}"} or home.place(one) is None:
        return False
    inside = one.path.removeprefix(f"{home.of_output}checkpoints/")
    if inside == one.path:
        return True
    if attempt.volume_id or attempt.outcome == FINISHED:
        return False
    return inside.partition("/")[0] == _newest(artifacts, f"{home.of_output}checkpoints/")


def _newest(artifacts: Sequence[Artifact], prefix: str) -> str:
    """The name of the newest whole checkpoint."""
    names = [
        one.path.removeprefix(prefix).partition("/")[0]
        for one in artifacts
        if one.path.startswith(prefix) and one.path.endswith(f"/{_SEAL}")
    ]
    known = [name for name in names if name.rpartition("-")[2].isdigit()]
    return max(known, key=lambda name: int(name.rpartition("-")[2]), default="")


def _bring(one: Artifact, target: Path | None, bring: Bring, work: Work) -> None:
    work.check()
    if target is None or _is_here(target, one):
        return
    bring(one, target, watch_of(work))


def _bring_whole(
    folder: Path, parts: Sequence[Artifact], prefix: str, bring: Bring, work: Work
) -> None:
    """A folder that is there only as a whole; one of before is replaced in a moment."""
    places = {one: one.path.removeprefix(prefix).split("/") for one in parts}
    if all(_is_here(folder.joinpath(*place), one) for one, place in places.items()):
        return
    new, old = folder.with_name(f"{folder.name}.tmp"), folder.with_name(f"{folder.name}.old")
    for one, place in places.items():
        _bring(one, new.joinpath(*place), bring, work)
    try:
        wanted = {new.joinpath(*place) for place in places.values()}
        for path in [path for path in new.rglob("*") if path.is_file() and path not in wanted]:
            path.unlink()  # of an earlier try, for another manifest
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise not_kept(error, folder) from error


def _bring_result(one: Artifact, target: Path, output: Path, bring: Bring, work: Work) -> None:
    """The result, once what it tells of is here and is what it tells of."""
    if _is_here(target, one):
        return
    waiting = target.with_name(f".{target.name}.new")
    bring(one, waiting, watch_of(work))
    try:
        result = Result.model_validate_json(waiting.read_bytes())
        folder = output / ("model" if result.kind == "model" else "adapter")
        if result.adapter_sha256 and _weights_sha256(folder) != result.adapter_sha256:
            waiting.unlink()
            raise AppError(_MISFIT, "The adapter that came home is not the one that was trained.")
        waiting.replace(target)
    except ValueError as error:
        waiting.unlink(missing_ok=True)
        raise AppError(_MISFIT, "The pod's result cannot be read.", "", str(error)) from error
    except OSError as error:
        raise not_kept(error, target) from error


def _weights_sha256(folder: Path) -> str:
    sums = {}
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            sums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return weights_sha256(sums)


def _is_here(target: Path, one: Artifact) -> bool:
    try:
        return target.is_file() and is_whole(target, one)
    except OSError:
        return False


def _listed(files: VolumeFiles, work: Work) -> list[Artifact]:
    """The manifest that the agent left on the volume; empty where there is none."""
    try:
        entries = json.loads(files.read(f"runs/{work.run_id}/manifest.json") or b"{}")["files"]
        return [
            Artifact(str(one["path"]), int(one["size"]), str(one["sha256"]))
            for one in entries
            if _is_clean(str(one["path"]))
        ]
    except (ValueError, TypeError, KeyError):
        return []


def _given_up(work: Work, error: AppError) -> RemoteAttempt:
    """What the pod has does not fit together, and another look would not change it."""
    return work.save(
        phase=RemotePhase.ENDING, outcome=LOST, trouble_kind=error.kind,
        trouble=f"{error.message} Another run may have written into the same output directory.",
        trouble_hint="What came is in the output directory here, and a network volume keeps its "
        "own. Train again, into a directory of its own.",
    )  # fmt: skip


def _wiped(attempt: RemoteAttempt) -> Gone:
    """Of a pod that knows nothing of its run any more: its container was started anew."""
    hint = _ON_THE_VOLUME if attempt.volume_id else _NOWHERE
    return Gone("pod_wiped", "The pod was started anew and has lost its disk.", hint)


def _is_clean(path: str) -> bool:
    """Whether a path stays below where it starts, on every system."""
    parts = path.split("/")
    return not any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts)


def _home(work: Work) -> RemoteAttempt:
    return work.save(phase=RemotePhase.ENDING, doing="Everything is here.")


def out_of_reach(attempt: RemoteAttempt, work: Work, gone: Gone | None = None) -> RemoteAttempt:
    """The pod is gone before all was here, and its volume cannot tell it from here."""
    if attempt.outcome == FINISHED and run_folder(work.run).result() is not None:
        return _home(work)
    hint = _ON_THE_VOLUME if attempt.volume_id else _NOWHERE
    why = gone.message if gone is not None else "The pod is gone."
    return work.save(
        phase=RemotePhase.ENDING, outcome=LOST, trouble_kind="not_fetched",
        trouble=f"{why} Not everything that it made is here.",
        trouble_hint=gone.hint if gone is not None else hint,
    )  # fmt: skip
