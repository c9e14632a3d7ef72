"""The structs of the entry side: a client's request as it comes, the objects of the answer it gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Raw, Struct, field

from daemon.wires.openai_responses.schema import Part, Unset
from daemon.wires.unread import NotMissed

ABSENT = Raw()


class RequestPart(Struct):
    """A content part of an input item, of any type."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    file_data: str | None = None
    filename: str | None = None
    logprobs: NotMissed = ABSENT
    prompt_cache_breakpoint: NotMissed = ABSENT


class RequestItem(Struct):
    """An input item, of any type that the hub knows. ``content`` and ``output`` are text or parts."""

    type: str | None = None
    role: str | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    content: Raw | Unset = UNSET
    output: Raw | Unset = UNSET
    summary: list[Part] | None = None
    encrypted_content: str | None = None
    caller: NotMissed = ABSENT
    created_by: NotMissed = ABSENT
    internal_chat_message_metadata_passthrough: NotMissed = ABSENT  # Codex
    phase: NotMissed = ABSENT
    status: NotMissed = ABSENT


class RequestTool(Struct):
    type: str = ""
    name: str | None = None
    description: str | None = None
    parameters: Raw | Unset = UNSET
    strict: bool | None = None
    format: Raw | Unset = UNSET
    filters: Raw | Unset = UNSET
    user_location: Raw | Unset = UNSET
    tools: list[Raw] | None = None
    execution: str | None = None
    defer_loading: NotMissed = ABSENT
    external_web_access: NotMissed = ABSENT
    search_content_types: NotMissed = ABSENT


class RequestFilters(Struct):
    """Of the web search."""

    allowed_domains: tuple[str, ...] | None = None
    blocked_domains: tuple[str, ...] | None = None


class ToolsItem(Struct):
    """An input item that brings tools: ``additional_tools``, or what a search for tools has found."""

    tools: list[Raw] = []


class ToolSearchItem(Struct):
    """A search for tools that the client runs (``execution: client``): the call, or its output."""

    execution: str | None = None
    call_id: str | None = None
    arguments: Raw = Raw(b"{}")
    tools: list[Raw] = []


class RequestReasoning(Struct):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None
    context: NotMissed = ABSENT


class RequestFormat(Struct):
    type: str = "text"
    name: str | None = None
    description: str | None = None
    schema: Raw | Unset = UNSET
    strict: bool | None = None


class RequestText(Struct):
    format: RequestFormat | None = None
    verbosity: str | None = None


class RequestStreamOptions(Struct):
    include_obfuscation: NotMissed = ABSENT
    include_usage: NotMissed = ABSENT


class RequestBody(Struct):
    """The fields that are read or not missed; what the hub has no words for travels in ``extra``."""

    model: str | None = None
    input: Raw | Unset = UNSET
    instructions: str | None = None
    stream: bool | None = None
    tools: list[Raw] | None = None
    tool_choice: Raw | Unset = UNSET
    parallel_tool_calls: bool | None = None
    reasoning: RequestReasoning | None = None
    text: RequestText | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    user: str | None = None
    include: list[str] | None = None
    stream_options: RequestStreamOptions | None = None
    client_metadata: NotMissed = ABSENT


class NamedChoice(Struct):
    type: str = ""
    name: str | None = None
    mode: str | None = None


class TextPart(Struct, tag="output_text"):
    text: str = ""
    annotations: Sequence[Raw] = ()
    logprobs: Sequence[Raw] = ()


class RefusalText(Struct, tag="refusal"):
    refusal: str = ""


class SummaryText(Struct, tag="summary_text"):
    text: str = ""


class MessageOutput(Struct, tag="message"):
    id: str
    status: str
    content: Sequence[TextPart | RefusalText]
    role: str = "assistant"


class ReasoningOutput(Struct, tag="reasoning"):
    id: str
    summary: Sequence[SummaryText]
    encrypted_content: str | Unset = UNSET


class FunctionCallItem(Struct, tag="function_call"):
    id: str
    status: str
    call_id: str
    name: str
    arguments: str
    namespace: str | Unset = UNSET


class CustomCallItem(Struct, tag="custom_tool_call"):
    id: str
    status: str
    call_id: str
    name: str
    input: str
    namespace: str | Unset = UNSET


class ToolSearchCall(Struct, tag="tool_search_call"):
    id: str
    call_id: str
    arguments: Raw
    status: str
    execution: str = "client"


class HostedOutput(Struct):
    """A hosted call of another vendor, in the shape that this wire gives its own."""

    id: str
    type: str
    status: str
    action: dict[str, Any]


class UrlCitation(Struct, tag="url_citation"):
    url: str
    title: str
    start_index: int
    end_index: int


OutputItem = MessageOutput | ReasoningOutput | FunctionCallItem | CustomCallItem | ToolSearchCall | HostedOutput


class FunctionEcho(Struct, tag="function"):
    """A function as the response object repeats it: each field is there."""

    name: str
    description: str | None
    parameters: Raw | None
    strict: bool


class RequestValues(Struct):
    """The fields that repeat the request; encoded once per answer and put into each object."""

    background: Raw
    frequency_penalty: Raw
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: Raw
    metadata: Raw
    parallel_tool_calls: bool
    presence_penalty: Raw
    previous_response_id: Raw
    prompt_cache_key: str | None
    reasoning: dict[str, str | None]
    safety_identifier: Raw
    store: Raw
    temperature: float
    text: dict[str, Any]
    tool_choice: Any
    tools: Sequence[Any]
    top_logprobs: Raw
    top_p: float
    truncation: Raw
    user: str | None


class ResponseHead(Struct):
    id: str
    created_at: int
    status: str
    model: str
    output: Sequence[Raw]
    object_: str = field(default="response", name="object")
    completed_at: int | None = None
    error: dict[str, str | None] | None = None
    incomplete_details: dict[str, str] | None = None
    service_tier: str = "auto"
    usage: dict[str, Any] | None = None
