"""The Messages API's own structs, named as its documentation names them.

Unknown fields are tolerated everywhere. What a client sends is decoded strictly first (``wires.unread``), so that
``decode_request`` notices a field that no struct of its own has, keeps it raw and reports it: what is read, and what is
``NotMissed``, stands here. ``Raw()`` (empty) is "not sent"; JSON that is only passed on (schemas, tool input) is never
parsed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from daemon.wires.unread import NotMissed

WIRE_NAME = "messages"

ABSENT = Raw()


class Source(Struct, gc=False):
    """Of an image or a document: ``base64``, ``text``, ``url``, ``file`` or ``content``."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: Raw = ABSENT


class TextBlock(Struct, tag="text", gc=False):
    text: str
    citations: Raw = ABSENT
    cache_control: NotMissed = ABSENT


class ImageBlock(Struct, tag="image"):
    source: Source
    cache_control: NotMissed = ABSENT


class DocumentBlock(Struct, tag="document"):
    source: Source
    title: str | None = None
    context: str | None = None
    cache_control: NotMissed = ABSENT


class ThinkingBlock(Struct, tag="thinking", gc=False):
    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(Struct, tag="redacted_thinking", gc=False):
    data: str


class ToolUseBlock(Struct, tag="tool_use", gc=False):
    id: str
    name: str
    input: Raw = ABSENT
    cache_control: NotMissed = ABSENT
    caller: NotMissed = ABSENT


ResultContent = TextBlock | ImageBlock | DocumentBlock


class ToolResultBlock(Struct, tag="tool_result"):
    tool_use_id: str
    content: str | list[ResultContent] | None = None
    is_error: bool | None = None
    cache_control: NotMissed = ABSENT


class RawToolResultBlock(Struct):
    """A tool result that holds blocks we do not know."""

    tool_use_id: str
    content: str | list[Raw] | None = None
    is_error: bool | None = None


class SearchResultBlock(Struct, tag="search_result"):
    source: str
    title: str
    content: list[TextBlock]
    cache_control: NotMissed = ABSENT


KnownBlock = (
    TextBlock
    | ImageBlock
    | DocumentBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ToolResultBlock
    | SearchResultBlock
)


Role = Literal["user", "assistant", "system"]
ChoiceType = Literal["auto", "any", "tool", "none"]
ThinkingType = Literal["enabled", "adaptive", "disabled", "between_tools"]


class EffortParam(Struct, gc=False):
    effort: str | None = None


class MessageHead(Struct, kw_only=True):
    """What a message has beside its content. The last two stand on system messages: from where on another effort
    holds, and whether the text is over with the next user message (``midway``)."""

    role: Role
    output_config: EffortParam | None = None
    clear_at: str | None = None


class MessageParam(MessageHead):
    content: str | list[KnownBlock] | UnsetType = UNSET


class RawMessageParam(MessageHead):
    """A message whose blocks are looked at one by one, because some may be unknown to us."""

    content: str | list[Raw] | UnsetType = UNSET


class ToolParam(Struct):
    """A client tool (``type`` absent or ``custom``) or a hosted one (``web_search_20250305`` …)."""

    name: str | None = None
    type: str | None = None
    description: str | None = None
    input_schema: Raw = ABSENT
    strict: bool | None = None
    allowed_domains: tuple[str, ...] | None = None
    blocked_domains: tuple[str, ...] | None = None
    user_location: Raw = ABSENT
    max_uses: int | None = None
    defer_loading: bool | None = None
    cache_control: NotMissed = ABSENT
    eager_input_streaming: NotMissed = ABSENT


class ToolReference(Struct, gc=False):
    """A tool by its name (``tool_reference``), or by value (``tool_definition``)."""

    name: str = ""
    definition: Raw = ABSENT


class ToolChange(Struct):
    """A ``tool_addition`` or ``tool_removal`` on a system message, or, with ``tool_name``, the ``tool_reference`` in a
    tool's result that loads a deferred tool."""

    type: str = ""
    tool: ToolReference | None = None
    tool_name: str = ""


class ToolChoiceParam(Struct, gc=False):
    type: ChoiceType
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingParam(Struct, gc=False):
    type: ThinkingType
    budget_tokens: int | None = None
    display: str | None = None


class FormatParam(Struct, gc=False):
    type: str
    schema: Raw = ABSENT
    name: str | None = None


class OutputConfig(Struct):
    effort: str | None = None
    format: FormatParam | None = None


class Metadata(Struct, gc=False):
    user_id: str | None = None


Count = Annotated[int, Meta(ge=0, le=2**53)]
"""Zero tokens are asked for to fill the prompt cache, and no more."""


class Parameters(Struct, kw_only=True):
    """All of a request but its messages. ``service_tier`` and what follows stays raw."""

    model: Annotated[str, Meta(min_length=1)]
    max_tokens: Count | None = None
    system: str | list[TextBlock] | None = None
    tools: list[ToolParam] | None = None
    tool_choice: ToolChoiceParam | None = None
    thinking: ThinkingParam | None = None
    output_config: OutputConfig | None = None
    output_format: FormatParam | None = None
    metadata: Metadata | None = None
    stop_sequences: tuple[str, ...] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    service_tier: Raw = ABSENT
    speed: Raw = ABSENT
    thread: Raw = ABSENT
    context_management: Raw = ABSENT
    cache_control: NotMissed = ABSENT


class ContextEdit(Struct, gc=False):
    type: str = ""


class ContextManagement(Struct):
    """Of what the upstream clears in a long conversation, only the kinds are read."""

    edits: list[ContextEdit] = []


class CreateMessage(Parameters, kw_only=True):
    """The body that real clients send: the fast path, where it is decoded strictly."""

    messages: list[MessageParam]


class RawCreateMessage(Parameters, kw_only=True):
    """Any valid body: messages are taken apart one by one, unknown fields are looked for."""

    messages: list[RawMessageParam]


class RawTools(Struct):
    tools: list[Raw] = []


class Typed(Struct, gc=False):
    """Anything with a ``type``: enough to say whether we know it."""

    type: str = ""


# What a server answers ------------------------------------------------------------------------


class OutputTokensDetails(Struct, gc=False):
    thinking_tokens: int | None = None


class UsageBody(Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: OutputTokensDetails | None = None
    service_tier: str | None = None


class StopDetails(Struct, gc=False):
    explanation: str | None = None


class MessageBody(Struct):
    """A whole answer, or the empty one of ``message_start``; ``error`` is set in a failed one."""

    type: str | None = None
    id: str = ""
    model: str = ""
    content: list[Raw] = []
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: UsageBody | None = None
    error: Raw = ABSENT


class Delta(Struct, gc=False):
    """Of a block (``type`` says which) or, with ``stop_reason``, of the message."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    signature: str = ""
    content: str | None = None
    citation: Raw = ABSENT
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class StreamEvent(Struct):
    """Any event of a stream. One loose struct, so that unknown events and fields decode too."""

    type: str = ""
    index: int = -1
    delta: Delta | UnsetType = UNSET
    content_block: Raw = ABSENT
    message: MessageBody | UnsetType = UNSET
    usage: UsageBody | None = None
    error: Raw = ABSENT


class CitationBody(Struct):
    """What the citation types of the API have in common, under their several names."""

    type: str = ""
    url: str | None = None
    title: str | None = None
    document_title: str | None = None
    source: str | None = None
    cited_text: str | None = None


class ContainerUpload(Struct, gc=False):
    """A file of the vendor's store that goes into the container of a server tool."""

    file_id: str | None = None


class SearchResultItem(Struct, gc=False):
    url: str = ""
    title: str | None = None
    encrypted_content: str | None = None


class WebSearchResultBlock(Struct):
    """``content`` is a list of results, or an error object."""

    tool_use_id: str = ""
    content: Raw = ABSENT
