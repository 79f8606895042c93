"""Random configurations, made from the settings' own descriptions."""

from __future__ import annotations

from hypothesis import strategies as st

from models.domain.config import TrainingConfig
from models.domain.config_io import SettingInfo, settings_index, with_values

_BY_KIND: dict[type, st.SearchStrategy[object]] = {
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False),  # NaN equals nothing, so nothing could be compared
    str: st.text(max_size=40),
}


def setting_values(info: SettingInfo) -> st.SearchStrategy[object]:
    """Values of the setting's type, also outside its range: a form may save what Start refuses."""
    values = _BY_KIND[info.kind]
    if info.rule.choices:
        values = st.sampled_from(info.rule.choices) | values
    return st.none() | values if info.rule.optional else values


def configurations() -> st.SearchStrategy[TrainingConfig]:
    """Configurations with random values in every setting."""
    values = {path: setting_values(info) for path, info in settings_index().items()}
    return st.fixed_dictionaries(values).map(lambda made: with_values(TrainingConfig(), made))
