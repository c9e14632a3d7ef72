"""Changes to the messages of a request on its way to a Messages upstream that takes less than Anthropic does.

Third-party servers (DeepSeek, MiniMax, GLM, Kimi, llama.cpp, Bedrock and Vertex behind relays) lag behind the API, and
so do Anthropic's own older models. Each change is a pure function over the body's top-level fields: it changes them in
place and returns the names of what the request loses by it. Messages that a change does not concern keep their bytes.
Which change an upstream needs is known from what it refused (``upstream.amendments``). Those of thinking and effort
stand in ``thinking_changes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final

import msgspec
from msgspec import Raw, Struct

from daemon.wires.added_text import CONTINUE, NOT_KEPT, NOTHING, reminder
from daemon.wires.anthropic_messages.midway import effort_at_end, is_over
from daemon.wires.anthropic_messages.schema import ABSENT, RawMessageParam
from daemon.wires.base import Fields
from daemon.wires.json import MOST_LEVELS, NOT_JSON, NULL, encode, fields_of, items_of, list_of, object_of, string_of

_USER: Final = Raw(b'"user"')


class _Block(Struct, gc=False):
    """What a content block is known by. A field of another type than the API's reads as absent (``block_of``)."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    cache_control: Raw = ABSENT


_read_messages = msgspec.json.Decoder(list[RawMessageParam]).decode
_read_block = msgspec.json.Decoder(_Block).decode


# --- roles ----------------------------------------------------------------------------------------


def system_as_text(fields: Fields, _: str = "") -> Sequence[str]:
    """No message has the role ``system``: those that open the conversation go into ``system``, later ones become marked
    user text in the nearest turn of the user, as toward all upstreams that have no place for it. An effort that one of
    them has set holds for the request; tools that one of them has added or removed are lost."""
    raws, heads = _messages(fields)
    if all(head.role != "system" for head in heads):
        return ()
    lost: list[str] = []
    turns = _Turns()
    for number, (raw, head) in enumerate(zip(raws, heads, strict=True)):
        if head.role != "system":
            turns.add(raw, head.role)
        elif not is_over(heads, number):
            texts = _texts_of(head, f"messages[{number}]", lost)
            turns.say(texts)
    turns.end()
    if turns.opening:
        fields["system"] = Raw(encode([*_content_blocks(fields.get("system", NULL)), *turns.opening]))
    fields["messages"] = Raw(encode(turns.messages))
    effort = effort_at_end(heads)
    if effort is not None:
        fields["output_config"] = Raw(encode(object_of(fields.get("output_config")) | {"effort": effort}))
    return lost


class _Turns:
    """The conversation as it is built up again. ``opening`` are the texts before its first turn."""

    def __init__(self) -> None:
        self.opening: list[Raw] = []
        self.messages: list[Raw] = []
        self._role = ""
        self._waiting: list[Raw] = []

    def add(self, raw: Raw, role: str) -> None:
        """A turn of the user or the assistant."""
        if self._waiting and role == "user":
            raw, self._waiting = _with_texts(raw, self._waiting), []
        elif self._waiting:
            self.end()
        self.messages.append(raw)
        self._role = role

    def say(self, texts: list[Raw]) -> None:
        """System text: behind what the user has said, else before what the user says next."""
        if not self.messages:
            self.opening += texts
        elif texts and self._role == "user":
            self.messages[-1] = _with_texts(self.messages[-1], [_reminder(texts)])
        elif texts:
            self._waiting.append(_reminder(texts))

    def end(self) -> None:
        """What is waiting is a turn of its own."""
        if self._waiting or not self.messages:
            content = self._waiting or [_text_block(CONTINUE)]
            self.messages.append(Raw(encode({"role": _USER, "content": content})))
            self._waiting, self._role = [], "user"


def _with_texts(raw: Raw, texts: list[Raw]) -> Raw:
    """The user's message with ``texts`` behind what it says: results of tools must come first."""
    message = fields_of(raw)
    return Raw(encode(message | {"content": [*_content_blocks(message.get("content", NULL)), *texts]}))


def _texts_of(head: RawMessageParam, where: str, lost: list[str]) -> list[Raw]:
    content = head.content
    if not isinstance(content, list):
        return [_text_block(content)] if content else []
    texts = []
    for raw in content:
        block = block_of(raw)
        if block.type != "text":
            lost.append(f"{where}.{block.type or 'content'}")
        elif block.text:
            texts.append(raw)
    return texts


def _reminder(texts: list[Raw]) -> Raw:
    blocks = [block_of(raw) for raw in texts]
    text = "\n".join(block.text or "" for block in blocks)
    marks = [block.cache_control for block in blocks if block.cache_control]
    return _text_block(reminder(text), marks[-1] if marks else ABSENT)


def _text_block(text: str, cache_control: Raw = ABSENT) -> Raw:
    block: dict[str, object] = {"type": "text", "text": text}
    return Raw(encode(block | ({"cache_control": cache_control} if cache_control else {})))


def alternating_turns(fields: Fields, _: str = "") -> Sequence[str]:
    """The user speaks first, and nobody twice: neighbours of one role become one message."""
    raws, heads = _messages(fields)
    messages: list[Raw] = []
    for _role, group in groupby(zip(raws, heads, strict=True), key=lambda pair: pair[1].role):
        turn = [raw for raw, _head in group]
        if len(turn) == 1:
            messages += turn
            continue
        content = [block for raw in turn for block in _content_blocks(fields_of(raw).get("content", NULL))]
        messages.append(Raw(encode(fields_of(turn[0]) | {"content": content})))
    if heads and heads[0].role == "assistant":
        messages.insert(0, Raw(encode({"role": _USER, "content": CONTINUE})))
    if len(messages) != len(raws):
        fields["messages"] = Raw(encode(messages))
    return ()


def last_word_to_the_user(fields: Fields, _: str = "") -> Sequence[str]:
    """The model does not take the beginning of its own answer: the user asks it to go on."""
    raws, heads = _messages(fields)
    if heads and heads[-1].role == "assistant":
        fields["messages"] = Raw(encode([*raws, {"role": _USER, "content": CONTINUE}]))
    return ()


# --- blocks of the newer kinds --------------------------------------------------------------------


REPLACED: Final[Mapping[str, str]] = {
    "tool_reference": "tool_name",
    "search_result": "content",
    "redacted_thinking": "",
    "tool_addition": "",
    "tool_removal": "",
}
"""Blocks that not every server knows -> the field of theirs that is shown as text instead; '' for none."""


def without_blocks_of(fields: Fields, kind: str) -> Sequence[str]:
    """No message, and no tool's result in one, holds blocks of the type ``kind``: a text stands in their place, or
    nothing."""
    lost: list[str] = []
    raws, heads = _messages(fields)
    messages = []
    for number, (raw, head) in enumerate(zip(raws, heads, strict=True)):
        if isinstance(head.content, list) and f'"{kind}"'.encode() in bytes(raw):
            blocks = _replaced(head.content, kind.lower(), f"messages[{number}]", lost, MOST_LEVELS)
            raw = Raw(encode(fields_of(raw) | {"content": blocks or [_text_block(NOTHING)]}))
        messages.append(raw)
    if lost:
        fields["messages"] = Raw(encode(messages))
    return lost


def _replaced(blocks: list[Raw], kind: str, where: str, lost: list[str], levels: int) -> list[Raw]:
    """Also inside results of tools, ``levels`` of them inside each other."""
    out: list[Raw] = []
    for raw in blocks:
        found = block_of(raw).type
        if found == kind:
            lost.append(f"{where}.{kind}")
            shown = fields_of(raw).get(REPLACED.get(kind, ""), NULL)
            text = " ".join(block_of(block).text or "" for block in _content_blocks(shown))
            out += [_text_block(text)] if text else []
        elif levels and found == "tool_result" and f'"{kind}"'.encode() in bytes(raw):
            inside = fields_of(raw)
            content = _replaced(_content_blocks(inside.get("content", NULL)), kind, where, lost, levels - 1)
            out.append(Raw(encode(inside | {"content": content})))
        else:
            out.append(raw)
    return out


# --- earlier thinking -----------------------------------------------------------------------------


def without_empty_thinking(fields: Fields, _: str = "") -> Sequence[str]:
    """No thinking block is without text. (Anthropic leaves it out of its answers, and the signature holds it.)"""
    return _without_blocks(fields, lambda block: block.type == "thinking" and not block.thinking)


def without_unsigned_thinking(fields: Fields, _: str = "") -> Sequence[str]:
    """No thinking block is without a signature: another server made it, and this one checks its own by it."""
    return _without_blocks(fields, lambda block: block.type == "thinking" and not block.signature)


def with_thinking_before_calls(fields: Fields, _: str = "") -> Sequence[str]:
    """Each of the assistant's turns with calls has thinking: where it is gone, a text that says so. (DeepSeek, Kimi)"""
    return _each_turn(fields, _with_thinking)


def _with_thinking(blocks: list[Raw], _where: str, _lost: list[str]) -> list[Raw]:
    types = [block_of(raw).type for raw in blocks]
    if "tool_use" not in types or "thinking" in types:
        return blocks
    return [Raw(encode({"type": "thinking", "thinking": NOT_KEPT, "signature": ""})), *blocks]


def _without_blocks(fields: Fields, unwanted: Callable[[_Block], bool]) -> Sequence[str]:
    def kept(blocks: list[Raw], where: str, lost: list[str]) -> list[Raw]:
        rest = [raw for raw in blocks if not unwanted(block_of(raw))]
        if len(rest) == len(blocks):
            return blocks
        lost.append(f"{where}.reasoning")
        return rest or [_text_block(NOTHING)]

    return _each_turn(fields, kept)


def _each_turn(fields: Fields, change: Callable[[list[Raw], str, list[str]], list[Raw]]) -> Sequence[str]:
    """``change`` of the blocks of each of the assistant's turns gives them back or others for them; a turn that says
    nothing cannot be sent, nor be left out."""
    lost: list[str] = []
    messages: list[Raw] = []
    raws, heads = _messages(fields)
    for number, (raw, head) in enumerate(zip(raws, heads, strict=True)):
        if head.role == "assistant" and isinstance(head.content, list):
            blocks = change(head.content, f"messages[{number}]", lost)
            if blocks is not head.content:
                raw = Raw(encode(fields_of(raw) | {"content": blocks}))
        messages.append(raw)
    if any(new is not old for new, old in zip(messages, raws, strict=True)):
        fields["messages"] = Raw(encode(messages))
    return lost


# --- reading --------------------------------------------------------------------------------------


def block_of(raw: Raw) -> _Block:
    try:
        return _read_block(raw)
    except NOT_JSON:
        return _Block()


def _messages(fields: Fields) -> tuple[list[Raw], list[RawMessageParam]]:
    """Each message as it came, and what it is known by; none where they cannot be read."""
    raw = fields.get("messages", NULL)
    try:
        return items_of(raw), _read_messages(raw)
    except NOT_JSON:
        return [], []


def _content_blocks(content: Raw) -> list[Raw]:
    """A message's content, or a system text, as blocks."""
    text = string_of(content)
    return [_text_block(text)] if text else list_of(content)
