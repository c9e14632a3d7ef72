"""The OpenAI Chat Completions wire of the simulator."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.simulate.answer import Answer, Finish
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
from daemon.simulate.script import Call, Say
from daemon.simulate.wire import Wire, data_frame, openai_error, pieces

FINISH = {
    Finish.STOP: "stop",
    Finish.CALLS: "tool_calls",
    Finish.LENGTH: "length",
    Finish.FILTER: "content_filter",
    Finish.REFUSAL: "stop",
}
SYSTEM = ("system", "developer")
DONE = b"data: [DONE]\n\n"


def read(body: Json, key: str) -> Conversation:
    """The request as a conversation; refuses what the real API is known to refuse."""
    messages = body.get("messages")
    if not isinstance(body.get("model"), str) or not messages:
        raise missing("messages" if not messages else "model")
    _check(messages)
    return Conversation(
        model=body["model"],
        stream=bool(body.get("stream")),
        system="\n".join(text for m in messages if m.get("role") in SYSTEM for text in texts(m.get("content"))),
        entries=tuple(entry for message in messages for entry in _entries(message)),
        tools=() if body.get("tool_choice") == "none" else tuple(_tools(body.get("tools") or [])),
        forced=_forced(body.get("tool_choice")),
        schema=_schema(body.get("response_format") or {}),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        # Compatible servers (DeepSeek, vLLM) stream their thoughts as ``reasoning_content``; OpenAI never does.
        summary=body.get("reasoning_effort") not in (None, "none"),
        cache_key=body.get("prompt_cache_key") or "",
    )


def _check(messages: list[Json]) -> None:
    called = {call.get("id") for message in messages for call in message.get("tool_calls") or []}
    returned = {message.get("tool_call_id") for message in messages if message.get("role") == "tool"}
    if returned - called:
        raise Refused(
            "Invalid parameter: a message with role 'tool' must answer a preceding message with 'tool_calls'.",
            param="messages",
        )
    if called - returned:
        raise Refused(
            "An assistant message with 'tool_calls' must be followed by a tool message for each 'tool_call_id'.",
            param="messages",
        )


def _entries(message: Json) -> Iterator[Entry]:
    match message.get("role"):
        case "user":
            yield from map(Said, texts(message.get("content")))
        case "assistant":
            yield from map(Answered, filter(None, texts(message.get("content"))))
            yield from (Called(call["function"]["name"]) for call in message.get("tool_calls") or [])
        case "tool":
            yield Returned("\n".join(texts(message.get("content"))))


def _tools(offered: list[Json]) -> Iterator[Tool]:
    for tool in offered:
        if tool.get("type") == "function":
            yield Tool(tool["function"]["name"], tool["function"].get("parameters") or {})


def _forced(choice: object) -> str | None:
    if choice == "required":
        return ""
    return (choice.get("function") or {}).get("name") if isinstance(choice, dict) else None


def _schema(response_format: Json) -> Json | None:
    wrapped = response_format.get("json_schema") or {}
    return json_schema(response_format.get("type"), wrapped.get("schema"))


def whole(answer: Answer, body: Json) -> Json:
    """The answer as one ChatCompletion object."""
    message: Json = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    for action in answer.actions:
        if isinstance(action, Say):
            field = "refusal" if action.refusal else "content"
            message[field] = (message[field] or "") + action.text
    calls = [call for _, call in _calls(answer)]
    if calls:
        message["tool_calls"] = calls
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[answer.finish]}
    return {**_head(answer, "chat.completion"), "choices": [choice], "usage": _usage(answer)}


def frames(answer: Answer, body: Json) -> Iterator[bytes]:
    """The answer as SSE frames, up to ``[DONE]``."""
    for delta in _deltas(answer):
        yield _chunk(answer, delta, None)
    yield _chunk(answer, {}, FINISH[answer.finish])
    if (body.get("stream_options") or {}).get("include_usage") and answer.usage:
        yield data_frame({**_head(answer, "chat.completion.chunk"), "choices": [], "usage": _usage(answer)})
    yield DONE


def _deltas(answer: Answer) -> Iterator[Json]:
    yield {"role": "assistant", "content": "", "refusal": None}
    yield from ({"reasoning_content": piece} for piece in pieces(answer.reasoning))
    for action in answer.actions:
        if isinstance(action, Say):
            field = "refusal" if action.refusal else "content"
            yield from ({field: piece} for piece in pieces(action.text))
    for number, call in _calls(answer):
        function = call["function"]
        yield {"tool_calls": [{"index": number, **call, "function": {"name": function["name"], "arguments": ""}}]}
        for piece in pieces(function["arguments"]):
            yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}


def _calls(answer: Answer) -> Iterator[tuple[int, Json]]:
    calls = (action for action in answer.actions if isinstance(action, Call))
    for number, call in enumerate(calls):
        function = {"name": call.name, "arguments": call.arguments}
        yield number, {"id": f"call_{answer.identity[-22:]}{number:02d}", "type": "function", "function": function}


def _chunk(answer: Answer, delta: Json, finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return data_frame({**_head(answer, "chat.completion.chunk"), "choices": [choice], "usage": None})


def _head(answer: Answer, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{answer.identity[:29]}",
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": None,
    }


def _usage(answer: Answer) -> Json | None:
    usage = answer.usage
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }


def error_event(answer: Answer, body: Json, problem: Problem) -> bytes:
    """This wire has no event for failures: compatible servers send the error body as data."""
    return data_frame(openai_error(problem, answer.identity))


WIRE = Wire(
    name="chat",
    read=read,
    whole=whole,
    frames=frames,
    error=openai_error,
    error_event=error_event,
    failed=error_event,
    malformed=b'data: {"id":"chatcmpl-1","choices":[{"delta":{"content":"half\n\n',
)
