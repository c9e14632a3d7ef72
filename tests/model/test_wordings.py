"""What the server itself says when it refuses, and what the daemon takes it for."""

from __future__ import annotations

import httpx
import pytest

from daemon.errors import ErrorKind, GatewayError
from daemon.inference.events import StreamError
from daemon.wires.failures.remote_errors import decode_error
from daemon.wires.openai_chat.stream_decoder import ChatStreamDecoder
from tests.dialects import CHAT, chat, messages
from tests.harness import Daemon

pytestmark = pytest.mark.model

LONG = "hello there " * 400
HELLO: list[dict[str, str]] = [{"role": "user", "content": "hello"}]

BODIES: list[tuple[ErrorKind, str, bytes | dict[str, object]]] = [
    (ErrorKind.MODEL_NOT_FOUND, "Server is pinned to 'llama'; requested 'nope'.", chat("hello", model="nope")),
    (ErrorKind.INVALID_REQUEST, "Unexpected fields in the request: {'top_k'}", {"top_k": 3}),
    (ErrorKind.INVALID_REQUEST, "body.9: JSON decode error", b'{"model":}'),
    (ErrorKind.INVALID_REQUEST, "body: Input should be a valid dictionary", b"[1]"),
    (ErrorKind.INVALID_REQUEST, "body: Field required", b""),
    (ErrorKind.INVALID_REQUEST, "`temperature` (=-1.0) has to be a strictly positive", {"temperature": -1}),
    (ErrorKind.INVALID_REQUEST, "`max_new_tokens` must be greater than 0, but is 0.", {"max_tokens": 0}),
    (ErrorKind.INVALID_REQUEST, "`penalty` has to be a strictly positive float, but is", {"frequency_penalty": -3}),
    (ErrorKind.INVALID_REQUEST, "`sequence_bias` has to be a dict with floats as", {"logit_bias": {"1": 5}}),
    (ErrorKind.INVALID_REQUEST, "Stop string preprocessing was unable to identify tokens", {"stop": []}),
    # Where it would not say so inside a stream it says nothing at all.
    (ErrorKind.API, "Internal Server Error", {"temperature": -1, "stream": False}),
    (ErrorKind.API, "Internal Server Error", {"messages": []}),
    (ErrorKind.NOT_FOUND, "Not Found", b"elsewhere"),
]


def _refusal(url: str, body: bytes | dict[str, object]) -> GatewayError:
    """What the daemon makes of the server's answer, an HTTP error or an event of a stream."""
    path = "/v1/nowhere" if body == b"elsewhere" else "/v1/chat/completions"
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    with httpx.Client(trust_env=False, timeout=60) as http:
        answer = http.post(url + path, headers={"content-type": "application/json"}, **content)
    if answer.status_code != 200:
        return decode_error(answer.status_code, dict(answer.headers), answer.content)
    decoder = ChatStreamDecoder({})
    events = decoder.feed(answer.content) + decoder.close()
    assert isinstance(events[-1], StreamError), events
    return events[-1].error


@pytest.mark.parametrize(("kind", "words", "body"), BODIES, ids=[f"{row[0].value}-{row[1][:24]}" for row in BODIES])
def test_a_refusal_is_understood(llama: str, kind: ErrorKind, words: str, body: bytes | dict[str, object]) -> None:
    if isinstance(body, dict):
        body = {"model": "llama", "messages": HELLO, "stream": True, **body}
    error = _refusal(llama, body)
    assert error.message.startswith(words)
    assert error.kind is kind


def test_a_prompt_beyond_the_last_position_is_too_long(gpt2: str) -> None:
    error = _refusal(gpt2, chat(LONG, model="gpt2", stream=True))
    assert (error.kind, error.message) == (ErrorKind.CONTEXT_LENGTH, "index out of range in self")


def test_clients_get_the_codes_that_they_know(gateway: Daemon) -> None:
    """Also where the server said it inside a stream: nothing of that has gone out yet."""
    for status, code, body in (
        (404, "model_not_found", chat("hello", model="plain/nope")),
        (400, None, chat("hello", model="plain/llama", frequency_penalty=-3, stream=True)),
        (400, "context_length_exceeded", chat(LONG, model="short/gpt2", stream=True)),
    ):
        answer = gateway.post(CHAT.path, body)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error["code"]) == (status, "invalid_request_error", code)


def test_claude_code_is_asked_to_compact_a_prompt_that_is_too_long(gateway: Daemon) -> None:
    answer = gateway.post("/v1/messages", messages(LONG, model="short/gpt2", stream=True))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("prompt is too long: ")


def test_fields_that_the_server_does_not_know_are_left_out_one_by_one(gateway: Daemon) -> None:
    answer = gateway.post(CHAT.path, chat("hello", model="plain/llama", top_k=3, min_p=0.1))
    assert answer.status_code == 200, answer.text
    assert CHAT.text(answer.json()).strip()
