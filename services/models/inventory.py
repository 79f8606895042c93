"""All base models: those of the catalogue, of both caches, and local folders."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.base_models import load_base_models
from models.domain.cached_model import CachedModel, ModelPlace, ModelState
from models.domain.errors import AppError
from models.domain.model_shape import shape_from_config
from services.environment.disk_space import folder_bytes
from services.hub_cache import hub_cache
from services.job_builder import is_local_model, local_model
from services.models.cached import damaged_of, missing_of
from services.models.layout import (
    bytes_in,
    current_revision,
    files_of,
    folder_of,
    repos_in,
    user_cache,
)
from services.models.notes import ModelNote, ModelNotes
from services.models.wanted import CONFIG, indexed_bytes, missing_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.base_models import BaseModel
    from models.domain.model_shape import ModelShape

_ODD = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, AppError, OSError)
"""What somebody else's config.json can bring about: then its size is not known."""


class Inventory:
    """Looks at folders, never at the network; blocking for some milliseconds a model.

    ``data_root`` gives the folder in which trainings keep what they download.
    """

    def __init__(self, catalogue: Path, data_root: Callable[[], Path]) -> None:
        self._catalogue = catalogue
        self._data_root = data_root

    @property
    def data_root(self) -> Path:
        """The data folder as it is chosen now."""
        return self._data_root()

    def all(self) -> tuple[CachedModel, ...]:
        """Every model: the catalogue in its order, then other cached ones, then folders."""
        listed = self._listed()
        here = {one.key: one for one in self._cached(listed)}
        first = [
            found
            for repo in listed
            for found in self._rows(repo, here) or [self._absent(repo, listed)]
        ]
        others = [one for one in here.values() if one.repo_id_or_path not in listed]
        return (*first, *others, *self._folders())

    def is_complete(self, base_model: str, data_root: str = "") -> CachedModel:
        """What a training that names this model would find (``.is_complete`` says the short of it).

        A repo id is looked for in the data folder's cache, where trainings look, and where it is
        not there at all, in the one of other programs, to which ``where`` then points.
        """
        model = base_model.strip()
        root = Path(data_root.strip()).expanduser() if data_root.strip() else self.data_root
        if is_local_model(model):
            return _in_folder(Path(local_model(model, root)), name=model)
        found = self._in_cache(model, hub_cache(root), ModelPlace.OURS, root)
        if found is None:
            found = self._in_cache(model, user_cache(), ModelPlace.SHARED, root)
        return found or self._absent(model)

    def find(self, name: str) -> CachedModel:
        """The model of this name, the one in the data folder first. AppError("not_found")."""
        wanted = name.strip().rstrip("/")
        rows = [one for one in self.all() if wanted in {one.repo_id_or_path, one.place}]
        if not rows and is_local_model(wanted):
            wanted = local_model(wanted, self.data_root)
            rows = [one for one in self.all() if wanted == one.place]
        if not rows:
            raise AppError(
                "not_found",
                f"There is no model {name} in the catalogue or on this computer.",
                "See temper models list; any repo of Hugging Face can be downloaded.",
            )
        return rows[0]

    def _listed(self) -> dict[str, BaseModel]:
        return {one.repo: one for one in load_base_models(self._catalogue)}

    def _cached(self, listed: dict[str, BaseModel]) -> Iterator[CachedModel]:
        root = self.data_root
        ours, shared = hub_cache(root), user_cache()
        caches = [(ours, ModelPlace.OURS), (shared, ModelPlace.SHARED)]
        if shared.resolve() == ours.resolve():
            caches.pop()
        for cache, where in caches:
            for repo in repos_in(cache):
                found = self._in_cache(repo, cache, where, root, listed)
                if found is not None:
                    yield found

    def _rows(self, repo: str, here: dict[str, CachedModel]) -> list[CachedModel]:
        return [one for one in here.values() if one.repo_id_or_path == repo]

    def _absent(self, repo: str, listed: dict[str, BaseModel] | None = None) -> CachedModel:
        note = ModelNotes(self.data_root).read(repo)
        return self._dressed(CachedModel(repo, ModelState.MISSING), note, listed)

    def _in_cache(
        self,
        repo: str,
        cache: Path,
        where: ModelPlace,
        root: Path,
        listed: dict[str, BaseModel] | None = None,
    ) -> CachedModel | None:
        folder = folder_of(cache, repo)
        used = bytes_in(folder) if _is_folder(folder) else 0
        if not used:  # huggingface_hub leaves empty folders where it was refused
            return None
        note = ModelNotes(root).read(repo, shared=where is ModelPlace.SHARED)
        revision = current_revision(folder)
        present = files_of(folder / "snapshots" / revision) if revision else {}
        missing = missing_of(present, note, revision)
        damaged = damaged_of(present, note, revision)
        found = CachedModel(
            repo,
            _state(missing, damaged),
            where,
            str(folder),
            bytes_on_disk=used,
            bytes_whole=_whole(present, note, missing, revision),
            revision=revision,
            missing=missing,
            damaged=damaged,
            shape=_shape(present),
            checked_at=note.checked_at if note.revision in {"", revision} else 0.0,
        )
        return self._dressed(found, note, listed)

    def _dressed(
        self, model: CachedModel, note: ModelNote, listed: dict[str, BaseModel] | None = None
    ) -> CachedModel:
        """With what catalogue and Hub say of it."""
        entry = (listed or self._listed()).get(model.repo_id_or_path)
        if entry is None:
            return replace(
                model,
                label=model.repo_id_or_path,
                parameters=note.parameters or (model.shape.parameters if model.shape else None),
                licence=note.licence,
                gated=note.gated,
            )
        return replace(
            model,
            label=entry.label,
            parameters=entry.parameters * 1_000_000,
            licence=entry.license,
            gated=entry.gated,
            shape=entry.shape or model.shape,
            bytes_whole=model.bytes_whole or note.bytes_whole,
        )

    def _folders(self) -> Iterator[CachedModel]:
        added = ModelNotes(self.data_root).added()
        with suppress(OSError):
            for folder in sorted((self.data_root / "models").iterdir()):
                if folder.is_dir() and not folder.name.startswith("."):
                    yield _in_folder(folder)
        for name in added:
            yield _in_folder(Path(name), is_added=True)


def _in_folder(folder: Path, *, name: str = "", is_added: bool = False) -> CachedModel:
    if not _is_folder(folder):
        return CachedModel(
            name or str(folder), ModelState.MISSING, ModelPlace.FOLDER, str(folder),
            label=folder.name, missing=(CONFIG,), is_added=is_added,
        )  # fmt: skip
    present = files_of(folder)
    missing, shape = missing_files(present), _shape(present)
    return CachedModel(
        name or str(folder),
        _state(missing, ()),
        ModelPlace.FOLDER,
        str(folder),
        label=folder.name,
        parameters=shape.parameters if shape else None,
        bytes_on_disk=folder_bytes(folder),
        missing=missing,
        is_added=is_added,
        shape=shape,
    )


def _state(missing: tuple[str, ...], damaged: tuple[str, ...]) -> ModelState:
    if damaged:
        return ModelState.DAMAGED
    return ModelState.PARTIAL if missing else ModelState.COMPLETE


def _whole(
    present: dict[str, Path], note: ModelNote, missing: tuple[str, ...], revision: str
) -> int | None:
    if note.files and note.revision == revision:
        return note.bytes_whole
    if not missing:
        return sum(path.stat().st_size for path in present.values())
    return indexed_bytes(present)


def _shape(present: dict[str, Path]) -> ModelShape | None:
    if CONFIG not in present:
        return None
    with suppress(*_ODD):
        return shape_from_config(json.loads(present[CONFIG].read_bytes()))
    return None


def _is_folder(path: Path) -> bool:
    with suppress(OSError, ValueError):  # a text that is no repo id may be no file name either
        return path.is_dir()
    return False
