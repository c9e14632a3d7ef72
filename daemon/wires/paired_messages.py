"""The hub's messages as an upstream of any wire takes their calls and results (``call_pairs``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from daemon.inference.blocks import Block, Text, ToolCall, ToolResult
from daemon.inference.request import Message
from daemon.wires.call_pairs import NO_RESULT, STRAY_MARK, Paired, Turn, TurnPart, is_regular, paired

Spelled = Callable[[ToolCall], str]
"""How a call's id is written on the upstream's wire."""

Numbered = Sequence[tuple[int, Message]]
"""Messages, each with the number that a loss names it by."""


def with_paired_calls(messages: Numbered, spelled: Spelled, limit: int, lost: list[str]) -> Numbered:
    """The same conversation, with what the rules of ``call_pairs`` change. Most need no change and are returned as they
    are. Results without a call are lost, unless the user says nothing else: then the model reads them as text."""
    if is_regular((message.role == "assistant", _ids(message, spelled)) for _, message in messages):
        return messages
    turns = [Turn(place, message.role == "assistant", _parts(message)) for place, message in messages]
    originals = {place: message for place, message in messages}
    result = paired(turns, spelled=lambda part: _spelled(part, spelled), limit=limit, whole=True)
    said = [(turn.place, _message(turn, originals[turn.place])) for turn in result.turns]
    said = [(place, message) for place, message in said if message.content or not originals[place].content]
    if result.strays and not any(message.content for _, message in said if message.role == "user"):
        return sorted([*said, *_as_text(result)], key=lambda numbered: numbered[0])
    lost += result.lost
    return said


def _ids(message: Message, spelled: Spelled) -> list[tuple[str | None, str | None]]:
    """An id that is spelled otherwise shows as a result without a call, which is not regular."""
    ids: list[tuple[str | None, str | None]] = []
    for block in message.content:
        if type(block) is ToolCall and message.role == "assistant":
            ids.append((spelled(block), None))
        elif type(block) is ToolResult:
            ids.append((None, block.call_id))
    return ids


def _parts(message: Message) -> list[TurnPart[Block]]:
    return [_part(block, assistant=message.role == "assistant") for block in message.content]


def _part(block: Block, *, assistant: bool) -> TurnPart[Block]:
    if isinstance(block, ToolCall) and assistant:
        same = (block.name, block.namespace, block.arguments)
        return TurnPart(block, calls=block.id, name=block.name, same=same)
    return TurnPart(block, answers=block.call_id) if isinstance(block, ToolResult) else TurnPart(block)


def _spelled(part: TurnPart[Block], spelled: Spelled) -> str:
    call = part.content
    return spelled(call) if isinstance(call, ToolCall) else ""


def _message(turn: Turn[Block], original: Message) -> Message:
    content = tuple(map(_block, turn.parts))
    added = not turn.assistant and original.role == "assistant"
    return Message("user", content) if added else replace(original, content=content)


def _block(part: TurnPart[Block]) -> Block:
    block = part.content
    if block is None:
        return ToolResult(call_id=part.answers or "", content=(Text(NO_RESULT),), is_error=True)
    if isinstance(block, ToolCall) and part.calls not in (None, block.id):
        return replace(block, id=part.calls)
    if isinstance(block, ToolResult) and part.answers not in (None, block.call_id):
        return replace(block, call_id=part.answers)
    return block


def _as_text(result: Paired[Block]) -> Numbered:
    """The results that answer no call."""
    said: list[tuple[int, Message]] = []
    for place, part in result.strays:
        if isinstance(part.content, ToolResult):
            said.append((place, Message("user", (Text(STRAY_MARK), *part.content.content))))
    return said
