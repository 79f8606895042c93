"""Makes the pictures of the documentation: ``make screenshots`` writes docs/images/.

The real window over example values, drawn off screen. Each scale needs a process of its own: Qt
takes QT_SCALE_FACTOR once, at its start. ``--only models-page,training-offline`` draws only those.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QtMsgType, qInstallMessageHandler  # noqa: E402
from PySide6.QtGui import QImage  # noqa: E402
from PySide6.QtTest import QTest  # noqa: E402
from PySide6.QtWidgets import QApplication, QWidget  # noqa: E402

from models.domain.availability import Circumstances  # noqa: E402
from models.domain.base_models import load_base_models  # noqa: E402
from models.domain.config import RUNTIME_DOCKER, TARGET_RUNPOD  # noqa: E402
from models.domain.docker import GpuSupport, ImageProgress  # noqa: E402
from models.domain.gpu_list import GpuList  # noqa: E402
from models.domain.gpu_offer import Candidate, GpuOffer, Stock  # noqa: E402
from models.domain.hardware import Gpu, Hardware  # noqa: E402
from models.domain.inference import (  # noqa: E402
    BASE,
    INFERENCE_PRESETS,
    TUNED,
    Answer,
    InferenceRequest,
    SamplePrompt,
    TunedModel,
)
from models.domain.pod_quote import PodPrice, quote  # noqa: E402
from models.domain.run import Failure, RunState, RunUpdate  # noqa: E402
from models.qt.app_models import AppModels  # noqa: E402
from models.qt.docker_model import PULL, ImageTask  # noqa: E402
from services.remote.quotes import RemoteQuote  # noqa: E402
from tests import (  # noqa: E402
    screenshots_data,
    screenshots_disk,
    screenshots_pods,
    screenshots_runs,
)
from tests.qt.fakes import make_engine, make_run, make_session, progress_event  # noqa: E402
from views.main_window import MainWindow  # noqa: E402
from views.theme import current_theme  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.run import Run

IMAGES = ROOT / "docs" / "images"
GIB = 1024**3
_SMALLEST = 0  # Qt's quality of a PNG is how little it is compressed
_SETTLE_MS = 700
CARD = Gpu(0, "NVIDIA GeForce RTX 4090", int(23.6 * GIB), int(22.1 * GIB))
ONLINE = Circumstances(has_hf_token=True, has_runpod_key=True)
ADAPTER = Path("/home/me/temper/data/outputs/local_run/adapter")
SAMPLE = SamplePrompt(
    "How do I cancel an order that has not been sent yet?",
    "Open Orders, choose the order and press Cancel; that works until it is handed over.",
    held_out=True,
)
EXPERT = {"training.skill_level": "Expert"}
CLOUD = {"training.target": TARGET_RUNPOD}
RENTED = GpuOffer("NVIDIA GeForce RTX 4090", "RTX 4090", 24, "SECURE", 0.69, 8, Stock.HIGH)
TOO_SMALL = GpuOffer("NVIDIA RTX 2000 Ada", "RTX 2000 Ada", 16, "SECURE", 0.24, 8, Stock.LOW)


@dataclass(frozen=True)
class Shot:
    """One picture: what is chosen, what the run does, how large and how far scrolled."""

    name: str
    chosen: dict[str, object] = field(default_factory=dict)
    run: str = ""
    offline: bool = False
    size: tuple[int, int] = (1280, 800)
    scroll: float = 0.0


SHOTS = (
    Shot("beginner-local", {"training.preset": "Auto Set (local)"}),
    Shot("expert-local", dict(EXPERT), scroll=0.35),
    Shot("beginner-runpod", dict(CLOUD)),
    Shot("expert-runpod", {**EXPERT, **CLOUD}, scroll=1.0),
    Shot("rented", dict(CLOUD), run="rented"),
    Shot("offline", offline=True),
    Shot("running", run="running"),
    Shot("failed", run="failed"),
    Shot("finished", run="finished"),
    Shot("inference", run="answered"),
    Shot("narrow", size=(640, 760)),
    Shot("docker", {"local.runtime": RUNTIME_DOCKER}, scroll=1.0),
)


def main(arguments: list[str]) -> int:
    """Every picture at every scale, or with ``--scale N`` those of one scale in this process."""
    only = _value(arguments, "--only")
    if "--scale" in arguments:
        _make_all(int(_value(arguments, "--scale")), only.split(",") if only else ())
        return 0
    for scale in (1, 2):
        environment = dict(os.environ, QT_SCALE_FACTOR=str(scale), QT_FONT_DPI="96")
        command = [sys.executable, __file__, "--scale", str(scale)]
        command += ["--only", only] if only else []
        subprocess.run(command, env=environment, check=True)
    return 0


def _value(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1] if name in arguments else ""


def _make_all(scale: int, only: Sequence[str]) -> None:
    qInstallMessageHandler(_say)
    application = QApplication(["temper", "-style", "fusion"])
    application.setQuitOnLastWindowClosed(False)
    theme = current_theme()
    theme.prepare("light")
    theme.start(ROOT / "resources" / "icons")
    scenes = {name: make for name, make in _scenes().items() if not only or name in only}
    for mode in ("light", "dark"):
        theme.set_mode(mode)
        for name, make in scenes.items():
            suffix = "" if scale == 1 else f"-{scale}x"
            _take(make(), IMAGES / f"{name}-{mode}{suffix}.png")


def _scenes() -> dict[str, Callable[[], QWidget]]:
    """What makes each picture, by the picture's name."""
    return {
        **{f"training-{shot.name}": partial(_make, shot) for shot in SHOTS},
        **{f"runs-{one}": partial(screenshots_runs.make_window, one)
           for one in screenshots_runs.SCENES},
        **{f"data-{one}": partial(screenshots_data.make_widget, one)
           for one in screenshots_data.SCENES},
        **{f"{one}-page": partial(screenshots_disk.make_window, one)
           for one in screenshots_disk.SCENES},
        **{f"{one}-dialog": partial(screenshots_pods.make_dialog, one)
           for one in screenshots_pods.SCENES},
    }  # fmt: skip


def _make(shot: Shot) -> MainWindow:
    from controllers.preset_controller import PresetController

    window = MainWindow(AppModels())
    window.models.setParent(window)
    window.complete()
    window.set_ready(True)
    window.resize(*shot.size)
    _fill(window)
    presets = PresetController(window.models, window)
    form = window.models.form
    form.set_circumstances(replace(ONLINE, offline=shot.offline))
    presets.begin()
    for setting, value in shot.chosen.items():
        form.edit(setting, value)
    if shot.run:
        _show_run(window, shot.run)
    if form.value("local.runtime") == RUNTIME_DOCKER:
        _show_pull(window)
    if form.value("training.target") == TARGET_RUNPOD:
        _show_quote(window)
    window.show()
    QTest.qWait(_SETTLE_MS)  # charts, log and memory bar are drawn by timers
    if shot.run == "answered":
        window.training.run_panel.show_inference()
    bar = window.training.setup.verticalScrollBar()
    bar.setValue(round(bar.maximum() * shot.scroll))
    QTest.qWait(100)
    return window


def _take(window: QWidget, path: Path) -> None:
    _save(window.grab().toImage(), path)
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _fill(window: MainWindow) -> None:
    models = window.models
    models.datasets.set_items([make_session(1, "Support answers", 4200)])
    found = load_base_models(ROOT / "resources" / "base_models.toml")
    models.base_models = found
    window.training.setup.model_card.base_model.set_models(found)
    for model in found:
        models.hardware.set_shape(model.repo, model.shape)
    models.hardware.set_hardware(Hardware((CARD,), 64 * GIB, 51 * GIB, probed=True))
    models.form.set_default("dataset.session", "Support answers")


def _show_run(window: MainWindow, kind: str) -> None:
    models = window.models
    run = make_run("20261125-101500-3fa9", RunState.RUNNING, config=models.form.config)
    run = replace(run, name="Support answers", phase="training", total_steps=120, step=74)
    is_over = kind in {"finished", "answered"}
    steps = range(1, 121) if is_over else range(1, 75)
    events = tuple(
        progress_event(
            n, 120, 2.6 / (1 + n / 40) + 0.12 * ((n * 37) % 11) / 11,
            learning_rate=2e-4 * (1 - n / 130), tokens_per_second=2890.0,
            peak_memory_bytes=int(9.4 * GIB), eta_seconds=(120 - n) * 1.9,
        )
        for n in steps
    )  # fmt: skip
    models.run.begin(run)
    log = "".join(f"step {n}: loss {2.6 / (1 + n / 40):.3f}\n" for n in steps)
    models.run.take(RunUpdate(_ended(run, kind), events, f"phase: training\n{log}"))
    models.run.log.flush_all()
    if kind == "rented":
        screenshots_pods.show_rented(models, run)
    if is_over:
        _offer_answers(window, is_asked=kind == "answered")


def _show_pull(window: MainWindow) -> None:
    form, docker = window.models.form, window.models.docker
    form.apply({"local.runtime": RUNTIME_DOCKER})  # which its field follows, unlike an edit
    docker.choose(str(form.value("local.image")))
    docker.set_engine(make_engine(gpu=GpuSupport(can_pass=True)))
    docker.set_image(docker.chosen, None)
    docker.begin(ImageTask(PULL, docker.chosen))
    docker.take(ImageProgress("Downloading 4 of 11 layers", 3_100_000_000, 8_100_000_000))


def _show_quote(window: MainWindow) -> None:
    model, now = window.models.runpod, time.time()
    model.set_gpus(
        GpuList(
            (TOO_SMALL, RENTED), {TOO_SMALL.gpu: "The training needs 18.2 GB on each GPU."}, now
        )
    )
    costs = quote(PodPrice(RENTED.price, 40, 50, 6, 10), 3600.0)
    found = RemoteQuote((Candidate(RENTED, "EU-RO-1"),), costs, 2**34, now)
    model.set_quote(costs, found.words())
    window.training.start_bar.show_quote(model.short)


def _offer_answers(window: MainWindow, *, is_asked: bool) -> None:
    shown = window.models.run
    model = shown.inference
    model.set_tuned(TunedModel(shown.status.run.base_model, str(ADAPTER), "/"))  # type: ignore[union-attr]
    model.set_samples([SAMPLE, replace(SAMPLE, prompt="Can I pay by invoice?", held_out=False)])
    if not is_asked:
        return
    request = InferenceRequest(
        SAMPLE.prompt, INFERENCE_PRESETS["Deterministic"], "Deterministic", True, SAMPLE.expected
    )
    number = model.begin(request).number
    tuned = "You can cancel until the parcel is handed over: open Orders, choose it, press Cancel."
    base = "To cancel an order, please contact the customer service of the shop where you bought."
    model.answer(number, TUNED, Answer(tuned, 21, 0.9, "stop"))
    model.answer(number, BASE, Answer(base, 17, 0.8, "stop"))
    model.end(number)
    panel = window.training.run_panel.inference
    panel.samples.choose(0)
    panel.sampling.set_preset("Deterministic")


def _ended(run: Run, kind: str) -> Run:
    if kind == "failed":
        failure = Failure(
            "cuda_oom",
            "The GPU ran out of memory at step 74.",
            "Use a smaller batch with the same effective batch, then go on from the checkpoint.",
        )
        return replace(run, state=RunState.FAILED, failure=failure, ended_at=run.created_at + 260)
    if kind in {"finished", "answered"}:
        return replace(
            run, state=RunState.FINISHED, step=120, ended_at=run.created_at + 391,
            eval_loss_before=2.41, eval_loss_after=1.37,
            adapter_path="/data/outputs/local_run/adapter",
        )  # fmt: skip
    return run


def _save(image: QImage, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.convertToFormat(QImage.Format.Format_RGB888).save(str(path), "PNG", _SMALLEST)  # type: ignore[call-overload]
    print(path.relative_to(ROOT))


def _say(kind: QtMsgType, _context: object, message: str) -> None:
    if kind is not QtMsgType.QtDebugMsg and "propagateSizeHints" not in message:
        print(message, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
