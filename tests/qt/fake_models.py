"""The base models of the window's tests: they do at once what they are told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from models.domain.cached_model import CachedModel, ModelCheck, ModelPlace, ModelState
from models.domain.model_shape import ModelShape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.domain.errors import AppError
    from services.progress import CancelToken, Progress, Reporter

GIGABYTE = 1_000_000_000
LARGE_SHAPE = ModelShape(8_030_000_000, 4096, 32, 32, 8, 14336, 128256, tied_embeddings=False)
SMALL_SHAPE = ModelShape(134_515_008, 576, 30, 9, 3, 1536, 49152, tied_embeddings=True)


def make_model(repo: str = "me/small", **changes: Any) -> CachedModel:
    """A whole model in the data folder, with these changes."""
    model = CachedModel(
        repo,
        ModelState.COMPLETE,
        ModelPlace.OURS,
        f"/home/me/data/cache/huggingface/hub/models--{repo.replace('/', '--')}",
        label=repo,
        parameters=134_515_008,
        licence="apache-2.0",
        bytes_on_disk=270_000_000,
        bytes_whole=270_000_000,
        revision="12fd25f77366fa6b3b4b768ec3050bf629380bac",
        shape=SMALL_SHAPE,
    )
    return replace(model, **changes)


def absent(repo: str, **changes: Any) -> CachedModel:
    """A model of the catalogue of which nothing is here."""
    nothing = {"where": ModelPlace.NOWHERE, "place": "", "bytes_on_disk": 0, "bytes_whole": None}
    return make_model(repo, state=ModelState.MISSING, revision="", **(nothing | changes))


@dataclass
class FakeModels:
    """Models by their repo; ``error`` is what the next call raises."""

    models: list[CachedModel] = field(default_factory=list)
    error: Exception | None = None
    damaged: tuple[str, ...] = ()
    kept: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    reports: list[Progress] = field(default_factory=list)
    during: Callable[[], None] | None = None

    def all(self) -> tuple[CachedModel, ...]:
        return tuple(self.models)

    def download(self, repo: str, report: Reporter, cancel: CancelToken) -> CachedModel:
        self.calls.append(("download", repo))
        for progress in self.reports:
            report(progress)
        if self.during is not None:
            self.during()
        cancel.raise_if_cancelled()
        self._raise()
        before = next((one for one in self.models if one.repo_id_or_path == repo), None)
        whole = make_model(repo) if before is None else _whole(before)
        self.models = [one for one in self.models if one is not before] + [whole]
        return whole

    def verify(self, model: CachedModel, report: Reporter, cancel: CancelToken) -> ModelCheck:
        self.calls.append(("verify", model.repo_id_or_path))
        self._raise()
        return ModelCheck(model, 6, self.damaged)

    def why_kept(self, model: CachedModel) -> str:
        return self.kept

    def remove(self, model: CachedModel) -> int:
        self.calls.append(("remove", model.repo_id_or_path))
        self._raise()
        self.models.remove(model)
        return 0 if model.is_added else model.bytes_on_disk

    def add(self, folder: Path) -> CachedModel:
        self.calls.append(("add", str(folder)))
        self._raise()
        made = make_model(str(folder), where=ModelPlace.FOLDER, place=str(folder), is_added=True)
        self.models.append(made)
        return made

    def _raise(self) -> None:
        error: AppError | Exception | None = self.error
        self.error = None
        if error is not None:
            raise error


def _whole(model: CachedModel) -> CachedModel:
    size = model.bytes_whole or GIGABYTE
    return replace(
        model, state=ModelState.COMPLETE, where=ModelPlace.OURS, place="/home/me/data/cache",
        bytes_on_disk=size, bytes_whole=size, missing=(), damaged=(),
    )  # fmt: skip
