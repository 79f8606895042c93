"""The form under whatever order of edits, switches, saves, loads and changes of the network."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from controllers.preset_controller import PresetController
from models.domain.availability import FORCED_OFFLINE, Circumstances
from models.domain.config import (
    OUTPUT_DIRECTORIES,
    PRESETS,
    SKILL_BEGINNER,
    SKILL_EXPERT,
    SOURCE_HUB,
    SOURCE_SESSION,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import get_value, settings_index, with_values
from models.domain.hardware import Gpu, Hardware
from models.qt.app_models import AppModels
from models.qt.form_model import FormModel
from models.qt.target_values import OWN_BY_TARGET
from tests.strategies.configurations import configurations, setting_values

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("qapp")]
GIB = 1024**3
ONLINE = Circumstances(has_hf_token=True, has_runpod_key=True)
OFFLINE = Circumstances(offline=True, has_hf_token=True, has_runpod_key=True)
TARGETS = (TARGET_LOCAL, TARGET_RUNPOD)
PRESET_PATHS = ("hp.learning_rate", "hp.batch_size", "hp.grad_accum", "hp.max_steps", "hp.packing")
PLAIN = sorted(settings_index().keys() - FORCED_OFFLINE.keys() - set(OWN_BY_TARGET))
CARD = Hardware((Gpu(0, "Card", 24 * GIB, 22 * GIB),), 64 * GIB, 50 * GIB, probed=True)


def _value_of(path: str) -> st.SearchStrategy[tuple[str, object]]:
    return setting_values(settings_index()[path]).map(lambda value: (path, value))


def _with_fitting_preset(config: TrainingConfig) -> TrainingConfig:
    """As a form can hold it: the preset is one of the target's."""
    offered = PRESETS[config.training.target]
    if config.training.preset in offered:
        return config
    return with_values(config, {"training.preset": offered[0]})


plain_edits = st.sampled_from(PLAIN).flatmap(_value_of)
enforced = st.fixed_dictionaries(
    {path: setting_values(settings_index()[path]) for path in PRESET_PATHS}
)
setups = configurations().map(_with_fitting_preset)


class FormMachine(RuleBasedStateMachine):
    """The form beside a plain account of what the user chose and what Offline mode lays over it."""

    def __init__(self) -> None:
        super().__init__()
        self.form = FormModel()
        self._begin(TrainingConfig())
        self.offline = False

    def _begin(self, config: TrainingConfig) -> None:
        self.user = self.saved = config
        self.over: dict[str, object] = {}
        self.own: dict[str, dict[str, object]] = {
            target: {"output.directory": folder, "training.preset": PRESETS[target][0]}
            for target, folder in OUTPUT_DIRECTORIES.items()
        }

    @property
    def is_forced(self) -> bool:
        """Whether Offline mode shows another target than the user's."""
        return self.offline and self.user.training.target != TARGET_LOCAL

    def _shown(self) -> TrainingConfig:
        if not self.offline:
            return self.user
        local = self.own[TARGET_LOCAL] if self.is_forced else {}
        return with_values(self.user, {**FORCED_OFFLINE, **local, **self.over})

    def _choose(self, values: dict[str, object]) -> None:
        self.user = with_values(self.user, values)
        for path in values:
            self.over.pop(path, None)

    @rule(edit=plain_edits)
    def edit(self, edit: tuple[str, object]) -> None:
        self.form.edit(*edit)
        self._choose(dict([edit]))

    @rule(edits=st.lists(plain_edits, min_size=1, max_size=4))
    def apply_several(self, edits: list[tuple[str, object]]) -> None:
        self.form.apply(dict(edits))
        self._choose(dict(edits))

    @rule(number=st.integers(0, 1), name=st.text("abc", min_size=1, max_size=3))
    def edit_what_each_target_has(self, number: int, name: str) -> None:
        shown = self._shown().training.target
        values = {
            "output.directory": f"/data/outputs/{name}",
            "training.preset": PRESETS[shown][number],
        }
        for path, value in values.items():
            self.form.edit(path, value)
        if self.is_forced:
            self.own[TARGET_LOCAL] = dict(values)
        else:
            self._choose(dict(values))

    @rule(chosen=st.sampled_from(TARGETS))
    def switch_target(self, chosen: str) -> None:
        if self.offline and chosen != TARGET_LOCAL:
            return  # cannot be chosen
        self.form.edit("training.target", chosen)
        was = self.user.training.target
        self.own[was] = {path: get_value(self.user, path) for path in OWN_BY_TARGET}
        self.user = with_values(
            self.user, {"training.target": chosen, **self.own[chosen], **self.over}
        )
        self.over = {}

    @rule(source=st.sampled_from([SOURCE_SESSION, SOURCE_HUB]))
    def choose_source(self, source: str) -> None:
        if self.offline and source == SOURCE_HUB:
            return
        self.form.edit("dataset.source", source)
        self._choose({"dataset.source": source})

    @precondition(lambda self: not self.offline)
    @rule(push=st.booleans())
    def choose_push(self, push: bool) -> None:
        self.form.edit("hp.push_to_hub", push)
        self._choose({"hp.push_to_hub": push})

    @precondition(lambda self: self.is_forced)
    @rule(values=enforced)
    def enforce_more(self, values: dict[str, object]) -> None:
        self.form.apply_enforced(values)
        self.over |= values

    @rule(session=st.text("abc", max_size=2))
    def fill_in(self, session: str) -> None:
        was_unsaved = self.user != self.saved
        self.form.set_default("dataset.session", session)
        self.user = with_values(self.user, {"dataset.session": session})
        if not was_unsaved:
            self.saved = self.user

    @rule()
    def go_offline(self) -> None:
        self.form.set_circumstances(OFFLINE)
        self.offline = True

    @rule()
    def go_online(self) -> None:
        self.form.set_circumstances(ONLINE)
        self.offline = False
        self.over = {}

    @rule(config=setups)
    def load(self, config: TrainingConfig) -> None:
        self.form.load(config, "Mine")
        self._begin(config)

    @rule()
    def save(self) -> None:
        """What is written is the user's; nothing of it is forced."""
        self.form.mark_saved("Mine", self.form.user_config)
        self.saved = self.user

    @invariant()
    def holds(self) -> None:
        assert self.form.user_config == self.user
        assert self.form.config == self._shown()
        assert self.form.is_unsaved == (self.user != self.saved)
        assert self.form.user_config.training.preset in PRESETS[self.user.training.target]
        if self.offline:
            assert all(self.form.value(path) == v for path, v in FORCED_OFFLINE.items())
        else:
            assert self.form.config == self.form.user_config


class TestTheForm(FormMachine.TestCase):  # type: ignore[misc,valid-type]
    settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


class PresetMachine(RuleBasedStateMachine):
    """Presets over the form, while the computer is known early, late, or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.models = AppModels()
        self.models.complete()
        self.form = self.models.form
        self.suggested: list[str] = []
        self.controller = PresetController(self.models, self.models)
        self.controller.begin()

    def _expect_applied(self) -> None:
        """In full, or waiting to be."""
        assert self.models.preset.modified == ()

    @rule(level=st.sampled_from([SKILL_BEGINNER, SKILL_EXPERT]))
    def choose_skill(self, level: str) -> None:
        self.form.edit("training.skill_level", level)
        self._expect_applied()

    @rule(number=st.integers(0, 1))
    def choose_preset(self, number: int) -> None:
        self.form.edit("training.preset", PRESETS[self.form.config.training.target][number])
        self._expect_applied()

    @rule(chosen=st.sampled_from(TARGETS))
    def choose_target(self, chosen: str) -> None:
        if not (self.form.circumstances.offline and chosen == TARGET_RUNPOD):
            self.form.edit("training.target", chosen)
            self._expect_applied()

    @rule(packing=st.booleans(), batch=st.integers(1, 9))
    def change_by_hand(self, packing: bool, batch: int) -> None:
        self.form.edit("hp.packing", packing)
        self.form.edit("hp.batch_size", batch)

    @rule(offline=st.booleans())
    def change_network(self, offline: bool) -> None:
        before, was_offline = self.form.user_config, self.form.circumstances.offline
        self.form.set_circumstances(OFFLINE if offline else ONLINE)
        assert self.form.user_config == before
        if offline and not was_offline and self.form.is_enforced("training.target"):
            self._expect_applied()

    @rule(known=st.booleans())
    def look_at_the_computer(self, known: bool) -> None:
        self.models.hardware.set_hardware(CARD if known else Hardware())
        self.models.hardware.set_shape(self.form.config.hp.base_model, None, "not known")

    @rule(config=setups)
    def load(self, config: TrainingConfig) -> None:
        """Its values win over every preset."""
        self.form.load(config, "Mine")
        assert self.form.user_config == config
        assert not self.form.is_unsaved

    @invariant()
    def each_target_has_its_own_preset(self) -> None:
        for config in (self.form.config, self.form.user_config):
            assert config.training.preset in PRESETS[config.training.target]

    @invariant()
    def the_line_is_of_the_chosen_preset(self) -> None:
        preset, is_waiting = self.models.preset.result, "Looking" in self.models.preset.line
        is_beginner = self.form.config.training.skill_level == SKILL_BEGINNER
        if is_beginner and not is_waiting:
            assert preset is not None
            assert preset.preset == self.form.config.training.preset

    @invariant()
    def nothing_is_enforced_online(self) -> None:
        if not self.form.circumstances.offline:
            assert self.form.config == self.form.user_config


class TestThePresets(PresetMachine.TestCase):  # type: ignore[misc,valid-type]
    settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@settings(max_examples=40, deadline=None)
@given(config=setups, edits=st.lists(plain_edits, max_size=5), saves=st.booleans())
def test_offline_and_back_keeps_what_the_user_had_but_for_what_was_edited(
    config: TrainingConfig, edits: list[tuple[str, Any]], saves: bool
) -> None:
    form = FormModel()
    form.load(config, "Mine")
    form.set_circumstances(OFFLINE)
    for path, value in edits:
        form.edit(path, value)
    wanted = with_values(config, dict(edits))
    if saves:
        form.mark_saved("Mine", form.user_config)
    form.set_circumstances(ONLINE)
    assert form.config == wanted
    assert form.is_unsaved == (not saves and wanted != config)
