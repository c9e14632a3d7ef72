"""The wire's own structs, named as the Chat Completions API reference names them.

What comes in from an upstream tolerates unknown fields, leaves out what nobody reads, and knows the
dialects of compatible servers (DeepSeek's ``reasoning_content``, OpenRouter's ``reasoning``, content
in parts as Mistral sends it). What goes out omits whatever is ``UNSET``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from daemon.wires.json import RawObject, Words

WIRE_NAME = "chat"

Unset = UnsetType


# --- an answer, as it comes from an upstream ----------------------------------------------------


class AnswerPart(Struct):
    """A content part, where content is a list: ``text``, ``refusal`` or Mistral's ``thinking``."""

    type: str = ""
    text: str | None = None
    refusal: Words | None = None
    thinking: str | list[AnswerPart] | None = None
    extra_content: Any = None


class CalledFunction(Struct):
    """``arguments`` is JSON text at OpenAI; some servers send the object itself, or a list."""

    name: str | None = None
    arguments: str | dict[str, Any] | list[Any] | None = None


class CalledCustom(Struct):
    name: str | None = None
    input: str | None = None


class CallPart(Struct):
    """A tool call, or a fragment of one in a stream."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: CalledFunction | None = None
    custom: CalledCustom | None = None
    extra_content: Any = None
    thought_signature: Any = None
    provider_specific_fields: Any = None


class Delta(Struct, gc=False):
    """The ``delta`` of a chunk and the ``message`` of a whole answer have the same fields.

    ``reasoning`` is text at OpenRouter and vLLM and an object elsewhere; ``carried_state`` knows what
    thinking comes in.
    """

    content: str | list[AnswerPart] | None = None
    refusal: Words | None = None
    reasoning_content: Words | None = None
    reasoning: Any = None
    reasoning_text: str | None = None
    thinking: Any = None
    reasoning_details: Any = None
    thinking_blocks: Any = None
    reasoning_opaque: str | None = None
    extra_content: Any = None
    tool_calls: list[CallPart] | None = None
    function_call: CalledFunction | None = None
    annotations: list[Raw] | None = None
    images: list[Raw] | None = None


class Choice(Struct, gc=False):
    """``usage`` is where Moonshot puts it."""

    index: int | None = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    usage: Raw | Unset = UNSET
    error: Raw | Unset = UNSET


class Completion(Struct, gc=False):
    """A whole answer, or one chunk of a stream. ``object`` is ``error`` in vLLM's bare errors."""

    id: str | None = None
    object: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: Raw | Unset = UNSET
    service_tier: str | None = None
    error: Raw | Unset = UNSET


class PromptTokensDetails(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class CompletionTokensDetails(Struct):
    reasoning_tokens: int | None = None


class CompletionUsage(Struct):
    """``cached_tokens`` and ``prompt_cache_hit_tokens`` are Moonshot's and DeepSeek's own places for it."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None
    cached_tokens: int | None = None
    prompt_cache_hit_tokens: int | None = None


class UrlCitation(Struct):
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class Annotation(Struct):
    type: str = ""
    url_citation: UrlCitation | None = None


# --- a request, as it goes to an upstream --------------------------------------------------------


class TextPart(Struct, tag_field="type", tag="text", gc=False):
    text: str


class ImageUrl(Struct):
    url: str | Unset = UNSET
    file_id: str | Unset = UNSET
    detail: str | Unset = UNSET


class ImagePart(Struct, tag_field="type", tag="image_url"):
    image_url: ImageUrl


class FileObject(Struct):
    filename: str | Unset = UNSET
    file_data: str | Unset = UNSET
    file_id: str | Unset = UNSET
    file_url: str | Unset = UNSET


class FilePart(Struct, tag_field="type", tag="file"):
    file: FileObject


ContentPart = TextPart | ImagePart | FilePart | Raw
Content = str | Sequence[ContentPart] | None


class NamedFunction(Struct):
    name: str
    arguments: str | Unset = UNSET


class NamedCustom(Struct):
    name: str
    input: str | Unset = UNSET


class FunctionCall(Struct, tag_field="type", tag="function"):
    id: str
    function: NamedFunction
    extra_content: Any = UNSET
    thought_signature: Any = UNSET
    provider_specific_fields: Any = UNSET


class CustomCall(Struct, tag_field="type", tag="custom"):
    id: str
    custom: NamedCustom
    extra_content: Any = UNSET
    thought_signature: Any = UNSET
    provider_specific_fields: Any = UNSET


ToolCallParam = FunctionCall | CustomCall


class MessageParam(Struct):
    """A message of any role; ``content`` is null for an assistant that only calls tools. From ``reasoning_content``
    to ``extra_content``: thinking as its server has sent it."""

    role: str
    content: Content
    refusal: str | Unset = UNSET
    reasoning_content: str | Unset = UNSET
    reasoning: Any = UNSET
    reasoning_text: Any = UNSET
    thinking: Any = UNSET
    reasoning_details: Any = UNSET
    thinking_blocks: Any = UNSET
    reasoning_opaque: Any = UNSET
    extra_content: Any = UNSET
    tool_calls: Sequence[ToolCallParam] | Unset = UNSET
    tool_call_id: str | Unset = UNSET


class FunctionObject(Struct):
    name: str
    description: str | Unset = UNSET
    parameters: Raw | Unset = UNSET
    strict: bool | Unset = UNSET


class CustomObject(Struct):
    name: str
    description: str | Unset = UNSET
    format: Raw | Unset = UNSET


class FunctionTool(Struct, tag_field="type", tag="function"):
    function: FunctionObject


class CustomTool(Struct, tag_field="type", tag="custom"):
    custom: CustomObject


AnyTool = FunctionTool | CustomTool | Raw


class NamedFunctionChoice(Struct, tag_field="type", tag="function"):
    function: NamedFunction


class NamedCustomChoice(Struct, tag_field="type", tag="custom"):
    custom: NamedCustom


ToolChoiceParam = str | NamedFunctionChoice | NamedCustomChoice


class StreamOptions(Struct):
    include_usage: bool


class JsonSchema(Struct):
    name: str
    schema: Raw
    description: str | Unset = UNSET
    strict: bool | Unset = UNSET


class ResponseFormat(Struct):
    type: str
    json_schema: JsonSchema | Unset = UNSET


class CreateChatCompletion(Struct):
    """The body of ``POST /v1/chat/completions``. Fields are in the order that reads well in a dump."""

    model: str
    messages: Sequence[MessageParam]
    stream: bool | Unset = UNSET
    stream_options: StreamOptions | Unset = UNSET
    store: bool | Unset = UNSET
    tools: Sequence[AnyTool] | Unset = UNSET
    tool_choice: ToolChoiceParam | Unset = UNSET
    parallel_tool_calls: bool | Unset = UNSET
    reasoning_effort: str | Unset = UNSET
    response_format: ResponseFormat | Unset = UNSET
    verbosity: str | Unset = UNSET
    web_search_options: RawObject | Unset = UNSET
    max_tokens: int | Unset = UNSET
    max_completion_tokens: int | Unset = UNSET
    temperature: float | Unset = UNSET
    top_p: float | Unset = UNSET
    top_k: int | Unset = UNSET
    stop: Sequence[str] | Unset = UNSET
    prompt_cache_key: str | Unset = UNSET
    service_tier: str | Unset = UNSET
    user: str | Unset = UNSET
