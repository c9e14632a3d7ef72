"""The pieces of content that messages, tool results and answers are made of.

Words follow the providers' documentation; a piece that only one wire knows travels as ``Opaque``
and is given back to that wire alone.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Raw, Struct


class Citation(Struct, frozen=True, kw_only=True):
    """A source named by the model. ``start``/``end`` are code-point offsets into the block's text."""

    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None
    wire: str | None = None
    raw: Raw | None = None
    """The wire's own annotation, for handing back unchanged to the same wire."""


class Text(Struct, frozen=True):
    """What is said, with its sources."""

    text: str
    citations: tuple[Citation, ...] = ()


class ModelRefusal(Struct, frozen=True):
    """The model declines; the text is its explanation."""

    text: str


class Reasoning(Struct, frozen=True, kw_only=True):
    """Thinking. ``parts`` are the summary parts (Anthropic: one part, the thinking text).

    ``signature`` is the opaque proof or encrypted content; ``redacted`` marks a block that has
    nothing but it. ``id`` is the Responses item id.
    """

    parts: tuple[str, ...] = ()
    signature: str | None = None
    redacted: bool = False
    id: str | None = None

    @property
    def text(self) -> str:
        """The parts, a blank line between two."""
        return "\n\n".join(self.parts)


class Image(Struct, frozen=True, kw_only=True):
    """An image by base64 ``data`` with ``media_type``, by ``url``, or by the upstream's ``file_id``."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class File(Struct, frozen=True, kw_only=True):
    """A document by base64 ``data``, plain ``text``, ``url`` or ``file_id``."""

    media_type: str | None = None
    data: str | None = None
    text: str | None = None
    url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    context: str | None = None
    """Anthropic's ``context`` of a document."""


class ToolCall(Struct, frozen=True, kw_only=True):
    """A call of a client tool. ``arguments`` is the raw JSON text, or the raw input of a ``custom`` tool."""

    id: str
    name: str
    arguments: str
    kind: Literal["function", "custom"] = "function"
    namespace: str | None = None
    item_id: str | None = None
    """The Responses item id (``fc_…``), where known."""


class Opaque(Struct, frozen=True):
    """Content that only ``wire`` knows, as its raw JSON. ``lifted`` is the same in the hub's words, for the
    other wires: empty where it stands elsewhere (``Request.inline_tools``), None where it has none."""

    wire: str
    raw: Raw
    lifted: tuple[ToolCall | ToolResult, ...] | None = None


ToolContent = Text | Image | File | Opaque


class ToolResult(Struct, frozen=True, kw_only=True):
    """What a tool call gave. ``is_error`` is None where the wire has no such flag."""

    call_id: str
    content: tuple[ToolContent, ...] = ()
    is_error: bool | None = None
    kind: Literal["function", "custom"] = "function"


class SearchHit(Struct, frozen=True):
    """A page that a search found."""

    url: str
    title: str = ""


class HostedCall(Struct, frozen=True, kw_only=True):
    """A tool that the upstream ran by itself (``web_search``, ``code_interpreter`` …).

    ``input`` is the raw JSON of what it was asked; ``raw`` the wire's whole item.
    """

    id: str
    name: str
    input: Raw | None = None
    hits: tuple[SearchHit, ...] = ()
    sealed: bool = False
    """Whether what it found is encrypted, for its maker alone; ``hits`` are only the names of it."""
    wire: str | None = None
    raw: Raw | None = None


Block = Text | ModelRefusal | Reasoning | Image | File | ToolCall | ToolResult | HostedCall | Opaque
