"""What a conversation changes on its way, where other wires only know it for a whole request.

Since 2026-07 a system message of the Messages API may change three things from its place on (platform.claude.com:
"Mid-conversation system messages and tool changes", "Per-message effort"; anthropic SDK 2.14 for the shapes):

    {"role": "system", "content": [], "output_config": {"effort": "low"}}
    {"role": "system", "content": [{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "Deploy"}}]}
    {"role": "system", "content": "…", "clear_at": "next_user_message"}

Only the next answer is asked for, so what holds at the end of the conversation holds for the request: the effort, the
tools that are offered by then, and which texts are over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import replace

from daemon.inference.blocks import Block, Opaque, ToolCall, ToolResult
from daemon.inference.request import Message
from daemon.wires.anthropic_messages.schema import (
    WIRE_NAME,
    MessageHead,
    MessageParam,
    RawMessageParam,
    ToolChange,
    ToolParam,
    ToolResultBlock,
)
from daemon.wires.json import NOT_JSON, type_of

_CHANGES: Final = frozenset({"tool_addition", "tool_removal"})
_HOSTED_SEARCH: Final = "tool_search_tool_"
"""A search that the upstream runs itself: no other wire's does, so all that it could find is offered."""

_tool_change = msgspec.json.Decoder(ToolChange)
_definition = msgspec.json.Decoder(ToolParam)


# --- effort and texts -----------------------------------------------------------------------------


def effort_at_end(messages: Sequence[MessageParam | RawMessageParam]) -> str | None:
    """The level that a system message has set for the next answer; None where none has. Behind a user's turn it holds
    at once, anywhere else from the next turn of the user on; results of tools are no turn of the user's."""
    if not any(message.output_config for message in messages):
        return None
    level = waiting = None
    after_user = False
    for message in messages:
        if message.role == "system":
            effort = message.output_config.effort if message.output_config else None
            if effort is None:
                continue
            waiting = effort
        else:
            after_user = message.role == "user" and _says_something(message)
        if after_user and waiting is not None:
            level, waiting = waiting, None
    return level


def _says_something(message: MessageParam | RawMessageParam) -> bool:
    content = message.content
    if isinstance(content, str) or content is UNSET:
        return bool(content)
    return any(
        type_of(block) != "tool_result" if isinstance(block, Raw) else not isinstance(block, ToolResultBlock)
        for block in content
    )


def is_over(messages: Sequence[MessageHead], number: int) -> bool:
    """Whether this message is not shown to the model any more."""
    message = messages[number]
    return (
        message.clear_at == "next_user_message"
        and message.role == "system"
        and any(later.role == "user" for later in messages[number + 1 :])
    )


# --- tools ----------------------------------------------------------------------------------------


class OfferedTools(msgspec.Struct, frozen=True):
    """``names`` are those of the declared tools that are offered; ``defined`` the tools that the conversation brings,
    by name."""

    names: frozenset[str]
    defined: dict[str, ToolParam]


def offered_at_end(tools: Sequence[ToolParam], messages: Sequence[Message]) -> OfferedTools | None:
    """Which tools are offered for the next answer: those added and not removed again, and of the deferred ones those
    that were loaded. None where that is what was declared."""
    hosted = any(tool.type and tool.type.startswith(_HOSTED_SEARCH) for tool in tools)
    deferred = frozenset() if hosted else frozenset(_name(tool) for tool in tools if tool.defer_loading)
    changes = list(_changes(messages, deferred))
    if not deferred and not changes:
        return None
    names = {_name(tool) for tool in tools} - deferred
    defined: dict[str, ToolParam] = {}
    for added, name, tool in changes:
        (names.add if added else names.discard)(name)
        if tool is not None:
            defined[name] = tool
        elif not added:
            defined.pop(name, None)
    return OfferedTools(frozenset(names), defined)


def _name(tool: ToolParam) -> str:
    return tool.name or tool.type or ""


def _changes(messages: Sequence[Message], deferred: frozenset[str]) -> Iterator[tuple[bool, str, ToolParam | None]]:
    """(whether it is added, the tool's name, its definition where it comes by value), in their order."""
    for message in messages:
        if message.role != "system" and not deferred:
            continue
        for block in message.content:
            if isinstance(block, Opaque):
                yield from _of_system(block) if message.role == "system" else ()
            elif isinstance(block, ToolCall) and block.name in deferred:
                yield True, block.name, None  # called, and so loaded before: the result that said so may be gone
            elif isinstance(block, ToolResult):
                yield from _loaded(block.content)


def _of_system(block: Opaque) -> Iterator[tuple[bool, str, ToolParam | None]]:
    change = _read(block)
    if change is None or change.type not in _CHANGES or change.tool is None:
        return
    added, tool = change.type == "tool_addition", None
    if added and change.tool.definition:
        try:
            tool = _definition.decode(change.tool.definition)
        except NOT_JSON:
            return
    name = change.tool.name or (_name(tool) if tool is not None else "")
    if name:
        yield added, name, tool


def _loaded(content: Sequence[Block]) -> Iterator[tuple[bool, str, ToolParam | None]]:
    for part in content:
        change = _read(part) if isinstance(part, Opaque) else None
        if change is not None and change.type == "tool_reference" and change.tool_name:
            yield True, change.tool_name, None


def _read(block: Opaque) -> ToolChange | None:
    try:
        return _tool_change.decode(block.raw) if block.wire == WIRE_NAME else None
    except NOT_JSON:
        return None


def without_tool_changes(message: Message) -> Message:
    """The same less what has been read of it here: it is no content."""
    if message.role != "system" or not any(isinstance(block, Opaque) for block in message.content):
        return message
    kept = [b for b in message.content if not (isinstance(b, Opaque) and type_of(b.raw) in _CHANGES)]
    return replace(message, content=tuple(kept))
