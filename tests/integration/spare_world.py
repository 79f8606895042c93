"""What is no run's, at random: rows, caches, code, environments and revisions, and who needs them.

Whatever is made so that somebody needs it is noted in ``must_stay`` as it is made.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from models.domain.config_io import with_values
from models.domain.run import Run, RunState
from services.storage.inventory import Places
from services.storage.spares import Ground, Workshop
from tests.integration.result_files import write_adapter

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from models.domain.storage import Need

LATER = 7200.0
"""Seconds from the making to the looking: what was made is old by then."""
_UNSETTLED = (RunState.RUNNING, RunState.QUEUED, RunState.LOST, RunState.PREPARING)


@dataclass
class Spares:
    """Everything beside the runs below ``root``; ``data`` is the data folder of the runs."""

    root: Path
    data: Path
    dice: random.Random
    runs: list[Run]
    rows: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    used: set[Path] = field(default_factory=set)
    must_stay: list[Path] = field(default_factory=list)
    loaded: str = ""
    is_outdated: bool = False
    is_shared: bool = False

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def is_busy(self) -> bool:
        return any(not run.state.is_over or run.state is RunState.LOST for run in self.runs)

    def ground(self, needs: Sequence[Need]) -> Ground:
        places = Places(
            self.home, self.home / "temper.db", self.home / "datasets", self.home / "runtime",
            self.home / "trainer-code", self.data,
        )  # fmt: skip
        workshop = Workshop(
            code=lambda: self.home / "trainer-code" / ("c" * 16),
            is_outdated=lambda: self.is_outdated,
            loaded=lambda: self.loaded,
            bundle_locks=(self.home / "offline" / ".lock",),
        )
        return Ground(
            places=places, roots=[self.data], runs=self.runs, rows=self.rows, names=self.names,
            needs=needs, workshop=workshop, is_used=self.used.__contains__,
            now=time.time() + LATER,
        )  # fmt: skip

    def fill(self) -> None:
        """Something of everything. Now and then another program trains in the data folder."""
        self.is_shared = self.chance(0.1)
        if self.is_shared:
            self.used.add(self.data / "runs")
        self._add_rows()
        self._add_caches()
        self._add_versions()
        for number in range(self.dice.randint(0, 2)):
            self._add_repo(f"models--some--model-{number}")

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def write(self, path: Path, size: int = 3000, *, needed: bool = False) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.dice.randbytes(size))
        if needed:
            self.must_stay.append(path)
        return path

    def _add_rows(self) -> None:
        for _ in range(self.dice.randint(0, 4)):
            sha256 = self.dice.randbytes(32).hex()
            is_known, is_trained, is_young = (self.chance(0.3) for _ in range(3))
            if is_known:
                self.rows.add(sha256)
            library = self.home / "datasets" / f"{sha256}.jsonl"
            self.write(library, needed=is_known or is_young)
            self.write(library.with_suffix(".idx"), 80, needed=is_known or is_young)
            placed = self.data / "datasets" / library.name
            if self.chance(0.6):
                placed.parent.mkdir(parents=True, exist_ok=True)
                placed.hardlink_to(library) if self.chance(0.5) else self.write(placed)
                if is_trained:
                    self._train_on(sha256, placed)
                if is_known or is_young:
                    self.must_stay.append(placed)
            if is_young:
                for path in (library, library.with_suffix(".idx"), placed):
                    _make_young(path)
        self.write(self.data / "datasets" / "mine.jsonl", needed=True)

    def _train_on(self, sha256: str, placed: Path) -> None:
        """By a run of ours, or by a run that only its job tells of."""
        number = self.dice.randrange(len(self.runs))
        if self.chance(0.5) and not self.runs[number].dataset_sha256:
            self.runs[number] = replace(self.runs[number], dataset_sha256=sha256)
            self.must_stay.append(self.home / "datasets" / placed.name)
        else:
            job = {"dataset": {"path": f"/data/datasets/{placed.name}"}}
            self._note(f"runs/unknown-{sha256[:8]}/job.json", job)
        self.must_stay.append(placed)

    def _note(self, name: str, value: object) -> None:
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))

    def _add_caches(self) -> None:
        if self.chance(0.5):
            self.write(self.home / "inspections" / "report.json")
        if self.chance(0.5):
            tokens = self.write(self.data / "cache" / "tokens" / "a.tokens", needed=self.is_busy)
            if self.chance(0.3):
                _make_young(tokens)
                self.must_stay.append(tokens)
            if self.is_shared:
                self.must_stay.append(tokens)
        self.write(self.data / "cache" / "other" / "file", needed=True)
        self.write(self.home / "runtime" / "uv-cache" / "wheel", needed=True)

    def _add_versions(self) -> None:
        shelf = self.home / "trainer-code"
        self.write(shelf / ("c" * 16) / "trainer_image" / "train.py", needed=True)
        for _ in range(self.dice.randint(0, 3)):
            folder = shelf / self.dice.randbytes(8).hex()
            is_used = self.chance(0.2)
            code = self.write(folder / "trainer_image" / "train.py", needed=is_used)
            if is_used:
                self.used.add(folder)
            if self.chance(0.4):
                number = self.dice.randrange(len(self.runs))
                run = self.runs[number]
                if not run.trainer_sha256:
                    named = folder.name + "0" * 48
                    self.runs[number] = replace(run, trainer_sha256=named)
                    if run.state in _UNSETTLED or not run.state.is_over:
                        self.must_stay.append(code)
        self._add_environment()

    def _add_environment(self) -> None:
        runtime, self.is_outdated = self.home / "runtime", self.chance(0.5)
        used = runtime / "python" / "cpython-3.11"
        is_needed = not self.is_outdated or self.is_busy
        config = self.write(runtime / "venv" / "pyvenv.cfg", needed=is_needed)
        config.write_text(f"home = {used / 'bin'}\nversion = 3.11\n")
        self.write(used / "bin" / "python", needed=True)
        if self.chance(0.5):
            other = self.write(runtime / "python" / "cpython-3.10" / "bin" / "python")
            if self.is_busy:
                self.must_stay.append(other)

    def _add_repo(self, name: str) -> None:
        folder = self.data / "cache" / "huggingface" / "hub" / name
        repo = name.removeprefix("models--").replace("--", "/")
        hexes = [self.dice.randbytes(20).hex() for _ in range(self.dice.randint(1, 4))]
        main, *others = hexes
        shared = self._blob(folder)
        for revision in hexes:
            files = {"model.safetensors": self._blob(folder), "tokenizer.json": shared}
            files["config.json"] = shared if self.chance(0.5) else self._blob(folder)
            if self.chance(0.1):
                del files["config.json"]
            for file, blob in files.items():
                pointer = folder / "snapshots" / revision / file
                pointer.parent.mkdir(parents=True, exist_ok=True)
                pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        refs = folder / "refs"
        refs.mkdir()
        (refs / "main").write_text(main)
        needed = {main, *self._let_some_be_needed(folder, repo, hexes)}
        if others and self.chance(0.5):
            self.write(folder / ".no_exist" / others[0] / "added_tokens.json", 0)
        if self.chance(0.2):
            self.write(
                folder / "blobs" / (self.dice.randbytes(32).hex() + ".incomplete"), needed=True
            )
        if self.is_shared or not (folder / "snapshots" / main / "config.json").exists():
            needed = set(hexes)
        for revision in needed:
            self._keep(folder / "snapshots" / revision)

    def _blob(self, folder: Path) -> Path:
        blob = self.write(
            folder / "blobs" / self.dice.randbytes(32).hex(), self.dice.choice([9, 9000])
        )
        if self.chance(0.1):  # the cache of other programs has it, too
            (self.root / f"theirs-{blob.name}").hardlink_to(blob)
        return blob

    def _keep(self, snapshot: Path) -> None:
        for pointer in snapshot.iterdir():
            self.must_stay += [pointer, pointer.resolve()]

    def _let_some_be_needed(self, folder: Path, repo: str, hexes: list[str]) -> set[str]:
        """The revisions that somebody needs."""
        one, needed = self.dice.choice(hexes), set[str]()
        if self.chance(0.15):
            (folder / "refs" / "v1").write_text(one)
            needed.add(one)
        if self.chance(0.15):
            self.names.add(one)
            needed.add(one)
        if self.chance(0.15):
            later = folder / "snapshots" / one
            os.utime(later, (time.time() + 9, time.time() + 9))
            needed.add(one)
        if self.chance(0.15):
            adapter = self.data / "outputs" / f"unknown-{one[:8]}" / "adapter"
            write_adapter(adapter)
            (adapter / "adapter_config.json").write_text(json.dumps({"revision": one}))
            self.must_stay.append(adapter / "adapter_config.json")
            needed.add(one)
        if self.chance(0.1) and not self.loaded:
            self.loaded = repo
            needed.update(hexes)
        if self.chance(0.1):
            _make_young(folder / "refs" / "main")
            needed.update(hexes)
        if self.chance(0.3):
            needed |= self._let_a_run_have(repo, one, hexes)
        return needed

    def _let_a_run_have(self, repo: str, revision: str, hexes: list[str]) -> set[str]:
        number = self.dice.randrange(len(self.runs))
        run = self.runs[number]
        if run.base_model:
            return set()
        self.runs[number] = replace(
            run, base_model=repo, config=with_values(run.config, {"hp.base_model": repo})
        )
        if run.state is RunState.LOST or not run.state.is_over:
            return set(hexes)
        if self.chance(0.3):
            return set(hexes)  # it does not say which one it had
        noted: dict[str, Any] = {"base_sha256": revision}
        self._note(f"runs/{run.id}/record.json", noted)
        return {revision}


def _make_young(path: Path) -> None:
    if path.exists():
        os.utime(path, (time.time() + LATER, time.time() + LATER))
