"""Random configurations, made from the settings' own descriptions."""

from __future__ import annotations

from hypothesis import strategies as st

from models.domain.config import TrainingConfig
from models.domain.config_io import SettingInfo, settings_index, with_values
from models.domain.settings_spec import LARGEST_INTEGER

_BY_KIND: dict[type, st.SearchStrategy[object]] = {
    bool: st.booleans(),
    int: st.integers(-LARGEST_INTEGER, LARGEST_INTEGER),
    float: st.floats(allow_nan=False),  # NaN equals nothing, so nothing could be compared
    str: st.text(max_size=40),
}


def setting_values(info: SettingInfo) -> st.SearchStrategy[object]:
    """Everything a form can hold, also outside of a setting's range: it may save what Start
    refuses. Of choices it can hold no other than those it offers.
    """
    choices = info.rule.choices
    values = st.sampled_from(choices) if choices else _BY_KIND[info.kind]
    return st.none() | values if info.rule.optional else values


def configurations() -> st.SearchStrategy[TrainingConfig]:
    """Configurations with random values in every setting."""
    values = {path: setting_values(info) for path, info in settings_index().items()}
    return st.fixed_dictionaries(values).map(lambda made: with_values(TrainingConfig(), made))
