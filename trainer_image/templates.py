"""Conversations through a model's own chat template, and what may not go through it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainer_image.conversations import RowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer_image.conversations import Message

    Shape = Callable[[Message], Message]

Span = tuple[int, int]
_MARKS = re.compile(r"\{%-?\s*generation\s*-?%\}")
_THOUGHT = "enable_thinking"
"""What Qwen, Nemotron and GLM call it when an answer is asked for with or without a thought."""
_ANSWER: Message = {"role": "assistant", "content": "x"}


def render(
    tokenizer: Any,
    messages: list[Message],
    *,
    answering: bool = False,
    tools: list[dict[str, Any]] | None = None,
    **options: Any,
) -> str:
    """The text of a conversation; with ``answering``, up to where the assistant speaks next."""
    try:
        text = tokenizer.apply_chat_template(
            messages, tools=tools, tokenize=False, add_generation_prompt=answering, **options
        )
    except _refusals() as error:
        raise RowError(f"the model's chat template refuses it ({error}).") from error
    return str(text)


def openings(
    tokenizer: Any, messages: list[Message], tools: list[dict[str, Any]] | None = None
) -> Iterator[str]:
    """How the template may ask for the next answer: as it does by itself, without and with a
    thought before it."""
    yield render(tokenizer, messages, answering=True, tools=tools)
    if _THOUGHT in _source(tokenizer, tools):
        for choice in (False, True):
            yield render(tokenizer, messages, answering=True, tools=tools, **{_THOUGHT: choice})


def _refusals() -> tuple[type[Exception], ...]:
    """What templates raise on their own account, and what they run into."""
    refusal: type[Exception] = import_module("jinja2").TemplateError
    return (refusal, TypeError, ValueError, KeyError, AttributeError)


def _source(tokenizer: Any, tools: list[dict[str, Any]] | None) -> str:
    try:
        return str(tokenizer.get_chat_template(tools=tools))
    except ValueError as error:
        raise RowError("the model has no chat template.") from error


@dataclass(frozen=True)
class ControlWords:
    """Texts that a tokenizer turns into one token that steers the model, the longest first.

    ``ends`` may end a turn: any added token but ``</think>`` and the like, which only end a part.
    """

    controls: tuple[str, ...]
    ends: tuple[str, ...]

    @classmethod
    def of(cls, tokenizer: Any) -> ControlWords:
        """Those of this tokenizer."""
        added, special = tokenizer.added_tokens_decoder.values(), {*tokenizer.all_special_tokens}
        controls = {one.content for one in added if one.special} | special
        ends = {one.content for one in added if not one.content.startswith("</")} | special
        return cls(_longest_first(controls), _longest_first(ends))

    def refuse_in(self, value: Any) -> None:
        """RowError if a text of a conversation would steer the model instead of being read."""
        if isinstance(value, str):
            found = self._pattern.search(value)
            if found:
                raise RowError(f"its text holds {found[0]!r}, which is a control token here.")
        elif isinstance(value, dict | list):
            for one in value.values() if isinstance(value, dict) else value:
                self.refuse_in(one)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self.controls)) or r"(?!)")


@lru_cache(maxsize=8)
def _has_marks(template: str) -> bool:
    return bool(_MARKS.search(template))


def _longest_first(words: set[str]) -> tuple[str, ...]:
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


@dataclass(frozen=True)
class Script:
    """One conversation in the shape that its template takes.

    Templates differ in how they want a tool call (arguments as an object or as its JSON, beside an
    empty content or none) and a content (a text or a list of parts): the first shape is taken that
    loses nothing.
    """

    tokenizer: Any
    words: ControlWords
    messages: list[Message]
    tools: list[dict[str, Any]] | None = None

    def text(self, count: int | None = None) -> str:
        """The first ``count`` messages as text, or all; each is rendered once."""
        count = len(self.messages) if count is None else count
        if count not in self._texts:
            shaped = self._shaped[:count]
            self._texts[count] = render(self.tokenizer, shaped, tools=self.tools)
        return self._texts[count]

    def openings(self, count: int) -> Iterator[str]:
        """The first messages with the assistant about to speak."""
        return openings(self.tokenizer, self._shaped[:count], self.tools)

    @cached_property
    def header(self) -> str:
        """What an answer is asked for with, in a conversation as short as can be."""
        asked = self._shaped_x("user")
        before = render(self.tokenizer, [asked], tools=self.tools)
        prompt = render(self.tokenizer, [asked], answering=True, tools=self.tools)
        return prompt[len(before) :] if prompt.startswith(before) else ""

    def _shaped_x(self, role: str) -> Message:
        return self._shape({"role": role, "content": "x"})

    def next_turn(self, message: Message) -> str:
        """What an answer or a call like this is followed by, in a conversation as short as can be:
        a longer one might have its thoughts left out as soon as it goes on."""
        role = "tool" if message.get("tool_calls") else "user"
        said = [self._shaped_x("user"), self._shape({**message, "content": "x"})]
        until = render(self.tokenizer, said, tools=self.tools)
        followed = render(self.tokenizer, [*said, self._shaped_x(role)], tools=self.tools)
        return followed[len(until) :] if followed.startswith(until) else ""

    def until(self, count: int) -> Script:
        """The same, ending earlier."""
        return Script(self.tokenizer, self.words, self.messages[:count], self.tools)

    @property
    def has_marks(self) -> bool:
        """Whether the template itself says what the assistant writes."""
        return _has_marks(_source(self.tokenizer, self.tools))

    def marks(self, count: int | None = None) -> list[Span]:
        """What the template marks in the text of the first ``count`` messages."""
        module = import_module("transformers.utils.chat_template_utils")
        _texts, spans = module.render_jinja_template(
            [self._shaped[:count]],
            tools=self.tools,
            chat_template=_source(self.tokenizer, self.tools),
            return_assistant_tokens_mask=True,
            **self.tokenizer.special_tokens_map,
        )
        return [(begin, end) for begin, end in spans[0] if begin < end]

    @cached_property
    def _texts(self) -> dict[int, str]:
        return {}

    @cached_property
    def _shaped(self) -> list[Message]:
        return [self._shape(message) for message in self.messages]

    @cached_property
    def _shape(self) -> Shape:
        refusals = []
        for shape in _SHAPES:
            try:
                self._require_all([shape(message) for message in self.messages])
            except RowError as error:
                refusals.append(error)
            else:
                return shape
        raise refusals[0]

    def _require_all(self, messages: list[Message]) -> None:
        """RowError where the template leaves out a message, the tools or the calls."""
        self._texts[len(messages)] = text = render(self.tokenizer, messages, tools=self.tools)
        said = (one for one in self.messages if one["role"] in ("user", "assistant"))
        if not all(tail(message) in text for message in said):
            raise RowError("the model's chat template leaves out a part of it.")
        if any(
            isinstance(one["content"], list) and str(one["content"]) in text for one in messages
        ):
            raise RowError("the model's chat template knows no parts, and would print the list.")
        if self.tools and text == render(self.tokenizer, messages):
            raise RowError("the model's chat template knows no tools.")
        if _has_calls(messages) and text == self._without_calls(messages):
            raise RowError("the model's chat template knows no tool calls.")

    def _without_calls(self, messages: list[Message]) -> str:
        silent = [{k: v for k, v in one.items() if k != "tool_calls"} for one in messages]
        try:
            return render(self.tokenizer, silent, tools=self.tools)
        except RowError:
            return ""


def question(tokenizer: Any, messages: list[Message]) -> str:
    """The text that asks for an answer as a plain one is trained: where the template begins a
    thought by itself that its plain answers lack, asking so would be unlike any training."""
    answered = Script(tokenizer, ControlWords((), ()), [*messages, _ANSWER])
    try:
        asked, text = list(answered.openings(len(messages))), answered.text()
    except RowError:  # asked all the same: the template may leave out what was said long ago
        return render(tokenizer, messages, answering=True)
    return next((one for one in asked if text.startswith(one)), asked[0])


def tail(message: Message) -> str:
    """The last word of a message: no template that keeps the end of it is without it."""
    words = re.findall(r"\w+", message["content"]) or message["content"].split()
    return words[-1] if words else ""


def _has_calls(messages: list[Message]) -> bool:
    return any(message.get("tool_calls") for message in messages)


def _plain(message: Message) -> Message:
    return message


def _silent(message: Message) -> Message:
    """No content beside a call."""
    alone = message.get("tool_calls") and not message["content"]
    return {**message, "content": None} if alone else message


def _quoted(message: Message) -> Message:
    """The arguments of calls as JSON."""
    calls = [
        {**call, "function": {**function, "arguments": json.dumps(function["arguments"])}}
        for call in message.get("tool_calls", ())
        for function in (call["function"],)
    ]
    return {**message, "tool_calls": calls} if calls else message


def _parts(message: Message) -> Message:
    """The content as templates of models that also see take it."""
    return {**message, "content": [{"type": "text", "text": message["content"]}]}


def _silent_quoted(message: Message) -> Message:
    return _silent(_quoted(message))


_SHAPES: tuple[Shape, ...] = (_plain, _silent, _quoted, _silent_quoted, _parts)
