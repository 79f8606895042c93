"""Damaged configuration files: 10,000 mutations of real ones, by bytes and by structure.

Each is refused with an AppError, or is a complete configuration that a form shows as it is. The
form is never left between two configurations.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import yaml

from models.domain.config import TrainingConfig
from models.domain.config_io import get_value, settings_index, to_dict, with_values
from models.domain.errors import AppError
from models.domain.validation import validate
from models.qt.form_model import FormModel
from models.qt.setup_words import describe_setup
from models.qt.wording import value_text
from services.config_files import config_of_bytes, config_text, parse_config

pytestmark = pytest.mark.slow
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
MUTATIONS = 10_000
BATCHES = 4
_HOSTILE = (
    b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"&a ", b"*a", b"!!int ", b"!!python/name:os ",
    b"[", b"{", b"]", b"}", b": ", b"- ", b"\n", b"\t", b"'", b'"', b"|\n", b"? ", b"---\n",
    b"...\n", b"%YAML 9.9\n", b"<<: ", b"~", b".nan", b"-.inf", b"0x" + b"f" * 300, b"9" * 5000,
    b"1e999", b"0b_", b"12:30:45", b"2001-99-99", "\u2028\u0085\ufeff".encode(), "🦙".encode(),
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 10**400, float("nan"), float("inf"), -1e308, "", "on", "none", "x",
    "x" * 5000, "a\nb", "\x85", "\u2028", " ", "hf_" + "a1B2" * 8, [], {}, [[[[1]]]],
    {"a": {"b": 1}},
)  # fmt: skip


def _seeds() -> list[TrainingConfig]:
    other: dict[str, object] = {
        "training.target": "Runpod - Pod", "training.skill_level": "Expert",
        "dataset.source": "Hugging Face", "dataset.hf_repo": "me/größer", "hp.max_steps": 20,
        "hp.learning_rate": 3e-5, "hp.early_stopping": 3, "output.directory": "/data/outputs/x y",
    }  # fmt: skip
    return [TrainingConfig(), with_values(TrainingConfig(), other)]


def _mutate_bytes(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        what = rng.randrange(5)
        if what == 0:
            changed[at : at + rng.randint(1, 40)] = b""
        elif what == 1:
            changed[at:at] = rng.choice(_HOSTILE)
        elif what == 2:
            changed[at : at + 1] = bytes([rng.randrange(256)])
        elif what == 3:
            begin = rng.randrange(len(changed) + 1)
            changed[at:at] = changed[begin : begin + rng.randint(1, 200)]
        else:
            del changed[at:]
    return bytes(changed)


def _mutate_structure(rng: random.Random, document: dict[str, Any]) -> bytes:
    changed = copy.deepcopy(document)
    for _ in range(rng.randint(1, 3)):
        sections = [name for name, part in changed.items() if isinstance(part, dict) and part]
        if not sections:
            break
        section = changed[rng.choice(sections)]
        name = rng.choice(list(section))
        what = rng.randrange(6)
        if what == 0:
            section[name] = rng.choice(_VALUES)
        elif what == 1:
            section[rng.choice((str(name)[:-1], "new", 1, None, "a.b"))] = section.pop(name)
        elif what == 2:
            changed[rng.choice(sections)] = rng.choice(_VALUES)
        elif what == 3:
            changed[rng.choice(("extra", "", 7))] = rng.choice(_VALUES)
        elif what == 4:
            changed["version"] = rng.choice(_VALUES)
        else:
            del section[name]
    flow = rng.choice((True, False, None))
    text = yaml.dump(
        changed, Dumper=_DUMPER, sort_keys=False, default_flow_style=flow, allow_unicode=True
    )
    return text.encode()


class _Tally:
    """What became of the files, so that the test itself can be seen to work."""

    def __init__(self) -> None:
        self.refused = self.read = self.changed = self.longest = 0


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_mutated_file_is_refused_or_wholly_read(batch: int) -> None:
    rng = random.Random(f"configurations {batch}")
    seeds = [(config_text(one).encode(), to_dict(one)) for one in _seeds()]
    tally = _Tally()
    form = FormModel()
    begun = with_values(TrainingConfig(), {"hp.seed": 1234})
    form.load(begun, "Begun")
    for number in range(MUTATIONS // BATCHES):
        data, document = rng.choice(seeds)
        by_bytes = number % 2 == 0
        mutated = _mutate_bytes(rng, data) if by_bytes else _mutate_structure(rng, document)
        _load(mutated, form, begun, tally)
    assert tally.longest < 50_000
    assert tally.refused > MUTATIONS // BATCHES // 4
    assert tally.read > MUTATIONS // BATCHES // 20
    assert tally.changed > MUTATIONS // BATCHES // 50


def _load(data: bytes, form: FormModel, begun: TrainingConfig, tally: _Tally) -> None:
    """Import the file into the form as the program does; anything but an AppError ends the test."""
    try:
        config = config_of_bytes(data, "mutated.yaml")
    except AppError as error:
        tally.refused += 1
        tally.longest = max(tally.longest, len(str(error)))
        assert form.user_config == begun
        return
    form.load(config, "Imported")
    try:
        assert form.user_config == form.config == config
        assert not form.is_unsaved
        _is_complete(config)
        tally.read += 1
        tally.changed += config not in _SEEDS
    finally:
        form.load(begun, "Begun")


def _is_complete(config: TrainingConfig) -> None:
    """Every setting has a value of its type that can be shown, checked, told and stored again."""
    for path, info in settings_index().items():
        value = get_value(config, path)
        assert value is None or isinstance(value, (info.kind, int)), path
        assert isinstance(value_text(value), str)
        if info.rule.choices:
            assert value in info.rule.choices
    validate(config)
    describe_setup(config)
    again = parse_config(config_text(config), "again.yaml")
    assert repr(again) == repr(config)  # NaN, too


_SEEDS = _seeds()
