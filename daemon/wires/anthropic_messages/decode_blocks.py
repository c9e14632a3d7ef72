"""Content blocks of the Messages API, as structs or raw, to the hub's blocks.

A block of a type we do not know becomes ``Opaque("messages", raw)``: never an error, and handed
back unchanged to this wire alone.
"""

from __future__ import annotations

import re
from typing import assert_never, get_args

import msgspec
from msgspec import Raw, ValidationError

from daemon.errors import ErrorKind, LocalError
from daemon.inference.blocks import (
    Block,
    Citation,
    File,
    HostedCall,
    Image,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolContent,
    ToolResult,
)
from daemon.wires.anthropic_messages.moved_thinking import put_back
from daemon.wires.anthropic_messages.schema import (
    WIRE_NAME,
    ChoiceType,
    CitationBody,
    ContainerUpload,
    DocumentBlock,
    ImageBlock,
    KnownBlock,
    RawToolResultBlock,
    RedactedThinkingBlock,
    ResultContent,
    Role,
    SearchResultBlock,
    Source,
    TextBlock,
    ThinkingBlock,
    ThinkingType,
    ToolResultBlock,
    ToolUseBlock,
    Typed,
)
from daemon.wires.anthropic_messages.searches import with_searches
from daemon.wires.json import NOT_ONE_OF_THEM, LenientDecoder, items_of, mistake

_known_block = msgspec.json.Decoder(KnownBlock)
_result_content = msgspec.json.Decoder(ResultContent | SearchResultBlock)
_raw_result = msgspec.json.Decoder(RawToolResultBlock)
_upload = LenientDecoder(ContainerUpload).decode
_typed = msgspec.json.Decoder(Typed)
_citation = msgspec.json.Decoder(CitationBody)

_NUMBERS = re.compile(r"\.\d+")
_CHOICES: dict[str, tuple[str, ...]] = {
    "messages.role": get_args(Role),
    "tool_choice.type": get_args(ChoiceType),
    "thinking.type": get_args(ThinkingType),
}
"""What a field takes that takes a few words only."""

_KNOWN_TYPES = frozenset(
    ("text", "image", "document", "thinking", "redacted_thinking", "tool_use", "tool_result", "search_result")
)


def blocks_of(content: str | list[KnownBlock]) -> tuple[Block, ...]:
    """A message's content, string or blocks. Thinking without text and signature says nothing and is left out;
    thinking that was moved in its answer (``moved_thinking``) is back in its place."""
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return put_back([block for block in map(block_of, content) if block is not None])


def raw_blocks_of(content: str | list[Raw], where: str) -> tuple[Block, ...]:
    """The same, one block at a time, tolerating types we do not know. ``where`` names the place in errors."""
    if isinstance(content, str):
        return blocks_of(content)
    blocks = [
        each if each is None or isinstance(each, HostedCall) else raw_block_of(each, f"{where}.{number}")
        for number, each in enumerate(with_searches(content))
    ]
    return put_back([block for block in blocks if block is not None])


def raw_block_of(raw: Raw, where: str) -> Block | None:
    """One block of any type. Raises ``LocalError`` where a type that we know is malformed."""
    try:
        return block_of(_known_block.decode(raw))
    except ValidationError as error:
        kind = _type_of(raw, where)
        if kind == "tool_result":
            return _tool_result_of_raw(raw, where)
        if kind == "container_upload" and (identifier := _upload(raw).file_id):
            return File(file_id=identifier)
        if kind in _KNOWN_TYPES:
            raise invalid_at(where, error) from None
        return Opaque(WIRE_NAME, raw)


def block_of(block: KnownBlock) -> Block | None:
    """A known block in the hub's words; None for thinking that holds nothing."""
    match block:
        case TextBlock():
            return Text(block.text, citations_of(block.citations)) if block.citations else Text(block.text)
        case ToolUseBlock():
            return ToolCall(id=block.id, name=block.name, arguments=text_of(block.input))
        case ToolResultBlock():
            return _tool_result(block)
        case ThinkingBlock():
            return _reasoning(block)
        case RedactedThinkingBlock():
            return Reasoning(signature=block.data, redacted=True)
        case ImageBlock():
            return image_of(block.source)
        case DocumentBlock():
            return file_of(block)
        case SearchResultBlock():
            return _search_result_file(block)
        case _:
            assert_never(block)


def image_of(source: Source) -> Image:
    """An image of any source: inline, by address, or a file of the vendor's store."""
    return Image(media_type=source.media_type, data=source.data, url=source.url, file_id=source.file_id)


def file_of(block: DocumentBlock) -> File:
    """A document of any source; plain text and blocks of text become text."""
    source = block.source
    plain = source.type == "text"
    text = source.data if plain else _content_text(source.content) if source.content else None
    return File(
        media_type=source.media_type or ("text/plain" if text is not None else None),
        data=None if plain else source.data,
        text=text,
        url=source.url,
        file_id=source.file_id,
        filename=block.title,
        context=block.context,
    )


def citations_of(raw: Raw) -> tuple[Citation, ...]:
    """The citations of a text block; each keeps its raw form for the way back to this wire."""
    if not is_set(raw):
        return ()
    return tuple(citation_of(each) for each in items_of(raw))


def citation_of(raw: Raw) -> Citation:
    """A citation of any kind, with its raw form."""
    body = _citation.decode(raw)
    return Citation(
        url=body.url or (body.source if body.type == "search_result_location" else None),
        title=body.title or body.document_title,
        cited_text=body.cited_text,
        wire=WIRE_NAME,
        raw=raw,
    )


def is_set(raw: Raw) -> bool:
    """Whether a field that stays raw was sent, and not as ``null``."""
    return bool(raw) and bytes(raw) != b"null"


def text_of(raw: Raw) -> str:
    """Raw JSON as text; nothing and ``null`` are an empty object."""
    text = bytes(raw).decode()
    return "{}" if text in ("", "null") else text


def invalid(message: str) -> LocalError:
    """A mistake of the client's, in the API's own words."""
    return LocalError(ErrorKind.INVALID_REQUEST, message)


def invalid_at(where: str, error: Exception) -> LocalError:
    """msgspec's words with the API's way of naming places: ``messages.0.content.1.text: …``."""
    message, path = mistake(error)
    parts = [where] if where else []
    parts += path.removeprefix("$").replace("[", ".").replace("]", "").strip(".").split(".")
    missing = "Object missing required field `"
    if message.startswith(missing):
        parts.append(message.removeprefix(missing).rstrip("`"))
        message = "Field required"
    place = ".".join(part for part in parts if part)
    choices = _CHOICES.get(_NUMBERS.sub("", place))
    if choices and message == NOT_ONE_OF_THEM:
        message = f"Input should be one of: {', '.join(choices)}"
    return invalid(f"{place}: {message}" if place else f"the request body is not valid: {message}")


def _tool_result(block: ToolResultBlock) -> ToolResult:
    content = block.content
    if isinstance(content, list):
        hub = tuple([_result_part(part) for part in content])
    else:
        hub = (Text(content),) if content else ()
    return ToolResult(call_id=block.tool_use_id, content=hub, is_error=block.is_error)


def _tool_result_of_raw(raw: Raw, where: str) -> ToolResult:
    try:
        block = _raw_result.decode(raw)
    except ValidationError as error:
        raise invalid_at(where, error) from None
    parts = block.content if isinstance(block.content, list) else []
    text = block.content if isinstance(block.content, str) else ""
    content = tuple(_raw_result_part(part, f"{where}.content.{number}") for number, part in enumerate(parts))
    return ToolResult(
        call_id=block.tool_use_id, content=content or ((Text(text),) if text else ()), is_error=block.is_error
    )


def _raw_result_part(raw: Raw, where: str) -> ToolContent:
    try:
        return _result_part(_result_content.decode(raw))
    except ValidationError as error:
        if _type_of(raw, where) in _KNOWN_TYPES:
            raise invalid_at(where, error) from None
        return Opaque(WIRE_NAME, raw)


def _result_part(block: ResultContent | SearchResultBlock) -> ToolContent:
    match block:
        case TextBlock():
            return Text(block.text)
        case ImageBlock():
            return image_of(block.source)
        case DocumentBlock():
            return file_of(block)
        case SearchResultBlock():
            return _search_result_file(block)
        case _:
            assert_never(block)


def _reasoning(block: ThinkingBlock) -> Reasoning | None:
    if not block.thinking and not block.signature:
        return None
    return Reasoning(parts=(block.thinking,) if block.thinking else (), signature=block.signature or None)


def _search_result_file(block: SearchResultBlock) -> File:
    """A search result is a document that names its source."""
    text = "\n\n".join(part.text for part in block.content)
    return File(media_type="text/plain", text=text, filename=block.title, context=f"source: {block.source}")


def _content_text(raw: Raw) -> str:
    """The text of a ``content`` source: a string, or blocks. Where a picture was, a text says so."""
    try:
        return msgspec.json.decode(raw, type=str)
    except ValidationError:
        blocks = [raw_block_of(each, "document.source.content") for each in items_of(raw)]
        return "\n\n".join(
            block.text if isinstance(block, Text) else "[image, which could not be passed on]"
            for block in blocks
            if isinstance(block, Text | Image)
        )


def _type_of(raw: Raw, where: str) -> str:
    try:
        kind = _typed.decode(raw).type
    except ValidationError as error:
        raise invalid_at(where, error) from None
    if not kind:
        raise invalid(f"{where}.type: Field required")
    return kind
