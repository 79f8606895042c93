"""``temper chat`` in the middle of a conversation, with a stand-in for the model: ``CODE HOME``."""

import sys
from pathlib import Path

from app.cli.asking import Asker
from app.cli.chat import converse
from models.domain.inference import BASE, INFERENCE_PRESETS, TUNED, InferenceRequest, TunedModel
from services.inference_engine import InferenceEngine
from services.inference_places import ProcessPlace
from services.trainer_code import TrainerCode

code, home = Path(sys.argv[1]), Path(sys.argv[2])
place = ProcessPlace(Path(sys.executable), TrainerCode(code, "0"), home, home / "worker.log")
engine = InferenceEngine(lambda _model: place)
engine.load(TunedModel("org/base", str(home / "adapter"), str(home)))
uses = (TUNED, BASE) if "--compare" in sys.argv else (TUNED,)
converse(
    Asker(engine, uses), InferenceRequest("", INFERENCE_PRESETS["Deterministic"], "Deterministic")
)
engine.close()
print("the end")
