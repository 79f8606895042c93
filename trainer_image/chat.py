"""A base model with or without its adapter, loaded once and asked many times."""

from __future__ import annotations

import gc
import hashlib
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
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
    """A ``load`` request; without an adapter only the base can be asked. A folder with the whole
    model of a full fine-tune stands in an adapter's place.

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


@dataclass(frozen=True)
class Loaded:
    """A model ready to answer. Of its own generation settings only the end tokens stay: its
    sampling and its penalties would act unseen beside what was asked for."""

    model: Any
    ends: frozenset[int]


class Chat:
    """The loaded model. A base stays while adapters change, for it takes much longer to load.

    A whole model answers alone; its base is loaded beside it when it is first asked.

    What is loaded is known by content, never by path alone: a new run may have put another adapter
    into the same folder, and a folder may hold another base model than before.
    """

    def __init__(self) -> None:
        self._load: Load | None = None
        self._base: Loaded | None = None
        self._base_known: tuple[object, ...] = ()
        self._whole: Loaded | None = None
        self._whole_known: tuple[object, ...] = ()
        self._adapter_hash = ""
        self._hashes = ContentHashes()
        self._tokenizer: Any = None

    @property
    def device(self) -> str:
        """Where the model is."""
        loaded = self._whole or self._base
        return str(loaded.model.device) if loaded else "cpu"

    def load(self, load: Load) -> None:
        """Have this base and this adapter, or this whole model, ready, loading only what is not
        there yet."""
        folder = _tuned_folder(load.adapter)
        try:
            if folder is not None and _is_whole(folder):
                self._have_whole(load, folder)
            else:
                self._let_whole_go()
                self._have_adapter(self._have_base(load), load, folder)
        except BaseException:  # with half an adapter in it, the base would answer as another model
            self.unload()
            raise
        self._load = load

    def _have_whole(self, load: Load, folder: Path) -> None:
        known = (str(folder), *file_signature(folder))
        if self._base is not None and self._base_known != _known(load):
            self.unload()
        elif self._base is not None:
            self._change_adapter(self._base, None)
        if known != self._whole_known:
            self._let_whole_go()
            self._whole = _loaded(str(folder), "none")
            self._whole_known = known
        self._tokenizer = _load_tokenizer(folder, load.base_model)

    def _let_whole_go(self) -> None:
        if self._whole is not None:
            self._whole, self._whole_known, self._tokenizer = None, (), None
            _collect()

    def _have_base(self, load: Load) -> Loaded:
        known = _known(load)
        if self._base is None or known != self._base_known:
            self._let_base_go()
            self._base = _loaded(load.base_model, load.quantization)
            self._base_known = known
        return self._base

    def _have_adapter(self, base: Loaded, load: Load, folder: Path | None) -> None:
        wanted = self._hashes.of(folder) if folder else ""
        if self._tokenizer is None or wanted != self._adapter_hash:
            self._change_adapter(base, folder)
            self._tokenizer = _load_tokenizer(folder, load.base_model)
            self._adapter_hash = wanted

    def _change_adapter(self, base: Loaded, folder: Path | None) -> None:
        from peft import PeftModel

        model = base.model
        if self._adapter_hash:
            model = model.unload()
            self._adapter_hash = ""
        if folder is not None:
            model = PeftModel.from_pretrained(model, folder)
        self._base = replace(base, model=model.eval())

    def _let_base_go(self) -> None:
        self._base, self._base_known, self._adapter_hash = None, (), ""
        if self._whole is None:  # else it is that one's
            self._tokenizer = None
        _collect()

    def unload(self) -> None:
        """Let go of the model; its memory is there for the next one."""
        self._load = None
        self._let_whole_go()
        self._let_base_go()

    def answer(self, prompt: Prompt, on_text: Callable[[str], None], cancel: Event) -> Answer:
        """Generate, handing out the text as it comes; ``cancel`` ends it after a token."""
        import torch

        asked = self._asked(prompt.use)
        inputs = self._encode(prompt.messages).to(asked.model.device)
        room = _room(asked.model, inputs["input_ids"].shape[1], prompt.max_new_tokens)
        if prompt.seed is not None:
            torch.manual_seed(prompt.seed)
        before = time.monotonic()
        with torch.inference_mode(), self._as_asked(prompt.use):
            output = asked.model.generate(
                **inputs,
                generation_config=self._settings(prompt, room, asked),
                streamer=_streamer(self._tokenizer, on_text),
                stopping_criteria=_stopping(cancel),
            )
        tokens = output[0, inputs["input_ids"].shape[1] :]
        return self._answer(tokens, before, cancel, self._end_tokens(asked))

    def _asked(self, use: str) -> Loaded:
        """Who answers. A whole model's base is loaded when it is first asked."""
        if self._load is None:
            raise TrainerError(FailureKind.BAD_CONFIG, "No model is loaded.")
        if use == "adapter":
            loaded = self._whole or (self._base if self._adapter_hash else None)
            if loaded is None:
                raise TrainerError(FailureKind.BAD_CONFIG, "No adapter is loaded.")
            return loaded
        return self._base or self._have_base(self._load)

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
        return self._tokenizer(text, add_special_tokens=not template, return_tensors="pt")

    def _as_asked(self, use: str) -> Any:
        without = use == "base" and bool(self._adapter_hash)
        return self._base.model.disable_adapter() if without and self._base else nullcontext()

    def _settings(self, prompt: Prompt, room: int, asked: Loaded) -> Any:
        from transformers import GenerationConfig

        sampling = {"temperature": prompt.temperature, "top_p": prompt.top_p, "top_k": 0}
        pad = self._tokenizer.pad_token_id
        return GenerationConfig(
            max_new_tokens=room,
            do_sample=prompt.do_sample,
            repetition_penalty=prompt.repetition_penalty,
            eos_token_id=self._end_tokens(asked),
            pad_token_id=self._tokenizer.eos_token_id if pad is None else pad,
            **(sampling if prompt.do_sample else {}),
        )

    def _end_tokens(self, asked: Loaded) -> list[int]:
        own = self._tokenizer.eos_token_id
        return sorted(asked.ends | ({own} if own is not None else set()))

    def _answer(self, tokens: Any, before: float, cancel: Event, ends: list[int]) -> Answer:
        seconds = time.monotonic() - before
        ended = len(tokens) > 0 and int(tokens[-1]) in ends
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        rest: Literal["cancelled", "length"] = "cancelled" if cancel.is_set() else "length"
        return Answer(text, len(tokens), seconds, "stop" if ended else rest)


def _room(model: Any, prompt_tokens: int, wanted: int) -> int:
    """How many tokens may follow: beyond its context a model writes rubbish, or fails."""
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    room = min(wanted, context - prompt_tokens) if context else wanted
    if room < 1:
        raise TrainerError(
            FailureKind.BAD_CONFIG,
            f"The prompt is too long: it has {prompt_tokens} tokens, and the model can hold "
            f"{context}.",
            "Shorten it.",
        )
    return room


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


def _tuned_folder(adapter: str | None) -> Path | None:
    if adapter is None:
        return None
    folder = resolve(adapter)
    if not (folder / "adapter_config.json").is_file() and not _is_whole(folder):
        raise TrainerError(FailureKind.NOT_FOUND, f"There is no adapter in {folder}.")
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether a full fine-tune's model lies here, and not an adapter."""
    is_adapter = (folder / "adapter_config.json").is_file()
    return not is_adapter and (folder / "config.json").is_file()


def _known(load: Load) -> tuple[object, ...]:
    return (load.base_model, load.quantization, *signature_of_base(load.base_model))


def _collect() -> None:
    gc.collect()
    if "torch" in sys.modules:
        sys.modules["torch"].cuda.empty_cache()


def _loaded(name: str, quantization: str) -> Loaded:
    from transformers import GenerationConfig

    model = _load_base(name, quantization).eval()
    own = model.generation_config.eos_token_id
    ends = own if isinstance(own, list) else [own]
    model.generation_config = GenerationConfig()
    return Loaded(model, frozenset(end for end in ends if end is not None))


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
