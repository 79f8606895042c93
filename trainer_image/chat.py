"""A base model with or without its adapter, loaded once and asked many times."""

from __future__ import annotations

import gc
import hashlib
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from trainer_image.contract import FailureKind
from trainer_image.conversations import RowError
from trainer_image.failures import TrainerError
from trainer_image.model_loading import quantization_config
from trainer_image.pretrained import (
    file_signature,
    from_pretrained,
    signature_of_base,
    tokenizer_of,
)
from trainer_image.run_folder import resolve
from trainer_image.templates import question

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Event


class Load(BaseModel):
    """A ``load`` request; without an adapter only the base can be asked.

    ``quantization`` is that of the training, with the same meaning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_model: str = Field(min_length=1)
    adapter: str | None = None
    quantization: Literal["auto", "4-bit", "8-bit", "none"] = "auto"


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
    """The loaded model. A base stays while adapters change, for it takes much longer to load.

    What is loaded is known by content, never by path alone: a new run may have put another adapter
    into the same folder, and a folder may hold another base model than before.
    """

    def __init__(self) -> None:
        self._base: tuple[object, ...] = ()
        self._adapter_hash = ""
        self._hashes = ContentHashes()
        self._model: Any = None
        self._tokenizer: Any = None
        self._own_ends: set[int | None] = set()

    @property
    def device(self) -> str:
        """Where the model is."""
        return str(self._model.device)

    def load(self, load: Load) -> None:
        """Have this base and this adapter ready, loading only what is not there yet."""
        folder = _adapter_folder(load.adapter)
        base = (load.base_model, load.quantization, *signature_of_base(load.base_model))
        try:
            if base != self._base:
                self.unload()
                self._load_base(load)
                self._base = base
            wanted = self._hashes.of(folder) if folder else ""
            if self._tokenizer is None or wanted != self._adapter_hash:
                self._change_adapter(folder)
                self._tokenizer = _load_tokenizer(folder, load.base_model)
                self._adapter_hash = wanted
        except BaseException:  # with half an adapter in it, the base would answer as another model
            self.unload()
            raise
        self._model.eval()

    def _load_base(self, load: Load) -> None:
        """Of the model's own generation settings only the end tokens stay: its sampling and its
        penalties would act unseen beside what was asked for."""
        from transformers import GenerationConfig

        self._model = _load_base(load.base_model, load.quantization)
        own = self._model.generation_config.eos_token_id
        self._own_ends = {*(own if isinstance(own, list) else [own])}
        self._model.generation_config = GenerationConfig()

    def _change_adapter(self, folder: Path | None) -> None:
        from peft import PeftModel

        if self._adapter_hash:
            self._model = self._model.unload()
            self._adapter_hash = ""
        if folder is not None:
            self._model = PeftModel.from_pretrained(self._model, folder)

    def unload(self) -> None:
        """Let go of the model; its memory is there for the next one."""
        self._model = self._tokenizer = None
        self._base, self._adapter_hash = (), ""
        gc.collect()
        if "torch" in sys.modules:
            sys.modules["torch"].cuda.empty_cache()

    def answer(self, prompt: Prompt, on_text: Callable[[str], None], cancel: Event) -> Answer:
        """Generate, handing out the text as it comes; ``cancel`` ends it after a token."""
        import torch

        self._require(prompt.use)
        inputs = self._encode(prompt.messages)
        room = self._room(inputs["input_ids"].shape[1], prompt.max_new_tokens)
        if prompt.seed is not None:
            torch.manual_seed(prompt.seed)
        before = time.monotonic()
        with torch.inference_mode(), self._as_asked(prompt.use):
            output = self._model.generate(
                **inputs,
                generation_config=self._settings(prompt, room),
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
            try:
                text = question(self._tokenizer, messages)
            except RowError as error:
                message = f"The conversation cannot be asked: {error}"
                raise TrainerError(FailureKind.BAD_CONFIG, message) from error
        tokens = self._tokenizer(text, add_special_tokens=not template, return_tensors="pt")
        return tokens.to(self._model.device)

    def _room(self, prompt_tokens: int, wanted: int) -> int:
        """How many tokens may follow: beyond its context a model writes rubbish, or fails."""
        context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        room = min(wanted, context - prompt_tokens) if context else wanted
        if room < 1:
            raise TrainerError(
                FailureKind.BAD_CONFIG,
                f"The prompt is too long: it has {prompt_tokens} tokens, and the model can hold "
                f"{context}.",
                "Shorten it.",
            )
        return room

    def _as_asked(self, use: str) -> Any:
        without = use == "base" and bool(self._adapter_hash)
        return self._model.disable_adapter() if without else nullcontext()

    def _settings(self, prompt: Prompt, room: int) -> Any:
        from transformers import GenerationConfig

        sampling = {"temperature": prompt.temperature, "top_p": prompt.top_p, "top_k": 0}
        pad = self._tokenizer.pad_token_id
        return GenerationConfig(
            max_new_tokens=room,
            do_sample=prompt.do_sample,
            repetition_penalty=prompt.repetition_penalty,
            eos_token_id=self._end_tokens(),
            pad_token_id=self._tokenizer.eos_token_id if pad is None else pad,
            **(sampling if prompt.do_sample else {}),
        )

    def _end_tokens(self) -> list[int]:
        ends = self._own_ends | {self._tokenizer.eos_token_id}
        return sorted(end for end in ends if end is not None)

    def _answer(self, tokens: Any, before: float, cancel: Event) -> Answer:
        seconds = time.monotonic() - before
        ended = len(tokens) > 0 and int(tokens[-1]) in self._end_tokens()
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        rest: Literal["cancelled", "length"] = "cancelled" if cancel.is_set() else "length"
        return Answer(text, len(tokens), seconds, "stop" if ended else rest)


class ContentHashes:
    """SHA-256 over the files of a folder, read anew only where the file system says that one was
    written: an adapter of a large model takes a second to read."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[object, str]] = {}

    def of(self, folder: Path) -> str:
        """The hash of names and contents."""
        signature = file_signature(folder)
        known = self._known.get(folder)
        if known is None or known[0] != signature:
            known = self._known[folder] = (signature, _content_hash(folder))
        return known[1]


def _content_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file():
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _adapter_folder(adapter: str | None) -> Path | None:
    if adapter is None:
        return None
    folder = resolve(adapter)
    if not (folder / "adapter_config.json").is_file():
        raise TrainerError(FailureKind.NOT_FOUND, f"There is no adapter in {folder}.")
    return folder


def _load_base(base_model: str, quantization: str) -> Any:
    """The base as the training had it: same device, same packing, half precision on a GPU."""
    import torch
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {"dtype": torch.float32}
    precision = "float32"
    if torch.cuda.is_available():
        precision = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        options = {"dtype": getattr(torch, precision), "device_map": {"": 0}}
        quantization = "4-bit" if quantization == "auto" else quantization
    if quantization not in ("auto", "none"):
        options["quantization_config"] = quantization_config(quantization, precision)
    return from_pretrained(AutoModelForCausalLM, base_model, **options)


def _load_tokenizer(folder: Path | None, base_model: str) -> Any:
    """The adapter's own tokenizer, for it was trained with that chat template."""
    own = folder is not None and (folder / "tokenizer_config.json").is_file()
    return tokenizer_of(str(folder) if own else base_model)


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
