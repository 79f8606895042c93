"""The scenes of the disk for ``make screenshots``: the Models page and the Storage page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtTest import QTest

from models.domain.base_models import load_base_models
from models.domain.cached_model import ModelState
from models.domain.hardware import Gpu, Hardware
from models.domain.storage import CleanKind, CleanPlan, RetentionRules
from models.qt.app_models import AppModels
from tests.qt.fake_models import absent, make_model
from tests.qt.fake_storage import GB, FakeStorage, chosen, spare, verdict
from views.main_window import MODELS, STORAGE, MainWindow

if TYPE_CHECKING:
    from models.domain.base_models import BaseModel
    from models.domain.cached_model import CachedModel

SCENES = ("models", "storage")
_CATALOGUE = Path(__file__).parents[1] / "resources" / "base_models.toml"
_SMALL = "HuggingFaceTB/SmolLM2-135M-Instruct"
_CUT = "unsloth/Qwen2.5-1.5B-Instruct-bnb-4bit"
_GIB = 1024**3
_CARD = Gpu(0, "NVIDIA GeForce RTX 4090", int(23.6 * _GIB), int(22.1 * _GIB))
_SETTLE_MS = 700


def make_window(scene: str) -> MainWindow:
    """The window with the page of this scene, shown and settled."""
    window = MainWindow(AppModels())
    window.models.setParent(window)
    window.complete()
    window.set_ready(True)
    window.resize(1280, 800)
    window.show()
    (_show_models if scene == "models" else _show_storage)(window)
    QTest.qWait(_SETTLE_MS)
    return window


def _show_models(window: MainWindow) -> None:
    library = window.models.base_library
    library.set_hardware(Hardware((_CARD,), 64 * _GIB, 51 * _GIB, probed=True))
    window.show_page(MODELS)
    models = [_listed(model) for model in load_base_models(_CATALOGUE)]
    library.set_items(sorted(models, key=lambda model: not model.is_here))
    page = window.base_models
    if page is not None:
        page.select(next(model for model in models if model.repo_id_or_path == _CUT))


def _listed(model: BaseModel) -> CachedModel:
    known = {
        "label": model.label, "parameters": model.parameters * 1_000_000,
        "licence": model.license, "gated": model.gated, "shape": model.shape,
    }  # fmt: skip
    if model.repo == _SMALL:
        return make_model(model.repo, **known)
    if model.repo == _CUT:
        return make_model(
            model.repo, state=ModelState.PARTIAL, bytes_on_disk=412_000_000,
            bytes_whole=1_180_000_000, missing=("model.safetensors",), **known,
        )  # fmt: skip
    return absent(model.repo, **known)


def _show_storage(window: MainWindow) -> None:
    model = window.models.storage
    model.set_ready()
    window.show_page(STORAGE)
    model.show(FakeStorage().found)
    stays = verdict("checkpoint-40", 2 * GB, "It is the newest.", goes=False)
    goes = verdict("checkpoint-20", 2 * GB, "A newer one is kept.", goes=True)
    rules = RetentionRules(also=frozenset({CleanKind.ROWS, CleanKind.VERSIONS}))
    further = [
        spare(CleanKind.ROWS, "Rows 5f0c2a91d7be", 310_000_000),
        spare(CleanKind.CACHES, "Reports on datasets", 4_000_000),
        spare(CleanKind.VERSIONS, "Code 3b9a41c0", 1_000_000),
        spare(
            CleanKind.REVISIONS, "Old revisions · HuggingFaceTB/SmolLM2-135M-Instruct", 270_000_000
        ),
    ]
    model.show_plan(CleanPlan((goes, stays, *(chosen(one, rules) for one in further))), rules)
