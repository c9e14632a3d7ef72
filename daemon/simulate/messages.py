"""The Anthropic Messages wire of the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from daemon.simulate.answer import Answer, Finish, unseal
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
    texts,
)
from daemon.simulate.faults import Problem
from daemon.simulate.script import Action, Say
from daemon.simulate.wire import Wire, event_frame, pieces

STOP_REASON = {
    Finish.STOP: "end_turn",
    Finish.CALLS: "tool_use",
    Finish.LENGTH: "max_tokens",
    Finish.FILTER: "refusal",
    Finish.REFUSAL: "refusal",
}


def read(body: Json, key: str) -> Conversation:
    """The request as a conversation; refuses what the real API is known to refuse."""
    return _read(body, key)


def read_unsigned(body: Json, key: str) -> Conversation:
    """The same where no signature is looked at, as at servers of other makes."""
    return _read(body, None)


def _read(body: Json, key: str | None) -> Conversation:
    for field in ("model", "max_tokens", "messages"):
        if not body.get(field):
            raise Refused(f"{field}: Field required")
    messages = [{**message, "content": _blocks(message.get("content"))} for message in body["messages"]]
    _check(messages, key)
    thinks = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    return Conversation(
        model=body["model"],
        stream=bool(body.get("stream")),
        system="\n".join([*texts(body.get("system")), *_system(messages)]),
        entries=tuple(entry for message in messages for entry in _entries(message)),
        tools=() if _choice(body) == "none" else tuple(_tools(body.get("tools") or [])),
        forced={"any": "", "tool": (body.get("tool_choice") or {}).get("name")}.get(_choice(body)),
        schema=((body.get("output_config") or {}).get("format") or {}).get("schema"),
        max_tokens=body["max_tokens"],
        summary=thinks,
        sealed=thinks,
        cache_key=str((body.get("metadata") or {}).get("user_id", "")),
    )


def _blocks(content: object) -> list[Json]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if isinstance(content, str) else []


def _check(messages: list[Json], key: str | None) -> None:
    open_calls: set[str] = set()
    for number, message in enumerate(messages):
        results = {b.get("tool_use_id") for b in message["content"] if b.get("type") == "tool_result"}
        for orphan in results - open_calls:
            raise Refused(f"messages.{number}: unexpected `tool_use_id` found in `tool_result` blocks: {orphan}.")
        if message.get("role") != "system" and open_calls - results:
            raise Refused(f"messages.{number - 1}: `tool_use` ids were found without `tool_result` blocks after.")
        if message.get("role") != "system":
            open_calls = {b["id"] for b in message["content"] if b.get("type") == "tool_use"}
        for block in message["content"]:
            if key is not None and block.get("type") == "thinking" and unseal(str(block.get("signature")), key) is None:
                raise Refused(f"messages.{number}: Invalid `signature` in `thinking` block")


def _system(messages: list[Json]) -> Iterator[str]:
    for message in messages:
        if message.get("role") == "system":
            yield from texts(message["content"])


def _entries(message: Json) -> Iterator[Entry]:
    for block in message["content"]:
        match message.get("role"), block.get("type"):
            case "user", "tool_result":
                yield Returned("\n".join(texts(block.get("content"))))
            case "user", _:
                yield from map(Said, texts([block]))
            case "assistant", "tool_use":
                yield Called(block["name"])
            case "assistant", "text":
                yield Answered(block["text"])


def _choice(body: Json) -> str:
    return str((body.get("tool_choice") or {}).get("type"))


def _tools(offered: list[Json]) -> Iterator[Tool]:
    for tool in offered:
        if "input_schema" in tool:
            yield Tool(tool["name"], tool["input_schema"])


def whole(answer: Answer, body: Json) -> Json:
    """The answer as one Message object."""
    message = _message(answer, _content(answer))
    stop = {"stop_reason": STOP_REASON[answer.finish], "stop_sequence": None}
    return message | stop | {"usage": _usage(answer)}


def frames(answer: Answer, body: Json) -> Iterator[bytes]:
    """The answer as SSE frames."""
    for event in _events(answer):
        yield event_frame(event["type"], event)


def _events(answer: Answer) -> Iterator[Json]:
    usage = _usage(answer)
    yield {"type": "message_start", "message": _message(answer, []) | {"usage": usage | {"output_tokens": 1}}}
    yield {"type": "ping"}
    for index, block in enumerate(_content(answer)):
        opened, deltas = _opened(block)
        yield {"type": "content_block_start", "index": index, "content_block": opened}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": STOP_REASON[answer.finish], "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": usage}
    yield {"type": "message_stop"}


def _opened(block: Json) -> tuple[Json, Iterator[Json]]:
    """How a block looks when it is opened, and the deltas that fill it."""
    match block["type"]:
        case "thinking":
            return {**block, "thinking": "", "signature": ""}, _thinking_deltas(block)
        case "tool_use":
            arguments = msgspec.json.encode(block["input"]).decode()
            return {**block, "input": {}}, (_delta("input_json_delta", "partial_json", p) for p in pieces(arguments))
        case _:
            return {**block, "text": ""}, (_delta("text_delta", "text", p) for p in pieces(block["text"]))


def _thinking_deltas(block: Json) -> Iterator[Json]:
    yield from (_delta("thinking_delta", "thinking", piece) for piece in pieces(block["thinking"]))
    yield _delta("signature_delta", "signature", block["signature"])


def _delta(kind: str, field: str, text: str) -> Json:
    return {"type": kind, field: text}


def _content(answer: Answer) -> list[Json]:
    blocks: list[Json] = []
    if answer.reasoning:
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": answer.seal})
    return blocks + [_block(action, f"{answer.identity[-20:]}{n:02d}") for n, action in enumerate(answer.actions)]


def _block(action: Action, identity: str) -> Json:
    if isinstance(action, Say):
        return {"type": "text", "text": action.text}
    arguments = msgspec.json.decode(action.arguments)
    return {"type": "tool_use", "id": f"toolu_{identity}", "name": action.name, "input": arguments}


def _message(answer: Answer, content: list[Json]) -> Json:
    return {
        "id": f"msg_{answer.identity[:24]}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(answer: Answer) -> Json:
    """This API always sends usage: where the fault is to send none, an empty object is what is left of it."""
    usage = answer.usage
    if usage is None:
        return {}
    return {
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    }


def error(problem: Problem, identity: str) -> Json:
    """The error body."""
    body = {"type": problem.anthropic, "message": problem.message}
    return {"type": "error", "error": body, "request_id": f"req_{identity[:24]}"}


def error_event(answer: Answer, body: Json, problem: Problem) -> bytes:
    """The ``error`` event, this wire's only way to fail inside a stream."""
    return event_frame("error", error(problem, answer.identity))


WIRE = Wire(
    name="messages",
    read=read,
    whole=whole,
    frames=frames,
    error=error,
    error_event=error_event,
    failed=error_event,
    malformed=b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"half\n\n',
)
