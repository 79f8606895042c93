"""Inputs to the network volume before a pod is rented: there they cost nothing by the hour."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.remote_run import RemotePhase
from services.remote.inputs import code_of, inputs_of, job_of, marker_path, unreadable
from services.remote.volume_access import volume_files, watch_of
from services.run_follower import run_folder

if TYPE_CHECKING:
    from models.domain.remote_run import RemoteAttempt
    from services.remote.inputs import Input
    from services.remote.s3 import VolumeFiles
    from services.remote.work import Work

logger = logging.getLogger(__name__)

_MARK = ".temper-sha256"
"""Behind a file's name: what is in it, written when all of it was there."""


def place(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Bring up what the run needs, where that can be done without a pod.

    It is a saving, no must: what did not come is given to the agent. Only a volume that is full
    would be so for the agent, too. AppError("disk_full"), and of inputs that are missing.
    """
    folder = run_folder(work.run)
    job = job_of(folder)
    own = marker_path(job).rpartition("/")[0] + "/"  # there the volume may know more than we do
    inputs = [one for one in inputs_of(job, folder.data_root) if not one.path.startswith(own)]
    code = code_of(folder, work.tools.code().folder)
    files = None
    try:
        files = volume_files(attempt, work)
        if files is None:
            return work.save(phase=RemotePhase.RENTING)
        for one in (*inputs, code):
            try:
                _place(files, one, work)
            except OSError as error:
                raise unreadable(one, error) from error
    except AppError as error:
        if error.kind in {"disk_full", "offline", "io"}:
            raise
        logger.info("run %s: not by S3: %s", work.run_id, error)
        return work.save(phase=RemotePhase.RENTING, doing=f"Not sent ahead: {error.message}")
    finally:
        if files is not None:
            files.close()
    return work.save(phase=RemotePhase.RENTING, doing="All files are on the network volume.")


def _place(files: VolumeFiles, one: Input, work: Work) -> None:
    size, sha256 = one.source.stat().st_size, one.sha256()
    mark = {"size": size, "sha256": sha256}
    if _is_marked(files, one, mark) and files.size(one.path) == size:
        return
    work.check()
    files.put(one.source, one.path, watch_of(work))
    files.write(f"{one.path}{_MARK}", json.dumps(mark).encode())


def _is_marked(files: VolumeFiles, one: Input, mark: dict[str, object]) -> bool:
    said = files.read(f"{one.path}{_MARK}")
    try:
        return said is not None and bool(json.loads(said) == mark)
    except ValueError:
        return False
