"""The OpenAI Responses wire, both as an upstream and as an entry.

    schema, entry_schema  its structs               errors            its error envelope, both ways
    decode_request  client request -> Request       encode_answer     Response -> answer
    encode_request  Request -> upstream request     decode_answer     upstream answer -> Response
    stream_encoder  events -> SSE                   stream_decoder    SSE -> events
    passthrough     the same wire on both sides     upstream          endpoint, headers, forced fields

Helpers: ``decode_blocks`` (input items to the hub), ``encode_blocks`` (to the upstream), ``item_table`` and
``output_items`` (an upstream's items), ``stream_items`` (a client's, as they grow), ``collected_decoder`` (the stream
decoder for an answer that is not streamed to the client), ``item_events`` (a whole answer that passes through, as a
stream), ``answer_parts`` (what both answers to the client share), ``tool_search`` (the items of Codex' search for
tools), ``request_changes`` (what upstreams want changed in a request), ``request_calls`` (its calls and results),
``plain_reasoning`` (reasoning that is not encrypted).
"""

from __future__ import annotations

from daemon.wires.base import Wire
from daemon.wires.openai_responses.collected_decoder import ResponsesCollectedDecoder
from daemon.wires.openai_responses.decode_answer import decode_response
from daemon.wires.openai_responses.decode_request import decode_request, foreign_fields, refuse_references
from daemon.wires.openai_responses.encode_answer import encode_response
from daemon.wires.openai_responses.encode_request import encode_request
from daemon.wires.openai_responses.errors import decode_error, encode_error
from daemon.wires.openai_responses.passthrough import ResponsesDialect
from daemon.wires.openai_responses.stream_decoder import ResponsesStreamDecoder
from daemon.wires.openai_responses.stream_encoder import ResponsesStreamEncoder
from daemon.wires.openai_responses.upstream import UPSTREAM

WIRE = Wire(
    name="responses",
    decode_request=decode_request,
    encode_response=encode_response,
    stream_encoder=ResponsesStreamEncoder,
    encode_error=encode_error,
    encode_request=encode_request,
    decode_response=decode_response,
    stream_decoder=ResponsesStreamDecoder,
    collected_decoder=ResponsesCollectedDecoder,
    decode_error=decode_error,
    passthrough=ResponsesDialect,
    upstream=UPSTREAM,
    foreign_fields=foreign_fields,
    refuse_foreign=refuse_references,
    hosted_tools=None,
    ends_with_thinking=True,
    unsaid_wait=5.0,  # Codex CLI ends its turn at a 429 without ``retry-after`` (0.169.0)
)
