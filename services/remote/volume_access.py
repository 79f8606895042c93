"""The network volume of a run without its pod, where the user has given S3 keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from models.domain.secrets import S3_ACCESS_KEY, S3_SECRET_KEY
from services.progress import CancelToken
from services.remote.s3 import DATA_CENTERS, VolumeFiles
from services.remote.signature import S3Keys
from services.runpod.agent_files import VOLUME_UNREACHABLE, Watch

if TYPE_CHECKING:
    from models.domain.remote_run import RemoteAttempt
    from services.progress import Progress
    from services.remote.work import Work

VOLUME_REFUSED = frozenset({"auth", "forbidden", "volume_gone", "not_found"})
"""Kinds of errors of the S3 service after which the volume is as good as out of reach from here."""
VOLUME_SILENT = frozenset({VOLUME_UNREACHABLE, "clock", "bad_answer"})
"""Kinds that pass, or that the user may end: what the volume holds is not known until then."""


class StepToken(CancelToken):
    """Lets whatever ends a step (:meth:`Work.check`) end a transfer."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def raise_if_cancelled(self) -> None:
        """Raise what ends the step."""
        self._work.check()

    def pause(self, seconds: float) -> None:
        """Wait, or raise the same at once."""
        self._work.pause(seconds)


def watch_of(work: Work) -> Watch:
    """How far a transfer is becomes what the attempt is doing."""

    def tell(progress: Progress) -> None:
        if progress.message != work.look().doing:
            work.save(doing=progress.message)

    return Watch(tell, StepToken(work))


def volume_files(attempt: RemoteAttempt, work: Work) -> VolumeFiles | None:
    """The volume's files; close them. None without a volume, its place's service, or keys."""
    if not attempt.volume_id or attempt.data_center.upper() not in DATA_CENTERS:
        return None
    secrets = work.tools.secrets
    access, secret = secrets.get(S3_ACCESS_KEY), secrets.get(S3_SECRET_KEY)
    if not access or not secret:
        return None
    guard = partial(work.tools.offline.refuse, "the network volume cannot be reached")
    guard()
    keys = S3Keys(access, secret)
    return VolumeFiles(keys, attempt.data_center, attempt.volume_id, pause=work.pause, guard=guard)
