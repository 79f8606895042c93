"""What deleting runs would take away, in words and sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.qt.runs_model import name_of
from models.qt.wording import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.run import Run
    from models.domain.run_history import RunSize

_MOST_NAMES = 6


@dataclass(frozen=True, slots=True)
class Deletion:
    """The runs that are to be deleted, and how large each of them is."""

    runs: tuple[Run, ...]
    sizes: tuple[RunSize, ...]

    @property
    def title(self) -> str:
        """The question in one line."""
        if len(self.runs) == 1:
            return f"Delete run {name_of(self.runs[0])}?"
        return f"Delete {len(self.runs)} runs?"

    @property
    def text(self) -> str:
        """What goes in any case: records, charts, logs, notes."""
        taken = size(sum(one.folder for one in self.sizes))
        if len(self.runs) == 1:
            return f"Its record, notes, chart and log are deleted: {taken}."
        names = [name_of(run) for run in self.runs]
        listed = "\n".join(f"•  {name}" for name in names[:_MOST_NAMES])
        more = len(names) - _MOST_NAMES
        listed += f"\n•  and {more} more" if more > 0 else ""
        return f"{listed}\n\nTheir records, notes, charts and logs are deleted: {taken}."

    @property
    def outputs(self) -> str:
        """The words of the box that deletes outputs too; empty where there are none."""
        found = sum(one.outputs for one in self.sizes if not one.pinned)
        return f"Delete the adapters and checkpoints, too: {size(found)}" if found else ""

    @property
    def places(self) -> str:
        """The folders of the outputs that would go."""
        going = [one.output_directory for one in self.sizes if one.outputs and not one.pinned]
        return "\n".join(dict.fromkeys(going))

    @property
    def kept(self) -> str:
        """Why outputs stay that nobody can delete here, or that are pinned."""
        reasons = dict.fromkeys(one.outputs_kept for one in self.sizes if one.outputs_kept)
        return "\n".join((*reasons, *self._pinned()))

    def _pinned(self) -> Iterator[str]:
        for run, one in zip(self.runs, self.sizes, strict=True):
            if one.pinned and one.outputs:
                what = f"The adapter and checkpoints of {name_of(run)} stay ({size(one.outputs)})"
                unpin = "Unpin it on the Storage page if they are to go."
                yield f"{what}: you have pinned {one.pinned}. {unpin}"
