"""A web search that an upstream ran keeps its sources on the way to a client, and can be sent back to any upstream.

A Messages client makes its list of links of ``web_search_tool_result`` (Claude Code 2.1.332); a Responses client reads
``web_search_call.action.sources``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.inference.collect import collect, replay
from daemon.inference.request import Request, WebSearch
from daemon.wires.base import AnswerContext, EncodeOptions, UpstreamBody
from daemon.wires.table import WIRES
from tests.wires.fields_responses import response_misfits
from tests.wires.grammar_messages import read

OPTIONS = EncodeOptions(model="gpt-5")
ASKED: dict[str, Any] = {"type": "search", "query": "q"}
A, B = "https://a.example/1", "https://b.example/2"


def sources(*pages: Any) -> dict[str, Any]:
    return {**ASKED, "sources": list(pages)}


def page(url: str, **more: str) -> dict[str, str]:
    return {"type": "url", "url": url, **more}


def cited(url: str, title: str) -> dict[str, Any]:
    return {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": 2}


def responses_answer(*actions: Any, citations: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    searches = [
        {"type": "web_search_call", "id": f"ws-{number}", "status": "completed", "action": action}
        for number, action in enumerate(actions)
    ]
    part = {"type": "output_text", "text": "found it", "annotations": list(citations)}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    return {"id": "resp_1", "model": "gpt-5", "status": "completed", "output": [*searches, message]}


def messages_answer(*results: dict[str, Any], encrypted: str = "") -> dict[str, Any]:
    head = {"type": "web_search_result", "encrypted_content": encrypted, "page_age": None}
    found = [head | each for each in results]
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": found}
    text = {"type": "text", "text": "found it"}
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    return {**whole, "content": [use, result, text], "usage": {"input_tokens": 1, "output_tokens": 1}}


def shown(entry: str, upstream: str, answer: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The upstream's answer as the client gets it: whole, and as a stream."""
    request = Request(wire=entry, model="asked", messages=(), tools=(WebSearch(),))
    context = AnswerContext(model="asked", answer_id="0" * 32, created=1, input_estimate=7, request=request)
    response = WIRES[upstream].decode_response(json.dumps(answer).encode(), {})
    events = list(replay(response))
    stream = WIRES[entry].stream_encoder(context).encode(events)
    return json.loads(WIRES[entry].encode_response(collect(events), context)), stream


EACH_RESULT: list[tuple[str, list[list[tuple[str, str]]], dict[str, Any]]] = [
    ("sources", [[(A, A), (B, "Bee")]], responses_answer(sources(page(A), page(B, title="Bee")))),
    ("sources without an address", [[(A, A)]], responses_answer(sources({"type": "api", "name": "weather"}, page(A)))),
    ("citations alone", [[(A, "Ay"), (B, B)]], responses_answer(ASKED, citations=(cited(A, "Ay"), cited(B, "")))),
    ("a page cited twice", [[(A, "Ay")]], responses_answer(ASKED, citations=(cited(A, "Ay"), cited(A, "Ay")))),
    ("a page that was opened", [[(A, A)]], responses_answer({"type": "open_page", "url": A})),
    ("neither", [[]], responses_answer(ASKED)),
    ("no action", [[]], responses_answer(None)),
    ("odd sources", [[]], responses_answer({**ASKED, "sources": "many"})),
    (
        "two searches, one with sources",
        [[(A, A)], [(B, "Bee")]],
        responses_answer(sources(page(A)), ASKED, citations=(cited(A, "Ay"), cited(B, "Bee"))),
    ),
    ("two searches without", [[], [(A, "Ay")]], responses_answer(ASKED, ASKED, citations=(cited(A, "Ay"),))),
]


@pytest.mark.parametrize(("results", "answer"), [row[1:] for row in EACH_RESULT], ids=[row[0] for row in EACH_RESULT])
def test_a_messages_client_gets_the_pages_of_a_search(
    results: list[list[tuple[str, str]]], answer: dict[str, Any]
) -> None:
    """Where an upstream names them only by what it cites, they come behind the text."""
    whole, stream = shown("messages", "responses", answer)
    assert read(stream).content == whole["content"]
    uses = [block["id"] for block in whole["content"] if block["type"] == "server_tool_use"]
    found = [block for block in whole["content"] if block["type"] == "web_search_tool_result"]
    by_use = {block["tool_use_id"]: [(each["url"], each["title"]) for each in block["content"]] for block in found}
    assert [by_use[use] for use in uses] == results
    assert all("sources" not in block["input"] for block in whole["content"] if block["type"] == "server_tool_use")


def chat_answer(*citations: dict[str, Any]) -> dict[str, Any]:
    annotations = [{"type": "url_citation", "url_citation": each} for each in citations]
    message = {"role": "assistant", "content": "found it", "annotations": annotations}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("kinds", "answer"),
    [
        (["text", "server_tool_use", "web_search_tool_result"], chat_answer(cited(A, "Ay"), cited(B, "Bee"))),
        (["text"], chat_answer()),
    ],
)
def test_what_a_search_model_cites_it_has_found(kinds: list[str], answer: dict[str, Any]) -> None:
    """Models of the Chat API do not say that they search."""
    whole, stream = shown("messages", "chat", answer)
    assert [block["type"] for block in whole["content"]] == kinds
    assert read(stream).content == whole["content"]
    found = [(each["url"], each["title"]) for block in whole["content"][2:] for each in block["content"]]
    assert found == ([(A, "Ay"), (B, "Bee")] if kinds[1:] else [])


@pytest.mark.parametrize(
    ("urls", "answer"),
    [
        ([A, B], messages_answer({"url": A, "title": "Ay"}, {"url": B, "title": "Bee"}, encrypted="E")),
        ([], messages_answer()),
    ],
)
def test_a_responses_client_gets_the_pages_of_a_search(urls: list[str], answer: dict[str, Any]) -> None:
    whole, stream = shown("responses", "messages", answer)
    last = json.loads(stream.decode().strip().rpartition("data: ")[2])["response"]
    assert response_misfits(whole) == []
    for response in (whole, last):
        search = response["output"][0]
        assert (search["type"], search["status"], search["action"]["query"]) == ("web_search_call", "completed", "q")
        assert [source["url"] for source in search["action"].get("sources", [])] == urls


# --- sent back ---


def sent_back(entry: str, upstream: str, content: list[dict[str, Any]]) -> UpstreamBody:
    """A second turn, of a client whose first answer was ``content``."""
    first, more = {"role": "user", "content": "go"}, {"role": "user", "content": "more"}
    body: dict[str, Any]
    if entry == "messages":
        body = {"max_tokens": 9, "messages": [first, {"role": "assistant", "content": content}, more]}
    else:
        body = {"input": [first, *content, more]}
    return WIRES[upstream].encode_request(
        WIRES[entry].decode_request(json.dumps({"model": "asked", **body}).encode(), {}), OPTIONS
    )


@pytest.mark.parametrize("upstream", ["responses", "chat", "messages"])
@pytest.mark.parametrize(
    ("maker", "answer"),
    [
        ("responses", responses_answer(sources(page(A)), ASKED, citations=(cited(A, "Ay"), cited(B, "Bee")))),
        ("responses", responses_answer(None, {"type": "open_page", "url": A}, ASKED, citations=(cited(B, "Bee"),))),
        ("messages", messages_answer({"url": A, "title": "Ay"}, {"url": B, "title": "Bee"})),
    ],
)
@pytest.mark.parametrize("entry", ["messages", "responses"])
def test_the_next_turn_loses_nothing(entry: str, maker: str, answer: dict[str, Any], upstream: str) -> None:
    """So that ``translation.strict`` lets it pass: the model knows what was asked and found."""
    whole, _ = shown(entry, maker, answer)
    body = sent_back(entry, upstream, whole["content" if entry == "messages" else "output"])
    assert body.lost == ()
    assert b"found it" in body.body and A.encode() in body.body


def test_a_search_of_another_vendors_is_an_item_of_a_responses_upstream() -> None:
    whole, _ = shown("messages", "responses", responses_answer(sources(page(A))))
    items = json.loads(sent_back("messages", "responses", whole["content"]).body)["input"]
    search = next(item for item in items if item["type"] == "web_search_call")
    assert search["id"].startswith("ws_") and search["status"] == "completed"
    assert search["action"] == {**ASKED, "sources": [page(A)]}


@pytest.mark.parametrize("upstream", ["chat", "messages"])
def test_elsewhere_it_is_a_line_of_text(upstream: str) -> None:
    items = [{"type": "web_search_call", "id": "ws_1", "status": "completed", "action": sources(page(A))}]
    assert f'[web search for \\"q\\": {A}]' in sent_back("responses", upstream, items).body.decode()
    opened = [{"type": "web_search_call", "action": {"type": "open_page", "url": A}}]
    assert f"[web search: {A}]" in sent_back("responses", upstream, opened).body.decode()


@pytest.mark.parametrize("upstream", ["responses", "chat"])
def test_what_only_its_maker_can_read_is_reported(upstream: str) -> None:
    content = messages_answer({"url": A, "title": "Ay"}, encrypted="E")["content"]
    body = sent_back("messages", upstream, content)
    assert body.lost == ("messages[1].web_search",)
    assert A.encode() in body.body


@pytest.mark.parametrize("name", ["web_fetch", "code_execution"])
def test_other_tools_of_a_server_are_reported(name: str) -> None:
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": name, "input": {}}
    assert sent_back("messages", "responses", [use]).lost == ("messages[1].server_tool_use",)


# --- asked for ---


@pytest.mark.parametrize(
    ("include", "entry", "searches"),
    [
        (["reasoning.encrypted_content", "web_search_call.action.sources"], "messages", True),
        (["reasoning.encrypted_content"], "messages", False),
        (["reasoning.encrypted_content"], "chat", True),
    ],
)
def test_sources_are_asked_for_where_a_client_is_shown_them(include: list[str], entry: str, searches: bool) -> None:
    request = Request(wire=entry, model="m", messages=(), tools=(WebSearch(),) if searches else ())
    assert json.loads(WIRES["responses"].encode_request(request, OPTIONS).body)["include"] == include
