"""A request for a compaction gets one compaction item, whatever its upstream can do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.errors import RemoteError
from daemon.gateway.compaction import COMPACT
from daemon.upstream.http.call import UpstreamResponse
from daemon.wires.added_text import SUMMARY_REQUEST
from daemon.wires.openai_responses.compaction import MARK, sealed, summary_of, with_trigger
from daemon.wires.table import WIRES
from tests.gateway.fakes import answering
from tests.gateway.test_request_handler import Run, down

pytestmark = pytest.mark.asyncio

HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
TOOL = {"type": "function", "name": "exec", "parameters": {"type": "object"}}
TRIGGER = {"type": "compaction_trigger"}
NATIVE = {"id": "cmp_9", "type": "compaction", "encrypted_content": "gAAAA"}
USAGE = {
    "input_tokens": 90,
    "output_tokens": 7,
    "total_tokens": 97,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}
NOT_KNOWN = "Invalid value: 'compaction_trigger'. Supported values are: 'message', 'reasoning'."


def sse(*events: object) -> bytes:
    return b"".join(b"data: " + (e if isinstance(e, bytes) else json.dumps(e).encode()) + b"\n\n" for e in events)


def said(wire: str, words: str = "the user wants X", finish: str = "stop") -> UpstreamResponse:
    """An answer of an upstream: these words."""
    if wire == "chat":
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        usage = {"prompt_tokens": 90, "completion_tokens": 7, "total_tokens": 97}
        choice = {"index": 0, "delta": {"content": words}, "finish_reason": None}
        end = {"index": 0, "delta": {}, "finish_reason": finish}
        chunks = (chunk | {"choices": [choice]}, chunk | {"choices": [end]}, chunk | {"choices": [], "usage": usage})
        return answering(sse(*chunks, b"[DONE]"))
    if wire == "messages":
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
        content = [{"type": "text", "text": words}] if words else []
        body: dict[str, Any] = message | {"content": content, "stop_reason": "end_turn"}
        body["usage"] = {"input_tokens": 90, "output_tokens": 7}
        return answering(json.dumps(body).encode(), content_type="application/json")
    return answered({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": words}]})


OBJECT = {"id": "resp_up", "object": "response", "created_at": 1, "model": "gpt-5", "usage": USAGE}


def answered(*items: dict[str, Any], end: Any = None) -> UpstreamResponse:
    """The stream of a Responses upstream; ``end``: the output that its last event repeats."""
    done = [{"type": "response.output_item.done", "output_index": n, "item": item} for n, item in enumerate(items)]
    last = OBJECT | {"status": "completed", "output": items if end is None else end}
    opening = {"type": "response.created", "response": OBJECT | {"status": "in_progress", "output": []}}
    return answering(sse(opening, *done, {"type": "response.completed", "response": last}))


def whole(*items: dict[str, Any]) -> UpstreamResponse:
    body = OBJECT | {"status": "completed", "output": items}
    return answering(json.dumps(body).encode(), content_type="application/json")


def refused(message: str, status: int = 400, **error: Any) -> UpstreamResponse:
    body = {"error": {"message": message, "type": "invalid_request_error"} | error}
    return answering(json.dumps(body).encode(), status=status, content_type="application/json")


class Compaction(Run):
    """A conversation with a tool, and then the trigger; or, at the ``compact`` entry, the same without it."""

    def __init__(
        self,
        *script: UpstreamResponse | RemoteError | None,
        wire: str,
        compact: bool = False,
        items: Any = (),
        **more: Any,
    ) -> None:
        stream = more.get("stream", not compact)
        body = {"input": [HELLO, *items, TRIGGER], "tools": [TOOL], "stream": stream}
        super().__init__(*script, entry="responses", wire=wire, **{**more, **body})
        raw = json.dumps(body | {"model": "asked-for", "instructions": "be brief"}).encode()
        if compact:
            body = {"model": "asked-for", "input": [HELLO, *items], "instructions": "be brief"}
            raw = with_trigger(json.dumps(body).encode())
        decoded = WIRES["responses"].decode_request(raw, {})
        context = replace(self.request.context, request=decoded)
        entry = COMPACT if compact else "responses"
        self.request = replace(self.request, entry=entry, request=decoded, body=raw, context=context)

    async def __call__(self) -> Compaction:
        await super().__call__()
        return self

    @property
    def seen(self) -> list[dict[str, Any]]:
        return [json.loads(line[6:]) for line in self.client.body.decode().splitlines() if line.startswith("data: ")]

    @property
    def output(self) -> list[dict[str, Any]]:
        """The items that the client got, as Codex reads a stream."""
        if not self.request.request.stream:
            return list(json.loads(self.client.body)["output"])
        return [event["item"] for event in self.seen if event["type"] == "response.output_item.done"]

    @property
    def summary(self) -> str:
        [item] = self.output
        assert item["type"] == "compaction"
        return summary_of(item["encrypted_content"])

    @property
    def paths(self) -> list[str]:
        return [call.url.partition("/v1")[2] for call in self.upstreams.calls]


@pytest.mark.parametrize("wire", ["chat", "messages"])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_upstream_of_another_wire_writes_a_summary(wire: str, stream: bool) -> None:
    run = await Compaction(said(wire), wire=wire, stream=stream)()
    assert run.summary == "the user wants X"
    sent = run.sent(0)
    assert SUMMARY_REQUEST in json.dumps(sent["messages"][-1], ensure_ascii=False).replace("\\n", "\n")
    assert "compaction_trigger" not in json.dumps(sent)
    assert [tool.get("name") or tool["function"]["name"] for tool in sent["tools"]] == ["exec"]
    assert sent["tool_choice"] in ("none", {"type": "none"})
    usage = (run.seen[-1]["response"] if stream else json.loads(run.client.body))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], run.handler.record.lost) == (90, 7, ())


async def test_the_stream_is_one_that_codex_reads() -> None:
    run = await Compaction(said("chat"), wire="chat")()
    assert [event["type"] for event in run.seen] == [
        *("response.created", "response.in_progress"),
        *("response.output_item.added", "response.output_item.done", "response.completed"),
    ]
    assert [event["sequence_number"] for event in run.seen] == [0, 1, 2, 3, 4]
    end = run.seen[-1]["response"]
    assert (end["status"], end["model"], end["output"]) == ("completed", "asked-for", run.output)


async def test_keep_alives_come_before_it_and_the_answer_fits_them() -> None:
    run = Compaction(said("chat"), wire="chat")
    opened, read = run.upstreams.open, run.client

    async def open_slowly(call: Any) -> UpstreamResponse:
        await run.handler.keep_alive()
        await run.handler.keep_alive()
        assert b"response.created" in read.body
        return await opened(call)

    run.upstreams.open = open_slowly  # type: ignore[method-assign]
    run.live.adapters._open = open_slowly
    await run()
    assert run.summary == "the user wants X"
    assert [event["type"] for event in run.seen].count("response.in_progress") == 2
    assert [event["sequence_number"] for event in run.seen] == list(range(len(run.seen)))
    assert len({event["response"]["id"] for event in run.seen if "response" in event}) == 1


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("form", ["stream", "stream with an empty end", "json"])
async def test_an_upstream_that_compacts_does_it_itself(form: str, stream: bool) -> None:
    theirs = {"stream": answered(NATIVE), "stream with an empty end": answered(NATIVE, end=()), "json": whole(NATIVE)}
    run = await Compaction(theirs[form], wire="responses", stream=stream)()
    assert run.output == [NATIVE]
    assert run.sent(0)["input"][-1] == TRIGGER
    response = run.seen[-1]["response"] if stream else json.loads(run.client.body)
    assert (response["id"], response["model"], response["usage"]) == ("resp_up", "asked-for", USAGE)
    assert run.live.owners.of(b"gAAAA") == run.request.snapshot.core_auths[0].id


FIRST = {
    "answers": lambda: said("responses", "I go on with the task."),
    "answers reasoning alone": lambda: answered({"type": "reasoning", "summary": []}),
    "names it": lambda: refused(NOT_KNOWN, param="input[1].type"),
    "names it as a failure of its own": lambda: refused("unsupported input item type: compaction_trigger", 500),
    "says that it cannot": lambda: refused("remote compaction v2 is not supported for this provider", 501),
    "names nothing": lambda: refused("input: data did not match any variant of untagged enum"),
    "unprocessable": lambda: refused("1 validation error", 422),
}


@pytest.mark.parametrize("case", FIRST)
async def test_an_upstream_that_does_not_is_asked_for_a_summary_and_that_is_remembered(case: str) -> None:
    run = await Compaction(FIRST[case](), said("responses"), wire="responses")()
    assert (run.summary, run.asked) == ("the user wants X", ["fox", "fox"])
    first, second = run.sent(0), run.sent(1)
    assert second["input"][:-1] == first["input"][:-1], "the same beginning, for the prompt cache"
    assert second["input"][-1]["content"][0]["text"] == SUMMARY_REQUEST
    assert second["tool_choice"] == "none"
    again = await Compaction(said("responses"), wire="responses", live=run.live)()
    assert (again.summary, again.asked) == ("the user wants X", ["fox"])


async def test_what_is_remembered_changes_no_other_request() -> None:
    run = await Compaction(refused(NOT_KNOWN), said("responses"), wire="responses")()
    usual = Run(said("responses", "hi"), entry="responses", wire="responses", live=run.live)
    await usual()
    assert usual.sent(0)["input"] == []
    assert "tool_choice" not in usual.sent(0)


@pytest.mark.parametrize("words, finish", [("", "stop"), ("  ", "stop"), ("half of", "content_filter")])
async def test_no_summary_is_a_failure_and_another_provider_is_asked(words: str, finish: str) -> None:
    run = await Compaction(said("chat", words, finish), said("chat"), wire="chat")()
    assert (run.summary, run.asked) == ("the user wants X", ["fox", "wolf"])
    alone = Compaction(said("chat", words, finish), said("chat", words, finish), wire="chat")
    await alone()
    assert (alone.client.status, b'compaction"' in alone.client.body) == (502, False)


async def test_a_summary_that_was_cut_counts_and_is_reported() -> None:
    run = await Compaction(said("chat", "half of", "length"), wire="chat")()
    assert run.summary == "half of\n\n(The summary was cut here.)"
    assert run.handler.record.answer_lost == ("answer.summary",)


async def test_another_provider_takes_over() -> None:
    run = await Compaction(down(), said("chat"), wire="chat")()
    assert (run.summary, run.asked) == ("the user wants X", ["fox", "wolf"])


async def test_a_conversation_that_is_too_long_is_refused_as_usual() -> None:
    words = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    too_long = [refused(words, code="context_length_exceeded") for _ in range(2)]
    run = await Compaction(*too_long, wire="chat")()
    error = json.loads(run.client.body)["error"]
    assert (run.client.status, error["code"]) == (400, "context_length_exceeded")
    assert "9000" in error["message"]


@pytest.mark.parametrize("wire", ["chat", "messages", "responses"])
async def test_an_earlier_item_of_ours_is_a_message_on_every_wire(wire: str) -> None:
    item = {"type": "compaction", "encrypted_content": sealed("so far so good")}
    run = await Compaction(said(wire), wire=wire, items=[item])() if wire != "responses" else None
    if run is None:
        run = await Compaction(answered(NATIVE), wire=wire, items=[item])()
    sent = json.dumps(run.sent(0))
    assert "so far so good" in sent
    assert MARK not in sent


# --- POST /v1/responses/compact ---


async def test_an_upstreams_own_endpoint_is_asked_first() -> None:
    theirs = {
        "id": "resp_c",
        "object": "response.compaction",
        "created_at": 1,
        "output": [HELLO, NATIVE],
        "usage": USAGE,
    }
    run = await Compaction(
        answering(json.dumps(theirs).encode(), content_type="application/json"), wire="responses", compact=True
    )()
    assert json.loads(run.client.body) == theirs
    assert run.paths == ["/responses/compact"]
    assert run.sent(0) == {"model": run.sent(0)["model"], "input": [HELLO], "instructions": "be brief"}
    assert run.live.owners.of(b"gAAAA") == run.request.snapshot.core_auths[0].id
    assert run.handler.record.usage is not None


@pytest.mark.parametrize("status", [404, 405, 501, 400])
async def test_without_one_the_trigger_and_then_a_summary(status: int) -> None:
    run = await Compaction(refused("no such route", status), answered(NATIVE), wire="responses", compact=True)()
    assert (run.paths, run.output) == (["/responses/compact", "/responses"], [_user(0), NATIVE])
    last = Compaction(
        *(refused("no such route", status), refused(NOT_KNOWN), said("responses")), wire="responses", compact=True
    )
    await last()
    assert last.paths == ["/responses/compact", "/responses", "/responses"]
    assert [item["type"] for item in last.output] == ["message", "compaction"]
    again = await Compaction(said("responses"), wire="responses", compact=True, live=last.live)()
    assert (again.paths, [item["type"] for item in again.output]) == (["/responses"], ["message", "compaction"])


async def test_a_page_is_no_endpoint() -> None:
    """Relays answer each path that they do not know with their console."""
    page = answering(b"<!doctype html><html><title>New API</title></html>", content_type="text/html")
    run = await Compaction(page, answered(NATIVE), wire="responses", compact=True)()
    assert (run.paths, run.output) == (["/responses/compact", "/responses"], [_user(0), NATIVE])


@pytest.mark.parametrize("wire", ["chat", "messages"])
async def test_an_upstream_of_another_wire_serves_it_too(wire: str) -> None:
    run = await Compaction(said(wire), wire=wire, compact=True)()
    answer = json.loads(run.client.body)
    assert (answer["object"], answer["usage"]["input_tokens"]) == ("response.compaction", 90)
    [message, item] = answer["output"]
    assert (message, summary_of(item["encrypted_content"])) == (_user(0), "the user wants X")


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_a_failure_of_the_endpoint_is_no_sign_that_there_is_none(status: int) -> None:
    run = await Compaction(refused("no", status), refused("no", status), wire="responses", compact=True)()
    assert (set(run.paths), len(set(run.asked))) == ({"/responses/compact"}, len(run.asked))


def _user(number: int) -> dict[str, Any]:
    return HELLO | {"id": f"msg_{number:04x}", "status": "completed"}
