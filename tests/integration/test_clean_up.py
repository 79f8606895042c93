"""Cleaning up over 500 random histories on real files: what is needed stays, what is shown goes.

The account below is its own: it knows nothing of the planner, and looks at what is on the disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import to_dict, with_values
from models.domain.run import Run, RunState
from models.domain.storage import FURTHER_KINDS, CleanKind, Found, Need, RetentionRules
from services.storage import cleaning
from services.storage.cleaning import Cleaner
from services.storage.histories import WHOLE_RUN, history_of, is_sound
from services.storage.needs import needs_of_jobs, needs_of_setup
from services.storage.spare_finder import find_spares
from tests.integration.result_files import write_adapter
from tests.integration.spare_world import Spares
from trainer_image.contract import OutputMarker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform == "win32", reason="Windows tells no blocks, and lets few people make links"
    ),
]

HISTORIES = int(os.environ.get("TEMPER_CLEAN_UPS", "500"))
_STATES = [*RunState, *3 * [RunState.FINISHED], *3 * [RunState.FAILED, RunState.CANCELLED]]
_CAN_GO_ON = (RunState.FAILED, RunState.CANCELLED, RunState.LOST, RunState.QUEUED)


@dataclass
class World:
    """A data folder with runs, and who counts on what."""

    root: Path
    dice: random.Random
    runs: list[Run] = field(default_factory=list)
    pins: dict[str, set[str]] = field(default_factory=dict)
    setups: list[tuple[str, object]] = field(default_factory=list)
    bundles: list[Path] = field(default_factory=list)
    spares: Spares | None = None

    @property
    def data(self) -> Path:
        return self.root / "data"

    def look(self) -> Found:
        histories = [history_of(run, self.pins.get(run.id, ())) for run in self.runs]
        needs = [
            need for who, data in self.setups for need in needs_of_setup(who, data, [self.data])
        ]
        needs += needs_of_jobs([self.data])
        needs += [Need(os.path.realpath(one), "A bundle") for one in self.bundles]
        spares = find_spares(self.spares.ground(needs)) if self.spares is not None else ()
        return Found(histories, needs, spares)

    def checkpoints(self, run: Run) -> list[Path]:
        found = Path(run.output_directory).glob("checkpoints/checkpoint-*")
        return sorted(found, key=lambda one: int(one.name.removeprefix("checkpoint-")))


def make(root: Path, seed: int) -> World:
    """One random history."""
    world = World(root, random.Random(seed))
    for number in range(world.dice.randint(1, 3)):
        _add_run(world, f"run-{number}")
    _let_others_count_on_some(world)
    world.spares = Spares(root, world.data, world.dice, world.runs)
    world.spares.fill()
    return world


def _add_run(world: World, run_id: str) -> None:
    dice, state = world.dice, world.dice.choice(_STATES)
    output = world.data / "outputs" / run_id
    run = Run(
        id=run_id, name=run_id, config=TrainingConfig(), state=state, runtime="",
        data_root=str(world.data), created_at=1.0, output_directory=str(output),
    )  # fmt: skip
    job = {"run_id": run_id, "output_directory": f"/data/outputs/{run_id}", "hp": {}}
    losses = [{"step": step, "eval_loss": dice.random()} for step in range(5, 30, 5)]
    for step in range(5, 5 + 5 * dice.randint(0, 5), 5):
        _add_checkpoint(world, output / "checkpoints" / f"checkpoint-{step}", losses)
    if dice.random() < 0.7:
        write_adapter(output / "adapter", dice.randbytes(500))
    for name in ("adapter.tmp", "checkpoints/adopting-checkpoint-5", ".adapter.deleted-12ab"):
        if dice.random() < 0.2:
            _write(output / name / "half", dice.randbytes(900))
    if named := dice.choice(
        ["", "", "checkpoint-5", "/data/outputs/run-0/checkpoints/checkpoint-10"]
    ):
        job["hp"] = {"resume_from": named}
    _write(world.data / "runs" / run_id / "job.json", json.dumps(job).encode())
    owner = run_id if dice.random() < 0.9 else "somebody-else"
    marker = OutputMarker(run_id=owner, fingerprint="0" * 64, finished=True)
    _write(output / "temper-output.json", marker.model_dump_json().encode())
    _write(output / "notes.txt", b"mine")
    world.runs.append(run)


def _add_checkpoint(world: World, folder: Path, losses: list[dict[str, float]]) -> None:
    dice = world.dice
    _write(folder / "weights.safetensors", dice.randbytes(dice.choice([10, 5000, 9000])))
    _write(folder / "trainer_state.json", json.dumps({"log_history": losses}).encode())
    earlier = [one for one in world.data.glob("outputs/*/checkpoints/*/weights.safetensors")
               if one.parent != folder]  # fmt: skip
    if earlier and dice.random() < 0.3:  # taken from another run, as training longer does
        (folder / "weights.safetensors").unlink()
        (folder / "weights.safetensors").hardlink_to(dice.choice(sorted(earlier)))
    if dice.random() < 0.1:  # somebody keeps a name of a file elsewhere
        (folder / "kept.bin").write_bytes(dice.randbytes(3000))
        (world.root / f"kept-{dice.random()}").hardlink_to(folder / "kept.bin")
    if dice.random() < 0.15:
        (folder / "link").symlink_to(world.data / "outputs")
    files = [one for one in folder.iterdir() if not one.is_symlink()]
    seals = {one.name: {"size": one.stat().st_size, "sha256": _sha256(one)} for one in files}
    if dice.random() < 0.85:
        _write(folder / "temper-checkpoint.json", json.dumps({"files": seals}).encode())
    if dice.random() < 0.1:
        (folder / "trainer_state.json").write_bytes(b"cut")


def _let_others_count_on_some(world: World) -> None:
    dice = world.dice
    for run in world.runs:
        there = world.checkpoints(run)
        if dice.random() < 0.1:
            world.pins.setdefault(run.id, set()).add(WHOLE_RUN)
        if there and dice.random() < 0.3:
            world.pins.setdefault(run.id, set()).add(dice.choice(there).name)
        if there and dice.random() < 0.3:
            inside = dice.choice(there).relative_to(world.data).as_posix()
            values = dice.choice(
                [
                    {"hp.resume_from": f"/data/{inside}"},
                    {"hp.resume_from": str(world.data / inside)},
                    {"hp.base_model": f"/data/{inside}"},
                    {
                        "hp.resume_from": Path(inside).name,
                        "output.directory": f"/data/outputs/{run.id}",
                    },
                ]
            )
            world.setups.append(
                ("The configuration", to_dict(with_values(TrainingConfig(), values)))
            )
        if there and dice.random() < 0.2:
            world.bundles.append(dice.choice(there) / "weights.safetensors")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_whole(checkpoint: Path) -> bool:
    try:
        files = json.loads((checkpoint / "temper-checkpoint.json").read_bytes())["files"]
        return all(_sha256(checkpoint / name) == seal["sha256"] for name, seal in files.items())
    except OSError:
        return False


def taken(root: Path) -> int:
    """What all files take on the disk, each once."""
    found = {}
    for folder, folders, files in os.walk(root):
        links = [one for one in folders if os.path.islink(os.path.join(folder, one))]  # noqa: PTH114, PTH118 - many of them
        for name in files + links:
            one = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - many of them
            found[one.st_dev, one.st_ino] = one.st_blocks * 512
    return sum(found.values())


def picture(folder: Path) -> dict[str, bytes | str]:
    """Every file below a folder with what is in it."""
    return {
        str(one.relative_to(folder)): str(one.readlink()) if one.is_symlink() else one.read_bytes()
        for one in sorted(folder.rglob("*"))
        if one.is_symlink() or one.is_file()
    }


def needed(world: World) -> Iterator[Path]:
    """What must still be there afterwards."""
    yield from world.bundles
    yield from world.spares.must_stay if world.spares is not None else ()
    for run in world.runs:
        there, whole = (
            world.checkpoints(run),
            [one for one in world.checkpoints(run) if is_whole(one)],
        )
        owner = json.loads((Path(run.output_directory) / "temper-output.json").read_bytes())[
            "run_id"
        ]
        pins = world.pins.get(run.id, set())
        is_busy = run.state not in {RunState.FINISHED, RunState.FAILED, RunState.CANCELLED}
        if is_busy or WHOLE_RUN in pins or owner != run.id:
            yield from there
        if run.state in _CAN_GO_ON:
            yield from whole[-1:]
        yield from (one for one in there if one.name in pins)
        named = json.loads((world.data / "runs" / run.id / "job.json").read_bytes())["hp"]
        if text := named.get("resume_from"):
            yield _meant(world, text, run.id)
    for _, setup in world.setups:
        hp, output = setup["hp"], setup["output"]["directory"]  # type: ignore[index]
        for text in (hp["resume_from"], hp["base_model"]):
            if text.startswith(("/", "checkpoint-")):
                yield _meant(world, text, output.rsplit("/", 1)[-1])


def _meant(world: World, text: str, run_id: str) -> Path:
    if text.startswith("/data/"):
        return world.data / text.removeprefix("/data/")
    return world.data / "outputs" / run_id / "checkpoints" / text


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where that can be: hundred thousands of small files come and go."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def test_nothing_needed_goes_and_every_byte_shown_is_freed(quick_folder: Path) -> None:
    removed = shown = 0
    kinds: Counter[str] = Counter()
    for seed in range(HISTORIES):
        world = make(quick_folder / str(seed), seed)
        also = frozenset(kind for kind in FURTHER_KINDS if world.dice.random() < 0.8)
        rules = RetentionRules(world.dice.randint(0, 3), world.dice.random() < 0.5, also)
        must_stay = [(path, picture(path) if path.is_dir() else path.read_bytes())
                     for path in needed(world) if path.exists()]  # fmt: skip
        cleaner = Cleaner(world.look, world.root / "lock")
        before, plan = taken(world.root), cleaner.plan(rules)
        everything = picture(world.root)
        assert taken(world.root) == before, "looking changes nothing"

        done = cleaner.clean(plan, rules)

        freed = before - taken(world.root)
        assert (plan.bytes, done.bytes) == (freed, freed), f"history {seed}"
        assert done.kept == (), f"history {seed}"
        for path, content in must_stay:
            now = picture(path) if path.is_dir() else path.read_bytes()
            assert now == content, f"history {seed}: {path} was needed"
        left = picture(world.root)
        gone = [Path(place) for one in plan.going for place in one.piece.places]
        for name, content in everything.items():
            place = world.root / name
            went = any(place.is_relative_to(one) for one in gone)
            assert went or left[name] == content, f"history {seed}: {name} was nobody's to touch"
        assert not any(path.exists() or path.is_symlink() for path in gone), f"history {seed}"
        kinds.update(one.piece.kind for one in plan.going)
        assert {one.piece.kind for one in plan.going} <= {*also, CleanKind.CHECKPOINTS}
        assert not cleaner.plan(rules).going, f"history {seed}: once is enough"
        removed, shown = removed + len(gone), shown + plan.bytes
        shutil.rmtree(world.root)
    assert removed > HISTORIES, "a test in which nothing goes shows nothing"
    assert shown > 4096 * HISTORIES
    assert all(kinds[kind] > HISTORIES / 10 for kind in FURTHER_KINDS), kinds


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One ended run that did not finish, with four checkpoints."""
    world = World(tmp_path, random.Random(1))
    _add_run(world, "run-1")
    run = replace(world.runs[0], state=RunState.FAILED)
    output = Path(run.output_directory)
    shutil.rmtree(output)
    for step in (5, 10, 15, 20):
        folder = output / "checkpoints" / f"checkpoint-{step}"
        _write(folder / "weights.safetensors", b"w" * 4096 * step)
        losses = [{"step": 5, "eval_loss": 0.5}, {"step": 10, "eval_loss": 0.1}]
        _write(folder / "trainer_state.json", json.dumps({"log_history": losses}).encode())
        seals = {one.name: {"size": one.stat().st_size, "sha256": _sha256(one)}
                 for one in folder.iterdir()}  # fmt: skip
        _write(folder / "temper-checkpoint.json", json.dumps({"files": seals}).encode())
    _write(world.data / "runs" / "run-1" / "job.json", b"{}")
    marker = OutputMarker(run_id="run-1", fingerprint="0" * 64, finished=False)
    _write(output / "temper-output.json", marker.model_dump_json().encode())
    world.runs = [run]
    return world


def names(paths: object) -> list[str]:
    return sorted(Path(str(path)).name for path in paths)  # type: ignore[attr-defined]


def test_what_a_resume_needs_stays_whatever_the_rules_say(world: World) -> None:
    cleaner = Cleaner(world.look, world.root / "lock")
    rules = RetentionRules(keep_last=0, keep_best=False)
    plan = cleaner.plan(rules)
    whys = {Path(one.piece.path).name: one.why for one in plan.staying}
    assert whys == {
        "checkpoint-10": "It has the lowest held-out loss.",
        "checkpoint-20": "The run goes on from it when it is resumed.",
    }
    assert names(cleaner.clean(plan, rules).paths) == ["checkpoint-15", "checkpoint-5"]


@pytest.mark.parametrize("damage", ["empty", "cut", "no configuration"])
def test_a_result_that_cannot_be_used_costs_no_checkpoint(world: World, damage: str) -> None:
    world.runs = [replace(world.runs[0], state=RunState.FINISHED)]
    output = Path(world.runs[0].output_directory)
    weights, config = write_adapter(output / "adapter")
    _write(output / "adapter.old" / "half", b"the one before")
    cleaner, rules = Cleaner(world.look, world.root / "lock"), RetentionRules(keep_last=0)
    assert "checkpoint-20" in names(one.piece.path for one in cleaner.plan(rules).going)

    if damage == "no configuration":
        config.unlink()
    else:
        whole = weights.read_bytes()
        weights.write_bytes(whole[:-1] if damage == "cut" else b"")
    staying = cleaner.plan(rules).staying
    assert "checkpoint-20" in names(one.piece.path for one in staying)
    assert "adapter.old" not in names(one.piece.path for one in cleaner.plan(rules).going)


def test_what_was_shown_and_is_needed_by_now_stays(world: World) -> None:
    cleaner, rules = Cleaner(world.look, world.root / "lock"), RetentionRules()
    plan = cleaner.plan(rules)
    world.pins["run-1"] = {"checkpoint-5"}
    done = cleaner.clean(plan, rules)
    assert names(done.paths) == ["checkpoint-15"]
    assert [(Path(path).name, why) for path, why in done.kept] == [
        ("checkpoint-5", "You have pinned it.")
    ]
    world.runs = [replace(world.runs[0], state=RunState.RUNNING)]
    assert cleaner.clean(plan, rules).paths == ()


def test_what_begins_to_be_needed_while_checkpoints_are_read_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaner, rules = Cleaner(world.look, world.root / "lock"), RetentionRules()
    plan = cleaner.plan(rules)

    def read(checkpoint: Path) -> bool:
        world.bundles.append(world.checkpoints(world.runs[0])[0])
        return is_sound(checkpoint)

    monkeypatch.setattr(cleaning, "is_sound", read)
    done = cleaner.clean(plan, rules)
    assert names(done.paths) == ["checkpoint-15"]
    assert [why for _, why in done.kept] == ["A bundle needs it."]


def test_older_checkpoints_stay_where_the_newest_is_not_what_its_seal_says(world: World) -> None:
    """Its files are as long as they should be, so only reading them tells."""
    newest = world.checkpoints(world.runs[0])[-1] / "weights.safetensors"
    newest.write_bytes(b"x" * newest.stat().st_size)
    cleaner, rules = Cleaner(world.look, world.root / "lock"), RetentionRules()
    done = cleaner.clean(cleaner.plan(rules), rules)
    assert (done.bytes, done.paths) == (0, ())
    assert "newest checkpoint is damaged" in done.kept[0][1]
    assert len(world.checkpoints(world.runs[0])) == 4


def test_what_an_ended_program_was_removing_is_removed_by_the_next(world: World) -> None:
    folder = Path(world.runs[0].output_directory) / "checkpoints"
    (folder / "checkpoint-5").rename(folder / ".checkpoint-5.deleted-01234567")
    cleaner, rules = Cleaner(world.look, world.root / "lock"), RetentionRules(keep_last=9)
    plan = cleaner.plan(rules)
    assert [(Path(one.piece.path).name, one.why) for one in plan.going] == [
        (".checkpoint-5.deleted-01234567", "It was left half-made.")
    ]
    assert cleaner.clean(plan, rules).bytes == plan.bytes > 5 * 4096
