"""How the form's setup and the saved ones stand to each other, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.qt.wording import counted, when

if TYPE_CHECKING:
    from models.domain.dataset import SavedConfig
    from models.qt.configs_model import ConfigsModel
    from models.qt.form_model import FormModel

UNSAVED, SAVED, NEUTRAL = "warning", "good", ""
"""Tones of the sentence."""


def status(form: FormModel, configs: ConfigsModel, selected: SavedConfig | None) -> tuple[str, str]:
    """The sentence beneath the list, and its tone."""
    current = configs.current
    if selected is not None and (current is None or selected.id != current.id):
        return f"“{selected.name}” was saved {_when(selected)}. Load puts it into the form.", ""
    if not form.name:
        return "The setup in the form is not saved yet.", NEUTRAL
    if form.is_unsaved:
        return f"“{form.name}” has changes that are not saved.", UNSAVED
    if current is None:
        return f"Loaded “{form.name}”.", SAVED
    if form.is_enforced("training.target"):
        text = f"Loaded “{current.name}”. It is for {current.target}, and shown for this computer"
        return f"{text} while Offline mode is on.", NEUTRAL
    return f"Loaded “{current.name}”, saved {_when(current)}.", SAVED


def empty(configs: ConfigsModel) -> str:
    """What stands in place of the list while there is nothing in it."""
    elsewhere = configs.rowCount() - configs.for_target.rowCount()
    text = f"No saved setup for {configs.target} yet. Save this one to use it again."
    if elsewhere:
        return f"{text} {counted(elsewhere, 'setup is', 'setups are')} saved for the other target."
    return text


def changed_by_offline(form: FormModel) -> str:
    """What Offline mode makes of a saved setup, where it makes something else of it."""
    changes = []
    if form.is_enforced("dataset.source"):
        changes.append("the dataset comes from the library")
    if form.is_enforced("hp.push_to_hub"):
        changes.append("nothing is pushed to the Hub")
    return f"While Offline mode is on, {' and '.join(changes)}." if changes else ""


def _when(saved: SavedConfig) -> str:
    moment = when(saved.updated_at)
    return moment.replace("Today", "today at")
