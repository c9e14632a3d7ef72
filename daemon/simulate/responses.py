"""The OpenAI Responses wire of the simulator."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.simulate.answer import Answer, unseal
from daemon.simulate.conversation import (
    Answered,
    Called,
    Conversation,
    Entry,
    Json,
    Refused,
    Returned,
    Said,
    Tool,
    json_schema,
    missing,
    texts,
)
from daemon.simulate.faults import Problem
from daemon.simulate.response_objects import output_items, response, status
from daemon.simulate.script import SUMMARY
from daemon.simulate.wire import Wire, event_frame, openai_error, pieces

CALLS = ("function_call", "custom_tool_call", "local_shell_call")
OUTPUTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output")
MIN_OUTPUT_TOKENS = 16


def read(body: Json, key: str) -> Conversation:
    """The request as a conversation; refuses what the real API is known to refuse."""
    return _read(body, key)


def read_unsealed(body: Json, key: str) -> Conversation:
    """The same where nothing is sealed or compacted, as at servers of other makes: a trigger is passed over."""
    return _read(body, None)


def _read(body: Json, key: str | None) -> Conversation:
    items = _items(body)
    _check(body, items, key)
    reasoning = body.get("reasoning") or {}
    text_format = (body.get("text") or {}).get("format") or {}
    return Conversation(
        model=body["model"],
        stream=bool(body.get("stream")),
        system="\n".join([body.get("instructions") or "", *_system(items)]),
        entries=tuple(entry for item in items for entry in _entries(item)),
        tools=() if body.get("tool_choice") == "none" else tuple(_tools(_offered(body, items))),
        forced=_forced(body.get("tool_choice")),
        schema=json_schema(text_format.get("type"), text_format.get("schema")),
        max_tokens=body.get("max_output_tokens"),
        summary=bool(reasoning.get("summary")),
        sealed="reasoning.encrypted_content" in (body.get("include") or []),
        compaction=key is not None and bool(items) and items[-1].get("type") == "compaction_trigger",
        cache_key=body.get("prompt_cache_key") or "",
    )


def _items(body: Json) -> list[Json]:
    items = body.get("input")
    if items is None or not isinstance(body.get("model"), str):
        raise missing("input" if items is None else "model")
    return [{"role": "user", "content": items}] if isinstance(items, str) else list(items)


def _check(body: Json, items: list[Json], key: str | None) -> None:
    limit = body.get("max_output_tokens")
    if limit is not None and limit < MIN_OUTPUT_TOKENS:
        raise Refused(
            f"Invalid 'max_output_tokens': integer below minimum value. Expected >= 16, but got {limit}.",
            code="integer_below_min_value",
            param="max_output_tokens",
        )
    called = {item.get("call_id") for item in items if item.get("type") in CALLS}
    returned = {item.get("call_id") for item in items if item.get("type") in OUTPUTS}
    for orphan in returned - called:
        raise Refused(f"No tool call found for function call output with call_id {orphan}.", param="input")
    for open_call in called - returned:
        raise Refused(f"No tool output found for function call {open_call}.", param="input")
    for item in items:
        sealed = item.get("encrypted_content")
        if key is not None and sealed and unseal(sealed, key) is None:
            raise Refused(
                f"The encrypted content for item {item.get('id')} could not be verified.",
                code="invalid_encrypted_content",
            )


def _system(items: list[Json]) -> Iterator[str]:
    for item in items:
        if item.get("role") in ("system", "developer"):
            yield from texts(item.get("content"))


def _entries(item: Json) -> Iterator[Entry]:
    match item.get("type", "message"), item.get("role"):
        case "message", "user":
            yield from map(Said, texts(item.get("content")))
        case "message", "assistant":
            yield from map(Answered, texts(item.get("content")))
        case "compaction", _:
            yield Said(SUMMARY)
        case kind, _ if kind in CALLS:
            yield Called(item.get("name") or kind)
        case kind, _ if kind in OUTPUTS:
            yield Returned("\n".join(texts(item.get("output"))))


def _offered(body: Json, items: list[Json]) -> list[Json]:
    inside = [tool for item in items if item.get("type") == "additional_tools" for tool in item.get("tools") or []]
    return [*(body.get("tools") or []), *inside]


def _tools(offered: list[Json], namespace: str | None = None) -> Iterator[Tool]:
    for tool in offered:
        match tool.get("type"):
            case "function":
                yield Tool(tool["name"], tool.get("parameters") or {}, "function", namespace)
            case "custom":
                yield Tool(tool["name"], {}, "custom", namespace)
            case "local_shell":
                yield Tool("local_shell", {}, "local_shell")
            case "namespace":
                yield from _tools(tool.get("tools") or [], tool.get("name"))


def _forced(choice: object) -> str | None:
    if choice == "required":
        return ""
    return choice.get("name") if isinstance(choice, dict) else None


def whole(answer: Answer, body: Json) -> Json:
    """The answer as one Response object."""
    return response(answer, body, status(answer), [item for item, _ in output_items(answer)])


def frames(answer: Answer, body: Json) -> Iterator[bytes]:
    """The answer as SSE frames."""
    for number, event in enumerate(_events(answer, body)):
        yield event_frame(event["type"], {"type": event["type"], "sequence_number": number, **event})


def _events(answer: Answer, body: Json) -> Iterator[Json]:
    beginning = response(answer, body, "in_progress", [])
    yield {"type": "response.created", "response": beginning}
    yield {"type": "response.in_progress", "response": beginning}
    for index, (item, opening) in enumerate(output_items(answer)):
        place = {"item_id": item["id"], "output_index": index}
        yield {"type": "response.output_item.added", "output_index": index, "item": opening}
        for event in _item_events(item):
            yield {**event, **place}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{status(answer)}", "response": whole(answer, body)}


def _item_events(item: Json) -> Iterator[Json]:
    match item["type"]:
        case "reasoning":
            yield from _part_events(
                item["summary"], "summary_index", "reasoning_summary_part", "reasoning_summary_text"
            )
        case "message":
            kind = item["content"][0]["type"] if item["content"] else "output_text"
            yield from _part_events(item["content"], "content_index", "content_part", kind)
        case "function_call":
            yield from _argument_events("function_call_arguments", "arguments", item["arguments"])
        case "custom_tool_call":
            yield from _argument_events("custom_tool_call_input", "input", item["input"])


def _part_events(parts: list[Json], index_name: str, part_event: str, text_event: str) -> Iterator[Json]:
    for index, part in enumerate(parts):
        place = {index_name: index}
        field = "refusal" if "refusal" in part else "text"
        yield {"type": f"response.{part_event}.added", **place, "part": {**part, field: ""}}
        for piece in pieces(part[field]):
            yield {"type": f"response.{text_event}.delta", **place, "delta": piece}
        yield {"type": f"response.{text_event}.done", **place, field: part[field]}
        yield {"type": f"response.{part_event}.done", **place, "part": part}


def _argument_events(name: str, field: str, text: str) -> Iterator[Json]:
    for piece in pieces(text):
        yield {"type": f"response.{name}.delta", "delta": piece}
    yield {"type": f"response.{name}.done", field: text}


def error_event(answer: Answer, body: Json, problem: Problem) -> bytes:
    """An ``error`` event inside the stream."""
    error = openai_error(problem, answer.identity)["error"]
    return event_frame("error", {"type": "error", "error": error, "code": problem.code, "message": problem.message})


def failed(answer: Answer, body: Json, problem: Problem) -> bytes:
    """``response.failed``, which ends a failed stream."""
    error = {"code": problem.code, "message": problem.message}
    failed_response = response(answer, body, "failed", []) | {"error": error, "usage": None}
    return event_frame("response.failed", {"type": "response.failed", "response": failed_response})


WIRE = Wire(
    name="responses",
    read=read,
    whole=whole,
    frames=frames,
    error=openai_error,
    error_event=error_event,
    failed=failed,
    malformed=b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"half\n\n',
)
