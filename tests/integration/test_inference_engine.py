"""The inference engine with a real worker process, whose model alone is a stand-in."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from models.domain.config import LocalSection
from models.domain.errors import AppError
from models.domain.inference import BASE, INFERENCE_PRESETS, TUNED, Answer, Message, TunedModel
from services.inference_engine import InferenceEngine
from services.inference_places import ProcessPlace
from services.progress import Cancelled, CancelToken
from services.trainer_code import TrainerCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPT = Path(__file__).parents[1] / "data" / "scripted_worker.py"
GREEDY = INFERENCE_PRESETS["Deterministic"]


class Lab:
    """An engine, and what its worker is started with from now on."""

    def __init__(self, root: Path) -> None:
        package = root / "code" / "trainer_image"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        shutil.copy(SCRIPT, package / "infer.py")
        self.code = TrainerCode(root / "code", "0")
        self.log = root / "logs" / "inference.log"
        self.python = Path(sys.executable)
        self.offline = False
        self.model = TunedModel("org/base", f"{root}/d/outputs/a/adapter", f"{root}/d")
        self.engine = InferenceEngine(self._place)

    def _place(self, model: TunedModel) -> ProcessPlace:
        root = Path(model.data_root)
        return ProcessPlace(
            self.python, self.code, root, self.log, self.offline, model.local.use_gpu
        )

    def ask(self, prompt: str, use: str = TUNED, **more: Any) -> Answer:
        on_token = more.pop("on_token", lambda _text: None)
        return self.engine.generate(prompt, use=use, settings=GREEDY, on_token=on_token, **more)

    def where(self) -> dict[str, Any]:
        """What the worker tells of itself."""
        told: dict[str, Any] = json.loads(self.ask("where").text)
        return told


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.engine.close()


def _in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


def test_an_answer_comes_in_pieces_with_what_stands_before_it(lab: Lab) -> None:
    lab.engine.load(lab.model)
    context = (Message("system", "Be brief."), Message("user", "Hi."))
    assert lab.ask("Why?", context=context).text == "Be brief. | Hi. | Why?"
    pieces: list[str] = []
    cancel = CancelToken()

    def take(text: str) -> None:
        pieces.append(text)
        if len(pieces) == 3:
            cancel.cancel()

    answer = lab.ask("long", BASE, on_token=take, cancel=cancel)
    assert answer.finish == "cancelled"
    assert answer.text == "".join(pieces)


def test_which_base_model_is_in_memory_is_told(lab: Lab) -> None:
    assert lab.engine.base_model == ""
    lab.engine.load(lab.model)
    assert lab.engine.base_model == "org/base"
    lab.engine.unload()
    assert lab.engine.base_model == ""


@pytest.mark.parametrize("use_gpu", [True, False])
def test_the_worker_honours_the_runs_gpu_switch(lab: Lab, use_gpu: bool) -> None:
    lab.engine.load(replace(lab.model, local=LocalSection(use_gpu=use_gpu)))
    assert (lab.where()["env"].get("CUDA_VISIBLE_DEVICES") == "") is not use_gpu


def test_hub_models_are_looked_up_in_the_runs_own_data_root(lab: Lab, tmp_path: Path) -> None:
    for name in ("one", "two"):
        lab.engine.load(replace(lab.model, data_root=str(tmp_path / name)))
        environment = lab.where()["env"]
        assert environment["HF_HOME"] == str(tmp_path / name / "cache" / "huggingface")
        assert environment["TEMPER_DATA_ROOT"] == str(tmp_path / name)


def test_offline_mode_is_honoured_at_the_call(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for offline in (False, True, False):
        lab.offline = offline
        lab.engine.load(lab.model)
        assert lab.where()["env"].get("HF_HUB_OFFLINE") == ("1" if offline else None)


def test_a_data_root_below_data_is_not_taken_for_the_trainers_own(lab: Lab) -> None:
    root = "/data/mine"
    lab.engine.load(TunedModel(f"{root}/models/m", f"{root}/outputs/a/adapter", root))
    loaded = lab.where()["loaded"]
    assert (loaded["base_model"], loaded["adapter"]) == (
        "/data/models/m",
        "/data/outputs/a/adapter",
    )


def test_the_adapter_is_asked_on_the_weights_that_it_was_trained_on(lab: Lab) -> None:
    lab.engine.load(replace(lab.model, quantization="4-bit"))
    assert lab.where()["loaded"]["quantization"] == "4-bit"


def test_a_model_is_loaded_until_another_one_is(lab: Lab) -> None:
    other = replace(lab.model, base_model="org/other")
    assert not lab.engine.is_loaded(lab.model)
    lab.engine.load(lab.model)
    assert lab.engine.is_loaded(lab.model)
    lab.engine.load(other)
    assert not lab.engine.is_loaded(lab.model)
    with pytest.raises(AppError, match="There is no model"):
        lab.engine.load(replace(lab.model, base_model="bad"))
    assert not lab.engine.is_loaded(other)
    with pytest.raises(AppError, match="No model is loaded"):
        lab.ask("Why?")


@pytest.mark.parametrize(("how", "words"), [("die", "code 7"), ("killed", "memory")])
def test_a_worker_that_dies_is_a_sentence_and_the_next_request_works(
    lab: Lab, how: str, words: str
) -> None:
    lab.engine.load(lab.model)
    first = lab.where()["pid"]
    with pytest.raises(AppError, match=words) as caught:
        lab.ask(how)
    assert caught.value.kind == "worker_died"
    assert caught.value.hint
    assert "last words" in caught.value.details
    assert not lab.engine.is_loaded(lab.model)
    assert lab.ask("Why?").text == "Why?", "it was started and loaded anew"
    assert lab.where()["pid"] != first


def test_a_worker_that_died_unseen_is_replaced(lab: Lab) -> None:
    lab.engine.load(lab.model)
    process = psutil.Process(lab.where()["pid"])
    process.kill()
    process.wait(60)
    assert not lab.engine.is_loaded(lab.model)
    lab.engine.load(lab.model)
    assert lab.ask("Why?").text == "Why?"


def test_unloading_ends_the_process_that_has_the_memory(lab: Lab) -> None:
    lab.engine.load(lab.model)
    pid = lab.where()["pid"]
    lab.engine.unload()
    assert not psutil.pid_exists(pid)
    assert not lab.engine.is_loaded(lab.model)
    lab.engine.unload()
    lab.engine.load(lab.model)
    assert lab.ask("Why?").text == "Why?"


def test_unloading_ends_an_answer_on_its_way(lab: Lab) -> None:
    lab.engine.load(lab.model)
    came = threading.Event()
    thread, errors = _in_thread(lambda: lab.ask("long", on_token=lambda _text: came.set()))
    assert came.wait(60)
    lab.engine.unload()
    thread.join(60)
    assert [error.kind for error in errors if isinstance(error, AppError)] == ["unloaded"]


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be stopped by a signal")
def test_unloading_does_not_wait_for_a_worker_that_reads_nothing(lab: Lab) -> None:
    lab.engine.load(lab.model)
    worker = psutil.Process(lab.where()["pid"])
    worker.suspend()
    thread, errors = _in_thread(lambda: lab.ask("x" * 5_000_000))
    time.sleep(0.2)  # until the pipe is full and the writer waits
    lab.engine.unload()
    thread.join(60)
    assert not thread.is_alive()
    assert not worker.is_running()
    assert isinstance(errors[0], AppError)


def test_cancelling_a_load_does_not_wait_for_it(lab: Lab) -> None:
    cancel = CancelToken()
    slow = replace(lab.model, base_model="slow")
    thread, errors = _in_thread(lambda: lab.engine.load(slow, cancel))
    time.sleep(0.3)
    began = time.monotonic()
    cancel.cancel()
    thread.join(60)
    assert time.monotonic() - began < 30, "it takes a minute"
    assert isinstance(errors[0], Cancelled)
    lab.engine.load(lab.model)
    assert lab.ask("Why?").text == "Why?"


def test_a_cancelled_request_does_not_even_start_a_worker(lab: Lab) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        lab.engine.load(lab.model, cancel)
    assert not lab.log.exists()


def test_a_missing_environment_is_a_sentence(lab: Lab, tmp_path: Path) -> None:
    lab.python = tmp_path / "nowhere" / "python"
    with pytest.raises(AppError, match="not set up") as caught:
        lab.engine.load(lab.model)
    assert caught.value.kind == "runtime_missing"
