"""What the response object says of its request: the values as the client sent them, elsewhere the API's defaults.

Clients check the object (public schema of Open Responses, 2026-04; the OpenAI SDKs): nearly all of these fields are
required, and few of them may be null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Raw

from daemon.inference.request import AnyTool, OutputFormat, Request, Tool
from daemon.wires.json import FALSE, NULL, first_byte
from daemon.wires.openai_responses.encode_request import encode_choice, encode_tools
from daemon.wires.openai_responses.entry_schema import FunctionEcho, RequestValues
from daemon.wires.openai_responses.schema import WIRE_NAME

_ONE: Final = 1.0
_NOUGHT: Final = Raw(b"0")
_NUMBER: Final = frozenset(b"-0123456789")


def request_values(request: Request) -> RequestValues:
    """Of a request of any entry's; what only this wire knows is in ``extra``."""
    extra = request.extra.get(WIRE_NAME, {})
    reasoning = request.reasoning
    return RequestValues(
        background=_of(extra, "background", b"tf", FALSE),
        frequency_penalty=_of(extra, "frequency_penalty", _NUMBER, _NOUGHT),
        instructions="\n\n".join(text.text for text in request.system) or None,
        max_output_tokens=request.max_tokens,
        max_tool_calls=_of(extra, "max_tool_calls", _NUMBER, NULL),
        metadata=_of(extra, "metadata", b"{", Raw(b"{}")),
        parallel_tool_calls=request.parallel_tool_calls is not False,
        presence_penalty=_of(extra, "presence_penalty", _NUMBER, _NOUGHT),
        previous_response_id=_of(extra, "previous_response_id", b'"', NULL),
        prompt_cache_key=request.cache_key,
        reasoning={"effort": reasoning.effort, "summary": reasoning.summary},
        safety_identifier=_of(extra, "safety_identifier", b'"', NULL),
        store=_of(extra, "store", b"tf", FALSE),
        temperature=_ONE if request.temperature is None else request.temperature,
        text={"format": _format(request.output), "verbosity": request.verbosity or "medium"},
        tool_choice=_choice(request, extra),
        tools=[one for tool in request.tools for one in _tool(tool)],
        top_logprobs=_of(extra, "top_logprobs", _NUMBER, _NOUGHT),
        top_p=_ONE if request.top_p is None else request.top_p,
        truncation=_of(extra, "truncation", b'"', Raw(b'"disabled"')),
        user=request.user,
    )


def _of(extra: Mapping[str, Raw], name: str, first: bytes | frozenset[int], default: Raw) -> Raw:
    """A field that only this wire knows, where its value is of the right type: its ``first`` byte says that."""
    value = extra.get(name, NULL)
    return value if first_byte(value)[0] in first else default


def _format(output: OutputFormat | None) -> dict[str, object]:
    if output is None or output.kind != "json_schema":
        return {"type": "text" if output is None else output.kind}
    return {
        "type": "json_schema",
        "name": output.name or "response",
        "description": output.description,
        "schema": Raw(b"{}") if output.schema is None else output.schema,
        "strict": output.strict or False,
    }


def _choice(request: Request, extra: Mapping[str, Raw]) -> object:
    if "tool_choice" in extra:
        return extra["tool_choice"]
    choice = request.tool_choice
    return "auto" if choice is None else encode_choice(choice, request.tools, {})


def _tool(tool: AnyTool) -> Sequence[object]:
    """In the client's own words: a schema is not repaired here."""
    if isinstance(tool, Tool) and tool.kind == "function":
        return (FunctionEcho(tool.name, tool.description, tool.parameters, tool.strict or False),)
    return encode_tools([tool], {}).tools
