"""Everything that may be missing for a start is said before it, at once, each with its remedy.

The program's own services, a real disk, a real Hub's answers over HTTP; the container engine is one
that is not there, the images' part is in ``tests/docker/test_image_preflight.py``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from models.domain.config import (
    RUNTIME_DOCKER,
    SOURCE_HUB,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import get_value, with_values
from models.domain.errors import ConfigError, Fix, Problem
from models.domain.start_fixes import (
    CHOOSE_DATASET,
    CHOOSE_FOLDER,
    CHOOSE_MODEL,
    GO_ONLINE,
    OPEN_SETTINGS,
)
from tests.integration import start_world
from tests.integration.start_world import (
    GATED,
    GGUF,
    GIGABYTE,
    NOT_GRANTED,
    OPEN,
    SECONDS,
    World,
    choose,
    timed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

world = start_world.world


@dataclass(frozen=True)
class Missing:
    """One thing that is not there, where that is told, with which words and which button.

    ``aspects`` are what of the setup it decides: two that share one do not go together.
    """

    take_away: Callable[[World], None]
    field: str
    says: str
    button: str
    does: str = ""
    aspects: frozenset[str] = frozenset()


def _offline(**values: object) -> Callable[[World], None]:
    def take(world: World) -> None:
        world.policy.offline = True
        choose(**values)(world)

    return take


def _world(name: str, value: object, **values: object) -> Callable[[World], None]:
    def take(world: World) -> None:
        setattr(world, name, value)
        choose(**values)(world)

    return take


def _file_in_the_way(world: World) -> None:
    (world.home / "file").write_text("")
    world.values["local.host_data_dir"] = str(world.home / "file" / "data")
    if world.values["hp.base_model"] == "/data/models/mine":  # which would be gone with it
        world.values["hp.base_model"] = OPEN


def _without_tokenizer(world: World) -> None:
    (world.home / "data" / "models" / "mine" / "tokenizer.json").unlink()


def _rows_gone(world: World) -> None:
    library = world.service.starter._library
    (world.home / "more.jsonl").write_text('{"question": "q", "answer": "a"}\n')
    session = library.import_file(world.home / "more.jsonl", name="More")
    library.rows_file(session).unlink()
    world.values["dataset.session"] = str(session.id)


def _file_among_outputs(world: World) -> None:
    outputs = world.home / "data" / "outputs"
    outputs.mkdir(parents=True)
    (outputs / "notes").write_text("")
    world.values["output.directory"] = "/data/outputs/notes/mine"


def _is(*names: str) -> frozenset[str]:
    return frozenset(names)


MISSING: dict[str, Missing] = {
    "no dataset": Missing(
        choose(dataset__session=""), "dataset.session", "is not chosen", "Choose a dataset…",
        CHOOSE_DATASET, _is("data"),
    ),
    "dataset gone": Missing(
        choose(dataset__session="77"), "dataset.session", "no dataset", "Choose a dataset…",
        CHOOSE_DATASET, _is("data"),
    ),
    "split gone": Missing(
        choose(dataset__eval_split="validation"), "dataset.eval_split", "is no split",
        "Hold out a share instead", aspects=_is("data"),
    ),
    "dataset of the Hub, offline": Missing(
        _offline(dataset__source=SOURCE_HUB, dataset__hf_repo="org/rows"), "dataset.source",
        "Offline mode is on", "Turn Offline mode off", GO_ONLINE, _is("data", "offline"),
    ),
    "model not here, offline": Missing(
        _offline(hp__base_model=OPEN), "hp.base_model", "is not on this computer",
        "Turn Offline mode off", GO_ONLINE, _is("model", "offline"),
    ),
    "model gated, no token": Missing(
        _world("token", None, hp__base_model=GATED), "hp.base_model", "is gated",
        "Set a token…", OPEN_SETTINGS, _is("model", "token", "online"),
    ),
    "model gated, not granted": Missing(
        choose(hp__base_model=NOT_GRANTED), "hp.base_model", "has not granted your token",
        "Choose another model…", CHOOSE_MODEL, _is("model", "token", "online"),
    ),
    "model gated, token kept back": Missing(
        choose(hp__base_model=GATED), "local.pass_hf_token", "must be on", "Pass it",
        aspects=_is("model", "token", "online"),
    ),
    "model's folder gone": Missing(
        choose(hp__base_model="/data/models/gone"), "hp.base_model", "There is no folder",
        "Choose another model…", CHOOSE_MODEL, _is("model"),
    ),
    "folder that is no model": Missing(
        choose(hp__base_model="/data/models"), "hp.base_model", "holds no config.json",
        "Choose another model…", CHOOSE_MODEL, _is("model"),
    ),
    "model that is not on the Hub": Missing(
        choose(hp__base_model="org/tyop"), "hp.base_model", "is not on Hugging Face",
        "Choose another model…", CHOOSE_MODEL, _is("model", "online"),
    ),
    "model for running only": Missing(
        choose(hp__base_model=GGUF), "hp.base_model", "holds no weights",
        "Choose another model…", CHOOSE_MODEL, _is("model", "online"),
    ),
    "model without its tokenizer": Missing(
        _without_tokenizer, "hp.base_model", "it has no tokenizer.json", "Choose another model…",
        CHOOSE_MODEL, _is("model"),
    ),
    "checkpoint gone": Missing(
        choose(hp__resume_from="/data/outputs/before/checkpoints/checkpoint-4"), "hp.resume_from",
        "There is no checkpoint", "Leave it empty", aspects=_is("checkpoint"),
    ),
    "rows gone": Missing(
        _rows_gone, "dataset.session", "has lost its rows", "Choose a dataset…", CHOOSE_DATASET,
        _is("data"),
    ),
    "file in the way of the output": Missing(
        _file_among_outputs, "output.directory", "is a file", "Use the usual one",
        aspects=_is("folder"),
    ),
    "upload, offline": Missing(
        _offline(hp__push_to_hub=True, hp__hub_repo="me/mine"), "hp.push_to_hub",
        "Offline mode is on", "Do not upload", aspects=_is("push", "offline"),
    ),
    "upload, no token": Missing(
        _world("token", None, hp__push_to_hub=True, hp__hub_repo="me/mine",
               local__pass_hf_token=True),
        "hp.push_to_hub", "none is set", "Set a token…", OPEN_SETTINGS,
        _is("push", "token", "online"),
    ),
    "token to pass, none set": Missing(
        _world("token", None, local__pass_hf_token=True), "local.pass_hf_token", "none is set",
        "Set a token…", OPEN_SETTINGS, _is("token", "push", "online"),
    ),
    "data folder cannot be": Missing(
        _file_in_the_way, "local.host_data_dir", "cannot be written", "Use Temper's own folder",
        aspects=_is("folder", "online"),
    ),
    "no room for all checkpoints": Missing(
        _world("free", 25 * GIGABYTE), "hp.save_total_limit", "may fill this disk", "Keep 1",
        aspects=_is("folder"),
    ),
    "no room for one checkpoint": Missing(
        _world("free", 5 * GIGABYTE), "local.host_data_dir", "has too little room",
        "Choose a folder…", CHOOSE_FOLDER, _is("folder"),
    ),
    "GPU that is not there": Missing(
        choose(local__gpu_devices="0,5"), "local.gpu_devices", "not there: 5", "Use all",
        aspects=_is("runtime"),
    ),
    "no container engine": Missing(
        choose(local__runtime=RUNTIME_DOCKER, local__image="temper-trainer:1"), "local.runtime",
        "cannot be used", "Use Python on this computer", aspects=_is("runtime"),
    ),
    "no key for pods": Missing(
        choose(training__target=TARGET_RUNPOD, runpod__volume_name="v", runpod__template_name="t"),
        "training.target", "needs a Runpod API key", "Set a key…", OPEN_SETTINGS,
        _is("runtime", "push", "online", "token", "folder"),
    ),
}  # fmt: skip


def test_nothing_is_missing_where_all_is_there(world: World) -> None:
    assert world.problems() == []


@pytest.mark.parametrize("name", MISSING)
def test_each_thing_that_is_missing_refuses_by_itself_with_a_remedy_that_works(
    world: World, name: str
) -> None:
    missing = MISSING[name]
    missing.take_away(world)

    found, seconds = timed(world)

    assert seconds < SECONDS
    (problem,) = found
    _is_told(missing, problem)
    with pytest.raises(ConfigError):  # the start itself says the same
        world.service.start(with_values(TrainingConfig(), world.values))
    assert world.service.list() == []
    _press(world, problem.fix)
    assert [one.field for one in world.problems()] == []


def _press(world: World, fix: Fix | None) -> None:
    """What the button changes; for one that opens something, what a person does there."""
    assert fix is not None
    config = with_values(TrainingConfig(), world.values)
    for path, value in fix.values:
        get_value(config, path)  # it is a setting
        world.values[path] = value
    if fix.does == GO_ONLINE:
        world.policy.offline = False
        world.values["dataset.source"] = TrainingConfig().dataset.source
    elif fix.does == CHOOSE_DATASET:
        world.values["dataset.session"] = "1"
    elif fix.does == CHOOSE_MODEL:
        world.values["hp.base_model"] = OPEN
    elif fix.does == CHOOSE_FOLDER:
        world.free = 100 * GIGABYTE
        world.values["local.host_data_dir"] = str(world.home / "elsewhere")
        world.values["hp.base_model"] = OPEN
    elif fix.does == OPEN_SETTINGS:
        world.token = "hf_granted"
        world.values |= {"training.target": TARGET_LOCAL, "local.pass_hf_token": True}


def _trios() -> Iterator[tuple[str, str, str]]:
    """Three at a time that can be missing at once; each thing is in one at least."""
    missing, seen = MISSING, set()
    for trio in itertools.combinations(missing, 3):
        aspects = [missing[name].aspects for name in trio]
        together = frozenset().union(*aspects)
        clash = sum(map(len, aspects)) != len(together) or {"offline", "online"} <= together
        if not clash and not {*trio} <= seen:
            seen |= {*trio}
            yield trio


@pytest.mark.parametrize("trio", [*_trios()], ids=" + ".join)
def test_three_that_are_missing_are_said_at_once(world: World, trio: tuple[str, ...]) -> None:
    for name in trio:
        MISSING[name].take_away(world)

    found, seconds = timed(world)

    assert seconds < SECONDS
    by_field = {problem.field: problem for problem in found}
    assert by_field.keys() == {MISSING[name].field for name in trio}
    for name in trio:
        _is_told(MISSING[name], by_field[MISSING[name].field])


def _is_told(missing: Missing, problem: Problem) -> None:
    assert problem.field == missing.field
    assert missing.says in problem.message
    assert problem.fix is not None
    assert (problem.fix.label, problem.fix.does) == (missing.button, missing.does)
