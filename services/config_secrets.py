"""No token or key gets into a saved configuration, an exported file or a run's record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.config_io import get_value, settings_index
from models.domain.errors import ConfigError, Problem
from services.redaction import redact

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig


def secret_problem(path: str, value: object) -> Problem | None:
    """The problem of a text setting that holds a secret; the secret itself is not named.

    No setting is meant for one, but a token is easily pasted into the field beside the right one.
    """
    if not isinstance(value, str) or settings_index()[path].kind is not str:
        return None
    if redact(value) == value:
        return None
    return Problem(
        path,
        "",
        "holds a token or a password, which is never part of a configuration.",
        "Take it out; tokens are set under Settings.",
    )


def secret_problems(config: TrainingConfig) -> list[Problem]:
    """A problem for every setting that holds a secret."""
    found = (secret_problem(path, get_value(config, path)) for path in settings_index())
    return [problem for problem in found if problem is not None]


def refuse_secrets(config: TrainingConfig) -> None:
    """Raise ConfigError naming every setting that holds a secret."""
    if problems := secret_problems(config):
        raise ConfigError(problems)
