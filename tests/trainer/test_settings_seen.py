"""Every setting has its effect, seen in a run: by torch's hooks, in its events, in what it leaves.

One process trains all of ``JOBS`` (``probes/settings.py``); the tests look at what was seen.
``tests/unit/test_settings_table.py`` fails for a setting that no test observes.
"""

from __future__ import annotations

import json
import math
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import Result

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Finished, Lab

pytestmark = pytest.mark.slow

BASE: dict[str, Any] = {
    "max_steps": 3, "packing": False, "warmup_ratio": 0, "scheduler": "constant",
    "weight_decay": 0, "max_grad_norm": 0, "learning_rate": 1e-2,
}  # fmt: skip
ONE = {"max_steps": 1}
"""One step: then two runs differ in one number alone."""
TARGETS = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}

HP: dict[str, dict[str, Any]] = {
    "plain": {},
    "small": {"lora_r": 4, "lora_alpha": 32},
    "rslora": {"lora_r": 4, "lora_alpha": 32, "lora_variant": "rsLoRA"},
    "dora": {"lora_variant": "DoRA", "lora_targets": "q_proj, v_proj"},
    "dropout": {"lora_dropout": 0.3},
    "linear": {"scheduler": "linear", "max_steps": 8, "warmup_ratio": 0.25},
    "cosine": {"scheduler": "cosine", "max_steps": 8, "warmup_ratio": 0.25},
    "warm": {"scheduler": "constant_with_warmup", "max_steps": 8, "warmup_ratio": 0.25},
    "one": ONE,
    "decay": ONE | {"weight_decay": 0.5},
    "slower": ONE | {"learning_rate": 1e-3},
    "seed": ONE | {"seed": 1},
    "adamw-torch": ONE | {"optimizer": "adamw_torch"},
    "adamw-8bit": ONE | {"optimizer": "adamw_8bit", "lora_r": 64},
    "adafactor": ONE | {"optimizer": "adafactor"},
    "sgd": ONE | {"optimizer": "sgd"},
    "clip": {"max_grad_norm": 0.05},
    "recompute": {"gradient_checkpointing": "on"},
    "packed": {"packing": True, "max_steps": None},
    "short": {"max_seq_length": 40},
    "all-tokens": ONE | {"assistant_only_loss": False},
    "last": {"train_on": "last answer", "max_steps": None},
    "every": {"max_steps": None},
    "accumulated": {"batch_size": 1, "grad_accum": 2},
    "half": {"epochs": 0.5, "max_steps": None},
    "often": {
        "max_steps": 6, "logging_steps": 2, "save_steps": 2, "save_total_limit": 1,
        "eval_steps": 3, "load_best": False, "report_to": "tensorboard",
    },
    "nf4": ONE | {"quantization": "4-bit"},
}  # fmt: skip

TALK = [
    {"messages": [
        {"role": "user", "content": "Hello?"}, {"role": "assistant", "content": f"First {n}."},
        {"role": "user", "content": "And?"}, {"role": "assistant", "content": f"Second {n}."},
    ]}
    for n in range(4)
]  # fmt: skip


class Seen:
    """What the probe saw of each run, and what the runs left."""

    def __init__(self, lab: Lab, reports: dict[str, Any]) -> None:
        self.lab, self.reports = lab, reports

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.reports[name]

    def left(self, name: str) -> Finished:
        return self.lab.left(self.lab.root / "runs" / name, self.reports[name]["code"])

    def rates(self, name: str) -> list[float]:
        """The learning rate of each step, as the optimiser had it."""
        return [rate for (rate,) in self[name]["rates"]]

    def batches(self, name: str) -> list[list[dict[str, Any]]]:
        """The batches that were trained on, each of items."""
        found: list[list[dict[str, Any]]] = self[name]["training"]
        return found

    def items(self, name: str) -> list[dict[str, Any]]:
        return [item for batch in self.batches(name) for item in batch]

    def weights(self, name: str, when: str) -> dict[str, list[float]]:
        """The first numbers of each matrix that is drawn at random, before and after."""
        return {key: value for key, value in self[name][when].items() if "lora_A" in key}


@pytest.fixture(scope="module")
def seen(shared_lab: Lab, probes: Path, probe_env: dict[str, str]) -> Seen:
    lab = shared_lab
    nothing = {"eval_split": "", "eval_percent": 0}
    talk = "".join(json.dumps(row) + "\n" for row in TALK).encode()
    for name, hp in HP.items():
        dataset = lab.dataset()
        if name in ("last", "every"):
            dataset = lab.dataset(talk) | {"format": "messages"}
        if name not in ("dropout", "often"):
            dataset |= nothing
        lab.job(name, hp=BASE | hp, dataset=dataset)
    lab.job("quarter", hp=BASE | ONE, dataset=lab.dataset() | nothing | {"eval_percent": 25})
    command = [lab.python, str(probes / "settings.py"), str(lab.root), *HP, "quarter"]
    done = subprocess.run(command, capture_output=True, text=True, env=probe_env)
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout.splitlines()[-1])
    for name, report in reports.items():
        assert report["code"] == 0, (lab.root / "runs" / name / "train.log").read_text()
    return Seen(lab, reports)


@pytest.mark.setting("lora_r", "lora_alpha", "lora_variant")
@pytest.mark.parametrize(
    ("name", "rank", "scale"), [("plain", 16, 32 / 16), ("small", 4, 32 / 4), ("rslora", 4, 16)]
)
def test_an_adapter_has_its_rank_and_its_output_its_scale(
    seen: Seen, name: str, rank: int, scale: float
) -> None:
    """Alpha by rank; with rsLoRA alpha by the root of the rank (Kalajdzievski 2023)."""
    found = seen[name]["adapters"]
    assert found["rank"] == rank
    assert found["scale"] == pytest.approx(scale, rel=1e-3)


@pytest.mark.setting("lora_variant", "lora_targets")
def test_dora_learns_magnitudes_and_its_output_is_that_of_the_paper(seen: Seen) -> None:
    found = seen["dora"]
    assert found["adapters"]["dora_error"] < 1e-5
    magnitudes = [name for name in found["changed"] if "magnitude" in name]
    assert len(magnitudes) == 4
    for name in magnitudes:
        assert found["first"][name] != found["last"][name]
    assert not any("magnitude" in name for name in seen["plain"]["changed"])


@pytest.mark.setting("lora_targets")
def test_the_named_layers_learn_and_no_others(seen: Seen) -> None:
    assert changed_layers(seen["plain"]) == TARGETS
    assert changed_layers(seen["dora"]) == {"q_proj", "v_proj"}
    for name in seen["plain"]["changed"]:
        assert "lora_" in name, "a weight of the base changed"


def changed_layers(report: dict[str, Any]) -> set[str]:
    parts = (name.split(".") for name in report["changed"])
    return {part for parts_ in parts for part in parts_ if part.endswith("_proj")}


@pytest.mark.setting("lora_dropout")
def test_dropout_drops_in_training_and_not_in_evaluation(seen: Seen) -> None:
    assert seen["plain"]["dropped"] == []
    drops = {tuple(one) for one in seen["dropout"]["dropped"]}
    assert drops == {(True, False), (False, True)}, "(in training, output equal to input)"


@pytest.mark.setting("scheduler", "warmup_ratio")
def test_the_learning_rate_of_each_step_follows_the_schedule(seen: Seen) -> None:
    """Two of eight steps warm up from 0, then it falls to 0 behind the last, or stays."""
    warm, rest = [0.0, 0.5], [n / 6 for n in range(6)]
    curves = {
        "linear": [*warm, *(1 - part for part in rest)],
        "cosine": [*warm, *((1 + math.cos(math.pi * part)) / 2 for part in rest)],
        "warm": [*warm, *[1.0] * 6],
        "plain": [1.0] * 3,
    }
    for name, curve in curves.items():
        wanted = [1e-2 * part for part in curve]
        assert seen.rates(name) == pytest.approx(wanted, rel=1e-6), name


@pytest.mark.setting("learning_rate")
def test_a_step_is_as_long_as_the_learning_rate(seen: Seen) -> None:
    """AdamW's first step has the length of the rate, whatever the gradient."""
    lengths = {}
    for name in ("one", "slower"):
        first, last = seen[name]["first"], seen[name]["last"]
        steps = [
            abs(b - a)
            for key in first
            if "lora_B" in key
            for a, b in zip(first[key], last[key], strict=True)
        ]
        lengths[name] = sorted(steps)[len(steps) // 2]
    assert lengths["one"] == pytest.approx(1e-2, rel=1e-2)
    assert lengths["slower"] == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.setting("weight_decay")
def test_weight_decay_shrinks_each_weight_by_its_part(seen: Seen) -> None:
    """Decoupled (Loshchilov and Hutter 2019): rate times decay times the weight, beside the step.

    ``B`` begins at 0, so ``A`` has no gradient in the first step and moves by the decay alone.
    """
    without, decayed = (seen.weights(name, "last") for name in ("one", "decay"))
    assert without == seen.weights("one", "first") == {} or without
    for key, after in decayed.items():
        before = seen.weights("decay", "first")[key]
        assert after == pytest.approx([value * (1 - 1e-2 * 0.5) for value in before], rel=1e-4)
    assert decayed


@pytest.mark.setting("optimizer")
@pytest.mark.parametrize(
    ("name", "kind", "states"),
    [
        ("one", "AdamW", {"exp_avg torch.float32", "exp_avg_sq torch.float32"}),
        ("adamw-torch", "AdamW", {"exp_avg torch.float32", "exp_avg_sq torch.float32"}),
        ("adamw-8bit", "AdamW", {"state1 torch.uint8", "state2 torch.uint8"}),
        ("adafactor", "Adafactor", set()),
        ("sgd", "SGD", set()),
    ],
)
def test_the_optimiser_that_steps_is_the_chosen_one(
    seen: Seen, name: str, kind: str, states: set[str]
) -> None:
    assert seen[name]["optimizer"].startswith(kind)
    assert states <= set(seen[name]["states"])
    assert bool(states) == any("exp_avg " in one or "state1" in one for one in seen[name]["states"])
    assert seen[name]["changed"], "it learnt nothing"


@pytest.mark.setting("max_grad_norm")
def test_gradients_are_clipped_to_the_norm_and_0_leaves_them(seen: Seen) -> None:
    assert min(seen["plain"]["norms"]) > 1
    assert seen["clip"]["norms"] == pytest.approx([0.05] * 3, rel=1e-3)
    told = [event.get("grad_norm") for event in seen.left("clip").of_type("progress")]
    assert min(told) > 1, "the events tell the norm before clipping"


@pytest.mark.setting("precision")
def test_on_a_processor_weights_and_steps_are_float32(seen: Seen) -> None:
    assert {kind for name in HP for kind in seen[name]["types"]} == {"torch.float32"}


@pytest.mark.setting("gradient_checkpointing")
def test_checkpointing_computes_each_layer_twice_and_changes_nothing(seen: Seen) -> None:
    """Two layers, three batches."""
    assert seen["plain"]["calls"]["training"] == 2 * 3
    assert seen["recompute"]["calls"]["training"] == 2 * 3 * 2
    for step, norm in enumerate(seen["plain"]["norms"]):
        assert seen["recompute"]["norms"][step] == pytest.approx(norm, rel=1e-4)


@pytest.mark.setting("packing")
def test_packing_puts_several_rows_into_a_sequence(seen: Seen) -> None:
    packed = seen.items("packed")
    assert sum(item["rows"] for item in packed) == 24
    assert len(packed) < 24 / 1.5
    assert max(item["length"] for item in packed) > 100
    assert all(item["rows"] is None for item in seen.items("plain"))


@pytest.mark.setting("max_seq_length")
def test_no_row_is_longer_than_the_sequence_length(seen: Seen) -> None:
    assert max(item["length"] for item in seen.items("plain")) > 40
    assert max(item["length"] for item in seen.items("short")) == 40


@pytest.mark.setting("assistant_only_loss")
def test_only_answers_are_learnt_or_all_tokens(seen: Seen) -> None:
    pairs = zip(seen.items("one"), seen.items("all-tokens"), strict=True)
    for answer, text in ((few["learnt"], all_["learnt"]) for few, all_ in pairs):
        assert "<|im_start|>" not in answer
        assert text.count("<|im_start|>") > 1
        assert answer.strip() in text


@pytest.mark.setting("train_on")
def test_every_answer_of_a_conversation_is_learnt_or_the_last(seen: Seen) -> None:
    texts = {name: [item["learnt"] for item in seen.items(name)] for name in ("every", "last")}
    assert len(texts["every"]) == len(texts["last"]) == 4
    assert all("First" in text and "Second" in text for text in texts["every"])
    assert all("First" not in text and "Second" in text for text in texts["last"])


@pytest.mark.setting("batch_size", "grad_accum", "max_steps")
def test_a_step_takes_that_many_batches_of_that_many_rows(seen: Seen) -> None:
    """Cut into other pieces, a step is the same: the same rows, the same gradient."""
    assert [len(batch) for batch in seen.batches("plain")] == [2, 2, 2]
    assert [len(batch) for batch in seen.batches("accumulated")] == [1] * 6
    assert len(seen["accumulated"]["rates"]) == len(seen["plain"]["rates"]) == 3
    assert seen["accumulated"]["norms"] == pytest.approx(seen["plain"]["norms"], rel=1e-3)


@pytest.mark.setting("epochs", "max_steps")
def test_half_an_epoch_is_half_of_the_rows(seen: Seen) -> None:
    assert len(seen["half"]["rates"]) == 6
    assert len(seen.items("half")) == 12


@pytest.mark.setting("seed")
def test_the_seed_draws_the_adapter_and_the_order(seen: Seen) -> None:
    first = {name: seen.weights(name, "first") for name in ("decay", "plain", "seed")}
    same = set(first["decay"]) & set(first["plain"])
    assert same
    assert all(first["decay"][key] == first["plain"][key] for key in same)
    batch = {name: seen.batches(name)[0] for name in ("one", "plain", "seed")}
    assert batch["one"] == batch["plain"] != batch["seed"]


@pytest.mark.setting("logging_steps", "save_steps", "save_total_limit", "eval_steps")
def test_logging_saving_and_measuring_come_when_they_are_asked_for(seen: Seen) -> None:
    left = seen.left("often")
    steps = {
        kind: [event.get("step") for event in left.of_type(kind)]
        for kind in ("progress", "checkpoint", "eval")
    }
    assert steps == {"progress": [2, 4, 6], "checkpoint": [2, 4, 6], "eval": [0, 3, 6]}
    kept = [path.name for path in (left.output / "checkpoints").iterdir()]
    assert kept == ["checkpoint-6"]


@pytest.mark.setting("report_to")
def test_tensorboards_file_holds_the_curves_of_the_events(seen: Seen) -> None:
    left = seen.left("often")
    (path,) = (left.output / "tensorboard").iterdir()
    content = path.read_bytes()
    assert path.name.startswith("events.out.tfevents.")
    for name in (b"train/loss", b"train/learning_rate", b"train/grad_norm"):
        assert content.count(name) == 3
    assert content.count(b"eval/loss") == 3
    assert not (seen.left("plain").output / "tensorboard").exists()


@pytest.mark.setting("quantization")
def test_four_bits_pack_the_base_and_the_adapter_learns_in_float32(seen: Seen) -> None:
    assert "Linear4bit" in seen["nf4"]["linear"]
    assert "Linear4bit" not in seen["plain"]["linear"]
    assert seen["nf4"]["types"] == ["torch.float32"]
    assert seen["nf4"]["changed"]


def test_a_part_of_the_rows_is_held_out(seen: Seen) -> None:
    left = seen.left("quarter")
    split = json.loads((left.folder / "split.json").read_text())
    assert len(split["held_out"]) == 6
    measured = seen["quarter"]["evaluating"]
    assert sum(map(len, measured)) == 2 * 6, "before the training and behind it"


@pytest.mark.setting("base_model")
def test_the_model_that_learns_is_the_chosen_one(seen: Seen) -> None:
    text = (seen.left("plain").folder / "result.json").read_bytes()
    assert Result.model_validate_json(text).base_model == "/data/models/tiny"
    assert "LlamaForCausalLM" in seen["plain"]["linear"]
