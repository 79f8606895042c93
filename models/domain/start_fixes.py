"""What a button beside a problem of a start asks the window for, where no setting is changed."""

from __future__ import annotations

from models.domain.errors import Fix, Problem

GO_ONLINE = "go_online"
OPEN_SETTINGS = "open_settings"
CHOOSE_DATASET = "choose_dataset"
CHOOSE_FOLDER = "choose_folder"
CHOOSE_MODEL = "choose_model"
OPEN_MODELS = "open_models"

TURN_OFFLINE_OFF = Fix("Turn Offline mode off", does=GO_ONLINE)
SET_TOKEN = Fix("Set a token…", does=OPEN_SETTINGS)
SET_KEY = Fix("Set a key…", does=OPEN_SETTINGS)
ANOTHER_DATASET = Fix("Choose a dataset…", does=CHOOSE_DATASET)
ANOTHER_FOLDER = Fix("Choose a folder…", does=CHOOSE_FOLDER)
SHOW_MODELS = Fix("Open Models", does=OPEN_MODELS)
ANOTHER_MODEL = Fix("Choose another model…", does=CHOOSE_MODEL)
DEFAULT_FOLDER = Fix("Use Temper's own folder", (("local.host_data_dir", ""),))
"""Where a folder of the user's own choice cannot be used."""


def pass_token(why: str) -> Problem:
    """What must be on for a training on this computer to fetch something; ``why``: a clause."""
    field = "local.pass_hf_token"
    fix = Fix("Pass it", ((field, True),))
    message = f"must be on: {why}, and comes only with your token."
    return Problem(field, "", message, "Tick it.", fix=fix)
