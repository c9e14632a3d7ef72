"""The wire's own structs, named as the Responses API reference names them.

What comes in tolerates unknown fields and leaves out what nobody reads; an item is kept ``Raw``
until its ``type`` is known, since other types reuse field names with other shapes
(``tool_search_call.arguments`` is an object). What goes out omits whatever is ``UNSET``.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from daemon.wires.json import Words

WIRE_NAME = "responses"

Unset = UnsetType


# --- an answer, as it comes from an upstream ----------------------------------------------------


class EventHead(Struct, gc=False):
    """What every stream event is dispatched by, and all that a delta event holds of interest."""

    type: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: str | None = None


class EventType(Struct, gc=False):
    """Anything with a ``type``."""

    type: str | None = None


class Part(Struct):
    """A content part (``output_text``, ``refusal``, ``reasoning_text``) or a summary part."""

    type: str = ""
    text: str | None = None
    refusal: Words | None = None
    annotations: list[Raw] | None = None


class DoneEvent(Struct):
    """``*.done`` of a part or of arguments: the whole value once more, under the name of its kind."""

    text: str | None = None
    refusal: str | None = None
    arguments: str | dict[str, Any] | list[Any] | None = None
    input: str | None = None
    name: str | None = None
    part: Part | None = None


class ItemEvent(Struct):
    item: Raw = Raw(b"{}")
    item_id: str | None = None


class AnnotationEvent(Struct):
    annotation: Raw = Raw(b"{}")


class Annotation(Struct):
    type: str = ""
    url: str | None = None
    title: str | None = None
    filename: str | None = None
    file_id: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class ItemHead(Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None
    action: Raw | Unset = UNSET


class SearchSource(Struct):
    """A page of a ``web_search_call``; other sources (``api``) have no address."""

    url: str | None = None
    title: str | None = None


class SearchAction(Struct):
    """``search`` has a query and, where they were asked for, sources; ``open_page`` and ``find_in_page`` a URL."""

    url: str | None = None
    sources: list[SearchSource] | None = None


class MessageItem(Struct):
    """Some servers send a text where the API has a list of parts; of a reasoning item too."""

    id: str | None = None
    content: str | list[Part] | None = None


class ReasoningItem(Struct):
    id: str | None = None
    summary: str | list[Part] | None = None
    content: str | list[Part] | None = None
    encrypted_content: str | None = None


class CallItem(Struct):
    """``function_call`` has ``arguments`` (JSON text; some servers send the JSON itself), ``custom_tool_call`` has
    ``input`` (any text)."""

    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | dict[str, Any] | list[Any] | None = None
    input: str | None = None


class InputTokensDetails(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputTokensDetails(Struct):
    reasoning_tokens: int | None = None


class ResponseUsage(Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputTokensDetails | None = None
    output_tokens_details: OutputTokensDetails | None = None


class IncompleteDetails(Struct):
    reason: str | None = None


class ResponseObject(Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    error: Raw | Unset = UNSET
    incomplete_details: IncompleteDetails | None = None
    output: list[Raw] | None = None
    usage: ResponseUsage | None = None
    service_tier: str | None = None


class ResponseEvent(Struct):
    response: ResponseObject | None = None


# --- a request, as it goes to an upstream --------------------------------------------------------


class InputText(Struct, tag="input_text", gc=False):
    text: str


class OutputText(Struct, tag="output_text", gc=False):
    text: str


class RefusalPart(Struct, tag="refusal", gc=False):
    refusal: str


class InputImage(Struct, tag="input_image"):
    image_url: str | Unset = UNSET
    file_id: str | Unset = UNSET
    detail: str | Unset = UNSET


class InputFile(Struct, tag="input_file"):
    filename: str | Unset = UNSET
    file_data: str | Unset = UNSET
    file_url: str | Unset = UNSET
    file_id: str | Unset = UNSET


ContentPart = InputText | OutputText | RefusalPart | InputImage | InputFile | Raw


class InputMessage(Struct, tag="message"):
    role: str
    content: list[ContentPart]
    id: str | Unset = UNSET


class FunctionCall(Struct, tag="function_call"):
    call_id: str
    name: str
    arguments: str
    namespace: str | Unset = UNSET
    id: str | Unset = UNSET


class CustomToolCall(Struct, tag="custom_tool_call"):
    call_id: str
    name: str
    input: str
    namespace: str | Unset = UNSET
    id: str | Unset = UNSET


class FunctionCallOutput(Struct, tag="function_call_output"):
    call_id: str
    output: str | list[ContentPart]


class CustomToolCallOutput(Struct, tag="custom_tool_call_output"):
    call_id: str
    output: str | list[ContentPart]


class PlainReasoning(Struct, tag="reasoning_text", gc=False):
    text: str


class ReasoningInput(Struct, tag="reasoning"):
    """Thinking handed back: the upstream reads ``encrypted_content`` alone, or where it has sent none ``content``, yet
    demands ``summary``."""

    summary: list[Raw]
    encrypted_content: str | Unset = UNSET
    id: str | Unset = UNSET
    content: list[PlainReasoning] | Unset = UNSET


class WebSearchCall(Struct, tag="web_search_call"):
    """An earlier search that another vendor's upstream ran."""

    id: str
    status: str
    action: dict[str, object]


InputItem = (
    InputMessage
    | FunctionCall
    | CustomToolCall
    | FunctionCallOutput
    | CustomToolCallOutput
    | ReasoningInput
    | WebSearchCall
    | Raw
)


class FunctionTool(Struct, tag="function"):
    name: str
    parameters: Raw
    strict: bool | Unset
    description: str | Unset = UNSET


class CustomTool(Struct, tag="custom"):
    name: str
    description: str | Unset = UNSET
    format: Raw | Unset = UNSET


class WebSearchFilters(Struct):
    allowed_domains: tuple[str, ...]


class WebSearchTool(Struct, tag="web_search"):
    filters: WebSearchFilters | Unset = UNSET
    user_location: Raw | Unset = UNSET


AnyTool = FunctionTool | CustomTool | WebSearchTool | Raw


class NamedToolChoice(Struct):
    type: str
    name: str | Unset = UNSET


class ReasoningConfig(Struct):
    effort: str | Unset = UNSET
    summary: str | Unset = UNSET


class TextFormat(Struct):
    type: str
    name: str | Unset = UNSET
    schema: Raw | Unset = UNSET
    strict: bool | Unset = UNSET
    description: str | Unset = UNSET


class TextConfig(Struct):
    format: TextFormat | Unset = UNSET
    verbosity: str | Unset = UNSET


class CreateResponse(Struct):
    """The body of ``POST /v1/responses``. Fields are in the order that reads well in a dump."""

    model: str
    stream: bool | Unset
    instructions: str | Unset
    input: list[InputItem]
    store: bool | Unset = UNSET
    include: list[str] | Unset = UNSET
    tools: list[AnyTool] | Unset = UNSET
    tool_choice: str | NamedToolChoice | Unset = UNSET
    parallel_tool_calls: bool | Unset = UNSET
    reasoning: ReasoningConfig | Unset = UNSET
    text: TextConfig | Unset = UNSET
    max_output_tokens: int | Unset = UNSET
    temperature: float | Unset = UNSET
    top_p: float | Unset = UNSET
    prompt_cache_key: str | Unset = UNSET
    service_tier: str | Unset = UNSET
    user: str | Unset = UNSET
