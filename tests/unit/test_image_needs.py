"""What an image must hold, compared with what it says that it holds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.cli.image import _show_check
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.hardware import Gpu, Hardware
from models.domain.image_facts import (
    BAD_PYTHON,
    NO_PYTHON,
    SILENT,
    ImageCheck,
    ImageFacts,
    facts_from,
)
from services.docker.image_needs import (
    QUANTISED,
    WANDB,
    is_driver_too_old,
    parts_of,
    read_needs,
)
from services.docker.image_preflight import _answer, _driver_problems, _old_version
from trainer_image import image_facts

TRAINER = Path(__file__).parents[2] / "trainer_image"
NEEDS = read_needs(TRAINER / "needs.txt", TRAINER / "requirements.txt")
GOOD = ImageFacts(
    python="3.12.3", packages={**NEEDS.tested, "pydantic": "2.14.3", "torch": "2.13.0+cu130"},
    cuda="13.0", user="1000:1000", compiler=True,
)  # fmt: skip
ALL = (QUANTISED, WANDB)


def test_what_is_pinned_is_what_is_needed() -> None:
    """Both lists are the trainer's: an image of ours must never be refused."""
    assert NEEDS.lacks(GOOD, ALL) == ()
    assert NEEDS.notes(GOOD) == ()
    assert set(NEEDS.tested) <= {*NEEDS.names}


@pytest.mark.parametrize(
    ("packages", "says"),
    [
        ({"torch": ""}, "it has no torch"),
        ({"torch": "", "trl": "", "peft": ""}, "it has no torch, trl and peft"),
        ({"torch": "2.7.1+cu128"}, "its torch is 2.7.1+cu128, and 2.8 or later is needed"),
        ({"transformers": "5.1.0"}, "its transformers is 5.1.0, and 5.2 or later is needed"),
        ({"transformers": "6.0.0"}, "its transformers is 6.0.0, and one before 6 is needed"),
        ({"trl": "somebody's"}, 'its trl says "somebody\'s", which is no version'),
        ({"bitsandbytes": ""}, "it has no bitsandbytes"),
        ({"bitsandbytes": "0.46.1"}, "its bitsandbytes is 0.46.1, and 0.47 or later is needed"),
        ({"wandb": "0.17.1"}, "its wandb is 0.17.1, and 0.17.2 or later is needed"),
        ({"wandb": ""}, "it has no wandb"),
    ],
)
def test_each_thing_that_is_missing_is_said(packages: dict[str, str], says: str) -> None:
    there = {name: one for name, one in {**GOOD.packages, **packages}.items() if one}
    (clause,) = NEEDS.lacks(replace(GOOD, packages=there), ALL)
    assert clause.startswith(says)


def test_only_what_a_setup_uses_is_asked_of_an_image() -> None:
    plain = with_values(TrainingConfig(), {"hp.quantization": "none", "hp.optimizer": "sgd"})
    there = {k: v for k, v in GOOD.packages.items() if k not in ("bitsandbytes", "wandb")}
    facts = replace(GOOD, packages=there)
    assert NEEDS.lacks(facts, parts_of(plain, on_gpu=True)) == ()
    four = with_values(plain, {"hp.quantization": "4-bit"})
    assert NEEDS.lacks(facts, parts_of(four, on_gpu=False)) == ("it has no bitsandbytes",)
    assert parts_of(TrainingConfig(), on_gpu=True) == {QUANTISED}
    assert parts_of(TrainingConfig(), on_gpu=False) == frozenset()
    whole = with_values(plain, {"hp.tuning": "full", "hp.quantization": "auto"})
    assert NEEDS.lacks(facts, parts_of(whole, on_gpu=True)) == ()
    boards = with_values(plain, {"hp.report_to": "wandb"})
    assert NEEDS.lacks(facts, parts_of(boards, on_gpu=True)) == ("it has no wandb",)


def test_a_preview_counts_as_the_version_that_it_leads_to() -> None:
    for name, version in (("torch", "2.8.0a0+34c6371d24.nv25.8"), ("transformers", "5.2.0rc2")):
        there = {**GOOD.packages, name: version}
        assert NEEDS.lacks(replace(GOOD, packages=there), ALL) == ()
    there = {**GOOD.packages, "transformers": "6.0.0.dev0"}
    assert NEEDS.lacks(replace(GOOD, packages=there)) == (
        "its transformers is 6.0.0.dev0, and one before 6 is needed",
    )


def test_another_python_is_all_that_is_said_of_an_old_one() -> None:
    assert NEEDS.lacks(ImageFacts(python="3.6.9")) == (
        "its Python is 3.6.9, and 3.11 or later is needed",
    )
    assert _old_version("hello\ntemper-python:3.6.9\nSyntaxError: ...") == "3.6.9"
    assert _old_version("temper-python:3.11.2\nTraceback ...") == ""


def test_an_image_that_cannot_answer_says_why() -> None:
    assert NEEDS.lacks(ImageFacts(trouble=NO_PYTHON)) == ("it has no Python (python3)",)


def test_an_image_that_is_slow_to_answer_is_not_refused(capsys: pytest.CaptureFixture[str]) -> None:
    facts = ImageFacts(trouble=SILENT)
    assert NEEDS.lacks(facts, ALL) == ()
    (note,) = NEEDS.notes(facts)
    assert note.startswith("its Python did not answer in time")

    _show_check(ImageCheck("slow:1", "sha256:1", facts, (), (note,)))
    said = capsys.readouterr().out
    assert "slow:1 can train" not in said
    assert note in said


@pytest.mark.parametrize(
    ("code", "said", "trouble"),
    [
        (137, "temper-python:3.12.3\n", SILENT),
        (143, "", SILENT),
        (255, "temper-python:3.12.3\n", SILENT),
        (255, "exec /usr/bin/python3: exec format error\n", BAD_PYTHON),
        (1, "temper-python:3.12.3\nTraceback ...\n", BAD_PYTHON),
    ],
)
def test_an_image_whose_container_was_ended_from_outside_is_not_called_broken(
    code: int, said: str, trouble: str
) -> None:
    """By an engine that is restarted, or where memory is short: its Python may well work."""
    api = SimpleNamespace(
        wait=lambda *_, **__: {"StatusCode": code}, logs=lambda *_, **__: said.encode()
    )
    client: Any = SimpleNamespace(api=api)
    assert _answer(client, "c1").trouble == trouble


def test_what_is_no_refusal_is_a_note() -> None:
    packages = {**GOOD.packages, "torch": "2.8.0", "trl": "1.2.0"}
    notes = NEEDS.notes(replace(GOOD, packages=packages, cuda="", compiler=False))
    assert notes == (
        "other versions than Temper is tested with: torch 2.8.0 (tested: 2.13.0), "
        "trl 1.2.0 (tested: 1.14.0)",
        "its torch is built for the processor, so a GPU would not be used",
    )


@pytest.mark.parametrize(
    ("image", "driver", "is_old"),
    [("13.0", "12.4", True), ("12.8", "12.4", False), ("12.1", "13.0", False), ("13.0", "", False),
     ("", "12.4", False)],
)  # fmt: skip
def test_a_driver_serves_every_cuda_of_its_major_version(
    image: str, driver: str, is_old: bool
) -> None:
    assert is_driver_too_old(image, driver) is is_old


def test_the_script_asks_a_python_without_importing_its_libraries(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name, version in (("torch", "2.9.1"), ("peft", "0.19.0")):
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (site / "torch").mkdir()
    (site / "torch" / "__init__.py").write_text("raise SystemExit('nobody imports me')")
    (site / "torch" / "version.py").write_text("cuda: Optional[str] = '12.8'\n")
    code = (TRAINER / "image_facts.py").read_text()

    done = subprocess.run(
        [sys.executable, "-S", "-c", code, "torch", "peft", "trl"],
        env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    facts = facts_from(json.loads(done.stdout.removeprefix("temper-image-facts:")))
    assert facts.packages == {"torch": "2.9.1", "peft": "0.19.0"}
    assert (facts.broken, facts.cuda) == (("peft",), "12.8")


def test_an_image_that_brings_newer_libraries_for_an_older_driver_is_not_refused() -> None:
    """NVIDIA's forward compatibility, which its data-centre GPUs have."""
    hardware = Hardware(gpus=(Gpu(0, "H100", 8, 8, driver="550.54", cuda="12.4"),))
    bare = ImageCheck("theirs:1", "sha256:1", GOOD)
    assert list(_driver_problems(bare, hardware))
    brings = replace(bare, facts=replace(GOOD, compat=True))
    assert not list(_driver_problems(brings, hardware))


def test_the_script_finds_the_libraries_for_older_drivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_facts, "COMPAT", tmp_path)
    assert facts_from(image_facts.image_facts(())).compat is False
    (tmp_path / "libcuda.so.1").touch()
    assert facts_from(image_facts.image_facts(())).compat is True
