"""Who made what is learned from answers as they pass, on every wire, and from requests that were answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.gateway.reasoning.owners import ReasoningOwners
from daemon.upstream.http.call import UpstreamResponse
from tests.gateway.fakes import answering
from tests.gateway.targets import target
from tests.gateway.test_passthrough import frames, new_pipe, whole
from tests.gateway.test_request_handler import Run
from tests.router.auths import candidate, core_auth

FOX = candidate().auth.id
STATE = "x-codex-turn-state"
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "piece"}
COMPACTION = {"type": "compaction", "id": "cmp_1", "encrypted_content": "piece"}
REDACTED = {"type": "redacted_thinking", "data": "piece"}
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "piece"}
TEXT = {"type": "text", "text": "hello"}
MESSAGE = {"type": "message", "role": "assistant", "model": "m", "id": "msg_1", "stop_reason": "end_turn"}
USAGE = {"usage": {"input_tokens": 1, "output_tokens": 1}}


GOOGLE = {"extra_content": {"google": {"thought_signature": "piece"}}}


def chunked(delta: dict[str, Any]) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def item_done(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": 0, "item": item}


@pytest.mark.parametrize(
    "wire, event",
    [
        ("responses", item_done(REASONING)),
        ("responses", item_done(COMPACTION)),
        ("messages", {"type": "content_block_start", "index": 0, "content_block": REDACTED}),
        ("messages", {"type": "content_block_start", "index": 0, "content_block": SIGNED}),
        (
            "messages",
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "piece"}},
        ),
        ("chat", chunked({"tool_calls": [{"index": 0, "id": "c", **GOOGLE}]})),
        ("chat", chunked(GOOGLE)),
        ("chat", chunked({"reasoning_opaque": "piece"})),
        ("chat", chunked({"reasoning_details": [{"type": "reasoning.encrypted", "data": "piece"}]})),
        ("chat", chunked({"reasoning": {"text": "hm", "signature": "piece"}})),
    ],
)
def test_from_a_stream(wire: str, event: dict[str, Any]) -> None:
    owners = ReasoningOwners()
    opening = [{"type": "message_start", "message": MESSAGE | USAGE}] if wire == "messages" else []
    new_pipe(wire, owners=owners).feed(frames(wire, *opening, event, done=False))
    assert owners.of(b"piece") == FOX


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "unfolded"])
@pytest.mark.parametrize(
    "wire, answer",
    [
        ("responses", {"id": "resp_1", "status": "completed", "output": [REASONING], "model": "m"}),
        ("responses", {"id": "resp_1", "status": "completed", "output": [COMPACTION], "model": "m"}),
        ("messages", MESSAGE | USAGE | {"content": [SIGNED, TEXT]}),
        ("messages", MESSAGE | USAGE | {"content": [REDACTED, TEXT]}),
        (
            "chat",
            {"id": "c", "model": "m", "choices": [{"message": {"content": "hi", **GOOGLE}, "finish_reason": "stop"}]},
        ),
    ],
)
def test_from_a_json_answer(wire: str, answer: dict[str, Any], stream: bool) -> None:
    owners = ReasoningOwners()
    pipe = new_pipe(wire, owners=owners, stream=stream)
    pipe.feed_whole(json.dumps(answer).encode())
    assert owners.of(b"piece") == FOX


@pytest.mark.parametrize("json_answer", [False, True], ids=["stream", "json"])
@pytest.mark.parametrize("keeps", [False, True])
def test_ids_are_learned_of_an_upstream_that_may_keep_answers(keeps: bool, json_answer: bool) -> None:
    """Elsewhere they mean nothing, and would push out what does."""
    owners = ReasoningOwners()
    pipe = new_pipe("responses", owners=owners)
    pipe.prepare(target(candidate(store=None if keeps else False)))
    response = {"id": "resp_1", "status": "completed", "model": "m", "output": [REASONING], **USAGE}
    if json_answer:
        pipe.feed_whole(json.dumps(response).encode())
    else:
        end = {"type": "response.completed", "response": response}
        pipe.feed(frames("responses", {"type": "response.created", "response": response}, item_done(REASONING), end))
    assert pipe.stage == "finished"
    assert [owners.of(each) for each in (b"resp_1", b"rs_1")] == [FOX if keeps else None] * 2


def refusal(message: str, code: str = "") -> UpstreamResponse:
    error = {"error": {"message": message, "type": "invalid_request_error", "code": code or None}}
    return answering(json.dumps(error).encode(), status=400, content_type="application/json")


def with_state(run: Run) -> Run:
    run.request = replace(run.request, headers={"user-agent": "codex_exec/1", STATE: "T"})
    return run


@pytest.mark.asyncio
async def test_a_refused_turn_state_is_left_out_and_the_same_upstream_is_asked_again() -> None:
    """Of unknown origin: once with it, then without it, and from then on not at all. Nobody rests."""
    answered = answering(whole("responses"))
    run = with_state(Run(refusal("Invalid turn state."), answered, entry="responses", wire="responses"))
    await run()
    assert (run.asked, run.client.status) == (["fox", "fox"], 200)
    assert [STATE in call.headers for call in run.upstreams.calls] == [True, False]
    assert (run.client.head.attempts, run.client.head.lost) == (2, (STATE,))
    assert not run.live.router.cooldowns
    later = with_state(Run(answering(whole("responses")), entry="responses", wire="responses", live=run.live))
    run.live.router.turns.keep_only(())
    await later()
    assert [STATE in call.headers for call in later.upstreams.calls] == [later.asked == ["wolf"]]


@pytest.mark.asyncio
async def test_a_turn_state_goes_back_to_its_maker_and_is_lost_elsewhere() -> None:
    made = Run(answering(whole("responses"), x_codex_turn_state="T"), entry="responses", wire="responses")
    await made()
    assert dict(made.client.head.passed)[STATE] == "T"
    again = with_state(Run(answering(whole("responses")), entry="responses", wire="responses", live=made.live))
    await again()
    assert (again.asked, again.client.head.lost) == (["fox"], ()), "and not to wolf, whose turn it was"
    down = answering(b"{}", status=500, content_type="application/json")
    moved = with_state(Run(down, answering(whole("responses")), entry="responses", wire="responses", live=made.live))
    await moved()
    assert (moved.asked, moved.client.head.lost) == (["fox", "wolf"], (STATE,))
    assert [STATE in call.headers for call in moved.upstreams.calls] == [True, False]


@pytest.mark.asyncio
@pytest.mark.parametrize("fields", [{"type": "response.failed"}, {"type": "error"}], ids=["failed", "error"])
async def test_a_refusal_may_come_inside_the_stream_and_teaches_nothing_of_an_owner(fields: dict[str, Any]) -> None:
    words = {"code": "previous_response_not_found", "message": "Previous response with id 'resp_1' not found."}
    response = {"id": "r", "model": "m", "output": []}
    failed = fields | words | {"response": response | {"status": "failed", "error": words}}
    opened = {"type": "response.created", "response": response | {"status": "in_progress"}}
    refused = answering(frames("responses", opened, failed))
    run = Run(
        refused, answering(whole("responses")), entry="responses", wire="responses", previous_response_id="resp_1"
    )
    run.request = replace(run.request, request=run.request.wire.decode_request(run.request.body, {}))
    await run()
    assert (run.asked, run.client.status, run.client.head.attempts) == (["fox", "wolf"], 200, 2)
    assert run.live.owners.of(b"resp_1") == core_auth("wolf").id
    assert not run.live.router.cooldowns


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "entry, content, words",
    [
        (
            "responses",
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-12345678"}]}]},
            "No such File object: file-12345678",
        ),
        (
            "messages",
            {"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "file_12345678"}]}]},
            "File not found: file_12345678",
        ),
    ],
)
async def test_a_file_belongs_to_who_has_answered_a_request_with_it(
    entry: str, content: dict[str, Any], words: str
) -> None:
    """The first that is asked does not know it, the second does, and gets the next request alone."""

    def run(*script: UpstreamResponse, live: Any = None) -> Run:
        made = Run(*script, entry=entry, wire=entry, live=live, **content)
        decoded = made.request.wire.decode_request(
            json.dumps({"model": "asked-for", "stream": True, "max_tokens": 9} | content).encode(), {}
        )
        made.request = replace(made.request, request=decoded)
        return made

    found = await run(refusal(words), answering(whole(entry)))()
    assert (found.asked, found.client.status, found.client.head.attempts) == (["fox", "wolf"], 200, 2)
    again = await run(answering(whole(entry)), live=found.live)()
    assert (again.asked, again.client.head.lost) == (["wolf"], ())
    assert not found.live.router.cooldowns
