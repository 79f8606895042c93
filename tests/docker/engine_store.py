"""The images of the tests' engines: kept between runs, held by one session, cloned for others.

They lie in ``.cache/docker-engine`` and stay there; containers never do. One session at a time
uses that folder. Another one that starts meanwhile gets a **copy**: the layers, which nobody ever
writes to again, as hard links, and the small records of which layers make which image as copies.
That takes seconds, where ``docker save | docker load`` of the trainer's image takes a minute. A
test that wants an engine besides its session's gets a **clone**, which takes no time: its layers
are only pointed to. What is done to the images of either (removed, say) is not done to the others'.
So fault tests may do anything to the session's engine that ``start()`` mends, and take a clone for
what it does not.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docker.engine import RealEngine
from tests.docker.remains import (
    bridge_of,
    end_containers,
    end_process,
    remove_bridge,
    unmount_below,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STORE = Path(__file__).parents[2] / ".cache" / "docker-engine"
"""Where images are kept between runs; ``make clean`` removes it."""

_COPY_SECONDS = 20.0


class EngineStore:
    """The folder of images, held by one session, or a clone of it."""

    def __init__(self, store: Path = STORE) -> None:
        self._store = store
        self._lock: int | None = None
        self._clones: dict[Path, int] = {}

    def open(self) -> RealEngine:
        """An engine over the kept images; over a copy when another session has them."""
        self._store.mkdir(parents=True, exist_ok=True)
        if not self.tidy():
            return self._copied(self._store / "data", _link_layers)
        return RealEngine(self._store / "data")

    def tidy(self) -> bool:
        """End what killed sessions left; False when a session that lives has the images."""
        self._lock = _try_lock(self._store / "lock")
        if self._lock is not None:
            self._end_orphans()
        return self._lock is not None

    def clone(self, engine: RealEngine) -> RealEngine:
        """Another engine with the same images, for as long as ``engine`` keeps them."""
        return self._copied(engine.root, _point_to_layers)

    def _copied(
        self, source: Path, share: Callable[[Sequence[str], Path, Path], None]
    ) -> RealEngine:
        folder = Path(tempfile.mkdtemp(prefix="clone-", dir=self._store))
        owned = _try_lock(folder / "lock")
        assert owned is not None
        self._clones[folder] = owned
        wait(
            lambda: _copy_images(source, folder / "data", share),
            _COPY_SECONDS,
            "the kept images change all the time: another session makes or removes some",
        )
        return RealEngine(folder / "data")

    def close(self) -> None:
        """Let another session have the images, and remove the clones."""
        for folder, owned in self._clones.items():
            shutil.rmtree(folder, ignore_errors=True)
            os.close(owned)
        if self._lock is not None:
            os.close(self._lock)

    def _end_orphans(self) -> None:
        """End the engines of sessions that were killed before they could do it."""
        _end_orphan(self._store / "data")
        for clone in self._store.glob("clone-*"):
            owner = _try_lock(clone / "lock")
            if owner is not None:
                _end_orphan(clone / "data")
                shutil.rmtree(clone, ignore_errors=True)
                os.close(owner)


def _end_orphan(data: Path) -> None:
    end_process(data / "engine.pid", str(data))
    with suppress(OSError):
        home = Path((data / "engine.home").read_text())
        end_containers(home)
        remove_bridge(bridge_of(home))
        unmount_below(home)
        shutil.rmtree(home, ignore_errors=True)
    unmount_below(data)


def _copy_images(
    source: Path, target: Path, share: Callable[[Sequence[str], Path, Path], None]
) -> bool:
    """Copy an engine's images, not its containers. It may be running.

    False when an image was removed meanwhile. The records are copied first: every layer that they
    name is complete by then.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    records = source / "image" / "overlay2"
    if not records.is_dir():
        return True
    try:
        ignored = shutil.ignore_patterns("mounts", "tmp")
        shutil.copytree(records, target / "image" / "overlay2", ignore=ignored)
        found = (target / "image" / "overlay2" / "layerdb").glob("sha256/*/cache-id")
        names = [file.read_text() for file in found]
        (target / "overlay2" / "l").mkdir(parents=True)
        share(names, source / "overlay2", target / "overlay2")
        for name in names:
            link = (target / "overlay2" / name / "link").read_text()
            (target / "overlay2" / "l" / link).symlink_to(f"../{name}/diff")
    except OSError:
        return False
    return True


def _point_to_layers(names: Sequence[str], source: Path, target: Path) -> None:
    """Folders with the small files of the layers, in which the large one is a symbolic link."""
    for name in names:
        folder = target / name
        shutil.copytree(source / name, folder, ignore=shutil.ignore_patterns("diff", "work"))
        (folder / "work").mkdir(exist_ok=True)
        (folder / "diff").symlink_to((source / name / "diff").resolve())


def _link_layers(names: Sequence[str], source: Path, target: Path) -> None:
    """Hard links of whole folders; OSError when one is gone.

    A running engine has mounted its folder of layers on itself, and no link crosses a mount: so it
    is looked at through another mount of the disk, which ends with the command.
    """
    shared = Path(os.path.commonpath([source, target]))
    script = 'mount --bind "$1" /mnt && cd /mnt/"$2" && xargs -r cp -al -t /mnt/"$3"'
    places = (str(shared), str(source.relative_to(shared)), str(target.relative_to(shared)))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *places],
        input="\n".join(names), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise OSError(done.stderr[-2000:])


def _try_lock(path: Path) -> int | None:
    """The descriptor that holds the lock, None when somebody else does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def main() -> None:
    """End what killed sessions left, so that the kept images can be removed."""
    store = EngineStore()
    if not store.tidy():
        sys.exit("A test session is using its Docker engine; end it first.")
    store.close()


if __name__ == "__main__":
    main()
