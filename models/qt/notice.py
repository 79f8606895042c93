"""What the program tells the user in a banner: one sentence, the next step, perhaps a button."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """``tone`` is info, good, warning or bad; ``action`` names what the button does.

    Actions are words that the window knows (``setup_runtime``, ``import_dataset``); none, no
    button. ``topic`` lets a later notice of the same topic replace or withdraw this one.
    """

    title: str
    text: str = ""
    tone: str = "info"
    action: str = ""
    action_label: str = ""
    topic: str = ""
    details: str = ""
