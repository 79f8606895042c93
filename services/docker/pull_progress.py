"""How far a pull is: each layer, and the bytes of all of them. Pure arithmetic on reports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.domain.docker import ImageProgress, LayerProgress

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = {
    "Pulling fs layer": "Waiting",
    "Waiting": "Waiting",
    "Downloading": "Downloading",
    "Verifying Checksum": "Checking",
    "Download complete": "Downloaded",
    "Extracting": "Unpacking",
    "Pull complete": "Complete",
    "Already exists": "Already here",
}
"""The engine's words for a layer's state, and ours."""
_FETCHED = {"Checking", "Downloaded", "Unpacking", "Complete", "Already here"}
_COMPLETE = {"Complete", "Already here"}
HERE = "Already here"
_GIGA, _MEGA = 1_000_000_000, 1_000_000


class PullProgress:
    """Takes the engine's events in; :meth:`now` says how it stands.

    ``sizes`` are the packed layers' bytes by short id, as far as a registry told them.
    """

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        self._sizes = dict(sizes or {})
        self._layers: dict[str, LayerProgress] = {}
        self._is_fetching = False
        self.digest = ""

    def take(self, event: Mapping[str, Any]) -> bool:
        """Take one event in; whether a layer's state changed, not only its bytes."""
        said, name = str(event.get("status") or ""), str(event.get("id") or "")
        if said.startswith("Digest: "):
            self.digest = said.removeprefix("Digest: ")
        status = "Trying again" if said.startswith("Retrying") else _WORDS.get(said)
        if status is None or not name or self._is_no_layer(name):
            return False
        before = self._layers.get(name) or LayerProgress(name, "", total=self._sizes.get(name))
        self._is_fetching = self._is_fetching or status not in {"Waiting", HERE}
        self._layers[name] = self._after(before, status, event.get("progressDetail") or {})
        return before.status != status

    def finish(self) -> None:
        """The engine has said that all is well; Podman says it of the whole alone."""
        for name, layer in self._layers.items():
            if not layer.is_complete:
                self.take({"id": name, "status": "Pull complete"})

    def now(self) -> ImageProgress:
        """The state as it is to be shown."""
        layers = (*self._layers.values(), *self._expected())
        done = sum(layer.done for layer in layers)
        totals = [layer.total for layer in layers]
        known = sum(total for total in totals if total is not None)
        is_known = bool(layers) and None not in totals
        message = _message(layers, done, known if is_known else None)
        return ImageProgress(message, done, known if is_known else None, layers)

    @property
    def listed(self) -> int:
        """How many layers the engine has named, once it has begun to fetch; 0 before."""
        return len(self._layers) if self._is_fetching else 0

    def to_fetch(self) -> int | None:
        """Bytes of the layers that are not here; None while some size is not known."""
        missing = [layer for layer in self._layers.values() if layer.status != HERE]
        totals = [layer.total for layer in missing]
        return None if None in totals else sum(total or 0 for total in totals)

    def is_complete(self, layer_id: str) -> bool:
        """Whether the engine has this layer for good."""
        layer = self._layers.get(layer_id)
        return layer is not None and layer.is_complete

    def _is_no_layer(self, name: str) -> bool:
        """Podman counts an image's configuration as one."""
        return name not in self._sizes and any(one in self._sizes for one in self._layers)

    def _expected(self) -> list[LayerProgress]:
        """Layers that the registry told of and the engine has not named yet."""
        if self._is_fetching:
            return []
        unnamed = (one for one in self._sizes if one not in self._layers)
        return [LayerProgress(one, "Waiting", total=self._sizes[one]) for one in unnamed]

    def _after(
        self, before: LayerProgress, status: str, detail: Mapping[str, Any]
    ) -> LayerProgress:
        total, done = before.total, before.done
        if status == "Downloading":
            total = int(detail.get("total") or 0) or total
            done = int(detail.get("current") or 0)
        elif status in {"Waiting", "Trying again"}:
            done = 0
        elif status in _FETCHED:
            total = (0 if status == HERE else done) if total is None else total
            done = total
        return replace(
            before, status=status, done=done, total=total, is_complete=status in _COMPLETE
        )


def size_text(count: float) -> str:
    """Bytes for people, in the decimal units of registries."""
    if count >= _GIGA:
        return f"{count / _GIGA:.1f} GB"
    return f"{count / _MEGA:.0f} MB" if count >= _MEGA else f"{count / 1000:.0f} kB"


def _message(layers: tuple[LayerProgress, ...], done: int, total: int | None) -> str:
    if all(layer.status == "Waiting" for layer in layers):
        return "Asking the registry"
    statuses = {layer.status for layer in layers}
    finished = sum(layer.is_complete for layer in layers)
    if finished == len(layers):
        return "All layers are here"
    if statuses <= _FETCHED:
        return f"Unpacking: {finished} of {len(layers)} layers complete"
    of = f" of {size_text(total)}" if total else ""
    return f"Downloading: {size_text(done)}{of}"
