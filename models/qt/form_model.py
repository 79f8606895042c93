"""The setup being edited: values, problems, and whether it differs from what is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.availability import FORCED_OFFLINE, Circumstances
from models.domain.config import SOURCE_SESSION, TrainingConfig
from models.domain.config_io import get_value, parse_value, settings_index, with_values
from models.domain.errors import ConfigError, Problem
from models.qt.target_values import OWN_BY_TARGET, TargetValues

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.qt.datasets_model import DatasetsModel

_TARGET = "training.target"


class FormModel(QObject):
    """One configuration between the form and the controllers.

    Views show what is here and report what the user did; they never hold a value of their own.
    Offline, ``config`` has the enforced values and ``user_config`` those that the user chose.

    Signals:
        reset: any value may have changed; read all of them again.
        value_changed: the path of a value that was edited.
        edited: the path of a value that the user, nobody else, has changed.
        problems_changed: the problems to show are others now.
        title_changed: the name or the unsaved mark changed.
        circumstances_changed: other settings may be disabled now.
        loaded: another configuration stands here.
    """

    reset = Signal()
    value_changed = Signal(str)
    edited = Signal(str)
    problems_changed = Signal()
    title_changed = Signal()
    circumstances_changed = Signal()
    loaded = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._config = TrainingConfig()
        self._saved = self._config
        self._kept: dict[str, object] = {}
        self._by_target = TargetValues()
        self._circumstances = Circumstances()
        self._name = ""
        self._unreadable: dict[str, Problem] = {}
        self._shown: dict[str, Problem] = {}
        self._touched: set[str] = set()
        self._datasets: DatasetsModel | None = None
        self._misfitting: dict[str, Problem] = {}

    @property
    def config(self) -> TrainingConfig:
        """The setup as it would run now; unreadable text leaves the last good value here."""
        return self._config

    @property
    def user_config(self) -> TrainingConfig:
        """The setup as the user chose it, which is what is saved."""
        return with_values(self._config, self._kept) if self._kept else self._config

    @property
    def name(self) -> str:
        """The saved configuration this came from, or the empty string."""
        return self._name

    @property
    def is_unsaved(self) -> bool:
        """Whether saving now would store something else."""
        return self.user_config != self._saved or bool(self._unreadable)

    @property
    def circumstances(self) -> Circumstances:
        """What beyond the setup decides which settings can be used."""
        return self._circumstances

    def is_enforced(self, path: str) -> bool:
        """Whether Offline mode has put another value here than the user's."""
        return path in self._kept

    def is_unreadable(self, path: str) -> bool:
        """Whether the field holds text that is no value; it stands there until it is mended."""
        return path in self._unreadable

    def value(self, path: str) -> object:
        """The value at ``path``."""
        return get_value(self._config, path)

    def problem(self, path: str) -> Problem | None:
        """What is wrong with ``path`` and should be shown now."""
        return self._shown.get(path)

    def problems(self) -> tuple[Problem, ...]:
        """Everything that is shown as wrong, in the order of the settings."""
        order = list(settings_index())
        return tuple(sorted(self._shown.values(), key=lambda one: _place(order, one.field)))

    def edit(self, path: str, value: object) -> None:
        """Take the value a user chose.

        While Offline mode shows another target than the user's, output directory and preset are
        those of the target that is shown: the user's own target has its own.
        """
        self._unreadable.pop(path, None)
        if not (self.is_enforced(_TARGET) and path in OWN_BY_TARGET):
            self._kept.pop(path, None)
        values = {path: value}
        if path == _TARGET:
            values |= self._by_target.switch(self._config, str(value))
            # What was enforced only because of the target is the chosen target's own now.
            self._kept = {kept: v for kept, v in self._kept.items() if kept in FORCED_OFFLINE}
        self._store(values)
        if len(values) > 1:
            self.reset.emit()
        self.edited.emit(path)

    def edit_text(self, path: str, text: str) -> None:
        """Take what a user typed; text that cannot be read becomes a problem beneath the field."""
        try:
            value = parse_value(path, text)
        except ConfigError as error:
            self._unreadable[path] = error.problems[0]
            self._touched.add(path)
            self._check()
            self.title_changed.emit()
        else:
            self.edit(path, value)

    def apply(self, values: dict[str, object]) -> None:
        """Take several values at once (a remedy, a preset), as if the user had edited them."""
        for path in values:
            self._unreadable.pop(path, None)
            self._kept.pop(path, None)
        self._store(values)
        self.reset.emit()

    def apply_enforced(self, values: dict[str, object]) -> None:
        """Take values that follow from Offline mode; the user's own come back with the network."""
        changed = {path: value for path, value in values.items() if self.value(path) != value}
        self._kept = {path: self.value(path) for path in changed} | self._kept
        for path in values:
            self._unreadable.pop(path, None)
        self._store(changed)
        self.reset.emit()

    def set_default(self, path: str, value: object) -> None:
        """Fill a value in for the user: it does not count as edited."""
        self.set_defaults({path: value})

    def set_defaults(self, values: dict[str, object]) -> None:
        """Fill several values in for the user: they do not count as edited."""
        for path in values:
            self._unreadable.pop(path, None)
        is_unsaved = self.is_unsaved
        self._config = with_values(self._config, values)
        if not is_unsaved:
            self._saved = self.user_config
        self.reset.emit()
        self._check()

    def set_circumstances(self, circumstances: Circumstances) -> None:
        """Take what can be used now; going offline enforces, leaving it brings back."""
        before, self._circumstances = self._circumstances, circumstances
        if circumstances.offline and not before.offline:
            self._enforce()
        elif before.offline and not circumstances.offline:
            self._bring_back()
        if circumstances.gpu_count != before.gpu_count:
            self._check()
        if circumstances != before:
            self.circumstances_changed.emit()

    def set_datasets(self, datasets: DatasetsModel) -> None:
        """Take where the chosen dataset can be looked up."""
        self._datasets = datasets
        for changed in (datasets.modelReset, datasets.rowsInserted, datasets.rowsRemoved):
            changed.connect(self._on_datasets_changed)

    def load(self, config: TrainingConfig, name: str = "") -> None:
        """Show a saved configuration; it counts as saved under ``name``."""
        self._config = self._saved = config
        self._kept = {}
        self._by_target = TargetValues()
        self._name = name
        self._unreadable.clear()
        self._touched = _differing(config)
        if self._circumstances.offline:
            self._enforce()
        self.reset.emit()
        self._check()
        self.title_changed.emit()
        self.loaded.emit()

    def mark_saved(self, name: str, config: TrainingConfig) -> None:
        """Remember that ``config`` is what is stored under ``name``."""
        self._name = name
        self._saved = config
        self.title_changed.emit()

    def check_all(self) -> tuple[Problem, ...]:
        """Check every field as if each had been edited; returns all problems, and shows them."""
        self._touched = set(settings_index())
        self._check()
        return self.problems()

    def show_problems(self, problems: Iterable[Problem]) -> None:
        """Show what a service found wrong; it goes with the next edit, which may have mended it."""
        self._touched |= {problem.field for problem in problems}
        self._set_shown({problem.field: problem for problem in problems} | self._unreadable)

    def _enforce(self) -> None:
        forced = {p: v for p, v in FORCED_OFFLINE.items() if self.value(p) != v}
        if _TARGET in forced:
            forced |= self._by_target.switch(self._config, str(forced[_TARGET]))
        self.apply_enforced(forced)

    def _bring_back(self) -> None:
        kept, self._kept = self._kept, {}
        if _TARGET in kept:
            self._by_target.switch(self._config, str(kept[_TARGET]))
        for path in kept:
            self._unreadable.pop(path, None)
        self._config = with_values(self._config, kept)
        self.reset.emit()
        self._check()
        self.title_changed.emit()

    def _store(self, values: dict[str, object]) -> None:
        self._config = with_values(self._config, values)
        self._touched |= values.keys()
        for path in values:
            self.value_changed.emit(path)
        self._check()
        self.title_changed.emit()

    @Slot()
    def _on_datasets_changed(self) -> None:
        """Look again only where it matters: what a service found stays until the next edit."""
        if self._misfits() != self._misfitting:
            self._check()

    def _check(self) -> None:
        # Not for the first frame.
        from models.domain.processes import processes_of
        from models.domain.validation import validate

        gpus = self._circumstances.gpu_count
        problems = validate(self._config, processes_of(self._config, gpus))
        found = {problem.field: problem for problem in reversed(problems)}
        shown = {path: problem for path, problem in found.items() if path in self._touched}
        self._misfitting = self._misfits()
        self._set_shown(self._misfitting | shown | self._unreadable)

    def _misfits(self) -> dict[str, Problem]:
        """Where method and rows do not go together; shown though neither was touched: both are
        known, and Start would say it."""
        from models.domain.validation import dataset_problems

        dataset = self._config.dataset
        if self._datasets is None or dataset.source != SOURCE_SESSION:
            return {}
        session = self._datasets.by_reference(dataset.session)
        problems = [] if session is None else dataset_problems(self._config, session.format)
        return {problem.field: problem for problem in problems}

    def _set_shown(self, problems: dict[str, Problem]) -> None:
        if problems != self._shown:
            self._shown = problems
            self.problems_changed.emit()


def _place(order: list[str], path: str) -> int:
    return order.index(path) if path in order else len(order)


def _differing(config: TrainingConfig) -> set[str]:
    return {
        path for path, info in settings_index().items() if get_value(config, path) != info.default
    }
