"""Of a Responses request only the forced fields change on its way to a Responses upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.config.schema import Defaults
from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.gateway.rewrite_body import RewrittenBody, rewrite_body
from daemon.upstream.amendments.parameters import REASONING
from daemon.upstream.amendments.rule import Amendment
from daemon.wires.openai_responses import WIRE
from daemon.wires.openai_responses.encode_request import ENCRYPTED_REASONING as ENCRYPTED
from tests.gateway.client_requests import client_request
from tests.gateway.targets import target
from tests.router.auths import candidate

FORCED = {
    "model": "gpt-5",
    "stream": True,
    "store": False,
    "include": [ENCRYPTED],
    "reasoning": {"effort": "high"},
}


def splice(
    body: dict[str, Any],
    *,
    effort: str | None = None,
    unsupported: frozenset[str] = frozenset(),
    owners: ReasoningOwners | None = None,
    reasoning: bool = True,
    amendments: tuple[Amendment, ...] = (),
    **auth: Any,
) -> RewrittenBody:
    wire = auth.get("wire", "responses")
    auth["unsupported_parameters"] = tuple(unsupported)
    amendments += () if reasoning else (Amendment(REASONING),)
    asked = target(candidate(**auth), effort=effort, amendments=amendments)
    return rewrite_body(client_request(wire, body), asked, owners or ReasoningOwners())


def rewritten(body: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(splice(body, **options).body)
    return answer


def test_the_forced_fields_and_nothing_else() -> None:
    body = {
        "model": "fox/gpt-5-high",
        "input": [{"type": "tool_search", "x": [1, {"y": None}]}],
        "unheard_of": {"a": 1},
    }
    assert rewritten(body) == body | FORCED


@pytest.mark.parametrize(
    ("reasoning", "suffix", "expected"),
    [
        (None, None, {"effort": "high"}),
        ({"summary": "auto"}, None, {"summary": "auto", "effort": "high"}),
        ({"effort": None}, None, {"effort": "high"}),
        ({"effort": "low", "context": "all_turns"}, None, {"effort": "low", "context": "all_turns"}),
        ({"effort": "low"}, "medium", {"effort": "medium"}),
    ],
)
def test_effort_suffix_beats_the_body_beats_the_default(
    reasoning: dict[str, Any] | None, suffix: str | None, expected: dict[str, Any]
) -> None:
    assert rewritten({"reasoning": reasoning}, effort=suffix)["reasoning"] == expected


def test_the_providers_default_effort_is_used() -> None:
    defaults = Defaults(model_reasoning_effort="low")
    assert rewritten({}, defaults=defaults)["reasoning"] == {"effort": "low"}


def test_a_model_that_is_not_known_to_take_an_effort_gets_none() -> None:
    assert "reasoning" not in rewritten({}, model="grok-4")
    assert rewritten({"reasoning": {"summary": "auto"}}, model="grok-4")["reasoning"] == {"summary": "auto"}


def test_null_instructions_become_empty() -> None:
    assert rewritten({"instructions": None})["instructions"] == ""
    assert "instructions" not in rewritten({})


@pytest.mark.parametrize("tools", [{}, {"tools": []}, {"tools": None}])
def test_parallel_tool_calls_is_dropped_without_tools(tools: dict[str, Any]) -> None:
    assert "parallel_tool_calls" not in rewritten({"parallel_tool_calls": True, **tools})


def test_parallel_tool_calls_is_kept_with_tools() -> None:
    assert (
        rewritten({"parallel_tool_calls": False, "tools": [{"type": "custom", "name": "x"}]})["parallel_tool_calls"]
        is False
    )
    inside = {"parallel_tool_calls": False, "input": [{"type": "additional_tools", "tools": []}]}
    assert rewritten(inside)["parallel_tool_calls"] is False


def test_storage_left_to_the_client_when_the_provider_allows_it() -> None:
    body = {"store": True, "include": []}
    assert rewritten(body, store=None) == body | FORCED | body


def test_what_else_the_client_wants_included_stays() -> None:
    assert rewritten({"include": ["file_search_call.results"]})["include"] == [
        "file_search_call.results",
        ENCRYPTED,
    ]


def test_parameters_the_upstream_lacks_are_left_out_and_reported() -> None:
    result = splice(
        {"temperature": 0.5, "top_p": None, "input": "x"}, unsupported=frozenset({"temperature", "top_p", "top_k"})
    )
    assert result.lost == ("temperature",)
    assert json.loads(result.body).keys().isdisjoint({"temperature", "top_p"})


def test_one_field_of_an_object_is_left_out_alone() -> None:
    result = splice(
        {"text": {"verbosity": "low", "x": 1}}, unsupported=frozenset({"text.verbosity", "reasoning.summary"})
    )
    assert result.lost == ("text.verbosity",)
    assert json.loads(result.body)["text"] == {"x": 1}


CHAT: dict[str, Any] = {"wire": "chat", "model": "m"}


def test_a_chat_request_changes_in_its_model_alone() -> None:
    body = {"model": "fox/m", "messages": [{"role": "user", "content": "x", "odd": 1}], "unheard_of": {"a": [1]}}
    assert rewritten(body, **CHAT) == body | {"model": "m"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, {"include_usage": True}),
        ({"include_usage": False, "x": 1}, {"include_usage": True, "x": 1}),
    ],
)
def test_a_chat_stream_is_asked_for_its_usage(options: object, expected: object) -> None:
    assert rewritten({"stream": True, "stream_options": options}, **CHAT)["stream_options"] == expected


def test_chat_names_of_one_limit_stand_in_for_each_other() -> None:
    result = splice({"max_tokens": 9}, unsupported=frozenset({"max_tokens"}), **CHAT)
    assert (json.loads(result.body), result.lost) == ({"max_completion_tokens": 9, "model": "m"}, ())


def test_storage_that_privacy_forbids_is_not_asked_of_a_chat_upstream() -> None:
    assert rewritten({"store": True}, **CHAT)["store"] is False
    assert "store" not in rewritten({}, **CHAT)


def test_a_messages_request_changes_in_its_model_alone() -> None:
    body = {
        "model": "a",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "x"}],
        "context_management": {"e": []},
    }
    assert rewritten(body, wire="messages", model="m") == body | {"model": "m"}
    assert rewritten(body, wire="messages", model="m", effort="low")["output_config"] == {"effort": "low"}


# --- earlier reasoning: to its own upstream only ---------------------------------------------------

FOX, WOLF = "tppc:fox:0123456789ab", "tppc:wolf:0123456789ab"


def thinking_item(piece: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": piece}


def thinking_turn(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def test_reasoning_of_another_core_auth_is_left_out_with_its_item() -> None:
    owners = ReasoningOwners()
    owners.made(WOLF, b"theirs")
    owners.made(FOX, b"ours")
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    body = {"input": [thinking_item("theirs"), thinking_item("ours"), call]}
    result = splice(body, owners=owners)
    assert json.loads(result.body)["input"] == [thinking_item("ours"), call]
    assert result.signed == (b"ours",)


def test_reasoning_of_unknown_origin_goes_and_no_byte_of_the_input_changes() -> None:
    raw = '{"input": [ {"type":"reasoning", "summary":[],  "encrypted_content":"new"} , {"odd" : 1.0} ]}'
    result = rewrite_body(client_request("responses", raw), target(candidate()), ReasoningOwners())
    assert raw[10:-1].encode() in result.body
    assert result.signed == (b"new",)


def test_what_the_hub_sealed_for_this_core_auth_is_opened_and_what_for_another_is_not_sent() -> None:
    body = {"input": [thinking_item("tppcd1.0123456789ab.mine"), thinking_item("tppcd1.ffffffffffff.theirs")]}
    assert rewritten(body)["input"] == [thinking_item("mine")]


def test_no_reasoning_goes_to_an_upstream_that_refused_it_and_compaction_stays() -> None:
    compaction = {"type": "compaction", "encrypted_content": "all of it"}
    assert rewritten({"input": [thinking_item("x"), compaction]}, reasoning=False)["input"] == [compaction]


def test_the_empty_thinking_of_a_keep_alive_goes_nowhere() -> None:
    beat: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
    greeting, unsigned = {"type": "text", "text": "hi"}, {"type": "thinking", "thinking": "hm", "signature": ""}
    body = {"messages": [thinking_turn(beat, unsigned, greeting), thinking_turn(beat), thinking_turn(greeting)]}
    assert rewritten(body, wire="messages")["messages"] == [thinking_turn(unsigned, greeting), thinking_turn(greeting)]


@pytest.mark.parametrize("space", ["", " "])
def test_the_empty_text_of_a_keep_alive_goes_nowhere(space: str) -> None:
    """However the client writes its JSON. What a user says is left to the upstream to judge."""
    beat, greeting = {"type": "text", "text": ""}, {"type": "text", "text": "hi"}
    user = {"role": "user", "content": [beat]}
    messages = [user, thinking_turn(beat, greeting), user, thinking_turn(beat), thinking_turn(greeting)]
    raw = json.dumps({"messages": messages}, separators=(",", f":{space}"))
    result = rewrite_body(client_request("messages", raw), target(candidate(wire="messages")), ReasoningOwners())
    assert json.loads(result.body)["messages"] == [user, thinking_turn(greeting), user, thinking_turn(greeting)]


def test_thinking_that_was_moved_is_back_in_its_place_without_its_mark_or_not_sent() -> None:
    """A session that another provider answered, by way of the hub, goes on here."""
    call: dict[str, Any] = {"type": "tool_use", "id": "t", "name": "f", "input": {}}

    def moved(piece: str) -> dict[str, Any]:
        return {"type": "thinking", "thinking": "hm", "signature": piece}

    greeting = {"type": "text", "text": "hi"}
    ours, plain, theirs = "moved.tppcd1.0123456789ab.mine", "moved.plain", "moved.tppcd1.ffffffffffff.theirs"
    body = {"messages": [thinking_turn(greeting, moved(ours), call, moved(theirs)), thinking_turn(call, moved(plain))]}
    result = splice(body, wire="messages")
    sent = json.loads(result.body)["messages"]
    assert sent == [thinking_turn(moved("mine"), greeting, call), thinking_turn(moved("plain"), call)]
    assert result.signed == (b"mine", b"plain")


def test_thinking_blocks_of_another_core_auth_are_left_out() -> None:
    owners = ReasoningOwners()
    owners.made(WOLF, b"theirs")
    text = {"type": "text", "text": "hi"}
    theirs = {"type": "thinking", "thinking": "hm", "signature": "theirs"}
    redacted = {"type": "redacted_thinking", "data": "theirs"}
    ours = {"type": "thinking", "thinking": "hm", "signature": "unknown"}
    unsigned = {"type": "thinking", "thinking": "hm", "signature": ""}
    user = {"role": "user", "content": '"thinking"'}
    body = {"messages": [user, thinking_turn(theirs, text), thinking_turn(redacted), thinking_turn(ours, unsigned)]}
    sent = rewritten(body, wire="messages", owners=owners)["messages"]
    assert sent == [user, thinking_turn(text), thinking_turn(ours, unsigned)]


def chat_turn(piece: str, **fields: Any) -> dict[str, Any]:
    """An answer of a Chat server, with a piece of its own everywhere."""
    extra = {"extra_content": {"google": {"thought_signature": piece}}}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, **extra}
    details = [{"type": "reasoning.summary", "summary": "hm"}, {"type": "reasoning.encrypted", "data": piece}]
    state = {"reasoning_details": details, "reasoning_opaque": piece, **extra} if piece else {}
    return {"role": "assistant", "reasoning_content": "hm", "tool_calls": [call], **state, **fields}


def test_what_a_chat_client_gives_back_goes_to_its_maker_alone() -> None:
    """A field with another one's piece is left out whole; thinking that is text passes."""
    owners = ReasoningOwners()
    owners.made(WOLF, b"theirs")
    owners.made(FOX, b"ours")
    body = {"messages": [{"role": "user", "content": "thought_signature"}, chat_turn("theirs"), chat_turn("ours")]}
    result = splice(body, wire="chat", owners=owners)
    sent = json.loads(result.body)["messages"]
    bare = chat_turn("") | {
        "tool_calls": [{k: v for k, v in chat_turn("")["tool_calls"][0].items() if k != "extra_content"}]
    }
    assert sent == [body["messages"][0], bare, body["messages"][2]]
    assert result.lost == ("earlier_reasoning",)
    assert set(result.signed) == {b"ours"}
    assert json.loads(splice(body, wire="chat", reasoning=False).body)["messages"][1:] == [bare, bare]


def test_a_chat_body_without_such_pieces_keeps_its_bytes() -> None:
    raw = '{"messages": [ {"role":"assistant",  "content":"x", "extra_content": {"a": 1.0}} , {"data" : "x"} ]}'
    result = rewrite_body(client_request("chat", raw), target(candidate(wire="chat")), ReasoningOwners())
    assert raw[raw.index("[") : -1].encode() in result.body


@pytest.mark.parametrize("odd", [{"input": '"encrypted_content"'}, {"input": [{"encrypted_content": 5}]}])
def test_an_odd_shape_is_left_to_the_upstream_to_judge(odd: dict[str, Any]) -> None:
    assert rewritten(odd)["input"] == odd["input"]


def test_what_only_the_gateway_asked_for_is_not_lost() -> None:
    result = splice({"input": "x"}, unsupported=frozenset({"reasoning.effort", "include"}))
    assert result.lost == ()
    assert json.loads(result.body)["reasoning"] == {}


def test_amendments_are_made_in_the_body_that_passes_and_nothing_else_changes() -> None:
    body = {"model": "m", "input": [{"role": "system", "content": "S"}, {"type": "new", "x": 1}], "unheard_of": 1}
    shaped = [{"type": "message", "role": "developer", "content": "S"}, {"type": "new", "x": 1}]
    amendments = (Amendment("shape of Codex"), Amendment("leave out", "include"))
    expected = body | FORCED | {"input": shaped, "instructions": ""}
    del expected["include"]
    assert rewritten(body, amendments=amendments) == expected


CALL = {"type": "function_call", "call_id": "call_0", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_0", "output": "ok"}


def passed_on(items: list[dict[str, Any]]) -> object:
    body = {"model": "m", "input": items}
    asked = WIRE.decode_request(json.dumps(body).encode(), {})
    request = client_request("responses", body, messages=asked.messages)
    return json.loads(rewrite_body(request, target(candidate()), ReasoningOwners()).body)["input"]


def test_only_ids_of_calls_that_repeat_are_replaced() -> None:
    """Upstreams refuse them, or take the later call for answered."""
    once = [{"role": "user", "content": "go"}, CALL, OUTPUT]
    assert passed_on(once) == once
    assert passed_on([*once, CALL, OUTPUT]) == [*once, CALL | {"call_id": "call_0_2"}, OUTPUT | {"call_id": "call_0_2"}]


def test_a_result_without_a_call_passes_through() -> None:
    """Until the upstream refuses it: its call may be stored there."""
    assert passed_on([OUTPUT]) == [OUTPUT]
