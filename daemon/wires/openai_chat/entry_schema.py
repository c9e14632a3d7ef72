"""The structs of the entry side: a client's request as it comes, the objects of the answer it gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Raw, Struct, field

from daemon.wires.openai_chat.schema import CalledFunction, CallPart, Unset
from daemon.wires.unread import NotMissed

ABSENT = Raw()


class RequestMessage(Struct):
    """A message of any role. ``content`` is text or parts; a ``tool`` message may hold any JSON."""

    role: str = ""
    content: Raw | Unset = UNSET
    tool_calls: list[CallPart] | None = None
    tool_call_id: str | None = None
    function_call: CalledFunction | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    reasoning_text: Any = None
    reasoning_details: Any = None
    thinking_blocks: Any = None
    reasoning_opaque: Any = None
    extra_content: Any = None
    name: str | None = None
    annotations: NotMissed = ABSENT
    cache_control: NotMissed = ABSENT


class RequestImage(Struct):
    url: str | None = None
    detail: str | None = None
    file_id: str | None = None


class RequestFile(Struct):
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None


class RequestPart(Struct):
    """A content part of any type. Some clients write ``image_url`` as a bare string, and put the
    Responses API's parts into tool results."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    image_url: RequestImage | str | None = None
    detail: str | None = None
    file: RequestFile | None = None
    annotations: NotMissed = ABSENT
    cache_control: NotMissed = ABSENT
    logprobs: NotMissed = ABSENT
    prompt_cache_breakpoint: NotMissed = ABSENT


class RequestFunction(Struct):
    name: str = ""
    description: str | None = None
    parameters: Raw | Unset = UNSET
    strict: bool | None = None


class RequestCustom(Struct):
    name: str = ""
    description: str | None = None
    format: Raw | Unset = UNSET


class RequestTool(Struct):
    type: str = ""
    name: str | None = None
    function: RequestFunction | None = None
    custom: RequestCustom | None = None
    cache_control: NotMissed = ABSENT
    defer_loading: NotMissed = ABSENT


class RequestChoice(Struct):
    type: str = ""
    name: str | None = None
    function: RequestFunction | None = None
    custom: RequestCustom | None = None


class RequestSchema(Struct):
    name: str | None = None
    description: str | None = None
    schema: Raw | Unset = UNSET
    strict: bool | None = None


class RequestFormat(Struct):
    type: str = "text"
    json_schema: RequestSchema | None = None


class RequestReasoning(Struct):
    """OpenRouter's ``reasoning`` object."""

    effort: str | None = None
    max_tokens: int | None = None
    enabled: bool | None = None
    exclude: bool | None = None


class RequestStreamOptions(Struct):
    include_usage: bool | None = None
    include_obfuscation: NotMissed = ABSENT


class RequestSearch(Struct):
    user_location: Raw | Unset = UNSET


class RequestBody(Struct):
    """The fields that are read; the rest of the body travels in ``extra``."""

    model: str | None = None
    messages: list[RequestMessage] | None = None
    stream: bool | None = None
    stream_options: RequestStreamOptions | None = None
    tools: list[Raw] | None = None
    functions: list[RequestFunction] | None = None
    tool_choice: Raw | Unset = UNSET
    function_call: Raw | Unset = UNSET
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    reasoning_effort: str | None = None
    reasoning: RequestReasoning | None = None
    verbosity: str | None = None
    response_format: RequestFormat | None = None
    web_search_options: RequestSearch | None = None
    service_tier: str | None = None
    user: str | None = None
    prompt_cache_key: str | None = None


# --- an answer, as a client gets it ---------------------------------------------------------------


class FunctionField(Struct):
    name: str
    arguments: str


class CustomField(Struct):
    name: str
    input: str


class FunctionCallField(Struct):
    id: str
    function: FunctionField
    type: str = "function"


class CustomCallField(Struct):
    id: str
    custom: CustomField
    type: str = "custom"


CallField = FunctionCallField | CustomCallField


class CompletionMessage(Struct):
    content: str | None
    refusal: str | None
    role: str = "assistant"
    annotations: Sequence[Raw] = ()
    reasoning_content: str | Unset = UNSET
    tool_calls: Sequence[CallField] | Unset = UNSET
    images: Sequence[Raw] | Unset = UNSET


class CompletionChoice(Struct):
    message: CompletionMessage
    finish_reason: str
    index: int = 0
    logprobs: None = None


class CompletionObject(Struct):
    id: str
    created: int
    model: str
    choices: Sequence[CompletionChoice]
    usage: dict[str, Any]
    service_tier: str | Unset = UNSET
    object_: str = field(default="chat.completion", name="object")
    system_fingerprint: str | None = None
