"""A summary is whole when the upstream has said that its answer is complete, though its stream stays open."""

from __future__ import annotations

import json

import pytest

from tests.e2e.raw_upstream import Call, raw_upstream
from tests.harness import config, daemon, provider

_SAID = {"choices": [{"index": 0, "delta": {"content": "All is done."}, "finish_reason": None}]}
_ENDED = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
_COUNTED = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}


def _open_stream(*chunks: object) -> bytes:
    """No ``[DONE]``, no last chunk of the body, and the connection stays open."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    frames = [b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames)


@pytest.mark.parametrize("chunks", [(_SAID, _ENDED), (_SAID, _ENDED, _COUNTED)], ids=["said", "counted"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_compaction_waits_for_no_more(chunks: tuple[object, ...], stream: bool) -> None:
    def answer(_: Call) -> bytes:
        return _open_stream(*chunks)

    with raw_upstream(answer) as upstream:
        fox = provider("fox", upstream.url, wire_api="chat", models=["gpt-5"])
        with daemon(config(fox, request_retry=0)) as gateway:
            asked = [{"role": "user", "content": "hello"}, {"type": "compaction_trigger"}]
            body = {"model": "gpt-5", "input": asked, "stream": stream}
            answered = gateway.post("/v1/responses", body, timeout=30)
    assert answered.status_code == 200
    # A stream has the item three times: as it begins, as it is done, and in the last event.
    assert answered.text.count('"encrypted_content":"tppcd-summary.') == (3 if stream else 1)
