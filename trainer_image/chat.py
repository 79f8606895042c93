"""A base model with or without its adapter, loaded once and asked many times."""

from __future__ import annotations

import hashlib
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from trainer_image.contract import FailureKind
from trainer_image.engine import source_of
from trainer_image.failures import TrainerError
from trainer_image.run_folder import is_local, resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Event


class Load(BaseModel):
    """A ``load`` request; without an adapter only the base can be asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_model: str = Field(min_length=1)
    adapter: str | None = None


class Prompt(BaseModel):
    """A ``generate`` request. Unless it samples, the answer is greedy and always the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: list[dict[str, str]] = Field(min_length=1)
    use: Literal["adapter", "base"] = "adapter"
    max_new_tokens: int = Field(256, ge=1, le=8192)
    do_sample: bool = False
    temperature: float = Field(0.7, gt=0, le=5)
    top_p: float = Field(0.9, gt=0, le=1)
    repetition_penalty: float = Field(1.0, ge=0.1, le=5)
    seed: int | None = None


@dataclass(frozen=True)
class Answer:
    """What came back: ``finish`` says why it ended there."""

    text: str
    tokens: int
    seconds: float
    finish: Literal["stop", "length", "cancelled"]

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens per second, the reading of the prompt counted in."""
        return self.tokens / max(self.seconds, 1e-9)


class Chat:
    """The loaded model. A base stays while adapters change, for it takes much longer to load."""

    def __init__(self) -> None:
        self._base_name = ""
        self._adapter_hash = ""
        self._model: Any = None
        self._tokenizer: Any = None

    @property
    def device(self) -> str:
        """Where the model is."""
        return str(self._model.device)

    def load(self, base_model: str, adapter: str | None) -> None:
        """Have this base and this adapter ready, loading only what is not there yet."""
        folder = _adapter_folder(adapter)
        if base_model != self._base_name:
            self.unload()
            self._model = _load_base(base_model)
            self._base_name = base_model
        # By content: a new run may have put another adapter in the same folder.
        wanted = _content_hash(folder) if folder else ""
        if wanted != self._adapter_hash:
            self._change_adapter(folder)
            self._adapter_hash = wanted
        self._tokenizer = _load_tokenizer(folder, base_model)
        self._model.eval()

    def _change_adapter(self, folder: Path | None) -> None:
        from peft import PeftModel

        if self._adapter_hash:
            self._model = self._model.unload()
            self._adapter_hash = ""
        if folder is not None:
            self._model = PeftModel.from_pretrained(self._model, folder)

    def unload(self) -> None:
        """Give the memory back."""
        self._model = self._tokenizer = None
        self._base_name = self._adapter_hash = ""

    def answer(self, prompt: Prompt, on_text: Callable[[str], None], cancel: Event) -> Answer:
        """Generate, handing out the text as it comes; ``cancel`` ends it after a token."""
        import torch

        self._require(prompt.use)
        inputs = self._encode(prompt.messages)
        if prompt.seed is not None:
            torch.manual_seed(prompt.seed)
        before = time.monotonic()
        with torch.inference_mode(), self._as_asked(prompt.use):
            output = self._model.generate(
                **inputs,
                generation_config=self._settings(prompt),
                streamer=_streamer(self._tokenizer, on_text),
                stopping_criteria=_stopping(cancel),
            )
        return self._answer(output[0, inputs["input_ids"].shape[1] :], before, cancel)

    def _require(self, use: str) -> None:
        if self._model is None:
            raise TrainerError(FailureKind.BAD_CONFIG, "No model is loaded.")
        if use == "adapter" and not self._adapter_hash:
            raise TrainerError(FailureKind.BAD_CONFIG, "No adapter is loaded.")

    def _encode(self, messages: list[dict[str, str]]) -> Any:
        """The template writes the beginning token itself, so the tokenizer must not; a model
        without a template goes on writing the last message."""
        template = bool(self._tokenizer.chat_template)
        text = messages[-1]["content"]
        if template:
            text = self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
        tokens = self._tokenizer(text, add_special_tokens=not template, return_tensors="pt")
        return tokens.to(self._model.device)

    def _as_asked(self, use: str) -> Any:
        without = use == "base" and bool(self._adapter_hash)
        return self._model.disable_adapter() if without else nullcontext()

    def _settings(self, prompt: Prompt) -> Any:
        """Only what was asked for: a model's own sampling defaults would stay unseen."""
        from transformers import GenerationConfig

        own = self._model.generation_config
        sampling = {"temperature": prompt.temperature, "top_p": prompt.top_p, "top_k": 0}
        return GenerationConfig(
            max_new_tokens=prompt.max_new_tokens,
            do_sample=prompt.do_sample,
            repetition_penalty=prompt.repetition_penalty,
            eos_token_id=self._end_tokens(),
            pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id,
            bos_token_id=own.bos_token_id,
            **(sampling if prompt.do_sample else {}),
        )

    def _end_tokens(self) -> list[int]:
        own = self._model.generation_config.eos_token_id
        ends = set(own if isinstance(own, list) else [own]) | {self._tokenizer.eos_token_id}
        return sorted(ends - {None})

    def _answer(self, tokens: Any, before: float, cancel: Event) -> Answer:
        seconds = time.monotonic() - before
        ended = len(tokens) > 0 and int(tokens[-1]) in self._end_tokens()
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        rest: Literal["cancelled", "length"] = "cancelled" if cancel.is_set() else "length"
        return Answer(text, len(tokens), seconds, "stop" if ended else rest)


def _adapter_folder(adapter: str | None) -> Path | None:
    if adapter is None:
        return None
    folder = resolve(adapter)
    if not (folder / "adapter_config.json").is_file():
        raise TrainerError(FailureKind.NOT_FOUND, f"There is no adapter in {folder}.")
    return folder


def _content_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("adapter_*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _load_base(base_model: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    if is_local(base_model) and not (resolve(base_model) / "config.json").is_file():
        raise TrainerError(FailureKind.NOT_FOUND, f"There is no model in {resolve(base_model)}.")
    on_gpu = torch.cuda.is_available()
    return AutoModelForCausalLM.from_pretrained(
        source_of(base_model),
        dtype=torch.bfloat16 if on_gpu else torch.float32,
        device_map={"": 0} if on_gpu else None,
    )


def _load_tokenizer(folder: Path | None, base_model: str) -> Any:
    """The adapter's own tokenizer, for it was trained with that chat template."""
    from transformers import AutoTokenizer

    own = folder is not None and (folder / "tokenizer_config.json").is_file()
    return AutoTokenizer.from_pretrained(folder if own else source_of(base_model))


def _streamer(tokenizer: Any, on_text: Callable[[str], None]) -> Any:
    from transformers import TextStreamer

    class Streamer(TextStreamer):  # type: ignore[misc]
        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            if text:
                on_text(text)

    return Streamer(tokenizer, skip_prompt=True, skip_special_tokens=True)


def _stopping(cancel: Event) -> Any:
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Cancel(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **rest: Any) -> Any:
            return torch.full((len(input_ids),), cancel.is_set(), device=input_ids.device)

    return StoppingCriteriaList([Cancel()])
