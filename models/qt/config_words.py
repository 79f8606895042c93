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
    """The sentence beneath the list, and its tone.

    It has one line whatever the names are: another target's must not move the page.
    """
    current = configs.current
    if selected is not None and (current is None or selected.id != current.id):
        ready = ", ready offline" if configs.is_ready_offline(selected) else ""
        return f"Saved {_when(selected)}{ready}. Load puts it into the form.", NEUTRAL
    if not form.name:
        return "The setup in the form is not saved yet.", NEUTRAL
    if form.is_unsaved:
        return "The loaded setup has changes that are not saved.", UNSAVED
    if current is None:
        return f"Loaded “{form.name}”.", SAVED
    if form.is_enforced("training.target"):
        text = f"Loaded “{current.name}”. It is for {current.target}, and shown for this computer"
        return f"{text} while Offline mode is on.", NEUTRAL
    return f"Loaded, as it was saved {_when(current)}.{_offline(configs, current)}", SAVED


def empty(configs: ConfigsModel) -> str:
    """What stands beneath the list while there is nothing in it."""
    if configs.rowCount():
        return f"No setup is saved for {configs.target} yet."
    return "No setup is saved yet. Save this one to use it again."


def prompt(configs: ConfigsModel) -> str:
    """What the list shows while nothing is selected in it."""
    here = configs.for_target.rowCount()
    elsewhere = configs.rowCount() - here
    if here or not elsewhere:
        return "Choose a saved setup"
    return counted(elsewhere, "setup for the other target", "setups for the other target")


def changed_by_offline(form: FormModel) -> str:
    """What Offline mode makes of a saved setup, where it makes something else of it."""
    changes = []
    if form.is_enforced("dataset.source"):
        changes.append("the dataset comes from the library")
    if form.is_enforced("hp.push_to_hub"):
        changes.append("nothing is pushed to the Hub")
    return f"While Offline mode is on, {' and '.join(changes)}." if changes else ""


def _offline(configs: ConfigsModel, saved: SavedConfig) -> str:
    return " Ready to train offline." if configs.is_ready_offline(saved) else ""


def _when(saved: SavedConfig) -> str:
    moment = when(saved.updated_at)
    return moment.replace("Today", "today at")
