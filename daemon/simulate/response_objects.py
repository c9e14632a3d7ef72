"""The objects of the OpenAI Responses wire: output items, and the Response around them."""

from __future__ import annotations

import msgspec

from daemon.simulate.answer import Answer, Finish
from daemon.simulate.conversation import Json
from daemon.simulate.script import Call, Say

# The kinds of call on this wire: item type, prefix of its id, field that holds the arguments.
_CALLS = {
    "function": ("function_call", "fc", "arguments"),
    "custom": ("custom_tool_call", "ctc", "input"),
    "local_shell": ("local_shell_call", "lsh", "action"),
}
_CUT_SHORT = {Finish.LENGTH: "max_output_tokens", Finish.FILTER: "content_filter"}


def output_items(answer: Answer) -> list[tuple[Json, Json]]:
    """Each output item, and how it looks when it is opened."""
    if answer.compaction:
        item = {"id": f"cmp_{answer.identity}", "type": "compaction", "encrypted_content": answer.seal}
        return [(item, item)]
    reasoning = [_reasoning(answer)] if answer.reasoned else []
    return reasoning + [_item(answer, number) for number in range(len(answer.actions))]


def _item(answer: Answer, number: int) -> tuple[Json, Json]:
    action, identity = answer.actions[number], f"{answer.identity}{number:02d}"
    if isinstance(action, Say):
        return _message(action, identity, "incomplete" if answer.finish in _CUT_SHORT else "completed")
    return _call(action, identity)


def _reasoning(answer: Answer) -> tuple[Json, Json]:
    summary = [{"type": "summary_text", "text": answer.reasoning}] if answer.reasoning else []
    item: Json = {"id": f"rs_{answer.identity}", "type": "reasoning", "summary": summary}
    if answer.seal:
        item["encrypted_content"] = answer.seal
    return item, {**item, "summary": []}


def _message(action: Say, identity: str, status: str) -> tuple[Json, Json]:
    part: Json = {"type": "output_text", "annotations": [], "logprobs": [], "text": action.text}
    if action.refusal:
        part = {"type": "refusal", "refusal": action.text}
    item: Json = {"id": f"msg_{identity}", "type": "message", "role": "assistant", "status": status, "content": [part]}
    return item, {**item, "status": "in_progress", "content": []}


def _call(action: Call, identity: str) -> tuple[Json, Json]:
    kind, prefix, field = _CALLS[action.kind]
    item: Json = {
        "id": f"{prefix}_{identity}",
        "type": kind,
        "status": "completed",
        "call_id": f"call_{identity[-24:]}",
    }
    if action.kind == "local_shell":
        item[field] = {"type": "exec", "env": {}, **msgspec.json.decode(action.arguments, type=Json)}
        return item, {**item, "status": "in_progress"}
    item |= {"name": action.name, field: action.arguments}
    if action.namespace:
        item["namespace"] = action.namespace
    return item, {**item, "status": "in_progress", field: ""}


def status(answer: Answer) -> str:
    """How the finished Response calls itself."""
    return "incomplete" if answer.finish in _CUT_SHORT else "completed"


def response(answer: Answer, body: Json, status: str, output: list[Json]) -> Json:
    """The Response object in ``status``, echoing what the request asked as the real one does."""
    return {
        "id": f"resp_{answer.identity}",
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "background": False,
        "completed_at": answer.created if status == "completed" else None,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": {"reason": _CUT_SHORT[answer.finish]} if status == "incomplete" else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "model": answer.model,
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": None, "summary": None} | (body.get("reasoning") or {}),
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}} | (body.get("text") or {}),
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": [_tool(tool) for tool in body.get("tools") or []],
        "top_logprobs": body.get("top_logprobs") or 0,
        "top_p": body.get("top_p", 1.0),
        "truncation": body.get("truncation", "disabled"),
        "usage": None if status == "in_progress" else _usage(answer),
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }


def _tool(tool: Json) -> Json:
    """As it was sent; of a function each field is there."""
    if tool.get("type") != "function":
        return tool
    return {"description": None, "parameters": None, "strict": False} | tool


def _usage(answer: Answer) -> Json | None:
    usage = answer.usage
    if usage is None:
        return None
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
