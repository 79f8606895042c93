"""What is said of a base model in tables, beneath them, and in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.cached_model import ModelPlace, ModelState
from models.domain.model_fit import Fit
from models.qt.wording import counted, memory, size, when

if TYPE_CHECKING:
    from models.domain.cached_model import CachedModel, ModelCheck
    from models.domain.model_fit import ModelFit

NOTHING = "–"
_BILLION, _MILLION = 1_000_000_000, 1_000_000
_MOST_NAMES = 4
_STATES = {
    ModelState.MISSING: "Not here",
    ModelState.PARTIAL: "Incomplete",
    ModelState.COMPLETE: "Complete",
    ModelState.DAMAGED: "Damaged",
}
_TONES = {
    ModelState.MISSING: "quiet",
    ModelState.PARTIAL: "live",
    ModelState.COMPLETE: "good",
    ModelState.DAMAGED: "bad",
}
_FITS = {Fit.FITS: "Yes", Fit.TIGHT: "Tight", Fit.TOO_LARGE: "No"}


def parameter_words(model: CachedModel) -> str:
    """``8.0 B``, ``135 M``."""
    count = model.parameters
    if not count:
        return NOTHING
    return f"{count / _BILLION:.1f} B" if count >= _BILLION else f"{count / _MILLION:.0f} M"


def access_words(model: CachedModel) -> str:
    """Whether a token is needed for it."""
    if not model.is_repo:
        return NOTHING
    return "Gated" if model.gated else "Open"


def size_words(model: CachedModel) -> str:
    """What it takes, or would take; of a part of it, of how much."""
    if not model.is_here and model.bytes_whole:
        return size(model.bytes_whole)
    if not model.is_here:
        return f"about {size(model.bytes_expected)}" if model.bytes_expected else NOTHING
    if model.state is ModelState.PARTIAL and model.bytes_whole:
        return f"{size(model.bytes_on_disk)} of {size(model.bytes_whole)}"
    return size(model.bytes_on_disk)


def state_words(model: CachedModel) -> str:
    """How much of it is here. What other programs have is whole, but not where trainings look."""
    if model.state is ModelState.COMPLETE and model.where is ModelPlace.SHARED:
        return "In another cache"
    return _STATES[model.state]


def state_tone(model: CachedModel) -> str:
    """The tone of its state."""
    if model.where is ModelPlace.SHARED and model.state is ModelState.COMPLETE:
        return "live"
    return _TONES[model.state]


def fit_words(fit: ModelFit) -> str:
    """``Yes, 6.2 GB``."""
    if fit.fit is Fit.UNKNOWN:
        return NOTHING
    return f"{_FITS[fit.fit]}, {memory(fit.needed)}"


def facts(model: CachedModel) -> tuple[tuple[str, str], ...]:
    """Everything that is known of a model but its name, as pairs of label and words."""
    checked = when(model.checked_at) if model.checked_at else ""
    pairs = (
        ("Parameters", parameter_words(model)),
        ("Licence", model.licence or NOTHING),
        ("Access", access_words(model)),
        ("Size", size_words(model)),
        ("Revision", model.revision[:12]),
        ("Checked", checked),
        ("Where", model.place),
    )
    return tuple(pair for pair in pairs if pair[1] and pair[1] != NOTHING)


def trouble(model: CachedModel) -> str:
    """What is wrong with a model and what to do about it; empty where nothing is."""
    if model.damaged:
        verb = "is" if len(model.damaged) == 1 else "are"
        words = f"{_names(model.damaged)} {verb} damaged."
        return f"{words} Repairing fetches only that." if model.is_repo else words
    if model.missing and model.is_here:
        verb = "is" if len(model.missing) == 1 else "are"
        words = f"{_names(model.missing)} {verb} missing."
        return f"{words} The download goes on from what is here." if model.is_repo else words
    if model.where is ModelPlace.SHARED:
        return (
            "Other programs keep it in the Hugging Face cache. Download links it for trainings: "
            "it takes no more room and nothing is fetched twice."
        )
    if model.gated and not model.is_here:
        return f"Accept its conditions on huggingface.co/{model.repo_id_or_path}, and set a token."
    return ""


def removed_words(model: CachedModel, freed: int) -> str:
    """What became of a model that was removed, as the rest of a sentence."""
    if model.is_added:
        return "no longer listed; its files are as they were"
    if not freed:
        return "removed; nothing is freed, for its files are kept elsewhere"
    if freed < model.bytes_on_disk:
        return f"removed; {size(freed)} freed, the rest is shared with other programs"
    return f"removed; {size(freed)} freed"


def check_words(check: ModelCheck) -> str:
    """What a check found, in a sentence."""
    name, lacks = check.model.repo_id_or_path, check.model.missing
    words = []
    if check.damaged:
        words.append(f"{name} is damaged: {_names(check.damaged)}.")
    if lacks:
        words.append(f"{name} is not whole: {_names(lacks)} missing.")
    if check.unknown:
        files = counted(len(check.unknown), "file")
        words.append(f"Of {files} no hash is known here; they look whole.")
    return " ".join(words) or f"{name} is whole: {counted(check.checked, 'file')} checked."


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return shown if more <= 0 else f"{shown} and {counted(more, 'more file')}"
