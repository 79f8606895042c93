"""What the other programs have in common, for all of them train with transformers."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from models.domain.config import SOURCE_HUB
from models.domain.errors import AppError
from models.domain.foreign_config import Fate
from models.domain.hyperparameters import OPTIMIZERS, SCHEDULERS
from services.foreign_configs.translation import as_word

if TYPE_CHECKING:
    from services.foreign_configs.translation import Translation

EPOCHS_OUT_OF_THE_WAY = 1000.0
"""The most that the setting takes: there the steps alone decide; here whatever ends first."""
SPEED = "It changes the speed, not what is learnt."
PREPARING = "It concerns how rows are prepared and kept, not what is learnt."
REPORTS = "It concerns reports only."
FAMILIAR_TARGETS = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"

_OPTIMIZERS = {
    "adamw_hf": "adamw_torch",
    "adamw_torch_fused": "adamw_torch",
    "adamw_bnb_8bit": "adamw_8bit",
    "adamw_torch_8bit": "adamw_8bit",
}
_REGEX = frozenset("*()|[]\\^$+?")


def optimizer(t: Translation, name: str) -> None:
    """The optimiser; one that is not offered becomes AdamW."""
    word = t.text(name)
    if not word:
        return
    wanted = _OPTIMIZERS.get(word, word)
    if wanted in OPTIMIZERS:
        t.values["hp.optimizer"] = wanted
    else:
        t.values["hp.optimizer"] = "adamw_torch"
        t.note(name, Fate.LOST, "This optimiser is not offered here; AdamW is set instead.")


def scheduler(t: Translation, name: str) -> None:
    """The schedule; one that is not offered becomes cosine."""
    word = t.text(name)
    if not word:
        return
    if word in SCHEDULERS:
        t.values["hp.scheduler"] = word
    else:
        t.values["hp.scheduler"] = "cosine"
        t.note(name, Fate.LOST, "This schedule is not offered here; cosine is set instead.")


def duration(t: Translation, epochs: str, steps: str) -> None:
    """Epochs and steps. There a number of steps overrides the epochs, here the first one ends."""
    passes = t.number(epochs)
    if passes:  # 0 in Unsloth: the steps decide
        t.set("hp.epochs", passes, epochs)
    limit = t.whole(steps)
    if limit is not None and limit > 0:
        t.set("hp.max_steps", limit, steps)
        t.values["hp.epochs"] = EPOCHS_OUT_OF_THE_WAY
        text = "There the steps alone decide when it ends, so the epochs are set to 1000."
        t.note(steps, Fate.CHANGED, text)


def warm_up(t: Translation, steps: str, ratio: str) -> None:
    """The warm-up as a share of all steps, which is how it is set here. After :func:`duration`."""
    share, count = t.number(ratio), t.number(steps)
    if count is not None and 0 < count < 1:  # transformers 5: a share in the place of steps
        share, count, ratio = count, None, steps
    limit = t.values.get("hp.max_steps")
    if count and isinstance(limit, int):
        t.set("hp.warmup_ratio", round(min(1.0, count / limit), 4), steps)
    elif count:
        t.values.pop("hp.warmup_ratio", None)
        text = "The warm-up is a share of all steps here, and those are not known yet: it is 5 %."
        t.note(steps, Fate.CHANGED, text)
    elif share is not None:
        t.set("hp.warmup_ratio", share, ratio)
    elif count == 0:
        t.values["hp.warmup_ratio"] = 0.0


def cadence(t: Translation, name: str, path: str) -> None:
    """A number of steps between two evaluations or checkpoints; below 1 it is a share of all."""
    every = t.number(name)
    limit = t.values.get("hp.max_steps")
    if every is None or every == 0:
        return
    if every >= 1:
        t.set(path, int(every), name)
    elif isinstance(limit, int) and every > 0:
        t.set(path, max(1, round(every * limit)), name)
    else:
        t.note(name, Fate.CHANGED, "A share of all steps is not offered here; it is set to auto.")


def strategy(t: Translation, name: str, path: str) -> None:
    """When to evaluate or save, where that is not a number of steps."""
    word = t.text(name)
    if word in {"epoch", "best"}:
        t.values.pop(path, None)
        t.note(name, Fate.CHANGED, "This is chosen by the number of steps here; it is set to auto.")
    elif word in {"no", "false"}:
        t.note(name, Fate.UNNEEDED, "Here this always happens; it does not change what is learnt.")


def held_out(t: Translation, name: str) -> None:
    """The held-out part: a share of the rows; a number of rows has no counterpart."""
    part = t.number(name)
    if part is None:
        return
    if part > 1:
        t.note(name, Fate.LOST, "The held-out part is a share of the rows here, not a number.")
    else:
        t.set("dataset.eval_percent", round(part * 100, 4), name)


def output(t: Translation, name: str) -> None:
    """The output directory, which lies below the data folder here."""
    word = t.text(name).replace("\\", "/")
    if not word:
        return
    last = PurePosixPath(word).name
    safe = "".join(char if char.isalnum() or char in "-_." else "-" for char in last).strip("-.")
    directory = f"/data/outputs/{safe or 'imported'}"
    t.values["output.directory"] = directory
    if directory != word:
        t.note(name, Fate.CHANGED, f"Outputs lie below the data folder here: {directory}.")


def targets(t: Translation, name: str) -> None:
    """Module names for LoRA as a list or with commas between; patterns have no counterpart."""
    value = t.get(name)
    if value is None or isinstance(value, dict):
        return
    names = [as_word(one) for one in value] if isinstance(value, list) else str(value).split(",")
    words = [word.strip() for word in names if word.strip()]
    if any(_REGEX & set(word) for word in words):
        t.values["hp.lora_targets"] = "all-linear"
        t.note(name, Fate.LOST, "Patterns are not offered here; all linear layers are trained.")
    elif words in (["all"], ["all-linear"], ["all_linear"]):
        t.values["hp.lora_targets"] = "all-linear"
    else:
        t.set("hp.lora_targets", ", ".join(words), name)


def reports(t: Translation, name: str) -> None:
    """Where metrics are also written; Temper draws them itself in any case."""
    value = t.get(name)
    words = [as_word(one) for one in value] if isinstance(value, list) else [str(value or "none")]
    known = [word for word in words if word in {"tensorboard", "wandb"}]
    if known:
        t.values["hp.report_to"] = known[0]
    if len(words) > 1 or words[0] not in {"none", "tensorboard", "wandb"}:
        t.note(name, Fate.LOST, "Metrics go to TensorBoard or Weights & Biases, one of them.")


def hub_dataset(t: Translation, repo: str, split: str = "", config: str = "") -> None:
    """Train on a dataset of the Hub."""
    t.values |= {
        "dataset.source": SOURCE_HUB,
        "dataset.hf_repo": repo,
        "dataset.hf_split": split or "train",
        "dataset.hf_config": config,
    }


def variant(t: Translation, rslora: str, dora: str) -> None:
    """The variant of LoRA, of which there is one at a time."""
    if t.switch(rslora):
        t.values["hp.lora_variant"] = "rsLoRA"
    if t.switch(dora):
        if t.values.get("hp.lora_variant") == "rsLoRA":
            t.note(rslora, Fate.LOST, "It cannot be combined with DoRA here; DoRA is set.")
        t.values["hp.lora_variant"] = "DoRA"


def not_offered(where: str, program: str, what: str) -> AppError:
    """The file sets up a kind of training that Temper does not have."""
    return AppError(
        "not_offered",
        f"{where} sets up {what} with {program}, which Temper does not offer.",
        "Temper trains with SFT, DPO, ORPO and KTO, by LoRA or in full.",
    )
