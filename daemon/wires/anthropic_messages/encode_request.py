"""A hub request as a Messages request, for an upstream of this wire.

What the API cannot carry is named in ``UpstreamBody.lost``.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw

from daemon.inference.blocks import Text
from daemon.inference.request import AnyTool, Message, OpaqueTool, Request, Tool, WebSearch
from daemon.wires.added_text import CONTINUE
from daemon.wires.anthropic_messages.encode_blocks import Json, RequestBlocks, word_for
from daemon.wires.anthropic_messages.models import claude_model
from daemon.wires.anthropic_messages.schema import WIRE_NAME
from daemon.wires.anthropic_messages.thinking import leave_out, thinking_fields
from daemon.wires.base import EncodeOptions, UpstreamBody
from daemon.wires.json import encode
from daemon.wires.tool_schemas import fit_schema
from daemon.wires.tools import INPUT_SCHEMA, SentNames, chosen_tool, described, label, offered_tools, spoken

_NAME_LIMIT = 128
_USUAL_TIERS = (None, "auto", "default")


def encode_request(request: Request, options: EncodeOptions) -> UpstreamBody:
    """The body of ``POST /v1/messages`` for ``options.model``."""
    native = request.wire == WIRE_NAME
    tools = offered_tools(request)
    names = SentNames(tools, _NAME_LIMIT)
    blocks = RequestBlocks(names, native=native)
    system, messages = _lift_system(request, blocks.lost, native=native)
    model = claude_model(options.model)
    limit = model.usual_tokens if request.max_tokens is None else request.max_tokens
    body: Json = {"model": options.model, "max_tokens": limit}
    body |= dict(request.extra.get(WIRE_NAME, {}))
    turns = blocks.messages(messages, len(request.messages) - len(messages))
    if (turns or system) and not any(turn["role"] == "user" for turn in turns):
        # The API wants the user to speak first: what would have been the last system text is what the model answers.
        # A request that says nothing at all stays as it is, for the upstream to refuse.
        spoken_last = system.pop() if system else CONTINUE
        turns.insert(0, {"role": "user", "content": [{"type": "text", "text": spoken_last}]})
    if system:
        body["system"] = [{"type": "text", "text": text} for text in system]
    body["messages"] = turns
    lost = blocks.lost
    body |= _tools(request, tools, names, lost)
    body |= _sampling(request, lost)
    if not native and not model.sampling:
        leave_out(body, lost, all_of_it=True)
    body |= thinking_fields(request, options, body, lost)
    body |= _output(request, body, lost)
    lost += _unspeakable(request)
    for name in options.unsupported & body.keys():
        del body[name]
        lost.append(name)
    if request.user and (native or options.knows_users):
        body["metadata"] = {"user_id": request.user}
    elif request.user:
        lost.append("user")
    body["stream"] = options.stream
    custom = [tool for tool in tools if isinstance(tool, Tool) and tool.kind == "custom"]
    restored = names.restored(names.of(tool.name, tool.namespace) for tool in custom)
    return UpstreamBody(encode(body), tuple(dict.fromkeys(lost)), restored)


def _lift_system(request: Request, lost: list[str], *, native: bool) -> tuple[list[str], Sequence[Message]]:
    """The system text, with the system and developer messages that open an OpenAI conversation."""
    system = [text.text for text in request.system]
    messages = spoken(request.messages)
    while not native and messages and not messages[0].content:
        messages = messages[1:]
    while not native and messages and messages[0].role in ("system", "developer"):
        place = f"messages[{len(request.messages) - len(messages)}]"
        for block in messages[0].content:
            if not isinstance(block, Text):
                lost.append(f"{place}.{word_for(block)}")
            elif block.text:
                system.append(block.text)
        messages = messages[1:]
    return system, messages


def _tools(request: Request, offered: Sequence[AnyTool], names: SentNames, lost: list[str]) -> Json:
    tools: list[Json | Raw] = []
    for tool in offered:
        encoded = _tool(tool, names, lost)
        if encoded is None:
            lost.append(f"tools.{label(tool)}")
        else:
            tools.append(encoded)
    if not tools:
        return {}
    choice = _tool_choice(request, offered, names)
    return {"tools": tools, "tool_choice": choice} if choice else {"tools": tools}


def _tool(tool: AnyTool, names: SentNames, lost: list[str]) -> Json | Raw | None:
    if isinstance(tool, OpaqueTool):
        return tool.raw if tool.wire == WIRE_NAME else None
    if isinstance(tool, WebSearch):
        return _web_search(tool)
    if tool.format is not None:
        lost.append(f"tools.{label(tool)}.format")
    schema = INPUT_SCHEMA if tool.kind == "custom" else fit_schema(tool, lost)
    body: Json = {"name": names.of(tool.name, tool.namespace), "input_schema": schema}
    if description := described(tool):
        body["description"] = description
    return body


def _web_search(tool: WebSearch) -> Json:
    body: Json = {"type": "web_search_20250305", "name": "web_search"}
    optional = {
        "allowed_domains": tool.allowed_domains,
        "blocked_domains": tool.blocked_domains,
        "user_location": tool.user_location,
        "max_uses": tool.max_uses,
    }
    return body | {name: value for name, value in optional.items() if value}


def _tool_choice(request: Request, offered: Sequence[AnyTool], names: SentNames) -> Json | None:
    choice = request.tool_choice
    serial = request.parallel_tool_calls is False
    if choice is None:
        return {"type": "auto", "disable_parallel_tool_use": True} if serial else None
    body: Json = {"type": choice.mode}
    if choice.mode == "tool":
        name = choice.name or "web_search"
        bearer = chosen_tool(offered, name)
        body["name"] = names.of(name, bearer.namespace if bearer is not None else None)
    if request.parallel_tool_calls is not None and choice.mode != "none":
        body["disable_parallel_tool_use"] = serial
    return body


def _sampling(request: Request, lost: list[str]) -> Json:
    body: Json = {}
    if request.temperature is not None:
        body["temperature"] = min(request.temperature, 1.0)
        if request.temperature > 1.0:  # OpenAI's scale ends at 2, this one at 1
            lost.append("temperature")
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.top_k is not None:
        body["top_k"] = request.top_k
    stop = [sequence for sequence in request.stop if sequence.strip()]
    if len(stop) < len(request.stop):  # the API refuses stop sequences of white space alone
        lost.append("stop")
    if stop:
        body["stop_sequences"] = stop
    return body


def _output(request: Request, body: Json, lost: list[str]) -> Json:
    output = request.output
    if output is None or output.kind == "text":
        return {}
    if output.kind != "json_schema" or output.schema is None:
        lost.append("output.json_object")
        return {}
    form: Json = {"type": "json_schema", "schema": output.schema}
    config = body.get("output_config")
    return {"output_config": {**config, "format": form} if isinstance(config, dict) else {"format": form}}


def _unspeakable(request: Request) -> list[str]:
    """What only OpenAI's wires have."""
    not_here = {
        "verbosity": request.verbosity is not None,
        "service_tier": request.service_tier not in _USUAL_TIERS and request.wire != WIRE_NAME,
    }
    return [name for name, asked in not_here.items() if asked]
