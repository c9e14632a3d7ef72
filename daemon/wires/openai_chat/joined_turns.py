"""Neighbours of one role as one message: what two have to say becomes one content, one field of thinking."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from daemon.wires.openai_chat.carried_state import MESSAGE_FIELDS, with_more
from daemon.wires.openai_chat.message_objects import joined
from daemon.wires.openai_chat.schema import Content, ContentPart, MessageParam, TextPart


def joined_turns(messages: Sequence[MessageParam]) -> list[MessageParam]:
    """The messages, as few as can be: a result is one by itself, and nothing is put behind calls."""
    turns: list[MessageParam] = []
    for message in messages:
        before = turns[-1] if turns else None
        if before is None or before.role != message.role or message.role == "tool" or before.tool_calls is not UNSET:
            turns.append(message)
        else:
            _append(before, message)
    return turns


def _append(turn: MessageParam, message: MessageParam) -> None:
    """``message`` behind what ``turn`` says already."""
    turn.content = _together(turn.content, message.content)
    turn.tool_calls = message.tool_calls
    for field in MESSAGE_FIELDS:
        if (value := getattr(message, field)) is not UNSET:
            setattr(turn, field, with_more(field, getattr(turn, field), value))


def _together(first: Content, second: Content) -> Content:
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, str) and isinstance(second, str):
        return joined([first, second])
    return [*_as_parts(first), *_as_parts(second)]


def _as_parts(content: str | Sequence[ContentPart]) -> Sequence[ContentPart]:
    if not isinstance(content, str):
        return content
    return [TextPart(content)] if content else []
