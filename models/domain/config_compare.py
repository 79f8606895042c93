"""What differs between the setups of several runs, and between one and the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.availability import is_shown
from models.domain.config import SKILL_EXPERT, TrainingConfig
from models.domain.config_io import get_value, settings_index, with_values
from models.domain.run_history import Difference, dataset_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.domain.config_io import SettingInfo
    from models.domain.run import Run

NOT_USED = "not used"
"""Stands for a setting that means nothing in a run's setup."""
_SHORT_HASH = 8
# What they choose stands in the other settings.
_SAYS_NOTHING = {"training.skill_level", "training.preset"}


def differences(runs: Sequence[Run]) -> list[Difference]:
    """What is not the same in all of these runs, in the order of the settings.

    The dataset is compared by its rows, whatever it was called; after the settings come the
    trainer's code and the image, which may differ with equal settings.
    """
    paths = [path for path in settings_index() if path not in _SAYS_NOTHING]
    found = [_difference(path, runs) for path in paths]
    return [one for one in (*found, *_beyond(runs)) if len(set(one.values)) > 1]


def changed_settings(config: TrainingConfig) -> list[Difference]:
    """The settings that mean something in this setup and are not as they come: value, default."""
    defaults = with_values(
        TrainingConfig(), {path: get_value(config, path) for path in ("training.target",)}
    )
    expert = _as_expert(config)
    return [
        Difference(
            path,
            info.rule.label,
            (value_words(info, get_value(config, path)), value_words(info, info.default)),
        )
        for path, info in settings_index().items()
        if path not in _SAYS_NOTHING
        and is_shown(expert, path)
        and get_value(config, path) != get_value(defaults, path)
    ]


def value_words(info: SettingInfo, value: object) -> str:
    """A setting's value for people: ``on``, ``2e-4``, ``5 %``, ``no limit``."""
    if value is None or value == "":
        return info.rule.none_means or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    text = _number(value) if isinstance(value, float) else str(value)
    return f"{text} {info.rule.unit}" if info.rule.unit else text


def _difference(path: str, runs: Sequence[Run]) -> Difference:
    info = settings_index()[path]
    if path == "dataset.session":
        return Difference(path, info.rule.label, _datasets(runs))
    return Difference(path, info.rule.label, tuple(_words(info, run) for run in runs))


def _words(info: SettingInfo, run: Run) -> str:
    is_used = is_shown(_as_expert(run.config), info.path)
    return value_words(info, get_value(run.config, info.path)) if is_used else NOT_USED


def _datasets(runs: Sequence[Run]) -> tuple[str, ...]:
    """Names, told apart by their rows where different rows have the same name; else alike."""
    known: dict[str, str] = {}
    for run in runs:
        known.setdefault(_rows(run), dataset_name(run) or "none")
    if len(set(known.values())) < len(known):
        known = {rows: f"{name} ({rows[:_SHORT_HASH]})" for rows, name in known.items()}
    return tuple(known[_rows(run)] for run in runs)


def _rows(run: Run) -> str:
    return run.dataset_sha256 or dataset_name(run)


def _beyond(runs: Sequence[Run]) -> Iterator[Difference]:
    codes = tuple(run.trainer_sha256[:_SHORT_HASH] for run in runs)
    if all(codes):
        yield Difference("", "Trainer's code", codes)
    images = tuple(run.image_digest for run in runs)
    if all(images):
        short = tuple(image.rpartition(":")[2][:12] for image in images)
        yield Difference("", "Image's content", short)


def _as_expert(config: TrainingConfig) -> TrainingConfig:
    return with_values(config, {"training.skill_level": SKILL_EXPERT})


def _number(value: float) -> str:
    if 0 < abs(value) < 1e-3:
        mantissa, _, exponent = f"{value:.6e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.10g}"
