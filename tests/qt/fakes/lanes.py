"""A lane for the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class SyncLane:
    """A lane without a thread: the call is made where it is awaited."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def run(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(getattr(work, "__name__", repr(work)))
        return work(*args, **kwargs)

    def close(self, timeout: float = 0.0) -> bool:
        return True

    def end(self) -> None:
        """There is no thread to be told."""
