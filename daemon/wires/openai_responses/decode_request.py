"""A client's request to the hub. Fields that the hub has no word for travel raw in ``extra`` and are given back
to this wire alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw

from daemon.errors import LocalError
from daemon.inference.blocks import Text
from daemon.inference.request import OutputFormat, ReasoningOptions, Request
from daemon.wires.json import RawObject, kept, says
from daemon.wires.mistakes import mistake
from daemon.wires.openai.request_body import invalid, read_body, session_of
from daemon.wires.openai_responses.decode_blocks import messages_of
from daemon.wires.openai_responses.decode_tools import inline_tools, tool_choice, tools_of
from daemon.wires.openai_responses.entry_schema import RequestBody, RequestReasoning, RequestText
from daemon.wires.openai_responses.schema import WIRE_NAME

_IN_HUB = frozenset(RequestBody.__struct_fields__) - {"include"}
_PARTLY_IN_HUB = {
    "reasoning": frozenset(RequestReasoning.__struct_fields__),
    "text": frozenset(RequestText.__struct_fields__),
}
"""Objects of which the hub knows some fields: with others in them they travel in ``extra`` as well."""

_body = msgspec.json.Decoder(RequestBody)
_fields = msgspec.json.Decoder(RawObject)


def decode_request(body: bytes, headers: Mapping[str, str]) -> Request:
    """A client's ``POST /v1/responses``. Raises ``LocalError``; ``headers`` are lower-case."""
    fields, asked = read_body(body, _body, _misshapen)
    if not asked.model:
        raise invalid("Missing required parameter: 'model'.", "model")
    choice, choice_kept = tool_choice(asked.tool_choice)
    messages = messages_of(asked.input)
    return Request(
        wire=WIRE_NAME,
        model=asked.model,
        messages=messages,
        system=(Text(asked.instructions),) if asked.instructions else (),
        tools=tools_of(asked.tools or (), "tools"),
        inline_tools=inline_tools(messages),
        tool_choice=choice,
        parallel_tool_calls=asked.parallel_tool_calls,
        max_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        reasoning=_reasoning(asked.reasoning),
        output=_output(asked.text),
        verbosity=asked.text.verbosity if asked.text else None,
        stream=asked.stream or False,
        service_tier=asked.service_tier,
        user=asked.user,
        session=session_of(headers, asked.prompt_cache_key),
        cache_key=asked.prompt_cache_key,
        extra={WIRE_NAME: _extra(fields, keep_choice=choice_kept)},
    )


def _extra(fields: RawObject, *, keep_choice: bool) -> RawObject:
    extra = {name: Raw(bytes(raw)) for name, raw in fields.items() if name not in _IN_HUB}
    for name, known in _PARTLY_IN_HUB.items():
        if name in fields and bytes(fields[name]) != b"null" and not _fields.decode(fields[name]).keys() <= known:
            extra[name] = Raw(bytes(fields[name]))
    if keep_choice:
        extra["tool_choice"] = Raw(bytes(fields["tool_choice"]))
    return extra


def _reasoning(reasoning: RequestReasoning | None) -> ReasoningOptions:
    if reasoning is None:
        return ReasoningOptions()
    summary = reasoning.summary or reasoning.generate_summary
    return ReasoningOptions(effort=reasoning.effort, summary=summary, visible=summary not in (None, "none"))


def _output(text: RequestText | None) -> OutputFormat | None:
    wanted = text.format if text else None
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return OutputFormat(kind="json_object")
    return OutputFormat(
        kind="json_schema",
        name=wanted.name,
        description=wanted.description,
        schema=kept(wanted.schema),
        strict=wanted.strict,
    )


def _misshapen(error: msgspec.ValidationError) -> LocalError:
    return invalid(f"Invalid request: {mistake(error)}")


# --- toward another wire ---


SHAPING: Final = ("background", "max_tool_calls", "top_logprobs", "truncation")
"""Fields that shape the answer, which no other wire has."""

_STORED: Final[Mapping[str, str]] = {
    "previous_response_id": "previous_response_not_found",
    "conversation": "conversation_not_found",
    "prompt": "prompt_not_found",
}
"""Fields that stand for what OpenAI's server keeps, and what it says when it has not got it."""


def foreign_fields(fields: Mapping[str, Raw]) -> tuple[str, ...]:
    """See ``Wire.foreign_fields``. What holds the conversation itself is refused: without it something else would
    be answered. What is not named (storage, metadata, caching) is missed by nobody."""
    for name, code in _STORED.items():
        if says(fields, name):
            message = f"the upstream's API keeps nothing between requests: send it in `input` instead of `{name}`"
            raise invalid(message, name, code)
    return tuple(name for name in SHAPING if says(fields, name))
