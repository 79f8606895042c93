"""Everything that can be done with base models: see, fetch, check, remove, add a folder."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.cached_model import CachedModel, ModelCheck, ModelPlace, ModelState
from models.domain.errors import AppError
from services.environment.folder_lock import try_lock
from services.hub_cache import hub_cache
from services.job_builder import is_local_model, local_model
from services.models.fetching import Order
from services.models.hub_errors import NEEDS_TOKEN
from services.models.layout import files_of, freed_by, is_users
from services.models.notes import ModelNotes
from services.models.process import fetch_in_child
from services.models.sharing import take_over
from services.models.users import ModelUsers, refuse_used
from services.models.verify import verify
from services.models.wanted import missing_files
from services.progress import Progress
from services.storage.histories import aside_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.models.inventory import Inventory
    from services.offline import OfflinePolicy
    from services.progress import CancelToken, Reporter


_CUT_OFF = frozenset({"network", "timeout", "proxy", "certificate"})
"""What it is called that the Hub cannot be reached (:func:`services.web.unreachable`)."""


class ModelLibrary:
    """Blocking; a download works in a process of its own, which a cancel ends at once.

    ``token`` gives the user's Hugging Face token, and is asked only after a refusal: a keychain may
    want to be unlocked. ``users`` tells whose files must stay as they are.
    """

    def __init__(
        self,
        inventory: Inventory,
        offline: OfflinePolicy,
        token: Callable[[], str | None],
        users: Callable[[], ModelUsers] = ModelUsers,
    ) -> None:
        self.inventory = inventory
        self._offline = offline
        self._token = token
        self._users = users

    def all(self) -> tuple[CachedModel, ...]:
        """Every model: the catalogue, both caches, local folders."""
        return self.inventory.all()

    def find(self, name: str) -> CachedModel:
        """The model of this name or place. AppError("not_found")."""
        return self.inventory.find(name)

    def download(
        self, repo: str, report: Reporter, cancel: CancelToken, *, data_root: Path | None = None
    ) -> CachedModel:
        """Fetch what is not here of a repo, or is damaged; goes on where the last time ended.

        What the Hugging Face cache of this user holds is linked, never fetched or copied. Offline,
        or where the Hub cannot be reached, that is the only way. ``data_root`` is that of a setup
        which has its own. AppError says why it cannot be had, as ``in_use`` where a training reads
        what would be replaced; Cancelled.
        """
        name = repo.strip()
        if not name or is_local_model(name):
            raise AppError("bad_use", f"{name or 'Nothing'} is not a repo.", "Use user/name.")
        root = data_root or self.inventory.data_root
        here = self.inventory.is_complete(name, str(root))
        if here.where is ModelPlace.OURS and here.state is ModelState.DAMAGED:
            refuse_used(name, self._users(), partial(self._means, here), to_read=True)
        if self._offline.is_offline():
            if not self._linked(name, root, report, cancel):
                self._offline.refuse(f"{name} cannot be downloaded")
        else:
            try:
                self._fetch(name, root, report, cancel)
            except AppError as error:
                if error.kind not in _CUT_OFF or not self._linked(name, root, report, cancel):
                    raise
        return self.inventory.is_complete(name, str(root))

    def verify(self, model: CachedModel, report: Reporter, cancel: CancelToken) -> ModelCheck:
        """Compare every byte of it. What is damaged is fetched again by the next download.
        AppError; Cancelled."""
        if not model.is_here:
            raise AppError(
                "not_found", f"Nothing of {model.repo_id_or_path} is here.", "Download it first."
            )
        with _told(f"{model.repo_id_or_path} cannot be checked"):
            return verify(model, self.inventory.data_root, report, cancel)

    def why_kept(self, model: CachedModel) -> str:
        """Why a model cannot be removed as things are now; empty where it can."""
        try:
            self._refuse(model)
        except AppError as error:
            return str(error)
        return ""

    def remove(self, model: CachedModel) -> int:
        """Take a model off this computer; the bytes that the disk has back. AppError where it must
        stay. What other programs share stays theirs, and is not counted.

        A folder that was added is only no longer listed: it is the user's.
        """
        self._refuse(model)
        with _told(f"{model.repo_id_or_path} cannot be removed"):
            return self._removed(model)

    def _removed(self, model: CachedModel) -> int:
        notes = ModelNotes(self.inventory.data_root)
        if model.is_added:
            notes.set_added([one for one in notes.added() if one != model.place])
            return 0
        freed = freed_by(Path(model.place))
        if model.where is ModelPlace.FOLDER:
            self._refuse_elsewhere(model)
            _delete(Path(model.place))
        else:
            self._remove_cached(model, notes)
        return freed

    def add(self, folder: Path) -> CachedModel:
        """List a folder of the user's among the models; nothing is copied. AppError("no_model")."""
        path = folder.expanduser().resolve()
        missing = missing_files(files_of(path)) if path.is_dir() else ()
        if not path.is_dir():
            raise AppError("no_model", f"{path} is not a folder.", "Choose a model's folder.")
        if missing:
            raise AppError(
                "no_model",
                f"{path} is not a whole model: {', '.join(missing)} is missing.",
                "It takes config.json, the weights and the tokenizer, as save_pretrained has them.",
            )
        notes = ModelNotes(self.inventory.data_root)
        known = {one.place for one in self.inventory.all() if one.where is ModelPlace.FOLDER}
        if str(path) not in known:
            with _told(f"{path} cannot be listed"):
                notes.set_added([*notes.added(), str(path)])
        return self.find(str(path))

    def _linked(self, repo: str, root: Path, report: Reporter, cancel: CancelToken) -> bool:
        report(Progress(None, "Looking in the Hugging Face cache of this computer"))
        with _told(f"{repo} cannot be linked from there"):
            return take_over(repo, root, cancel)

    def _fetch(self, repo: str, root: Path, report: Reporter, cancel: CancelToken) -> None:
        report(Progress(None, "Asking Hugging Face what belongs to it"))
        try:
            self._order(Order(repo, str(root)), report, cancel)
        except AppError as error:
            token = self._token() if error.kind in NEEDS_TOKEN else None
            if not token:
                raise
            self._order(Order(repo, str(root), token=token), report, cancel)

    def _order(self, order: Order, report: Reporter, cancel: CancelToken) -> None:
        result = fetch_in_child(order, report, cancel)
        if "bug" in result:
            raise RuntimeError(result["bug"])
        if "error" in result:
            raise AppError(**result["error"])

    def _refuse(self, model: CachedModel) -> None:
        refuse_used(model.repo_id_or_path, self._users(), partial(self._means, model))
        root = self.inventory.data_root
        is_linked = model.where is ModelPlace.OURS and is_users(hub_cache(root), root)
        if model.where is ModelPlace.SHARED or is_linked:
            raise AppError(
                "shared",
                f"{model.repo_id_or_path} lies in the Hugging Face cache that other programs use.",
                f"If none needs it, remove the folder {model.place} yourself.",
            )
        if not model.is_here:
            raise AppError("not_found", f"Nothing of {model.repo_id_or_path} is here.", "")

    def _refuse_elsewhere(self, model: CachedModel) -> None:
        """Only a folder that the list of models shows there is the program's to delete."""
        if Path(model.place).parent != self.inventory.data_root / "models":
            raise AppError(
                "not_ours",
                f"{model.place} is a folder of yours.",
                "If nothing needs it, remove it yourself.",
            )

    def _means(self, model: CachedModel, name: str) -> bool:
        """A setup may name a folder by another path (``/data/models/x``) than this computer's, and
        one inside the folder that is listed."""
        if not name or name in {model.repo_id_or_path, model.place}:
            return bool(name)
        if not model.place or not is_local_model(name):
            return False
        named = Path(os.path.realpath(local_model(name, self.inventory.data_root)))
        return named.is_relative_to(os.path.realpath(model.place))

    def _remove_cached(self, model: CachedModel, notes: ModelNotes) -> None:
        repo = model.repo_id_or_path
        lock = try_lock(notes.folder / f"{repo.replace('/', '--')}.lock")
        if lock is None:
            raise AppError("in_use", f"{repo} is being downloaded.", "Cancel the download first.")
        with ExitStack() as stack:
            stack.callback(os.close, lock)
            _delete(Path(model.place))
            locks = hub_cache(self.inventory.data_root) / ".locks" / Path(model.place).name
            shutil.rmtree(locks, ignore_errors=True)
            notes.forget(repo)


def _delete(folder: Path) -> None:
    """First out of the way, so that nothing half-removed is ever taken for a model; what an ended
    program leaves of it a clean-up finds."""
    aside = aside_of(folder)
    try:
        if folder.is_symlink():
            folder.unlink()
            return
        folder.rename(aside)
    except OSError as error:
        raise AppError(
            "io",
            f"{folder} cannot be removed: {error.strerror or error}.",
            "Check whose folder it is.",
        ) from error
    try:
        shutil.rmtree(aside)
    except OSError as error:
        raise AppError(
            "io",
            f"Some of {folder} cannot be removed yet: {error.strerror or error}.",
            "Clean up on the Storage page later, with old revisions of base models.",
        ) from error


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What the disk refuses is told as AppError("io"), ``what`` first."""
    try:
        yield
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        raise AppError(
            "io", f"{what}: {error.strerror or error}{place}.", "Check the disk and its folders."
        ) from error
